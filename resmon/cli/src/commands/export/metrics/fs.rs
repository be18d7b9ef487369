// SPDX-License-Identifier: GPL-2.0-or-later

//! File systems.

use resmon::model::record::Record;
use resmon::model::source::fs::{Fs, State, Usage, READ_ONLY};

use super::super::family::{Label, Labels, Life, Value};
use super::{whole, Families, Metric, BYTES, GAUGE, NONE};

#[rustfmt::skip]
const METRICS: [Metric<Fs>; 7] = [
    (GAUGE, "node_filesystem_size", BYTES, "Size of the file system.", |fs| bytes(fs, |usage| usage.blocks)),
    (GAUGE, "node_filesystem_free", BYTES, "Free space.", |fs| bytes(fs, |usage| usage.free)),
    (GAUGE, "node_filesystem_avail", BYTES, "Free space that anybody may use.", |fs| bytes(fs, |usage| usage.available)),
    (GAUGE, "node_filesystem_files", NONE, "Inodes; 0 when there is no limit.", |fs| whole(usage(fs)?.inodes)),
    (GAUGE, "node_filesystem_files_free", NONE, "Free inodes.", |fs| whole(usage(fs)?.free_inodes)),
    (GAUGE, "node_filesystem_readonly", NONE, "Whether nobody can write to the file system there.", |fs| whole(u64::from(usage(fs)?.flags? & READ_ONLY != 0))),
    (GAUGE, "node_filesystem_device_error", NONE, "Whether the file system failed to answer, or did not in time.", |fs| whole(u64::from(has_failed(fs)?))),
];

fn usage(fs: &Fs) -> Option<&Usage> {
    match &fs.state {
        State::Mounted(usage) => Some(usage),
        State::Absent | State::Failed(_) | State::Stale => None,
    }
}

fn bytes(fs: &Fs, blocks: fn(&Usage) -> u64) -> Option<Value> {
    let usage = usage(fs)?;
    whole(blocks(usage).saturating_mul(usage.block_bytes))
}

fn has_failed(fs: &Fs) -> Option<bool> {
    match &fs.state {
        State::Mounted(_) => Some(false),
        State::Failed(_) | State::Stale => Some(true),
        // Nothing is mounted, as for node_exporter, which does not show it either.
        State::Absent => None,
    }
}

fn labels(fs: &Fs) -> Labels {
    let path = Label::text("mountpoint", &fs.path);
    let kind = usage(fs).map(|usage| Label::text("fstype", &usage.kind));
    [path].into_iter().chain(kind).collect()
}

pub fn add(families: &mut Families, record: Record<'_>) {
    let file_systems: Vec<Fs> = record.entries().collect();
    families.each(&METRICS, &file_systems, labels, |_| Life::Machine);
}
