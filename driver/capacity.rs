// SPDX-License-Identifier: GPL-2.0

//! How much room the history needs for the records of this machine.

use super::{
    history::Capacity,
    params,
    pending::Pending,
    source::{
        MAX_DISKS,
        MAX_NETS, //
    }, //
};
use crate::model::{
    record::{
        section_words,
        Buffers,
        WORD_BYTES, //
    },
    source::{
        activity::Activity,
        disk::Disk,
        fs::{
            Fs,
            MAX_PATHS, //
        },
        load::Load,
        net::Net,
        pressure::Pressure, //
    }, //
};

/// Most bytes of all records.
const MAX_BYTES: usize = 64 << 20;

/// How many disks, and interfaces, may come after load before fewer records have room.
const SPARE_DEVICES: usize = 4;

/// Words of a record that has `sampled` of CPU and memory, and of so many devices and paths.
const fn record_words(sampled: usize, disks: usize, nets: usize, paths: usize) -> usize {
    // Each path has a section of its own.
    sampled
        .saturating_add(section_words::<Buffers>(1))
        .saturating_add(section_words::<Load>(1))
        .saturating_add(section_words::<Activity>(1))
        .saturating_add(section_words::<Pressure>(1))
        .saturating_add(section_words::<Disk>(disks))
        .saturating_add(section_words::<Net>(nets))
        .saturating_add(section_words::<Fs>(1).saturating_mul(paths))
}

impl Capacity {
    /// The room for the records of a machine that has so many `disks`, `nets` and `paths` now.
    pub(super) fn of_machine(disks: usize, nets: usize, paths: usize) -> Self {
        let sampled = Pending::record_words();
        let max_record_words = record_words(sampled, MAX_DISKS, MAX_NETS, MAX_PATHS);
        let usual_words = record_words(
            sampled,
            disks.saturating_add(SPARE_DEVICES),
            nets.saturating_add(SPARE_DEVICES),
            paths,
        );
        let max_records = params::HISTORY.value();
        Self {
            words: (max_records as usize)
                .saturating_mul(usual_words)
                .min(MAX_BYTES / WORD_BYTES)
                // One is read while the next is written.
                .max(max_record_words.saturating_mul(2)),
            max_record_words,
            max_records: u64::from(max_records),
        }
    }
}
