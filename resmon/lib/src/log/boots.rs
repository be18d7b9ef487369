// SPDX-License-Identifier: GPL-2.0-or-later

//! Which lines are of one boot, and their order.
//!
//! Within a text, time stamps that go back are those of another boot. Two texts, or two parts of what pstore
//! kept, are of one boot when they share a line, or when their clocks agree. Where there is no such sign they
//! are of one boot unless their times overlap: then lines of the one would be in the other as well.

use std::cmp::Ordering;
use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};

use super::{panic, Entry, Segment, Start};

/// Clocks of one boot differ by no more than this, in seconds; a text may have whole seconds only.
const AGREES_S: f64 = 5.0;

/// The lines of all texts, in order and each once.
#[derive(Debug)]
pub(super) struct Sorted {
    pub(super) entries: Vec<Placed>,
}

/// A line with its boot.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) boot: u64,
    pub(super) entry: Entry,
    /// What orders it within its boot. Lines that have only the time of day come first, where nothing says
    /// which time stamp that is.
    order: (bool, u64),
}

/// A boot as far as it is known.
#[derive(Debug, Default)]
struct Boot {
    /// From when to when each segment of it is, in microseconds.
    ranges: Vec<(u64, u64)>,
    /// What its lines are, by their hash.
    lines: HashSet<u64>,
    /// How far the wall clock was ahead of the time stamps, in seconds.
    ahead_s: Option<f64>,
    /// The newest time of day.
    wall_s: Option<f64>,
    has_stamps: bool,
}

/// What is looked at of a segment.
#[derive(Debug, Default)]
struct Summary {
    range: Option<(u64, u64)>,
    lines: HashSet<u64>,
    ahead_s: Option<f64>,
    /// The same by what the module says at a panic.
    panic_ahead_s: Option<f64>,
    wall_s: Option<f64>,
}

pub(super) fn sorted(entries: Vec<Entry>, segments: &[Segment]) -> Sorted {
    let mut summaries: HashMap<u32, Summary> = HashMap::new();
    for entry in &entries {
        summaries.entry(entry.segment).or_default().add(entry);
    }
    let mut boots: Vec<Boot> = Vec::new();
    let mut boot_of: HashMap<u32, usize> = HashMap::new();
    // Boots that a file has had before its present one.
    let mut over: Vec<usize> = Vec::new();
    let mut before: Option<(u32, usize)> = None;
    for (number, segment) in (0u32..).zip(segments) {
        match (segment.start, before) {
            (Start::Boot, Some((file, boot))) if file == segment.file => over.push(boot),
            (Start::Boot, _) => (),
            (Start::Anywhere, _) => over.clear(),
        }
        let Some(mut summary) = summaries.remove(&number) else {
            continue;
        };
        // What the text has is as its other times are.
        summary.ahead_s = summary.ahead_s.or(summary.panic_ahead_s);
        let at = place(&boots, &over, &summary).unwrap_or_else(|| {
            boots.push(Boot::default());
            boots.len() - 1
        });
        if let Some(boot) = boots.get_mut(at) {
            boot.join(summary);
        }
        boot_of.insert(number, at);
        before = Some((segment.file, at));
    }
    let orders = orders(&boots);
    let placed = entries.into_iter().filter_map(|mut entry| {
        let at = *boot_of.get(&entry.segment)?;
        let boot = boots.get(at)?;
        let wall_s = entry.stamp_us.zip(boot.ahead_s);
        let wall_s = wall_s.map(|(stamp_us, ahead_s)| stamp_us as f64 / 1e6 + ahead_s);
        entry.wall_s = entry.wall_s.or(wall_s);
        let since_boot_s = boot.ahead_s.zip(entry.wall_s);
        let since_boot_s = since_boot_s.map(|(ahead_s, wall_s)| wall_s - ahead_s);
        // Casts of floats saturate.
        let micros = |seconds: f64| (seconds * 1e6) as u64;
        let order = match (entry.stamp_us, since_boot_s) {
            (Some(stamp_us), _) => (true, stamp_us),
            (None, Some(since_boot_s)) => (true, micros(since_boot_s)),
            (None, None) => (false, micros(entry.wall_s.unwrap_or(0.0))),
        };
        Some(Placed {
            boot: *orders.get(at)?,
            entry,
            order,
        })
    });
    let mut placed: Vec<Placed> = placed.collect();
    placed.sort_by(compare);
    Sorted {
        entries: each_once(placed),
    }
}

/// The boot that a segment is of; none when it is another one.
fn place(boots: &[Boot], over: &[usize], summary: &Summary) -> Option<usize> {
    let mut all = boots.iter().enumerate().rev();
    let shares = |boot: &Boot| !boot.lines.is_disjoint(&summary.lines);
    if let Some((at, _)) = all.clone().find(|(_, boot)| shares(boot)) {
        return Some(at);
    }
    let is_free = |at: &usize| !over.contains(at);
    let may_be = |(at, boot): &(usize, &Boot)| {
        let agrees = match (boot.ahead_s, summary.ahead_s) {
            (Some(one), Some(other)) => return (one - other).abs() <= AGREES_S,
            _ => boot.has_stamps == summary.range.is_some(),
        };
        let overlaps = summary.range.is_some_and(|(first, last)| {
            let mut ranges = boot.ranges.iter();
            // All that is printed at once, as at a panic, may have one time stamp, and be in two parts.
            ranges.any(|(from, to)| first < *to && *from < last)
        });
        agrees && !overlaps && is_free(at)
    };
    all.find(may_be).map(|(at, _)| at)
}

