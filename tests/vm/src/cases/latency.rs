// SPDX-License-Identifier: GPL-2.0

//! What the module costs a real-time task on its CPU, by `cyclictest`.

use std::process::Command;

use anyhow::{ensure, Context, Result};

use super::{Case, Clock, Guest, Needs};
use crate::module::Module;
use crate::tools::{said, PROGRAMS};

const PROGRAM: &str = "cyclictest";

pub const CASES: &[Case] = &[Case {
    name: "latency of a real-time task",
    needs: Needs::Program(PROGRAM),
    clock: Clock::Instructions,
    run: latency,
}];

/// How often with the module and how often without it.
const RUNS: usize = 3;

/// What the latency may rise by, beside the longest run of the timer callback.
const MARGIN_US: u64 = 10;

/// The longest latency of a task that wakes up every millisecond, in microseconds.
fn cyclictest(cpu: u32) -> Result<u64> {
    let output = Command::new("/bin/busybox")
        .args(["chroot", PROGRAMS, "/cyclictest", "--quiet", "--mlockall"])
        .args([
            "--priority=99",
            "--threads=1",
            "--interval=1000",
            "--loops=3000",
        ])
        .arg(format!("--affinity={cpu}"))
        .output()
        .context(PROGRAM)?;
    let text = said(&output);
    ensure!(
        output.status.success(),
        "{PROGRAM} ended with {}, expected success; it printed {text:?}",
        output.status
    );
    longest_us(&text)
}

/// The `Max:` of the one thread that the output has.
fn longest_us(text: &str) -> Result<u64> {
    let (_, after) = text
        .rsplit_once("Max:")
        .with_context(|| format!("expected Max: in {text:?}"))?;
    let longest = after.split_whitespace().next();
    let longest = longest.with_context(|| format!("expected a number after Max: in {text:?}"))?;
    Ok(longest.parse()?)
}

fn latency(guest: &Guest) -> Result<()> {
    let (mut without, mut with, mut callback_ns) = ([0; RUNS], [0; RUNS], 0);
    // In turns, so that both meet the same.
    for (without, with) in without.iter_mut().zip(&mut with) {
        *without = cyclictest(guest.last_cpu())?;
        let module = Module::load(&guest.log, "interval_ms=10 log_every=0")?;
        *with = cyclictest(guest.last_cpu())?;
        let (_, unloaded, _) = module.unload()?;
        ensure!(
            unloaded.samples >= 200,
            "{} samples were taken, expected 200 or more, as fewer prove little",
            unloaded.samples
        );
        callback_ns = callback_ns.max(unloaded.callback_max_ns);
    }
    crate::report(&format!(
        "# the longest latencies were {without:?} us without and {with:?} us with the module, its \
         longest callback {callback_ns} ns"
    ));
    let longest = |latencies: [u64; RUNS]| latencies.into_iter().max().unwrap_or(0);
    let most = longest(without) + callback_ns.div_ceil(1000) + MARGIN_US;
    ensure!(
        longest(with) <= most,
        "the longest latency is {} us with the module, expected at most {most} us",
        longest(with)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_is_found() {
        let text =
            "# /dev/cpu_dma_latency set to 0us\nT: 0 (   77) P:99 I:1000 C:   3000 Min:      \
                    3 Act:    5 Avg:    4 Max:      17\n";
        assert_eq!(longest_us(text).unwrap(), 17);
        longest_us("Unable to change scheduling policy!").unwrap_err();
    }
}
