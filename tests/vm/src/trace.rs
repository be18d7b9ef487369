// SPDX-License-Identifier: GPL-2.0

//! Which functions of the kernel are called, from its function tracer.

use std::fs;

use anyhow::{Context, Result};

/// Where main.rs mounts it.
pub const ROOT: &str = "/sys/kernel/tracing";

/// Where the functions to trace are written to.
pub const FUNCTION_FILTER: &str = "/sys/kernel/tracing/set_ftrace_filter";

/// Call of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The thread that calls it.
    pub thread: u32,
    pub function: String,
}

/// Tracing goes on until this goes out of scope.
pub struct Trace(());

impl Trace {
    pub fn start(functions: &[&str]) -> Result<Trace> {
        let trace = Trace(());
        write("tracing_on", "0")?;
        // Without a blank after it, the last one would be looked up too late to be refused.
        write("set_ftrace_filter", &format!("{} ", functions.join(" ")))?;
        write("buffer_size_kb", "8192")?;
        write("current_tracer", "function")?;
        write("trace", "")?;
        write("tracing_on", "1")?;
        Ok(trace)
    }

    /// Ends tracing, and gives the calls in their order.
    pub fn end(self) -> Result<Vec<Call>> {
        write("tracing_on", "0")?;
        let path = format!("{ROOT}/trace");
        let text = fs::read_to_string(&path).context(path)?;
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| call(line).with_context(|| format!("{line:?}")))
            .collect()
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        // What is left on slows down the cases to come.
        let _ = write("tracing_on", "0");
        let _ = write("current_tracer", "nop");
        let _ = write("set_ftrace_filter", "");
        let _ = write("trace", "");
        let _ = write("buffer_size_kb", "16");
    }
}

fn write(file: &str, text: &str) -> Result<()> {
    let path = format!("{ROOT}/{file}");
    fs::write(&path, text).with_context(|| format!("{text:?} to {path}"))
}

/// Parses `  kworker/1:1H-60  [001] .....    12.345678: dev_get_stats <-dev_seq_show`.
fn call(line: &str) -> Result<Call> {
    let (thread, rest) = line.split_once(" [").context("no CPU")?;
    let (_, thread) = thread.trim().rsplit_once('-').context("no thread")?;
    let (_, function) = rest.split_once(": ").context("no function")?;
    let function = function.split(" <-").next().context("no function")?;
    Ok(Call {
        thread: thread.parse()?,
        function: function.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_tracer_is_a_call() {
        let line =
            "    kworker/1:1H-a-60      [001] .....    12.345678: dev_get_stats <-_RNv4read [x]";
        let expected = Call {
            thread: 60,
            function: "dev_get_stats".into(),
        };
        assert_eq!(call(line).unwrap(), expected);
        for bad in ["", "x-1 12: a <-b", "x [001] 12: a <-b", "x-1 [001] 12"] {
            assert!(call(bad).is_err(), "{bad:?}");
        }
    }
}
