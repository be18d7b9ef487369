// SPDX-License-Identifier: GPL-2.0

//! What network interfaces carry.

use super::{
    table::Table,
    Outcome, //
    Source,
    SPARE_DEVICES,
};
use crate::{
    model::source::net::Net,
    sys::{
        netdev,
        param::{
            switch_param,
            SwitchParam, //
        }, //
    }, //
};

switch_param! {
    /// Whether network interfaces are sampled.
    static SWITCH = "net" {
        description: "Sample network interfaces of the initial namespace",
    }
}

/// The interfaces of the initial network namespace.
pub(crate) struct Interfaces;

impl Source for Interfaces {
    type Entry = Net;
    const CAPACITY: usize = 512;

    fn usual_entries(&self) -> usize {
        // Some may come after load.
        netdev::count().saturating_add(SPARE_DEVICES)
    }

    fn switch() -> &'static SwitchParam {
        &SWITCH
    }

    fn take(&self, table: &mut Table<Net>) -> Outcome {
        let left_out = netdev::for_each(|net| {
            table.push(*net);
            table.has_room()
        });
        table.leave_out(left_out);
        Outcome::Snapshot
    }
}
