// SPDX-License-Identifier: GPL-2.0-or-later

//! What whole block devices do, by the definitions of `iostat`.

use super::super::brief::{Brief, Flow};
use super::super::busiest::Busiest;
use super::super::event::{watch::Watch, Trigger};
use super::super::line::Lines;
use super::super::rates::{rate, share_of_time, PerMille};
use super::super::text::{is_numbered, Text};
use super::super::words::{self, words};
use super::{pairs, Entry, Snapshot, Taken};
use core::borrow::Borrow;

/// Bytes of the longest name of a disk (`DISK_NAME_LEN`).
pub const MAX_NAME: usize = 32;

words! {
    /// What a disk has completed of one kind of request since it came.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Completed: "resource_monitor_completed" {
        /// Requests.
        pub ios: u64,
        /// Sectors of 512 bytes.
        pub sectors: u64,
        /// Nanoseconds from the start to the end of each, added up.
        pub time_ns: u64,
    }
}

impl Completed {
    /// What came to it from `before` on.
    fn since(&self, before: &Self) -> Self {
        Self {
            ios: self.ios.saturating_sub(before.ios),
            sectors: self.sectors.saturating_sub(before.sectors),
            time_ns: self.time_ns.saturating_sub(before.time_ns),
        }
    }
}

words! {
    /// A whole block device; partitions count with theirs.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Disk: "resource_monitor_disk", kind 6 "disk" "DISKS" {
        /// `CLOCK_MONOTONIC` when its counters were read, in nanoseconds.
        pub taken_mono_ns: u64,
        /// `diskseq`, which no two disks share, nor two media in one drive.
        pub seq: u64,
        /// The name, as in `/proc/diskstats`.
        pub name: Text<MAX_NAME>,
        /// Reads.
        pub reads: Completed,
        /// Writes.
        pub writes: Completed,
        /// Discards.
        pub discards: Completed,
        /// Flushes; they have no sectors.
        pub flushes: Completed,
        /// Time with requests under way, in nanoseconds.
        pub busy_ns: u64,
        /// Requests under way.
        pub in_flight: u64,
        /// [`HAS_SLAVES`].
        pub flags: Option<u64>,
        /// Major number, which the kernel gives to a driver. It is constant for the drivers in
        /// `include/uapi/linux/major.h`.
        pub major: Option<u32>,
        /// Minor number.
        pub minor: Option<u32>,
    }
}

/// Flag of a disk that is made of other block devices, as those of the device mapper are: these do
/// the same work again, and count it as well. They are in `slaves` of its sysfs folder. The drivers
/// `loop`, `brd` and `zram` do not tell the block layer what theirs are made of.
pub const HAS_SLAVES: u64 = 1 << 0;

/// Bytes of a sector.
pub const SECTOR_BYTES: u64 = 512;

impl Disk {
    /// Whether the work of the disk is done again by others, which count it, or in memory. Then it is not
    /// part of a total.
    ///
    /// The kernel says so of most disks that are made of others. Of these it does not: ramdisks (`brd`)
    /// and loop devices, which have a major number of their own, and `zram`, which has a name of its
    /// own. A record of version 1 has neither, so that there only names are left.
    pub fn is_done_again(&self) -> bool {
        const RAMDISK_MAJOR: u32 = 1;
        const LOOP_MAJOR: u32 = 7;
        let is_of = |driver: &&str| is_numbered(self.name.as_bytes(), driver);
        match (self.flags, self.major) {
            (Some(flags), Some(major)) => {
                flags & HAS_SLAVES != 0
                    || matches!(major, RAMDISK_MAJOR | LOOP_MAJOR)
                    || is_of(&"zram")
            }
            _ => ["dm-", "md", "loop", "bcache", "drbd", "zram", "ram"]
                .iter()
                .any(is_of),
        }
    }
}

/// What a disk did in between.
struct Rates {
    elapsed_ns: u64,
    reads: Completed,
    writes: Completed,
    discards: Completed,
    busy: PerMille,
}

