// SPDX-License-Identifier: GPL-2.0-or-later

//! Disks.

use resmon::model::record::Record;
use resmon::model::source::disk::Disk;

use super::super::family::{Label, Life, Value};
use super::{
    seconds_of, whole, Families, Metric, BYTES, COUNTER, GAUGE, NONE, SECONDS, SECTOR_BYTES,
};

#[rustfmt::skip]
const METRICS: [Metric<Disk>; 14] = [
    (COUNTER, "node_disk_reads_completed", NONE, "Reads completed.", |disk| whole(disk.reads.ios)),
    (COUNTER, "node_disk_read", BYTES, "Bytes read.", |disk| bytes(disk.reads.sectors)),
    (COUNTER, "node_disk_read_time", SECONDS, "Time spent by all reads.", |disk| seconds_of(disk.reads.time_ns)),
    (COUNTER, "node_disk_writes_completed", NONE, "Writes completed.", |disk| whole(disk.writes.ios)),
    (COUNTER, "node_disk_written", BYTES, "Bytes written.", |disk| bytes(disk.writes.sectors)),
    (COUNTER, "node_disk_write_time", SECONDS, "Time spent by all writes.", |disk| seconds_of(disk.writes.time_ns)),
    (COUNTER, "node_disk_discards_completed", NONE, "Discards completed.", |disk| whole(disk.discards.ios)),
    (COUNTER, "node_disk_discarded_sectors", NONE, "Sectors of 512 bytes discarded.", |disk| whole(disk.discards.sectors)),
    (COUNTER, "node_disk_discard_time", SECONDS, "Time spent by all discards.", |disk| seconds_of(disk.discards.time_ns)),
    (COUNTER, "node_disk_flush_requests", NONE, "Flushes completed.", |disk| whole(disk.flushes.ios)),
    (COUNTER, "node_disk_flush_requests_time", SECONDS, "Time spent by all flushes.", |disk| seconds_of(disk.flushes.time_ns)),
    (COUNTER, "node_disk_io_time", SECONDS, "Time with I/O under way.", |disk| seconds_of(disk.busy_ns)),
    (COUNTER, "node_disk_io_time_weighted", SECONDS, "Time spent by all requests of any kind.", |disk| seconds_of(weighted_ns(disk))),
    (GAUGE, "node_disk_io_now", NONE, "Requests under way.", |disk| whole(disk.in_flight)),
];

fn bytes(sectors: u64) -> Option<Value> {
    whole(sectors.saturating_mul(SECTOR_BYTES))
}

/// As the kernel makes it of these.
fn weighted_ns(disk: &Disk) -> u64 {
    let kinds = [disk.reads, disk.writes, disk.discards, disk.flushes];
    let times = kinds.into_iter().map(|kind| kind.time_ns);
    times.fold(0, u64::saturating_add)
}

pub fn add(families: &mut Families, record: Record<'_>) {
    let disks: Vec<Disk> = record.entries().collect();
    let labels = |disk: &Disk| vec![Label::text("device", &disk.name)];
    families.each(&METRICS, &disks, labels, |disk| Life::Disk {
        seq: disk.seq,
    });
}
