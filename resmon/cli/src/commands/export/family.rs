// SPDX-License-Identifier: GPL-2.0-or-later

//! Families of metrics, and how the counters among them are kept from falling.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use resmon::model::text::Text;

use crate::events::is_hidden;

/// Metrics of one name.
#[derive(Clone, Debug)]
pub struct Family {
    pub kind: Kind,
    /// The name without its unit, and without the `_total` of a counter.
    pub name: &'static str,
    pub unit: Option<Unit>,
    /// A sentence that says what it means.
    pub help: &'static str,
    /// Each has labels that no other one has.
    pub samples: Vec<Sample>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    Bytes,
    Seconds,
}

#[derive(Clone, Debug)]
pub struct Sample {
    pub labels: Labels,
    /// What is shown.
    pub value: Value,
    pub life: Life,
    /// What was counted, and what had been before that began anew.
    counted: Value,
    base: u64,
}

pub type Labels = Vec<Label>;

/// A label's name and value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label(pub &'static str, pub Cow<'static, str>);

/// The value of a metric. All values of a family are of one kind.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum Value {
    Whole(u64),
    /// Seconds, of so many nanoseconds.
    Seconds(u64),
    Real(f64),
}

/// What a counter counts for: that of another life has nothing to do with the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// The machine, from boot on, or the module, from load on.
    Machine,
    /// A CPU that is online, by its epoch.
    Cpu { epoch: u32 },
    /// A disk, by its sequence number.
    Disk { seq: u64 },
    /// A network interface, by its index.
    Net { index: u32 },
}

impl Unit {
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Seconds => "seconds",
        }
    }
}

impl Label {
    /// A label whose value may have any bytes.
    pub fn text<const MAX: usize>(name: &'static str, text: &Text<MAX>) -> Self {
        Self::bytes(name, text.as_bytes())
    }

    /// The same, of bytes.
    pub fn bytes(name: &'static str, bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        // Somebody may look at this in a terminal. A newline is escaped where it is written.
        let hide = |letter: char| match letter {
            letter if is_hidden(letter) && letter != '\n' => char::REPLACEMENT_CHARACTER,
            letter => letter,
        };
        Self(name, text.chars().map(hide).collect())
    }
}

/// Name of a family without its unit and without `_total`, its unit, and what it means.
pub type Description = (&'static str, Option<Unit>, &'static str);

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl Life {
    /// Whether a counter has begun anew that was at `before`, though it is of the same life.
    ///
    /// Some network drivers set all counters back when an interface is set up again. One that was
    /// held at the old value would stand still until as much came together once more, which can
    /// take months. That is no matter of a few packets, but of all of them, and to others than
    /// interfaces it does not happen.
    fn has_begun_anew(self, before: Value, now: Value) -> bool {
        match (self, before, now) {
            (Self::Net { .. }, Value::Whole(before), Value::Whole(now)) => now < before / 2,
            _ => false,
        }
    }
}

impl Sample {
    pub fn new(labels: Labels, value: impl Into<Value>, life: Life) -> Self {
        let value = value.into();
        Self {
            labels,
            value,
            life,
            counted: value,
            base: 0,
        }
    }

    /// Goes on from `before`, if that is of the same life: holds the value there, if it has fallen,
    /// and counts on from there where the counter has begun anew.
    fn keep_from_falling(&mut self, before: &Self) {
        if self.life != before.life {
            return;
        }
        self.base = before.base;
        if self.life.has_begun_anew(before.counted, self.counted) {
            if let Value::Whole(shown) = before.value {
                self.base = shown;
            }
        }
        if let Value::Whole(counted) = self.counted {
            self.value = Value::Whole(self.base.saturating_add(counted));
        }
        if self.value < before.value {
            self.value = before.value;
        }
    }
}

