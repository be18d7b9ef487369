// SPDX-License-Identifier: GPL-2.0

//! What the kernel has to say after all that.

use std::fs;
use std::sync::Arc;

use anyhow::{ensure, Result};

use super::{sleep_ms, Case, Guest, Needs};
use crate::kmsg::Record;
use crate::lines;

pub const CASES: &[Case] = &[
    Case {
        name: "kmemleak scan is empty",
        needs: Needs::Kmemleak,
        run: kmemleak,
    },
    Case {
        name: "kernel log is clean",
        needs: Needs::Nothing,
        run: log,
    },
];

pub const KMEMLEAK: &str = "/sys/kernel/debug/kmemleak";

fn kmemleak(_: &Guest) -> Result<()> {
    // kmemleak does not report what is younger than five seconds.
    for _ in 0..2 {
        sleep_ms(6000);
        fs::write(KMEMLEAK, "scan")?;
    }
    let found = fs::read_to_string(KMEMLEAK)?;
    ensure!(found.is_empty(), "{found}");
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
];

/// What a kernel with all its checks says of them at boot.
const HARMLESS: [&str; 1] = ["RCU lockdep checking is enabled."];

fn is_suspicious(text: &str) -> bool {
    !HARMLESS.iter().any(|part| text.contains(part))
        && SUSPICIOUS
            .iter()
            .any(|all| all.iter().all(|part| text.contains(part)))
}

/// The kernel's reports among `records`, each with as much of its trace as helps to understand it.
pub fn reports(records: &[Arc<Record>]) -> Vec<&str> {
    const TRACE: usize = 80;
    let mut wanted = 0;
    let mut lines = Vec::new();
    for record in records {
        if wanted == 0 && is_suspicious(&record.text) {
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
    let is_bad = |record: &&Arc<Record>| is_suspicious(&record.text);
    let bad: Vec<&str> = records
        .iter()
        .filter(is_bad)
        .map(|record| record.text.as_str())
        .collect();
    ensure!(
        bad.is_empty(),
        "{} lines: {}",
        bad.len(),
        bad[..bad.len().min(10)].join("; ")
    );
    ensure!(
        records.len() > 100,
        "only {} records, so the log's start is missing",
        records.len()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_suspicious;

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
            assert!(is_suspicious(text), "{text}");
        }
        for text in [
            "Linux version 7.3.4",
            "rcu: \\x09RCU lockdep checking is enabled.",
            "resource_monitor: loading out-of-tree module taints kernel.",
            "kmemleak: Kernel memory leak detector initialized (mem pool available: 15000)",
            "kasan: KernelAddressSanitizer initialized (generic)",
            "debug: ignoring loglevel setting.",
        ] {
            assert!(!is_suspicious(text), "{text}");
        }
    }
}
