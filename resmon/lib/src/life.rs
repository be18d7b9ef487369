// SPDX-License-Identifier: GPL-2.0-or-later

//! Which records belong together, and when they were taken.

use std::time::Duration;

use model::record::Header;
use rustix::time::{clock_gettime, ClockId};

/// Whether `now` is of the same life of the module as `before`, which was taken earlier.
///
/// Records of version 2 say so. For others the timer's rhythm has to go on, and the wall clock to
/// agree with the monotonic one. One of the two is enough, as the clock may be set and the interval
/// changed, where no record is missing in between but those that the reader has lost.
pub fn is_one_life(before: &Header, now: &Header) -> bool {
    if (now.boot_id, now.load_id) != (before.boot_id, before.load_id) {
        return false;
    }
    if now.boot_id.is_some() {
        return true;
    }
    if now.seq <= before.seq || now.taken_mono_ns <= before.taken_mono_ns {
        return false;
    }
    let missing = now.seq - before.seq - 1;
    let signs = [goes_on(before, now), agrees(before, now)];
    if missing == now.lost_records {
        signs.contains(&true)
    } else {
        !signs.contains(&false)
    }
}

/// Whether `now` is the record that comes right after `before`.
pub fn is_next(before: &Header, now: &Header) -> bool {
    is_one_life(before, now) && now.seq == before.seq.saturating_add(1)
}

/// Whether the timer was due a whole number of intervals later.
fn goes_on(before: &Header, now: &Header) -> bool {
    let between_ns = now.due_mono_ns.checked_sub(before.due_mono_ns);
    between_ns.and_then(|ns| ns.checked_rem(now.interval_ns)) == Some(0)
}

/// Whether as much time has passed on the wall clock as on the monotonic one.
fn agrees(before: &Header, now: &Header) -> bool {
    const SLACK_NS: u64 = 1_000_000_000;
    wall_offset_ns(before).abs_diff(wall_offset_ns(now)) < u128::from(SLACK_NS)
}

/// Time since boot when a record was taken, in nanoseconds: with time in suspend, where that is
/// known.
pub fn boot_ns(header: &Header) -> u64 {
    header.taken_boot_ns.unwrap_or(header.taken_mono_ns)
}

/// How far the wall clock was ahead of the time since boot, in nanoseconds.
pub fn wall_offset_ns(header: &Header) -> i128 {
    i128::from(header.taken_wall_ns) - i128::from(boot_ns(header))
}

/// When records were taken, by the wall clock as it was at the newest record of their life: a clock
/// that was set meanwhile, as it is after boot, does not move what was before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WallClock(Kind);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// As the clock was when each was taken.
    #[default]
    Taken,
    /// As it is now.
    Now,
    /// From the record on that has this number in the recording: how far it was ahead.
    Lives(Vec<(u64, i128)>),
}

impl WallClock {
    /// Counts back from now, for records of this boot.
    pub fn now() -> Self {
        Self(Kind::Now)
    }

    /// Counts back from the newest record of each life. The lives are given by the number of their
    /// first record, in order, and the header of their newest one.
    pub(crate) fn of_lives<'a>(lives: impl IntoIterator<Item = (u64, &'a Header)>) -> Self {
        let lives = lives.into_iter();
        Self(Kind::Lives(
            lives
                .map(|(first, newest)| (first, wall_offset_ns(newest)))
                .collect(),
        ))
    }

    /// When a record was taken, in seconds since 1970. Its number counts records from 0.
    pub fn time_s(&self, number: u64, header: &Header) -> f64 {
        let then_ns = wall_offset_ns(header);
        let offset_ns = match &self.0 {
            Kind::Taken => then_ns,
            Kind::Now => ahead_now_ns(),
            Kind::Lives(lives) => {
                let next = lives.partition_point(|(first, _)| *first <= number);
                let life = next.checked_sub(1).and_then(|at| lives.get(at));
                life.map_or(then_ns, |(_, offset_ns)| *offset_ns)
            }
        };
        // What two readings of two clocks differ by is no reason to change a time.
        const SLACK_NS: u128 = 1_000_000;
        let offset_ns = if offset_ns.abs_diff(then_ns) < SLACK_NS {
            then_ns
        } else {
            offset_ns
        };
        wall_s(offset_ns, boot_ns(header))
    }
}

/// A time since boot in seconds since 1970, by a wall clock that is so far ahead of it.
pub fn wall_s(ahead_ns: i128, boot_ns: u64) -> f64 {
    let time_ns = ahead_ns.saturating_add(i128::from(boot_ns));
    Duration::from_nanos(u64::try_from(time_ns.max(0)).unwrap_or(u64::MAX)).as_secs_f64()
}

/// How far the wall clock is ahead of the time since boot, in nanoseconds.
pub fn ahead_now_ns() -> i128 {
    let ns = |clock| {
        let time = clock_gettime(clock);
        i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
    };
    ns(ClockId::Realtime) - ns(ClockId::Boottime)
}
