// SPDX-License-Identifier: GPL-2.0

//! A guest's console, on which there must be nothing that the kernel complains of.

/// The lines of a console, as text; what is not UTF-8 is replaced, and carriage returns go.
pub fn lines(console: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(console).replace('\r', "");
    text.lines().map(str::to_string).collect()
}

/// What is never on the console of a kernel that has nothing to complain of.
const COMPLAINTS: [&str; 8] = [
    "BUG:",
    "WARNING:",
    "Oops",
    "Kernel panic",
    "lockdep",
    "KASAN",
    "UBSAN",
    "ODEBUG",
];

/// The lines in which the kernel complains. Data races are judged apart. With `warnings` on the console
/// there are traces that the cases provoke, as of an OOM kill; one of the cases tells them from others.
pub fn complaints(lines: &[String], warnings: bool) -> impl Iterator<Item = &String> {
    lines.iter().filter(move |line| {
        let leaks = || {
            let leak = line.split_once("kmemleak: ");
            leak.is_some_and(|(_, rest)| rest.contains("new suspected"))
        };
        !line.contains("BUG: KCSAN: ")
            && (COMPLAINTS.iter().any(|complaint| line.contains(complaint))
                || leaks()
                || !warnings && line.contains("Call Trace:"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints_of(console: &str, warnings: bool) -> Vec<String> {
        let lines = lines(console.as_bytes());
        complaints(&lines, warnings).cloned().collect()
    }

    #[test]
    fn a_panic_is_found() {
        let panicked = include_str!("../fixtures/console/panicked.txt");
        let found = complaints_of(panicked, false);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].ends_with("Unable to mount root fs on unknown-block(0,0)"));
        assert!(found[1].ends_with("Call Trace:"));
        assert_eq!(complaints_of(panicked, true).len(), 1);
    }

    #[test]
    fn complaints_are_told_from_the_rest() {
        for bad in [
            "[    1.0] BUG: sleeping function called from invalid context",
            "[    1.0] WARNING: CPU: 0 PID: 1 at mm/slub.c:1",
            "[    1.0] Oops: 0000 [#1] SMP",
            "[    1.0] INFO: lockdep is turned off.",
            "[    1.0] kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
            "[    1.0] UBSAN: shift-out-of-bounds in a.c:1:1",
        ] {
            assert_eq!(complaints_of(bad, true), [bad]);
        }
        for good in [
            "[    1.0] BUG: KCSAN: data-race in set_nlink / set_nlink",
            "[    1.0] kmemleak: Kernel memory leak detector initialized",
            "[    1.0] resource_monitor: cpu=all user=0.0%\r",
        ] {
            assert!(complaints_of(good, false).is_empty(), "{good}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_do_not_hide_a_line() {
        let console = b"\xff\xfe\r\nBUG: x\r\n";
        let lines = lines(console);
        assert_eq!(complaints(&lines, false).count(), 1);
    }
}
