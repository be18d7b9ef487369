// SPDX-License-Identifier: GPL-2.0-or-later

//! What is known from one sample to the next.

use super::super::source::pressure::Pressure;
use super::rules::Rules;
use super::track::Track;
#[cfg(doc)]
use super::trigger::Trigger;
use super::trigger::MAX_LOW;

/// The span that [`Trigger::Late`] is about, in nanoseconds.
pub(super) const MINUTE_NS: u64 = 60_000_000_000;

/// The most that [`Trigger::MemoryFalling`] shows.
const MAX_INTERVALS: u64 = MAX_LOW;

/// Of how many samples [`Trigger::MemoryFalling`] knows the available memory: three intervals have four ends.
const FALLING_SAMPLES: usize = 4;
const FALLING_INTERVALS: u64 = 3;

/// What was found in one sample.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) mono_ns: u64,
    pub(super) seq: u64,
    pub(super) late_samples: u64,
    pub(super) missed_ticks: u64,
    pub(super) cpus: u64,
    pub(super) steal_ns: u64,
    /// When the pressure was read, and what it was.
    pub(super) pressure: Option<(u64, Pressure)>,
    pub(super) running: Option<u64>,
    pub(super) oom_kills: Option<u64>,
}

/// What is kept from one sample to the next, without the tracks.
#[derive(Debug, Default)]
pub struct State {
    pub(super) rules: Rules,
    /// The number of the last event.
    pub(super) last_number: u64,
    pub(super) before: Option<Totals>,
    /// Pages that were available and when, by `CLOCK_MONOTONIC` in nanoseconds; the newest last.
    available: [Option<(u64, u64)>; FALLING_SAMPLES],
    /// What was counted when the minute began.
    pub(super) minute: Option<Totals>,
    /// How many suspects there are.
    pub(super) suspects: usize,
    /// The tracks that are in use, a bit each. Mostly none is, so that there is little to look at.
    pub(super) used: u32,
    /// Whether a program asked for an event.
    pub(super) is_test: bool,
}

impl State {
    /// Other rules hold from the next sample on.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Whether nothing can become an event: then samples need not be looked at.
    pub fn is_off(&self) -> bool {
        !self.is_test && self.rules.are_off()
    }

    /// A sample was not looked at: the next one is compared with nothing, and what was bad is forgotten. No event
    /// is open.
    pub fn skip(&mut self, tracks: &mut [Track]) {
        if self.used != 0 {
            tracks.fill(Track::default());
            self.used = 0;
        }
        self.before = None;
        self.minute = None;
        self.available = Default::default();
        self.suspects = 0;
    }

    /// The next sample has an event, as a test.
    pub fn test(&mut self) {
        self.is_test = true;
    }

    /// After how many intervals of `interval_ns` nothing is available, now that `available` pages are.
    pub(super) fn falling(&mut self, mono_ns: u64, available: u64, interval_ns: u64) -> u64 {
        let [_, first, second, third] = self.available;
        self.available = [first, second, third, Some((mono_ns, available))];
        intervals_left(self.available, interval_ns)
    }
}

/// After how many intervals nothing is available, if it goes on as in the last three, in each of which some was
/// taken. These may have been longer or shorter than `interval_ns` is now; where they were shorter, as when
/// samples are asked for, nobody knows for how long it goes on, so they count.
fn intervals_left(available: [Option<(u64, u64)>; FALLING_SAMPLES], interval_ns: u64) -> u64 {
    /// Parts of an interval in which time is counted here.
    const PARTS: u64 = 16;
    let [Some((first_ns, first)), Some((_, second)), Some((_, third)), Some((now_ns, now))] =
        available
    else {
        return MAX_INTERVALS;
    };
    if first <= second || second <= third || third <= now {
        return MAX_INTERVALS;
    }
    let elapsed_ns = now_ns.saturating_sub(first_ns);
    let interval_ns = interval_ns.min(elapsed_ns / FALLING_INTERVALS);
    let parts = elapsed_ns
        .saturating_mul(PARTS)
        .saturating_add(interval_ns / 2)
        .checked_div(interval_ns);
    let fallen = first.saturating_sub(now);
    let left = parts.and_then(|parts| {
        now.saturating_mul(parts)
            .checked_div(fallen.saturating_mul(PARTS))
    });
    left.unwrap_or(MAX_INTERVALS).min(MAX_INTERVALS)
}