/// The number of each boot: by the clock where all have one, else as they were found.
fn orders(boots: &[Boot]) -> Vec<u64> {
    let mut order: Vec<usize> = (0..boots.len()).collect();
    let walls: Option<Vec<f64>> = boots.iter().map(|boot| boot.wall_s).collect();
    if let Some(walls) = walls {
        let wall = |at: &usize| walls.get(*at).copied().unwrap_or(0.0);
        order.sort_by(|one, other| wall(one).total_cmp(&wall(other)));
    }
    let mut numbers = vec![0; boots.len()];
    for (number, at) in (0u64..).zip(order) {
        if let Some(place) = numbers.get_mut(at) {
            *place = number;
        }
    }
    numbers
}

fn compare(one: &Placed, other: &Placed) -> Ordering {
    (one.boot, one.order).cmp(&(other.boot, other.order))
}

/// Leaves out what is there more than once. Of a line that was cut off the longest is taken.
fn each_once(placed: Vec<Placed>) -> Vec<Placed> {
    let mut kept: Vec<Placed> = Vec::with_capacity(placed.len());
    // Where those of the same time begin.
    let mut first = 0;
    for new in placed {
        // Right behind itself a line says nothing new, also where time stamps do not tell.
        let is_repeated = kept.last().is_some_and(|last| {
            compare(last, &new) == Ordering::Equal
                && last.entry.text == new.entry.text
                && last.entry.is_whole
        });
        if is_repeated {
            continue;
        }
        let is_same_time = kept
            .get(first)
            .is_some_and(|known| compare(known, &new) == Ordering::Equal);
        if !is_same_time {
            first = kept.len();
        }
        let same = kept.get_mut(first..).unwrap_or_default();
        let same = same
            .iter_mut()
            .find(|known| is_same(&known.entry, &new.entry));
        match same {
            Some(known) => {
                let is_better = new.entry.text.len() > known.entry.text.len()
                    || (new.entry.is_whole && !known.entry.is_whole);
                if is_better {
                    *known = new;
                }
            }
            None => kept.push(new),
        }
    }
    kept
}

/// Whether two lines of the same time are one. Where times are whole seconds a text may well have two that
/// are alike.
fn is_same(one: &Entry, other: &Entry) -> bool {
    let (one_text, other_text) = (&*one.text, &*other.text);
    let is_part = match one_text.len() <= other_text.len() {
        true => other_text.starts_with(one_text) && (!one.is_whole || one_text == other_text),
        false => one_text.starts_with(other_text) && !other.is_whole,
    };
    is_part && (one.stamp_us.is_some() || one.segment != other.segment)
}

impl Summary {
    fn add(&mut self, entry: &Entry) {
        if let Some(stamp_us) = entry.stamp_us {
            let (first, last) = self.range.unwrap_or((stamp_us, stamp_us));
            self.range = Some((first.min(stamp_us), last.max(stamp_us)));
            if let Some(wall_s) = entry.wall_s {
                self.ahead_s = Some(wall_s - stamp_us as f64 / 1e6);
            }
            if let Some(wall_s) = panic::wall_s(&entry.text) {
                self.panic_ahead_s = Some(wall_s - stamp_us as f64 / 1e6);
            }
        }
        if let Some(wall_s) = entry.wall_s {
            self.wall_s = Some(self.wall_s.map_or(wall_s, |newest| newest.max(wall_s)));
        }
        self.lines.insert(hash(entry));
    }
}

/// A number for a line with its time. With a time stamp its begin is enough to know it again, since the rest
/// may have been cut off.
fn hash(entry: &Entry) -> u64 {
    const BEGIN: usize = 20;
    let mut hasher = DefaultHasher::new();
    match entry.stamp_us {
        Some(stamp_us) => {
            entry
                .text
                .get(..BEGIN)
                .unwrap_or(&entry.text)
                .hash(&mut hasher);
            stamp_us.hash(&mut hasher);
        }
        None => {
            entry.text.hash(&mut hasher);
            entry.wall_s.map(f64::to_bits).hash(&mut hasher);
        }
    }
    hasher.finish()
}

impl Boot {
    fn join(&mut self, summary: Summary) {
        self.has_stamps |= summary.range.is_some();
        self.ranges.extend(summary.range);
        self.lines.extend(summary.lines);
        self.ahead_s = self.ahead_s.or(summary.ahead_s);
        let newest = [self.wall_s, summary.wall_s].into_iter().flatten();
        self.wall_s = newest.reduce(f64::max);
    }
}
