// SPDX-License-Identifier: GPL-2.0-or-later

//! What is known from one sample to the next.

use super::super::source::pressure::Pressure;
use super::rules::Rules;
#[cfg(doc)]
use super::trigger::Trigger;

/// The span that [`Trigger::Late`] is about, in nanoseconds.
pub(super) const MINUTE_NS: u64 = 60_000_000_000;

/// The most that [`Trigger::MemoryFalling`] shows.
const MAX_INTERVALS: u64 = 1000;

/// Of how many samples [`Trigger::MemoryFalling`] knows the available memory: three intervals have four ends.
const FALLING_SAMPLES: usize = 4;

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
    /// Pages that were available, the newest last.
    pub(super) available: [Option<u64>; FALLING_SAMPLES],
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

    /// A sample was not looked at: the next one is compared with nothing.
    pub fn skip(&mut self) {
        self.before = None;
        self.minute = None;
        self.available = Default::default();
        self.suspects = 0;
    }

    /// The next sample has an event, as a test.
    pub fn test(&mut self) {
        self.is_test = true;
    }
}

/// After how many intervals nothing is available, if each of the last three took its share of what was.
pub(super) fn intervals_left(available: [Option<u64>; FALLING_SAMPLES]) -> u64 {
    let [Some(first), Some(second), Some(third), Some(now)] = available else {
        return MAX_INTERVALS;
    };
    if first <= second || second <= third || third <= now {
        return MAX_INTERVALS;
    }
    let fallen = first.saturating_sub(now);
    let left = now.saturating_mul(3).checked_div(fallen);
    left.unwrap_or(MAX_INTERVALS).min(MAX_INTERVALS)
}
