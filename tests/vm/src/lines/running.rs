// SPDX-License-Identifier: GPL-2.0

//! `running …`.

use anyhow::Result;

use super::field::{fields, number};

/// Numbers of tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct Running {
    pub tasks: u64,
    pub blocked: u64,
    pub memstall: u64,
}

pub(super) fn running(text: &str) -> Result<Running> {
    let [tasks, blocked, memstall] = fields(text, ["tasks", "blocked", "memstall"])?;
    Ok(Running {
        tasks: number(tasks, "")?,
        blocked: number(blocked, "")?,
        memstall: number(memstall, "")?,
    })
}

#[cfg(test)]
pub mod tests {
    use super::super::examples::{assert_bad, changed, parsed};
    use super::super::Line;
    use super::*;

    pub const RUNNING: &str = "running tasks=3 blocked=10 memstall=0";

    #[test]
    fn good_lines() {
        let expected = Running {
            tasks: 3,
            blocked: 10,
            memstall: 0,
        };
        assert_eq!(parsed(RUNNING).unwrap(), Line::Running(expected));
    }

    #[test]
    fn bad_lines() {
        assert_bad([
            changed(RUNNING, "tasks=3", "tasks=3.0"),
            changed(RUNNING, "tasks=3", "tasks=-3"),
            changed(RUNNING, "blocked=10", "blocked=010"),
            changed(RUNNING, " memstall=0", ""),
            changed(RUNNING, "tasks=3 blocked=10", "blocked=10 tasks=3"),
            "running stale".into(),
        ]);
    }
}
