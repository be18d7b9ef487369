// SPDX-License-Identifier: GPL-2.0

//! The module's kernel threads.

use std::fs;

use anyhow::{anyhow, Context, Result};
use rustix::process::Pid;

/// The thread that is woken for each sample.
pub const REPORTER: &str = "resource_mon";

/// The one that goes on when that one is stuck.
pub const RESCUER: &str = "resource_mon/R";

/// The thread of that name.
pub fn find(name: &str) -> Result<Pid> {
    for entry in fs::read_dir("/proc")? {
        let path = entry?.path();
        let number = path.file_name().and_then(|name| name.to_str());
        let Some(Ok(thread)) = number.map(str::parse::<i32>) else {
            continue;
        };
        if fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.trim() == name) {
            return Pid::from_raw(thread).with_context(|| format!("{name} is thread {thread}"));
        }
    }
    Err(anyhow!("there is no thread {name}"))
}

/// How often the thread has gone to sleep.
pub fn sleeps(thread: Pid) -> Result<u64> {
    const KEY: &str = "voluntary_ctxt_switches:";
    let path = format!("/proc/{}/status", thread.as_raw_nonzero());
    let status = fs::read_to_string(&path).context(path.clone())?;
    let count = status.lines().find_map(|line| line.strip_prefix(KEY));
    let count = count.with_context(|| format!("expected {KEY} in {path}, found {status:?}"))?;
    Ok(count.trim().parse()?)
}
