// SPDX-License-Identifier: GPL-2.0-or-later

//! A recording in which events begin and end.

use resmon::model::event::{Event, Trigger, BEGIN, END, MOMENT, ONGOING};
use resmon::model::text::Text;
use resmon::Record;

use super::{recording, with_section};

/// An event, from a record to another one, counted from 0; after the last one it goes on.
pub struct Made {
    pub number: u64,
    pub trigger: u32,
    pub from: usize,
    pub to: usize,
    pub subject: &'static [u8],
    /// Its values: those of the records in turn, the last one for all others.
    pub values: &'static [u64],
}

pub const MADE: [Made; 5] = [
    Made {
        number: 1,
        trigger: Trigger::MemoryFull as u32,
        from: 10,
        to: 15,
        subject: b"",
        values: &[410, 622, 500, 400, 300, 31],
    },
    Made {
        number: 2,
        trigger: Trigger::Test as u32,
        from: 20,
        to: 20,
        subject: b"",
        values: &[1],
    },
    Made {
        number: 3,
        trigger: Trigger::DiskStuck as u32,
        from: 30,
        to: usize::MAX,
        subject: b"vda",
        values: &[10_400_000_000, 11_400_000_000],
    },
    Made {
        number: 4,
        trigger: Trigger::FsFull as u32,
        from: 40,
        to: 45,
        subject: b"/mnt,\"a;b\x1b[2J\xff",
        values: &[960, 970, 940],
    },
    Made {
        number: 5,
        trigger: 99,
        from: 50,
        to: 50,
        subject: b"",
        values: &[12],
    },
];

impl Made {
    /// What it is in a record that was taken at a time, if it is there.
    fn at(&self, record: usize, taken_mono_ns: u64) -> Option<Event> {
        const SECOND: u64 = 1_000_000_000;
        if !(self.from..=self.to).contains(&record) {
            return None;
        }
        let state = match (record == self.from, record == self.to) {
            (true, true) => MOMENT,
            (true, false) => BEGIN,
            (false, true) => END,
            (false, false) => ONGOING,
        };
        let trigger = Trigger::of_number(self.trigger).map(Trigger::description);
        let for_ns = trigger.map_or(0, |trigger| trigger.for_s * SECOND);
        let values = self.values.iter().copied();
        let values: Vec<_> = values.take(record - self.from + 1).collect();
        Some(Event {
            number: self.number,
            trigger: self.trigger,
            state,
            value: *values.last().unwrap(),
            worst: *values.iter().max().unwrap(),
            limit: trigger.map_or(1, |trigger| trigger.limit),
            for_ns,
            since_mono_ns: taken_mono_ns - for_ns - (record - self.from) as u64 * SECOND,
            subject: Text::new(self.subject),
        })
    }
}

/// The recording of a minute with these events.
pub fn with_events() -> Vec<Record> {
    let records = recording().into_iter().enumerate();
    let add = |(at, record): (usize, Record)| {
        let taken_mono_ns = record.header().taken_mono_ns;
        let events = MADE.iter().filter_map(|made| made.at(at, taken_mono_ns));
        events.fold(record, |record, event| with_section(&record, &event))
    };
    records.map(add).collect()
}
