// SPDX-License-Identifier: GPL-2.0

//! What whole block devices do.

use super::{
    table::Table,
    Outcome, //
    Source,
    SPARE_DEVICES,
};
use crate::{
    model::source::disk::Disk,
    sys::{
        block,
        param::{
            switch_param,
            SwitchParam, //
        }, //
    }, //
};

switch_param! {
    /// Whether block devices are sampled.
    static SWITCH = "disk" {
        description: "Sample whole block devices",
    }
}

/// All whole block devices that are in use.
pub(crate) struct Disks;

impl Source for Disks {
    type Entry = Disk;
    const CAPACITY: usize = 512;

    fn usual_entries(&self) -> usize {
        // Some may come after load.
        block::count_disks().saturating_add(SPARE_DEVICES)
    }

    fn switch() -> &'static SwitchParam {
        &SWITCH
    }

    fn take(&self, table: &mut Table<Disk>) -> Outcome {
        let left_out = block::for_each_disk(|disk| {
            table.push(*disk);
            table.has_room()
        });
        table.leave_out(left_out);
        Outcome::Snapshot
    }
}
