// SPDX-License-Identifier: GPL-2.0-or-later

//! Events: a machine that is in trouble.

use std::fmt;

use model::event::trigger::Unit;
use model::event::{self, Trigger};
use model::record::Record;

use super::{name, seconds};

/// An event that begins, goes on or ends with a sample. A sample has all that are not over.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Event {
    /// Its number; the first one after loading is 1, or in a kernel log the first one that it has.
    pub number: u64,
    /// The name of its trigger; `trigger-NN` for one that this library does not know.
    pub name: String,
    /// Whether it begins, goes on or ends.
    pub state: EventState,
    /// What value, worst and limit are measured in.
    pub unit: EventUnit,
    /// What was found in this sample.
    pub value: f64,
    /// The worst value since it began.
    pub worst: Option<f64>,
    /// What the value was compared with when it began.
    pub limit: f64,
    /// Seconds that it had to last before the event began.
    pub lasting_s: Option<f64>,
    /// Seconds from when it was so to this sample.
    pub since_s: f64,
    /// The disk or the path that it is about; none when it is about the machine.
    pub subject: Option<String>,
    /// Whether the machine may be dying.
    pub severe: bool,
}

/// What becomes of an event in a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum EventState {
    /// It begins.
    Begin,
    /// It began earlier, and is not over.
    Ongoing,
    /// It ends.
    End,
    /// It is over as soon as it began, as a test.
    Moment,
}

/// What the values of an event are measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum EventUnit {
    /// From 0 to 100.
    Percent,
    /// A number of things.
    Count,
    /// Seconds.
    Seconds,
}

impl EventState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Begin, Self::Ongoing, Self::End, Self::Moment];

    fn of(number: u32) -> Option<Self> {
        match number {
            event::BEGIN => Some(Self::Begin),
            event::ONGOING => Some(Self::Ongoing),
            event::END => Some(Self::End),
            event::MOMENT => Some(Self::Moment),
            _ => None,
        }
    }

    /// Its name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Ongoing => "ongoing",
            Self::End => "end",
            Self::Moment => "moment",
        }
    }
}

impl fmt::Display for EventState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl EventUnit {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Percent, Self::Count, Self::Seconds];

    /// Its name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Percent => "percent",
            Self::Count => "count",
            Self::Seconds => "seconds",
        }
    }

    /// A value as the log of the module shows it.
    pub fn text(self, value: f64) -> String {
        match self {
            Self::Percent => format!("{value:.1}%"),
            Self::Count => format!("{value:.0}"),
            Self::Seconds => format!("{value:.1}s"),
        }
    }
}

impl Event {
    /// The names of all triggers that this library knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let triggers = Trigger::ALL.iter();
        triggers.map(|trigger| trigger.description().name)
    }

    /// The name of the trigger with this number.
    pub fn name_of(trigger: u32) -> String {
        match Trigger::of_number(trigger) {
            Some(trigger) => trigger.description().name.to_owned(),
            None => format!("trigger-{trigger:02}"),
        }
    }

    /// The events of a record.
    pub fn of(record: &crate::Record) -> Vec<Self> {
        record.raw().map(Self::all).unwrap_or_default()
    }

    pub(super) fn all(record: Record<'_>) -> Vec<Self> {
        let taken_mono_ns = record.header().taken_mono_ns;
        let events = record.entries::<event::Event>();
        events
            .filter_map(|event| Self::at(&event, taken_mono_ns))
            .collect()
    }

    /// None when the state is that of a later module.
    fn at(event: &event::Event, taken_mono_ns: u64) -> Option<Self> {
        let trigger = Trigger::of_number(event.trigger).map(Trigger::description);
        let (unit, scale) = match trigger.map(|trigger| trigger.unit) {
            Some(Unit::PerMille) => (EventUnit::Percent, 10.0),
            Some(Unit::Nanoseconds) => (EventUnit::Seconds, 1e9),
            Some(Unit::Count) | None => (EventUnit::Count, 1.0),
        };
        let value = |raw: u64| raw as f64 / scale;
        Some(Self {
            number: event.number,
            name: Self::name_of(event.trigger),
            state: EventState::of(event.state)?,
            unit,
            value: value(event.value),
            worst: Some(value(event.worst)),
            limit: value(event.limit),
            lasting_s: Some(seconds(event.for_ns)),
            since_s: seconds(taken_mono_ns.saturating_sub(event.since_mono_ns)),
            subject: name(&event.subject),
            severe: trigger.is_some_and(|trigger| trigger.is_severe),
        })
    }

    /// Whether it is not over after this sample.
    pub fn is_open(&self) -> bool {
        matches!(self.state, EventState::Begin | EventState::Ongoing)
    }
}
