// SPDX-License-Identifier: GPL-2.0

//! `tasks …` and `task=…`.

use anyhow::{ensure, Context, Result};

use super::field::{any_tenths, fields, number, unescaped};

/// All processes.
#[derive(Debug, Clone, PartialEq)]
pub struct Tasks {
    pub processes: u64,
    pub threads: u64,
    /// In tenths of a percent of one CPU; none where there is nothing to compare with.
    pub ended: Option<u64>,
}

/// One that uses much.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    pub name: Option<String>,
    pub pid: u64,
    /// In tenths of a percent of one CPU.
    pub cpu: u64,
    pub rss_kb: u64,
}

pub(super) fn tasks(text: &str) -> Result<Tasks> {
    let (text, ended) = match text.split_once(" ended=") {
        Some((text, ended)) => (text, Some(any_tenths(ended, "%")?)),
        None => (text, None),
    };
    let [processes, threads] = fields(text, ["processes", "threads"])?;
    let (processes, threads) = (number(processes, "")?, number(threads, "")?);
    ensure!(
        threads + 1000 >= processes,
        "{processes} processes have {threads} threads, expected one each, but for zombies"
    );
    Ok(Tasks {
        processes,
        threads,
        ended,
    })
}

/// With the name of `task=NAME`, if there is one.
pub(super) fn task(name: Option<&str>, text: &str) -> Result<Task> {
    let [pid, cpu, rss] = fields(text, ["pid", "cpu", "rss"])?;
    let pid = number(pid, "")?;
    ensure!(pid != 0, "the process has the number 0");
    Ok(Task {
        name: name.map(unescaped).transpose().context("the name")?,
        pid,
        cpu: any_tenths(cpu, "%")?,
        rss_kb: number(rss, "kB")?,
    })
}

#[cfg(test)]
pub mod tests {
    use super::super::examples::{assert_bad, changed, parsed};
    use super::super::Line;
    use super::*;

    pub const TASKS: &str = "tasks processes=143 threads=311 ended=1.2%";
    pub const TASK: &str = "task=stress\\040ng pid=1234 cpu=399.8% rss=174888kB";

    #[test]
    fn good_lines() {
        let expected = Tasks {
            processes: 143,
            threads: 311,
            ended: Some(12),
        };
        assert_eq!(parsed(TASKS).unwrap(), Line::Tasks(expected.clone()));
        let first = Tasks {
            ended: None,
            ..expected
        };
        let text = changed(TASKS, " ended=1.2%", "");
        assert_eq!(parsed(&text).unwrap(), Line::Tasks(first));
        let expected = Task {
            name: Some("stress ng".into()),
            pid: 1234,
            cpu: 3998,
            rss_kb: 174_888,
        };
        assert_eq!(parsed(TASK).unwrap(), Line::Task(expected.clone()));
        let nameless = Task {
            name: None,
            ..expected
        };
        let text = changed(TASK, "task=stress\\040ng", "task");
        assert_eq!(parsed(&text).unwrap(), Line::Task(nameless));
    }

    #[test]
    fn bad_lines() {
        assert_bad([
            changed(TASKS, "143", "-1"),
            changed(TASKS, " threads=311", ""),
            changed(TASKS, "1.2%", "1%"),
            changed(TASK, "\\040", " "),
            changed(TASK, "pid=1234", "pid=0"),
            changed(TASK, "399.8%", "399%"),
            changed(TASK, "kB", "MB"),
            changed(TASK, "stress\\040ng", ""),
        ]);
    }
}
