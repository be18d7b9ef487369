// SPDX-License-Identifier: GPL-2.0

//! The load averages.

use super::{
    table::Table,
    Outcome, //
    Source,
};
use crate::{
    model::source::load::Load,
    sys::{
        loadavg,
        param::{
            switch_param,
            SwitchParam, //
        }, //
    }, //
};

switch_param! {
    /// Whether the load averages are sampled.
    static SWITCH = "load" {
        description: "Sample the load averages",
    }
}

/// The load averages of the machine.
pub(crate) struct LoadAverages;

impl Source for LoadAverages {
    type Entry = Load;
    const CAPACITY: usize = 1;

    fn switch() -> &'static SwitchParam {
        &SWITCH
    }

    fn take(&self, table: &mut Table<Load>) -> Outcome {
        table.push(loadavg::load());
        Outcome::Snapshot
    }
}
