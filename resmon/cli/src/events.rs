// SPDX-License-Identifier: GPL-2.0-or-later

//! Events in words, and which of a sample are news.

mod row;
#[cfg(test)]
pub mod tests;

use std::collections::BTreeSet;

use resmon::{Event, EventState, Id, Sample};

pub use row::Row;

/// The boot and the load of the module that a record is of; none in version 1 of the record.
pub type Life = (Option<Id>, Option<Id>);

/// That of the records of a sample.
pub fn life(sample: &Sample) -> Life {
    match sample.from_log {
        // Such a log has no identities, but tells lives apart.
        Some(log) => (Some(Id(log.boot)), Some(Id(log.load))),
        None => (sample.module_boot_id, sample.module_load_id),
    }
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
    let value = text(event.value);
    let worst = event.worst.map_or("-".into(), text);
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
    match event.lasting_s.filter(|lasting_s| *lasting_s > 0.0) {
        Some(lasting_s) => format!("{limit} for {lasting_s:.1}s"),
        None => limit,
    }
}

/// A name that somebody may look at in a terminal, or that goes into XML.
pub fn printable(name: &str) -> String {
    let hide = |letter: char| match letter {
        letter if is_hidden(letter) => char::REPLACEMENT_CHARACTER,
        letter => letter,
    };
    name.chars().map(hide).collect()
}

/// Whether a letter controls how others are shown, breaks a line, or is none.
pub fn is_hidden(letter: char) -> bool {
    match letter {
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' => true,
        '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => true,
        letter => letter.is_control(),
    }
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

/// A name as a word without quotes. What spreadsheets would take for a formula is none.
pub fn escaped(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        let is_formula = text.is_empty() && "+-@".contains(letter);
        let is_odd = is_hidden(letter) || letter.is_whitespace() || is_formula;
        if is_odd || "%;:,=\"'".contains(letter) {
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
