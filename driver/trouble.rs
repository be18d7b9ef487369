// SPDX-License-Identifier: GPL-2.0

//! What changes while the machine may be dying: all lines are logged now and then, and samples are taken
//! faster, both within limits.

use super::params;
use crate::model::event::watch::Outcome;
use kernel::time::{
    NSEC_PER_MSEC,
    NSEC_PER_SEC, //
};

/// How long samples are taken faster after an event began, in nanoseconds.
const MAX_FAST_NS: u64 = 300 * NSEC_PER_SEC as u64;

/// How long they are in a day.
const MAX_FAST_OF_DAY_NS: u64 = 1800 * NSEC_PER_SEC as u64;
const DAY_NS: u64 = 86_400 * NSEC_PER_SEC as u64;

/// How long there are no further full lines.
const PAUSE_NS: u64 = 10 * NSEC_PER_SEC as u64;

/// Bytes of lines that are logged for an event.
const MAX_LOGGED: usize = 32 << 10;

/// What is left of the limits.
#[derive(Default)]
pub(crate) struct Trouble {
    /// Until when samples may be taken faster; 0 when they are not.
    fast_until_ns: u64,
    /// When the day began in which they were, and for how long they were since.
    day_ns: u64,
    fast_of_day_ns: u64,
    /// When the last sample was looked at.
    last_ns: u64,
    /// When all lines were last logged.
    logged_ns: Option<u64>,
    /// Bytes that may still be logged for this event.
    room: usize,
    /// Bytes of all lines of a sample.
    usual: usize,
    /// When the last brief line was logged.
    brief_ns: u64,
}

/// Whether the interval changes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// It stays.
    Same,
    /// Samples are to be taken faster from here on.
    Faster,
    /// They are to be taken as the parameter says.
    Usual,
}

impl Trouble {
    /// Takes a sample into account that was taken at `now_ns` by `CLOCK_MONOTONIC`.
    pub(super) fn look(&mut self, outcome: Outcome, now_ns: u64) -> Pace {
        let was_fast = self.fast_until_ns != 0;
        if now_ns.saturating_sub(self.day_ns) >= DAY_NS {
            self.day_ns = now_ns;
            self.fast_of_day_ns = 0;
        }
        if was_fast {
            let taken_ns = now_ns.saturating_sub(self.last_ns);
            self.fast_of_day_ns = self.fast_of_day_ns.saturating_add(taken_ns);
        }
        self.last_ns = now_ns;
        if outcome.severe_begins {
            self.fast_until_ns = now_ns.saturating_add(MAX_FAST_NS);
            self.logged_ns = None;
            self.room = MAX_LOGGED;
            self.usual = 1;
        }
        let may_be_fast = outcome.is_severe
            && now_ns < self.fast_until_ns
            && self.fast_of_day_ns < MAX_FAST_OF_DAY_NS;
        if !may_be_fast {
            self.fast_until_ns = 0;
        }
        match (was_fast, may_be_fast) {
            (false, true) => Pace::Faster,
            (true, false) => Pace::Usual,
            _ => Pace::Same,
        }
    }

    /// Whether all lines of the sample are to be logged.
    pub(super) fn wants_all(&self, outcome: Outcome, now_ns: u64) -> bool {
        outcome.is_severe
            && self.room >= self.usual
            && params::LOG_EVERY.value() != 0
            && self
                .logged_ns
                .is_none_or(|logged_ns| now_ns.saturating_sub(logged_ns) >= PAUSE_NS)
    }

    /// Lines of a sample were logged, all of them if they `are_all`.
    pub(super) fn logged(&mut self, bytes: usize, are_all: bool, now_ns: u64) {
        self.room = self.room.saturating_sub(bytes);
        if are_all {
            self.logged_ns = Some(now_ns);
            self.usual = bytes;
        }
    }

    /// Bytes that may be logged: what is left for this event, if it is `for_event` alone.
    pub(super) fn room(&self, for_event: bool) -> usize {
        if for_event {
            self.room
        } else {
            usize::MAX
        }
    }

    /// Whether a sample that is due by its number is to be logged. While samples are taken faster, and as processes
    /// are killed, that is no more often than else.
    pub(super) fn is_due(&mut self, outcome: Outcome, now_ns: u64) -> bool {
        let interval_ns = u64::from(params::INTERVAL_MS.value()) * NSEC_PER_MSEC as u64;
        let pause_ns = interval_ns.saturating_mul(u64::from(params::LOG_EVERY.value()));
        let passed_ns = now_ns.saturating_sub(self.brief_ns);
        let has_more = self.fast_until_ns != 0 || outcome.is_severe;
        if has_more && passed_ns.saturating_add(interval_ns / 8) < pause_ns {
            return false;
        }
        self.brief_ns = now_ns;
        true
    }
}
