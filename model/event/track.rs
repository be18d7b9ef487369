// SPDX-License-Identifier: GPL-2.0-or-later

//! What becomes of the value of one trigger: when an event begins, and when it ends.
//!
//! ```text
//!   quiet ── bad ──► rising ── bad for as long as the rule says ──► open ── good for 10 s ──► quiet
//!     ▲                 │                                            │ ▲
//!     └──── not bad ────┘                                            └─┘ anything else
//! ```
//!
//! Good is what is below 3/4 of the threshold or, where low values are bad, above 4/3 of it.

use super::rules::Rule;
use super::trigger::{Bad, Description, Trigger, Unit};
use super::{Event, BEGIN, END, MOMENT, ONGOING};

/// How long a value has to be good before the event ends, in nanoseconds.
const QUIET_NS: u64 = 10_000_000_000;

/// The time that a sample is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// `CLOCK_MONOTONIC` of the sample before, in nanoseconds.
    pub start_ns: u64,
    /// `CLOCK_MONOTONIC` of this sample, in nanoseconds.
    pub end_ns: u64,
    /// By how much a time may be too short, in nanoseconds: samples are taken a little late. Of a short time
    /// that is no more than an eighth, so that a long interval does not make up for all of it.
    pub slack_ns: u64,
}

impl Span {
    /// Whether it has been so for `time_ns` at the end of the span.
    fn has_lasted(&self, since_ns: u64, time_ns: u64) -> bool {
        let lasted_ns = self.end_ns.saturating_sub(since_ns);
        lasted_ns.saturating_add(self.slack_ns.min(time_ns / 8)) >= time_ns
    }
}

/// What was found in a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The value, in the unit of the trigger. Where that is a time, whether it is so at all: the value is how
    /// long it has been so.
    pub value: u64,
    /// Since when it may have been so: the start of the span that it is an average over, or its end.
    pub since_ns: u64,
}

/// One trigger, about one thing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Track {
    /// Since when the value is bad.
    bad_since_ns: Option<u64>,
    /// Since when it is good again, while the event is open.
    good_since_ns: Option<u64>,
    /// The event that is open, or has ended with this sample; its number is 0 when there is none.
    pub(super) event: Event,
    /// Whether what it is about was there in this sample, of disks and file systems.
    pub(super) is_seen: bool,
}

impl Track {
    /// Whether there is an event that has not ended.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.event.state, BEGIN | ONGOING)
    }

    /// The bit of its trigger; none when it is not in use.
    pub(super) fn bit(&self) -> u32 {
        Trigger::of_number(self.event.trigger).map_or(0, Trigger::bit)
    }

    /// Whether the machine may be dying of it.
    pub(super) fn is_severe(&self) -> bool {
        let trigger = Trigger::of_number(self.event.trigger);
        trigger.is_some_and(|trigger| trigger.description().is_severe)
    }

    /// Whether the event is part of this sample's record.
    pub(super) fn is_shown(&self) -> bool {
        self.event.state != 0
    }

    /// Whether it has to be kept: there is an event, or there may be one soon.
    pub(super) fn is_used(&self) -> bool {
        self.is_shown() || self.bad_since_ns.is_some()
    }

    /// Whether it is about this.
    pub(super) fn is_about(&self, trigger: Trigger, subject: &[u8]) -> bool {
        self.event.trigger == trigger as u32 && self.event.subject.as_bytes() == subject
    }

    /// Makes it one about this, in which nothing was found yet.
    pub(super) fn start(&mut self, trigger: Trigger, subject: &[u8]) {
        *self = Self::default();
        self.event.trigger = trigger as u32;
        self.event.subject.set(subject);
    }

    /// Prepares for the next sample.
    pub(super) fn advance(&mut self) {
        match self.event.state {
            BEGIN | ONGOING => self.event.state = ONGOING,
            _ => self.event.state = 0,
        }
    }

    /// Takes a sample into account. Nothing changes when nothing was found, as the source was late.
    /// `last_number` is the number of the last event.
    #[inline]
    pub(super) fn step(
        &mut self,
        trigger: Trigger,
        rule: Rule,
        span: &Span,
        found: Option<Found>,
        last_number: &mut u64,
    ) {
        if !rule.is_on {
            self.end();
            return;
        }
        let Some(mut found) = found else { return };
        let Description { unit, bad, .. } = trigger.description();
        let is_time = unit == Unit::Nanoseconds;
        let is_bad = if is_time {
            found.value != 0
        } else {
            bad.is(found.value, rule.limit)
        };
        if !is_bad {
            self.bad_since_ns = None;
        }
        let since_ns = match self.bad_since_ns {
            Some(since_ns) => since_ns,
            None => found.since_ns,
        };
        let mut for_ns = rule.for_ns;
        if is_bad {
            self.bad_since_ns = Some(since_ns);
            if is_time {
                found.value = span.end_ns.saturating_sub(since_ns);
                for_ns = for_ns.max(rule.limit);
            }
        }
        if self.is_open() {
            self.go_on(rule, span, found, bad);
        } else if is_bad && span.has_lasted(since_ns, for_ns) {
            self.begin(trigger, rule, since_ns, found.value, last_number);
        }
    }

    fn begin(
        &mut self,
        trigger: Trigger,
        rule: Rule,
        since_ns: u64,
        value: u64,
        last_number: &mut u64,
    ) {
        *last_number = last_number.saturating_add(1);
        self.good_since_ns = None;
        // The subject is set by the caller that has several tracks of a trigger.
        self.event = Event {
            number: *last_number,
            trigger: trigger as u32,
            state: BEGIN,
            value,
            worst: value,
            limit: rule.limit,
            for_ns: rule.for_ns,
            since_mono_ns: since_ns,
            subject: self.event.subject,
        };
    }

    fn go_on(&mut self, rule: Rule, span: &Span, found: Found, bad: Bad) {
        let (value, limit) = (found.value, rule.limit);
        let event = &mut self.event;
        event.value = value;
        event.worst = match bad {
            Bad::High => event.worst.max(value),
            Bad::Low => event.worst.min(value),
        };
        if !bad.is_over(value, limit) {
            self.good_since_ns = None;
            return;
        }
        let since_ns = *self.good_since_ns.get_or_insert(found.since_ns);
        if span.has_lasted(since_ns, QUIET_NS) {
            self.end();
        }
    }

    /// Ends the event, if there is one.
    pub(super) fn end(&mut self) {
        if self.is_open() {
            self.event.state = END;
        }
        self.bad_since_ns = None;
    }

    /// Makes an event that is over at once.
    pub(super) fn moment(
        &mut self,
        trigger: Trigger,
        rule: Rule,
        now_ns: u64,
        value: u64,
        last_number: &mut u64,
    ) {
        self.begin(trigger, rule, now_ns, value, last_number);
        self.event.state = MOMENT;
    }
}
