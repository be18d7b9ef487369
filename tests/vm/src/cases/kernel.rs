// SPDX-License-Identifier: GPL-2.0

//! What the kernel has to say after all that.

use std::fs;
use std::sync::Arc;

use anyhow::{ensure, Result};

use super::{activity, events, faults, fire, oom, sleep_ms, Case, Clock, Guest, Needs};
use crate::child;
use crate::kmsg::{Record, MARK};
use crate::lines;

pub const CASES: &[Case] = &[
    Case {
        name: "kmemleak scan is empty",
        needs: Needs::Kmemleak,
        clock: Clock::Any,
        run: kmemleak,
    },
    Case {
        name: "KCSAN was at work",
        needs: Needs::Kcsan,
        clock: Clock::Any,
        run: kcsan,
    },
    Case {
        name: LOG_IS_CLEAN,
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: log,
    },
];

pub const KMEMLEAK: &str = "/sys/kernel/debug/kmemleak";
pub const KCSAN: &str = "/sys/kernel/debug/kcsan";

fn kmemleak(_: &Guest) -> Result<()> {
    // kmemleak does not report what is younger than five seconds.
    for _ in 0..2 {
        sleep_ms(6000);
        fs::write(KMEMLEAK, "scan")?;
    }
    let found = fs::read_to_string(KMEMLEAK)?;
    ensure!(
        found.is_empty(),
        "kmemleak found leaks, expected none: {found}"
    );
    Ok(())
}

/// Whether races would have been found: `tests/host/src/races.rs` looks for the reports.
fn kcsan(_: &Guest) -> Result<()> {
    let text = fs::read_to_string(KCSAN)?;
    let value = |name: &str| -> Option<u64> {
        let (_, rest) = text.split_once(&format!("{name}: "))?;
        rest.lines().next()?.trim().parse().ok()
    };
    let watched = value("setup_watchpoints").unwrap_or(0);
    crate::report(&format!(
        "# KCSAN watched {watched} accesses and met {} races",
        value("data_races").unwrap_or(0)
    ));
    ensure!(
        value("enabled") == Some(1) && watched > 1000,
        "KCSAN watched {watched} accesses, expected more than 1000 and it to be enabled: {}",
        text.replace('\n', "; ")
    );
    Ok(())
}

/// Any of these in a line means that something is wrong; all strings of an entry must be there.
const SUSPICIOUS: &[&[&str]] = &[
    &["BUG:"],
    &["WARNING:"],
    &["Oops"],
    &["lockdep"],
    &["KASAN:"],
    &["UBSAN:"],
    &["ODEBUG:"],
    &["possible", "deadlock"],
    &["possible", "locking"],
    &["INFO: task"],
    &["blocked for more than"],
    &["rcu", "detected stall"],
    &["soft lockup"],
    &["suspicious RCU"],
    &["sleeping function"],
    &["general protection"],
    &["unable to handle"],
    &["list_add corruption"],
    &["list_del corruption"],
    &["panicked"],
    &["Call Trace:"],
    &["kmemleak:", "new suspected"],
    &["page allocation failure"],
    &["vmalloc error"],
];

/// What a kernel with all its checks says of them at boot, and a data race, which most often is one
/// of the kernel's own: `tests/host/src/races.rs` looks at the whole report for the module.
const HARMLESS: [&str; 2] = ["RCU lockdep checking is enabled.", "BUG: KCSAN: "];

fn is_suspicious(text: &str) -> bool {
    !HARMLESS.iter().any(|part| text.contains(part))
        && SUSPICIOUS
            .iter()
            .any(|all| all.iter().all(|part| text.contains(part)))
}

/// What the kernel has reason to report with a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// Allocations that are made to fail.
    FailedAllocation,
    OutOfMemory,
}

impl Expected {
    /// During a case of this name.
    fn during(case: &str) -> Option<Expected> {
        if faults::NAMES.contains(&case) {
            return Some(Expected::FailedAllocation);
        }
        (activity::OUT_OF_MEMORY.contains(&case)
            || events::OUT_OF_MEMORY.contains(&case)
            || oom::OUT_OF_MEMORY.contains(&case)
            || case == fire::OUT_OF_MEMORY)
            .then_some(Expected::OutOfMemory)
    }

    /// Whether a report of it begins like this.
    fn begins(self, text: &str) -> bool {
        match self {
            Expected::FailedAllocation => {
                text.contains("page allocation failure") || text.contains("vmalloc error")
            }
            Expected::OutOfMemory => {
                // A process that is being killed gets no more memory.
                let killed = format!("{}: page allocation failure", child::COMMAND);
                text.contains(" invoked oom-killer: ") || text.starts_with(&killed)
            }
        }
    }
}

/// Tells the suspicious records from the others, one after the other.
#[derive(Default)]
struct Judge {
    expected: Option<Expected>,
    /// The kernel reported what is expected, and its trace has not ended yet.
    in_trace: bool,
}

impl Judge {
    fn is_bad(&mut self, text: &str) -> bool {
        if let Some(case) = case_of_mark(text) {
            self.expected = Expected::during(case);
        }
        if self.expected.is_some_and(|expected| expected.begins(text)) {
            self.in_trace = true;
            return false;
        }
        // The functions in a trace may have names that are suspicious elsewhere.
        let is_trace = text == "Call Trace:" || text.starts_with(' ');
        let belongs = self.in_trace && is_trace;
        if text.trim() == "</TASK>" {
            self.in_trace = false;
        }
        !belongs && is_suspicious(text)
    }
}

