// SPDX-License-Identifier: GPL-2.0-or-later

//! Events: a machine that is in trouble, from when on and until when.

pub mod rules;
mod state;
mod suspects;
pub mod track;
pub mod trigger;
pub mod watch;

pub use trigger::Trigger;

use super::line::Line;
use trigger::{Description, Unit};

use super::source::fs::MAX_PATH;
use super::text::Text;
use super::words::{self, words};

/// What an event is about where there may be several: the name of a disk, or a watched path.
pub type Subject = Text<MAX_PATH>;

/// Most events that a record has.
pub const MAX_EVENTS: usize = 16;

words! {
    /// An event that begins, goes on or ends with this sample. Each record has all that are not over.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Event: "resource_monitor_event", kind 12 "event" "EVENTS" {
        /// The number of the event; the first one after loading is 1.
        pub number: u64,
        /// What it is: the number of a trigger.
        pub trigger: u32,
        /// [`BEGIN`], [`ONGOING`], [`END`] or [`MOMENT`].
        pub state: u32,
        /// What was found in this sample, in the unit of the trigger: tenths of a percent, a number, or
        /// nanoseconds.
        pub value: u64,
        /// The worst value since it began.
        pub worst: u64,
        /// What the value was compared with when it began.
        pub limit: u64,
        /// How long it had to last before the event began, in nanoseconds.
        pub for_ns: u64,
        /// `CLOCK_MONOTONIC` since when it was so, in nanoseconds.
        pub since_mono_ns: u64,
        /// The name of the disk or the path of the file system, empty where the event is about the machine.
        pub subject: Subject,
    }
}

impl Event {
    /// `alert=mem_full begin value=41.0% limit=10.0% for=2.0s`, with the disk or path behind it, and how many
    /// lines about this trigger were left out before this one.
    pub fn log(&self, now_mono_ns: u64, left_out: u64, line: &mut Line) {
        let Some(trigger) = Trigger::of_number(self.trigger) else {
            return;
        };
        let Description { name, unit, .. } = trigger.description();
        let state = match self.state {
            BEGIN => " begin",
            ONGOING => " open",
            END => " end",
            _ => "",
        };
        line.start("alert=").text(name).text(state);
        unit.log(self.value, line.text(" value="));
        if self.state == END {
            unit.log(self.worst, line.text(" worst="));
        }
        unit.log(self.limit, line.text(" limit="));
        let lasted_ns = now_mono_ns.saturating_sub(self.since_mono_ns);
        Unit::Nanoseconds.log(lasted_ns, line.text(" for="));
        match trigger {
            Trigger::DiskStuck => line.text(" disk=").name(self.subject.as_bytes()),
            Trigger::FsFull | Trigger::FsStuck => line.text(" fs=").name(self.subject.as_bytes()),
            _ => line,
        };
        if left_out != 0 {
            line.text(" left_out=").number(left_out);
        }
    }

    /// Whether it is one of `trigger`.
    pub fn is_of(&self, trigger: Trigger) -> bool {
        Trigger::of_number(self.trigger) == Some(trigger)
    }

    /// Whether it begins or ends with this sample.
    pub fn is_change(&self) -> bool {
        matches!(self.state, BEGIN | END | MOMENT)
    }
}

/// State of an event that begins with this sample.
pub const BEGIN: u32 = 1;

/// State of an event that began earlier, and is not over.
pub const ONGOING: u32 = 2;

/// State of an event that ends with this sample.
pub const END: u32 = 3;

/// State of an event that is over as soon as it began, as a test.
pub const MOMENT: u32 = 4;
