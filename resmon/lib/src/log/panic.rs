// SPDX-License-Identifier: GPL-2.0-or-later

//! What the module prints when the kernel panics: the newest samples again, each with how long before the
//! panic it was taken, events that were not over, and the largest tasks. All of it has the time of the panic.

use std::collections::BTreeMap;

use super::boots::Placed;
use super::line::{Brief, Line};
use crate::sample::{Event, EventState, Task, TaskTotals};

/// What the module has printed at the panic of one boot.
#[derive(Debug, Default)]
pub(super) struct Printed {
    /// The time stamp of the first of its lines, in microseconds.
    pub(super) stamp_us: Option<u64>,
    /// In seconds since 1970.
    pub(super) wall_s: Option<f64>,
    /// With how many seconds before the panic each was taken.
    pub(super) briefs: Vec<(f64, Brief)>,
    pub(super) events: Vec<Event>,
    pub(super) totals: Option<TaskTotals>,
    pub(super) tasks: Vec<Task>,
}

/// Whether the module prints a line at a panic alone.
pub(super) fn is_at_panic(line: &Line) -> bool {
    match line {
        Line::Panic(_) => true,
        Line::Brief(brief) => brief.ago_s.is_some(),
        Line::Alert(event, _) => event.state == EventState::Ongoing,
        _ => false,
    }
}

/// The time of the panic, in seconds since 1970, if a line says it.
pub(super) fn wall_s(text: &str) -> Option<f64> {
    match Line::parse(text, true).filter(|_| text.starts_with("panic "))? {
        Line::Panic(wall_s) => Some(wall_s),
        _ => None,
    }
}

/// Takes what was printed at a panic out of the lines. What is left is what the module says while it runs.
pub(super) fn take(entries: Vec<Placed>) -> (Vec<Placed>, BTreeMap<u64, Printed>) {
    let mut panics: BTreeMap<u64, Printed> = BTreeMap::new();
    for placed in &entries {
        let entry = &placed.entry;
        let line = Line::parse(&entry.text, entry.is_whole);
        if !line.as_ref().is_some_and(is_at_panic) {
            continue;
        }
        let printed = panics.entry(placed.boot).or_default();
        let stamps = [printed.stamp_us, entry.stamp_us];
        printed.stamp_us = stamps.into_iter().flatten().min();
        printed.wall_s = match line {
            Some(Line::Panic(wall_s)) => Some(wall_s),
            _ => printed.wall_s.or(entry.wall_s),
        };
    }
    if panics.is_empty() {
        return (entries, panics);
    }
    let left = entries.into_iter().filter(|placed| {
        let printed = panics.get_mut(&placed.boot);
        printed.is_none_or(|printed| !printed.add(placed))
    });
    let left = left.collect();
    for printed in panics.values_mut() {
        let briefs = &mut printed.briefs;
        briefs.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        briefs.dedup_by(|(one, _), (other, _)| one == other);
    }
    (left, panics)
}

impl Printed {
    /// Adds a line if it was printed at the panic. By then nobody else prints: the other CPUs stand still.
    fn add(&mut self, placed: &Placed) -> bool {
        let entry = &placed.entry;
        let is_later = match (entry.stamp_us, self.stamp_us) {
            (Some(at), Some(panic)) => at >= panic,
            (None, _) => entry.is_at_panic,
            (Some(_), None) => false,
        };
        if !is_later {
            return false;
        }
        match Line::parse(&entry.text, entry.is_whole) {
            Some(Line::Panic(_)) => true,
            // Of one that was cut off it is not known when it was taken.
            Some(Line::Brief(brief)) => {
                self.briefs.extend(brief.ago_s.map(|ago_s| (ago_s, *brief)));
                true
            }
            Some(Line::Alert(event, _)) if event.state == EventState::Ongoing => {
                let is_known =
                    |known: &Event| (&known.name, &known.subject) == (&event.name, &event.subject);
                if !self.events.iter().any(is_known) {
                    self.events.push(event);
                }
                true
            }
            Some(Line::Tasks(totals)) => {
                self.totals = self.totals.take().or(totals);
                true
            }
            Some(Line::Task(task)) => {
                let new = task.filter(|task| self.tasks.iter().all(|known| known.pid != task.pid));
                self.tasks.extend(new);
                true
            }
            _ => false,
        }
    }

    /// Seconds since boot, so many before the panic.
    pub(super) fn since_boot_s(&self, ago_s: f64) -> Option<f64> {
        Some(self.stamp_us? as f64 / 1e6 - ago_s)
    }
}
