// SPDX-License-Identifier: GPL-2.0

//! Judges the data races that KCSAN has reported on a console.
//!
//! The module has a part in one when a function of it is in the stack of one of the two accesses. What
//! an interrupt interrupted is in that stack as well, and had none. Nor has a caller of `capable()` or
//! `device_del()`, which note something in the task's flags by a plain write, or one who waits for a
//! mutex, whose queue of those that spin (osq) is looked at by plain reads: where such a function is at
//! the top of a stack, it is the kernel's own access.

use anyhow::{Context, Result};

use crate::console;

/// How a report begins.
const TITLE: &str = "BUG: KCSAN: ";

/// What follows a function of the module in a stack.
const MODULE: &str = "[resource_monitor]";

/// Functions of the kernel whose own races are known, whoever calls them.
const EXCUSED: [&str; 4] = ["capable", "device_del", "osq_lock", "osq_unlock"];

/// How the entry of an interrupt begins in a stack; what is below it was interrupted.
const INTERRUPTS: [&str; 3] = [" asm_sysvec", " asm_common_interrupt", " asm_exc"];

/// The lines of one report. Other CPUs may have printed in between.
type Report = [String];

/// The reports on a console: from the title to the rule that ends it, or to the next title.
fn reports(lines: &[String]) -> Vec<&Report> {
    let mut reports = Vec::new();
    let mut rest = lines;
    while let Some(start) = rest.iter().position(|line| line.contains(TITLE)) {
        let after = &rest[start + 1..];
        let end = after
            .iter()
            .position(|line| line.contains(TITLE) || line.contains("========"));
        let len = match end {
            Some(end) if after[end].contains(TITLE) => end + 1,
            Some(end) => end + 2,
            None => after.len() + 1,
        };
        reports.push(&rest[start..start + len]);
        rest = &rest[start + len..];
    }
    reports
}

/// Whether the module has a part in the race.
fn is_ours(report: &Report) -> bool {
    // The title has what is on top of each of the stacks.
    let mut stacks = report.split(|line| begins_access(line));
    let title = stacks.next().unwrap_or_default();
    title.iter().any(|line| line.contains(MODULE)) || stacks.any(has_part)
}

/// Whether this is the line above a stack, as `write (marked) to 0x… of 8 bytes by task 3 on cpu 1:`.
fn begins_access(line: &str) -> bool {
    let Some((_, rest)) = line.split_once(" to 0x") else {
        return false;
    };
    let rest = rest.trim_start_matches(|digit: char| digit.is_ascii_hexdigit());
    let Some(rest) = rest.strip_prefix(" of ") else {
        return false;
    };
    let rest = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
    rest.starts_with(" bytes by ")
}

/// Whether a function of the module is in a stack that it has to do with.
fn has_part(stack: &Report) -> bool {
    // Another CPU's line may be in between.
    let top = stack.iter().find(|line| line.contains("+0x"));
    let is_excused = top.is_some_and(|top| {
        EXCUSED
            .iter()
            .any(|name| top.contains(&format!(" {name}+")))
    });
    let is_interrupt = |line: &&String| INTERRUPTS.iter().any(|entry| line.contains(entry));
    !is_excused
        && stack
            .iter()
            .take_while(|line| !is_interrupt(line))
            .any(|line| line.contains(MODULE))
}

/// What is to be said of a console: the races of the kernel alone, the verdict, and our reports.
pub fn judge(lines: &[String], label: &str, kept: &str) -> Vec<String> {
    let (ours, others): (Vec<&Report>, Vec<&Report>) = reports(lines)
        .into_iter()
        .partition(|report| is_ours(report));
    let mut said = vec![format!(
        "# KCSAN reported {} data races of the kernel alone",
        others.len()
    )];
    if ours.is_empty() {
        said.push(format!("ok no data race in the module ({label})"));
        return said;
    }
    said.push(format!(
        "not ok no data race in the module ({label}): {} reports",
        ours.len()
    ));
    let shown = ours.into_iter().flatten().take(200);
    said.extend(shown.map(|line| format!("# {line}")));
    said.push(format!("# the whole console is {kept}"));
    said
}

pub fn command(label: &str, console: &str) -> Result<bool> {
    let text = std::fs::read(console).with_context(|| console.to_string())?;
    let said = judge(&console::lines(&text), label, console);
    for line in &said {
        println!("{line}");
    }
    Ok(!said.iter().any(|line| line.starts_with("not ok ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(text: &str) -> Vec<String> {
        console::lines(text.as_bytes())
    }

    /// How many reports of a console are ours, and how many are not.
    fn judged(text: &str) -> (usize, usize) {
        let lines = fixture(text);
        let reports = reports(&lines);
        let ours = reports.iter().filter(|report| is_ours(report)).count();
        (ours, reports.len() - ours)
    }

    #[test]
    fn a_race_in_the_module_is_ours() {
        assert_eq!(judged(include_str!("../fixtures/races/ours.txt")), (2, 0));
    }

    #[test]
    fn a_function_of_the_module_below_an_excused_one_is_not() {
        assert_eq!(
            judged(include_str!("../fixtures/races/excused.txt")),
            (0, 2)
        );
    }

    #[test]
    fn a_line_of_another_cpu_above_the_stack_does_not_count() {
        let text = include_str!("../fixtures/races/interleaved.txt");
        assert_eq!(judged(text), (0, 1));
    }

    #[test]
    fn an_excuse_is_one_for_its_own_stack_and_at_the_top_alone() {
        let text = include_str!("../fixtures/races/excused_in_part.txt");
        assert_eq!(judged(text), (2, 0));
    }

    #[test]
    fn what_was_interrupted_has_no_part() {
        let text = include_str!("../fixtures/races/interrupted.txt");
        assert_eq!(judged(text), (1, 1));
    }

    #[test]
    fn races_of_the_kernel_are_counted() {
        let text = include_str!("../fixtures/races/others.txt");
        assert_eq!(judged(text), (0, 2));
        assert_eq!(
            judge(&fixture(text), "kcsan, smp 4", "/log"),
            [
                "# KCSAN reported 2 data races of the kernel alone",
                "ok no data race in the module (kcsan, smp 4)"
            ]
        );
    }

    #[test]
    fn our_reports_are_shown() {
        let lines = fixture(include_str!("../fixtures/races/ours.txt"));
        let said = judge(&lines, "kcsan, smp 4", "/log/console");
        assert_eq!(
            said[1],
            "not ok no data race in the module (kcsan, smp 4): 2 reports"
        );
        assert!(
            said[2].starts_with("# [") && said[2].contains(TITLE),
            "{}",
            said[2]
        );
        assert_eq!(said.last().unwrap(), "# the whole console is /log/console");
    }

    #[test]
    fn a_report_ends_with_the_next_or_the_console() {
        let cut = "BUG: KCSAN: a\nBUG: KCSAN: b\n read to 0x1f of 8 bytes by task 1 on cpu 0:\n f+0x1 [resource_monitor]\n";
        assert_eq!(judged(cut), (1, 1));
        assert_eq!(judged(""), (0, 0));
    }
}