/// The case that is run whichever others are.
pub const LOG_IS_CLEAN: &str = "kernel log is clean";

/// How a case is marked in the log.
pub fn mark_of_case(name: &str) -> String {
    format!("case {name}")
}

fn case_of_mark(text: &str) -> Option<&str> {
    let (_number, what) = text.strip_prefix(MARK)?.trim_start().split_once(' ')?;
    what.strip_prefix("case ")
}

/// The kernel's reports among the `records` of a case, each with as much of its trace as helps to
/// understand it.
pub fn reports<'a>(case: &str, records: &'a [Arc<Record>]) -> Vec<&'a str> {
    const TRACE: usize = 80;
    let mut judge = Judge {
        expected: Expected::during(case),
        ..Judge::default()
    };
    let mut wanted = 0;
    let mut lines = Vec::new();
    for record in records {
        if judge.is_bad(&record.text) && wanted == 0 {
            wanted = TRACE;
        }
        if wanted > 0 && !record.text.starts_with(lines::PREFIX) {
            wanted -= 1;
            lines.push(record.text.as_str());
        }
    }
    lines
}

fn log(guest: &Guest) -> Result<()> {
    guest.log.mark("end")?;
    let records = guest.log.all()?;
    let mut judge = Judge::default();
    let bad: Vec<&str> = records
        .iter()
        .map(|record| record.text.as_str())
        .filter(|text| judge.is_bad(text))
        .collect();
    ensure!(
        bad.is_empty(),
        "{} lines are suspicious, expected none: {}",
        bad.len(),
        bad[..bad.len().min(10)].join("; ")
    );
    ensure!(
        records.len() > 100,
        "the log has {} records, expected more than 100, so its start is missing",
        records.len()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_expected_where_they_are_provoked() {
        let mark = |case: &str| format!("{MARK} 7 {}", mark_of_case(case));
        let bad = |case: &str, texts: &[&str]| {
            let mut judge = Judge::default();
            let mark = mark(case);
            assert!(
                !judge.is_bad(&mark),
                "{mark:?} is bad, expected it not to be"
            );
            texts.iter().filter(|text| judge.is_bad(text)).count()
        };
        let report = [
            "init: vmalloc error: size 4096",
            "Call Trace:",
            " <TASK>",
            " lockdep_unlock+0x58/0xc0",
            " </TASK>",
        ];
        assert_eq!(bad(faults::NAMES[0], &report), 0);
        assert_eq!(bad("another case", &report), 3);
        assert_eq!(
            bad(faults::NAMES[0], &[&report[..], &report[1..]].concat()),
            2
        );
        // A trace of its own, and any other report, count there too.
        assert_eq!(bad(faults::NAMES[0], &["Call Trace:"]), 1);
        assert_eq!(
            bad(faults::NAMES[0], &[report[0], "BUG: x", "Call Trace:"]),
            1
        );
        assert_eq!(bad(faults::NAMES[0], &["BUG: KASAN: x", "Call Trace:"]), 2);

        let mut report = report;
        report[0] = "vmtest invoked oom-killer: gfp_mask=0x1";
        let oom = activity::OUT_OF_MEMORY[1];
        assert_eq!(bad(oom, &report), 0);
        assert_eq!(bad(faults::NAMES[0], &report), 2);
        report[0] = "exe: page allocation failure: order:0";
        assert_eq!(bad(oom, &report), 0);
        report[0] = "resource_mon/fs: page allocation failure: order:0";
        assert_eq!(bad(oom, &report), 3);
        report[0] = "vmtest invoked oom-killer: gfp_mask=0x1";
        // Other marks do not end a case.
        let other = format!("{MARK} 8 insmod x");
        assert_eq!(bad(oom, &[&[other.as_str()], &report[..]].concat()), 0);
        assert_eq!(
            bad(oom, &[&[mark("next").as_str()], &report[..]].concat()),
            2
        );
    }

    #[test]
    fn reports_are_suspicious() {
        for text in [
            "WARNING: possible circular locking dependency detected",
            "WARNING: CPU: 0 PID: 1 at kernel/x.c:1",
            "BUG: kernel NULL pointer dereference",
            "BUG: KASAN: slab-use-after-free in x",
            "UBSAN: shift-out-of-bounds in x",
            "INFO: task x blocked for more than 120 seconds.",
            "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
            "rcu: INFO: rcu_preempt self-detected stall on CPU",
            "Oops: general protection fault",
            "rust_kernel: panicked at x.rs:1",
        ] {
            assert!(
                is_suspicious(text),
                "{text:?} is not suspicious, expected it to be"
            );
        }
        for text in [
            "Linux version 7.3.4",
            "rcu: \tRCU lockdep checking is enabled.",
            "BUG: KCSAN: data-race in tick_sched_timer / tick_sched_timer",
            "resource_monitor: loading out-of-tree module taints kernel.",
            "kmemleak: Kernel memory leak detector initialized (mem pool available: 15000)",
            "kasan: KernelAddressSanitizer initialized (generic)",
            "debug: ignoring loglevel setting.",
        ] {
            assert!(
                !is_suspicious(text),
                "{text:?} is suspicious, expected it not to be"
            );
        }
    }
}
