// SPDX-License-Identifier: GPL-2.0

//! How long tasks were held up for want of something.

use super::{
    table::Table,
    Outcome, //
    Source,
};
use crate::{
    model::source::pressure::Pressure,
    sys::{
        param::{
            switch_param,
            SwitchParam, //
        },
        psi::{
            self,
            PsiSystem,
            Unreadable, //
        }, //
    }, //
};

switch_param! {
    /// Whether pressure is sampled.
    static SWITCH = "pressure" {
        description: "Sample pressure stall information",
    }
}

/// The pressure of the whole system.
pub(crate) struct SystemPressure(PsiSystem);

impl SystemPressure {
    pub(crate) fn new() -> Self {
        Self(PsiSystem::new())
    }
}

impl Source for SystemPressure {
    type Entry = Pressure;
    const CAPACITY: usize = 1;

    fn switch() -> &'static SwitchParam {
        &SWITCH
    }

    fn absence(&self) -> Option<&'static str> {
        (self.0.read() == Err(Unreadable::Absent)).then_some(psi::ABSENCE)
    }

    fn take(&self, table: &mut Table<Pressure>) -> Outcome {
        match self.0.read() {
            Ok(pressure) => {
                table.push(pressure);
                Outcome::Snapshot
            }
            Err(Unreadable::Busy) => Outcome::Late,
            Err(Unreadable::Absent) => Outcome::Absent,
        }
    }
}
