// SPDX-License-Identifier: GPL-2.0

//! A round of the reporter that was begun and is not finished.

use super::{
    interval,
    record_writer::RecordWriter, //
};
use crate::{
    model::{
        record::SectionHeader,
        source::memory::Buffers, //
    },
    sys::vmstat,
};
use kernel::time::{
    NSEC_PER_MSEC,
    NSEC_PER_SEC, //
};

/// How long a record and the log wait for sources that are late, in nanoseconds; less at short
/// intervals.
const MAX_WAIT_NS: u64 = 2 * NSEC_PER_SEC as u64;

/// At most how long the first thread may take what was requested, in nanoseconds.
const MAX_PATIENCE_NS: u64 = 20 * NSEC_PER_MSEC as u64;

/// A round that was begun.
pub(crate) struct OpenRound {
    /// When, by `CLOCK_MONOTONIC`.
    pub(super) start_ns: u64,
    /// The samples before this one are reported in it.
    pub(super) end: u64,
    pub(super) buffers: RoundBuffers,
}

/// The buffers of one round, and when they were read.
#[derive(Clone, Copy)]
pub(super) struct RoundBuffers {
    pub(super) mono_ns: u64,
    pub(super) buffers: Buffers,
}

impl RoundBuffers {
    /// Reads the buffers once, so that lines and record agree, and the list of block devices is
    /// walked once.
    pub(super) fn read(mono_ns: u64) -> Self {
        Self {
            mono_ns,
            buffers: Buffers {
                buffers: vmstat::buffers(),
            },
        }
    }

    /// Adds them to a record.
    pub(super) fn record(&self, record: &mut RecordWriter<'_>) {
        let header = SectionHeader {
            first_mono_ns: self.mono_ns,
            last_mono_ns: self.mono_ns,
            ..SectionHeader::of::<Buffers>(1)
        };
        record.section(&header, &[self.buffers]);
    }
}

/// How long a round waits for sources.
pub(super) fn wait_ns() -> u64 {
    MAX_WAIT_NS.min(interval::ns() / 2)
}

/// How long the first thread may take what was requested: far longer than it needs when nothing blocks, and
/// what a source that does delays the others, once.
pub(super) fn patience_ns() -> u64 {
    MAX_PATIENCE_NS.min(interval::ns() / 4)
}
