// SPDX-License-Identifier: GPL-2.0-or-later

//! Events in words, and which of a sample are news.

use std::collections::BTreeSet;
use std::io;

use resmon::{Event, EventState, Id, Record, Sample};
use serde::Serialize;

use crate::time::{exact_time, time};

/// The boot and the load of the module that a record is of; none in version 1 of the record.
pub type Life = (Option<Id>, Option<Id>);

/// That of the records of a sample.
pub fn life(sample: &Sample) -> Life {
    (sample.module_boot_id, sample.module_load_id)
}

/// Which events of records are news: those that begin, end or are over at once, and those that go on
/// where their begin was not seen.
#[derive(Debug, Default)]
pub struct News {
    life: Life,
    /// The numbers of those that are open.
    open: BTreeSet<u64>,
}

impl News {
    /// The news in the next record.
    pub fn of<'e>(&mut self, life: Life, events: &'e [Event]) -> Vec<&'e Event> {
        if self.life != life {
            self.life = life;
            self.open.clear();
        }
        let mut open = BTreeSet::new();
        let mut news = Vec::new();
        for event in events {
            if event.is_open() {
                open.insert(event.number);
            }
            if event.state != EventState::Ongoing || !self.open.contains(&event.number) {
                news.push(event);
            }
        }
        // A record that the reporter was late for has no events, though they go on.
        if !events.is_empty() {
            self.open = open;
        }
        news
    }
}

/// An event with the sample that it is of. This is a line of JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub time_s: f64,
    pub seq: u64,
    pub module_boot_id: Option<Id>,
    pub module_load_id: Option<Id>,
    #[serde(flatten)]
    pub event: Event,
}

impl Row {
    /// Those of a sample that are news.
    pub fn of_sample(news: &mut News, sample: &Sample) -> Vec<Self> {
        let (time_s, seq) = (sample.time_s, sample.seq);
        Self::of(news, life(sample), (time_s, seq), &sample.events)
    }

    /// Those of a record that are news, which was taken at a time in seconds since 1970.
    pub fn of_record(news: &mut News, record: &Record, time_s: f64) -> Vec<Self> {
        let header = record.header();
        let life = (header.boot_id.map(Id), header.load_id.map(Id));
        Self::of(news, life, (time_s, header.seq), &Event::of(record))
    }

    fn of(news: &mut News, life: Life, (time_s, seq): (f64, u64), events: &[Event]) -> Vec<Self> {
        let (module_boot_id, module_load_id) = life;
        let events = news.of(life, events).into_iter();
        events
            .map(|event| Self {
                time_s,
                seq,
                module_boot_id,
                module_load_id,
                event: event.clone(),
            })
            .collect()
    }

    /// A line of JSON.
    pub fn json(&self) -> io::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }

    /// A line for people.
    pub fn line(&self) -> String {
        format!("{} {}\n", time(self.time_s), sentence(&self.event))
    }

    /// What a command gets to know of it.
    pub fn environment(&self) -> [(&'static str, String); 13] {
        let event = &self.event;
        let subject = event.subject.as_deref().unwrap_or_default();
        [
            ("RESMON_EVENT", event.name.clone()),
            ("RESMON_STATE", event.state.name().into()),
            ("RESMON_NUMBER", event.number.to_string()),
            ("RESMON_UNIT", event.unit.name().into()),
            ("RESMON_VALUE", event.value.to_string()),
            ("RESMON_WORST", event.worst.to_string()),
            ("RESMON_LIMIT", event.limit.to_string()),
            ("RESMON_LASTING_S", event.lasting_s.to_string()),
            ("RESMON_SINCE_S", event.since_s.to_string()),
            ("RESMON_SUBJECT", printable(subject)),
            ("RESMON_SEVERE", u8::from(event.severe).to_string()),
            ("RESMON_TIME", exact_time(self.time_s)),
            ("RESMON_TEXT", sentence(event)),
        ]
    }
}

/// What an event is, with what it is about.
pub fn title(event: &Event) -> String {
    match &event.subject {
        Some(subject) => format!("{} {}", event.name, printable(subject)),
        None => event.name.clone(),
    }
}

/// A sentence on an event, as `mem_full begins: 41.0%, limit 10.0% for 2.0s`.
pub fn sentence(event: &Event) -> String {
    let title = title(event);
    let text = |value: f64| event.unit.text(value);
    let (value, worst) = (text(event.value), text(event.worst));
    let limit = limit(event);
    let since_s = event.since_s;
    match event.state {
        EventState::Begin => format!("{title} begins: {value}, limit {limit}"),
        EventState::Ongoing => {
            format!("{title} goes on for {since_s:.1}s: {value}, worst {worst}, limit {limit}")
        }
        EventState::End => {
            format!("{title} ends after {since_s:.1}s: {value}, worst {worst}, limit {limit}")
        }
        EventState::Moment => format!("{title} happens: {value}, limit {limit}"),
    }
}

/// The limit, and how long it had to last.
fn limit(event: &Event) -> String {
    let limit = event.unit.text(event.limit);
    if event.lasting_s > 0.0 {
        format!("{limit} for {:.1}s", event.lasting_s)
    } else {
        limit
    }
}

/// A name that somebody may look at in a terminal.
pub fn printable(name: &str) -> String {
    let hide = |letter: char| match letter {
        letter if letter.is_control() => char::REPLACEMENT_CHARACTER,
        letter => letter,
    };
    name.chars().map(hide).collect()
}