impl Family {
    /// Leaves out samples whose labels one before has. Two names that are not UTF-8 can look
    /// alike, and a sample may be there only once.
    pub fn new(
        kind: Kind,
        (name, unit, help): Description,
        samples: impl IntoIterator<Item = Sample>,
    ) -> Self {
        let mut samples: Vec<_> = samples.into_iter().collect();
        let mut seen = HashSet::with_capacity(samples.len());
        let is_first: Vec<_> = samples
            .iter()
            .map(|sample| seen.insert(&sample.labels))
            .collect();
        let mut is_first = is_first.into_iter();
        samples.retain(|_| is_first.next().unwrap_or_default());
        Self {
            kind,
            name,
            unit,
            help,
            samples,
        }
    }

    /// A gauge with one sample.
    pub fn gauge(description: Description, labels: Labels, value: impl Into<Value>) -> Self {
        let sample = Sample::new(labels, value, Life::Machine);
        Self::new(Kind::Gauge, description, [sample])
    }

    /// Holds each value at that of `before`, if it has fallen.
    fn keep_from_falling(&mut self, before: &Self) {
        let before = before.samples.iter();
        let before: HashMap<_, _> = before.map(|sample| (&sample.labels, sample)).collect();
        for sample in &mut self.samples {
            if let Some(before) = before.get(&sample.labels) {
                sample.keep_from_falling(before);
            }
        }
    }
}

/// The families of the newest record, with counters that have not fallen from any record before.
///
/// The kernel lets some counters fall: iowait and idle do when a task that waits for I/O moves from
/// CPU to CPU. Prometheus takes that for a new beginning at zero, and so for a jump by all that
/// had been counted.
///
/// Each record counts, and not only those that were scraped. So what is shown depends on the
/// records alone: two who scrape at different times see one and the same counter, and somebody who
/// did not see its highest value still gets what was counted on the way there. What is of another
/// life begins anew even if nobody saw that the one before ended.
#[derive(Debug, Default)]
pub struct Shown {
    families: Vec<Arc<Family>>,
    /// Counters of sources that had nothing in the newest record, as one that was not read in time.
    /// There is at most one of a name, and it is as long as it was when it was shown.
    absent: Vec<Arc<Family>>,
}

impl Shown {
    /// Shows `families` from now on. What a family no longer has is gone, and is forgotten.
    pub fn replace(&mut self, mut families: Vec<Family>) {
        let before = self.families.iter().chain(&self.absent);
        let mut before: HashMap<_, _> = before
            .filter(|family| family.kind == Kind::Counter)
            .map(|family| ((family.name, family.unit), family))
            .collect();
        for family in &mut families {
            if let Some(before) = before.remove(&(family.name, family.unit)) {
                family.keep_from_falling(before);
            }
        }
        self.absent = before.into_values().cloned().collect();
        self.families = families.into_iter().map(Arc::new).collect();
    }