impl Rates {
    fn between(before: &Disk, after: &Disk) -> Self {
        let elapsed_ns = after.taken_mono_ns.saturating_sub(before.taken_mono_ns);
        let busy_ns = after.busy_ns.saturating_sub(before.busy_ns);
        Self {
            elapsed_ns,
            reads: after.reads.since(&before.reads),
            writes: after.writes.since(&before.writes),
            discards: after.discards.since(&before.discards),
            busy: share_of_time(busy_ns, elapsed_ns),
        }
    }

    fn total(&self, of: impl Fn(&Completed) -> u64) -> u64 {
        of(&self.reads)
            .saturating_add(of(&self.writes))
            .saturating_add(of(&self.discards))
    }

    /// By time first, as `iostat` users look at `%util`; of disks that are never idle, by amount.
    fn key(&self) -> (PerMille, u64) {
        let sectors = self.total(|completed| completed.sectors);
        (self.busy, rate(sectors, 1, self.elapsed_ns))
    }

    /// Hundredths of a millisecond that a request took on average, from start to end.
    fn await_hundredths(&self) -> u64 {
        const HUNDREDTH_NS: u64 = 10_000;
        self.total(|completed| completed.time_ns)
            .checked_div(self.total(|completed| completed.ios))
            .unwrap_or(0)
            .saturating_add(HUNDREDTH_NS / 2)
            / HUNDREDTH_NS
    }
}

impl Entry for Disk {
    const WATCHED: &'static [Trigger] = &[Trigger::DiskStuck];

    /// `disk=vda r=…/s w=…/s rkB=…/s wkB=…/s inflight=… busy=…% await=…ms d=…/s dkB=…/s`
    fn log(before: Option<Snapshot<'_, Self>>, after: Snapshot<'_, Self>, lines: &mut Lines<'_>) {
        let Some(before) = before else { return };
        let mut busiest = Busiest::new();
        for (then, now) in after.pairs(before, |then, now| then.seq == now.seq) {
            busiest.add(Rates::between(then, now).key(), (then, now));
        }
        for (then, now) in busiest.shown() {
            let did = Rates::between(then, now);
            lines.line(|line| {
                line.text("disk=")
                    .name(now.name.as_bytes())
                    .rate(" r=", did.reads.ios, did.elapsed_ns)
                    .rate(" w=", did.writes.ios, did.elapsed_ns)
                    .sector_rate(" rkB=", did.reads.sectors, "/s", did.elapsed_ns)
                    .sector_rate(" wkB=", did.writes.sectors, "/s", did.elapsed_ns)
                    .text(" inflight=")
                    .number(now.in_flight)
                    .percent(" busy=", did.busy)
                    .text(" await=")
                    .hundredths(did.await_hundredths())
                    .text("ms")
                    .rate(" d=", did.discards.ios, did.elapsed_ns)
                    .sector_rate(" dkB=", did.discards.sectors, "/s", did.elapsed_ns)
            });
        }
        busiest.log_more("disk", lines);
    }

    fn sum<T: Borrow<Self>>(
        before: Option<Taken<impl Iterator<Item = T> + Clone>>,
        after: Taken<impl Iterator<Item = T>>,
        brief: &mut Brief,
    ) {
        let Some(before) = before else { return };
        let mut flow = Flow::default();
        let pairs = pairs(before.entries, after.entries, |then, now| {
            then.borrow().seq == now.borrow().seq
        });
        for (then, now) in pairs {
            let (then, now) = (then.borrow(), now.borrow());
            if now.is_done_again() {
                continue;
            }
            let bytes = |then: &Completed, now: &Completed| {
                let sectors = now.sectors.saturating_sub(then.sectors);
                sectors.saturating_mul(SECTOR_BYTES)
            };
            flow.add(
                bytes(&then.reads, &now.reads),
                bytes(&then.writes, &now.writes),
                now.taken_mono_ns.saturating_sub(then.taken_mono_ns),
            );
        }
        brief.disks = Some(flow);
    }

    fn watch(now: Snapshot<'_, Self>, watch: &mut Watch<'_>) {
        watch.disks(now.entries);
    }
}
