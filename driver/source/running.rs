// SPDX-License-Identifier: GPL-2.0

//! How many tasks run, and how many are blocked.

use super::{
    table::Table,
    Outcome, //
    Source,
};
use crate::{
    model::source::running::Running,
    sys::{
        param::{
            switch_param,
            SwitchParam, //
        },
        psi::{
            self,
            PsiSystem, //
        }, //
    }, //
};

switch_param! {
    /// Whether tasks are counted by their states.
    static SWITCH = "running" {
        description: "Sample how many tasks run, are blocked in I/O, and are stalled on memory",
    }
}

/// The tasks of the whole system, as PSI counts them.
pub(crate) struct RunningTasks(PsiSystem);

impl RunningTasks {
    pub(crate) fn new() -> Self {
        Self(PsiSystem::new())
    }
}

impl Source for RunningTasks {
    type Entry = Running;
    const CAPACITY: usize = 1;

    fn switch() -> &'static SwitchParam {
        &SWITCH
    }

    fn absence(&self) -> Option<&'static str> {
        self.0.tasks().is_none().then_some(psi::ABSENCE)
    }

    fn take(&self, table: &mut Table<Running>) -> Outcome {
        let Some(tasks) = self.0.tasks() else {
            return Outcome::Absent;
        };
        table.push(tasks);
        Outcome::Snapshot
    }
}