    pub fn families(&self) -> &[Arc<Family>] {
        &self.families
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn label(value: &str) -> Labels {
        vec![Label::bytes("of", value.as_bytes())]
    }

    fn sample(of: &str, life: Life, value: u64) -> Sample {
        Sample::new(label(of), value, life)
    }

    fn family(kind: Kind, name: &'static str, samples: Vec<Sample>) -> Family {
        Family::new(kind, (name, None, "A test."), samples)
    }

    /// What is shown of one family when its samples are those of each record in turn; a record
    /// without any does not have the family.
    fn shown(kind: Kind, records: Vec<Vec<Sample>>) -> Vec<Vec<(String, Value)>> {
        let mut newest = Shown::default();
        let show = |samples: Vec<Sample>| {
            let families = match samples.is_empty() {
                true => Vec::new(),
                false => vec![family(kind, "node_it", samples)],
            };
            newest.replace(families);
            let families = newest.families().iter();
            let samples = families.flat_map(|family| &family.samples);
            samples
                .map(|sample| (sample.labels[0].1.to_string(), sample.value))
                .collect()
        };
        records.into_iter().map(show).collect()
    }

    /// The values of one sample in turn.
    fn values(kind: Kind, records: &[(Life, u64)]) -> Vec<u64> {
        let records = records
            .iter()
            .map(|(life, value)| vec![sample("a", *life, *value)])
            .collect();
        let shown = shown(kind, records).into_iter().flatten();
        shown
            .map(|(_, value)| match value {
                Value::Whole(value) => value,
                other => unreachable!("expected a whole number, found {other:?}"),
            })
            .collect()
    }

    const CPU: Life = Life::Cpu { epoch: 1 };

    #[test]
    fn a_counter_is_held_until_it_has_caught_up() {
        let records = [10, 7, 9, 10, 11, 3].map(|value| (CPU, value));
        assert_eq!(values(Kind::Counter, &records), [10, 10, 10, 10, 11, 11]);
        let records = [10, 7, 9].map(|value| (Life::Machine, value));
        assert_eq!(values(Kind::Gauge, &records), [10, 7, 9]);
    }

    #[test]
    fn another_life_begins_where_it_is() {
        let lives = [
            (CPU, Life::Cpu { epoch: 2 }),
            (Life::Disk { seq: 1 }, Life::Disk { seq: 2 }),
            (Life::Net { index: 1 }, Life::Net { index: 2 }),
        ];
        for (one, other) in lives {
            let records = [(one, 10), (other, 8), (other, 7), (other, 9)];
            assert_eq!(values(Kind::Counter, &records), [10, 8, 8, 9], "{one:?}");
        }
    }

    #[test]
    fn only_a_network_driver_begins_anew_within_a_life() {
        let net = Life::Net { index: 1 };
        let records = [10, 9, 11, 4, 3, 5, 2, 3].map(|value| (net, value));
        let expected = [10, 10, 11, 15, 15, 16, 16, 16];
        assert_eq!(values(Kind::Counter, &records), expected);
        let disk = Life::Disk { seq: 1 };
        let records = [10, 9, 4, 0].map(|value| (disk, value));
        assert_eq!(values(Kind::Counter, &records), [10, 10, 10, 10]);
    }

    #[test]
    fn what_was_late_is_remembered_and_what_is_gone_forgotten() {
        let of = |value| sample("a", CPU, value);
        let other = || sample("b", CPU, 1);
        let records = vec![vec![of(10)], vec![], vec![], vec![of(9)]];
        let found = shown(Kind::Counter, records);
        assert_eq!(found[3], [("a".to_owned(), 10.into())]);
        let records = vec![vec![of(10), other()], vec![other()], vec![other(), of(9)]];
        let found = shown(Kind::Counter, records);
        assert_eq!(
            found[2],
            [("b".to_owned(), 1.into()), ("a".to_owned(), 9.into())]
        );
    }

    #[test]
    fn things_that_come_and_go_take_no_memory() {
        let mut newest = Shown::default();
        for round in 0..1000 {
            let of = sample(&round.to_string(), Life::Net { index: round }, 1);
            // Every third record has none.
            let families = match round % 3 {
                0 => Vec::new(),
                _ => vec![family(Kind::Counter, "node_it", vec![of])],
            };
            newest.replace(families);
            let kept = newest.families.iter().chain(&newest.absent);
            let kept: usize = kept.map(|family| family.samples.len()).sum();
            assert!(kept <= 1, "{kept} samples are kept, expected at most 1");
        }
    }

    #[test]
    fn no_two_samples_have_the_same_labels() {
        let same = || sample("\u{fffd}", CPU, 1);
        let family = family(
            Kind::Counter,
            "node_it",
            vec![same(), sample("b", CPU, 2), same()],
        );
        let labels: Vec<_> = family.samples.into_iter().map(|it| it.labels).collect();
        assert_eq!(labels, [label("\u{fffd}"), label("b")]);
    }

    #[test]
    fn control_characters_are_replaced() {
        let label = Label::bytes("path", b"a\x1b[2J\n\"\\\xff");
        assert_eq!(label.1, "a\u{fffd}[2J\n\"\\\u{fffd}");
    }
}