/// All events of a sample in one word without quotes, as `mem_full:begin;disk_stuck=vda:ongoing`. What
/// a name has of `%;:,="`, blanks and control characters is `%` and two hexadecimal digits.
pub fn word(events: &[Event]) -> String {
    let each = events.iter().map(|event| {
        let (name, state) = (&event.name, event.state);
        match &event.subject {
            Some(subject) => format!("{name}={}:{state}", escaped(subject)),
            None => format!("{name}:{state}"),
        }
    });
    each.collect::<Vec<_>>().join(";")
}

fn escaped(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_control() || letter.is_whitespace() || "%;:,=\"'".contains(letter) {
            let mut bytes = [0; 4];
            for byte in letter.encode_utf8(&mut bytes).bytes() {
                text.push_str(&format!("%{byte:02X}"));
            }
        } else {
            text.push(letter);
        }
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub mod tests {
    use resmon::model::event::{self, Trigger, BEGIN, END, MOMENT, ONGOING};
    use resmon::model::record::{Header, SectionHeader, SIZE_AT};
    use resmon::model::text::Text;
    use resmon::model::words::Words;
    use resmon::Record;

    use super::*;

    pub const SECOND: u64 = 1_000_000_000;

    /// An event as the module makes it.
    pub fn raw(number: u64, trigger: Trigger, state: u32, subject: &str) -> event::Event {
        let trigger_is = trigger.description();
        event::Event {
            number,
            trigger: trigger as u32,
            state,
            value: trigger_is.limit * 4 + 1,
            worst: trigger_is.limit * 5,
            limit: trigger_is.limit,
            for_ns: trigger_is.for_s * SECOND,
            since_mono_ns: 7 * SECOND,
            subject: Text::new(subject.as_bytes()),
        }
    }

    /// A record at a second, of one load of the module, with these events.
    pub fn record(second: u64, load: u64, events: &[event::Event]) -> Record {
        let header = Header {
            seq: second,
            taken_mono_ns: second * SECOND,
            taken_wall_ns: (1_700_000_000 + second) * SECOND,
            due_mono_ns: second * SECOND,
            interval_ns: SECOND,
            taken_boot_ns: Some(second * SECOND),
            load_id: Some(load),
            boot_id: Some(1),
            ..Header::of(0)
        };
        let mut words = Vec::new();
        header.put(&mut |word| words.push(word));
        if !events.is_empty() {
            let section = SectionHeader::of::<event::Event>(events.len());
            section.put(&mut |word| words.push(word));
            for event in events {
                event.put(&mut |word| words.push(word));
            }
        }
        words[SIZE_AT] = 8 * words.len() as u64;
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        Record::from_bytes(&bytes).unwrap()
    }

    /// The events of such a record.
    pub fn events(second: u64, raw: &[event::Event]) -> Vec<Event> {
        Event::of(&record(second, 1, raw))
    }

    #[test]
    fn sentences_have_values_as_the_log_has_them() {
        let sentence = |trigger, state, subject| {
            let events = events(10, &[raw(1, trigger, state, subject)]);
            super::sentence(&events[0])
        };
        let (full, stuck) = (Trigger::MemoryFull, Trigger::DiskStuck);
        assert_eq!(
            sentence(full, BEGIN, ""),
            "mem_full begins: 40.1%, limit 10.0% for 2.0s"
        );
        assert_eq!(
            sentence(full, ONGOING, ""),
            "mem_full goes on for 3.0s: 40.1%, worst 50.0%, limit 10.0% for 2.0s"
        );
        assert_eq!(
            sentence(stuck, END, "vd\x1b[2Ja"),
            "disk_stuck vd\u{fffd}[2Ja ends after 3.0s: 40.0s, worst 50.0s, limit 10.0s"
        );
        assert_eq!(
            sentence(Trigger::Test, MOMENT, ""),
            "test happens: 5, limit 1"
        );
    }

    #[test]
    fn a_word_needs_no_quotes() {
        let raw = [
            raw(1, Trigger::MemoryFull, BEGIN, ""),
            raw(2, Trigger::FsFull, ONGOING, "/a,b;c:d=\"e %\n/ü"),
        ];
        let expected = "mem_full:begin;fs_full=/a%2Cb%3Bc%3Ad%3D%22e%20%25%0A/ü:ongoing";
        assert_eq!(word(&events(10, &raw)), expected);
        assert_eq!(word(&[]), "");
    }

    #[test]
    fn news_are_told_once() {
        let mut news = News::default();
        let mut of = |load: u64, raw: &[(u64, u32)]| -> Vec<(u64, EventState)> {
            let raw: Vec<_> = raw
                .iter()
                .map(|(number, state)| self::raw(*number, Trigger::MemoryFull, *state, ""))
                .collect();
            let events = events(10, &raw);
            let found = news.of((Some(Id(1)), Some(Id(load))), &events);
            let found = found.iter();
            found.map(|event| (event.number, event.state)).collect()
        };
        assert_eq!(of(1, &[(1, BEGIN)]), [(1, EventState::Begin)]);
        assert_eq!(of(1, &[(1, ONGOING)]), []);
        // A record without any, since its sample was late.
        assert_eq!(of(1, &[]), []);
        // The begin of the second one was lost.
        assert_eq!(
            of(1, &[(1, ONGOING), (2, ONGOING), (3, MOMENT)]),
            [(2, EventState::Ongoing), (3, EventState::Moment)]
        );
        assert_eq!(of(1, &[(1, END), (2, ONGOING)]), [(1, EventState::End)]);
        // The module was loaded again.
        assert_eq!(of(2, &[(2, ONGOING)]), [(2, EventState::Ongoing)]);
    }
}
