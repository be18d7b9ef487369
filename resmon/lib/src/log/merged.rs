// SPDX-License-Identifier: GPL-2.0-or-later

//! The samples of the lines, and among them those that the module printed again at a panic.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::boots::Sorted;
use super::panic::{self, Printed};
use super::samples::LineSamples;
use crate::sample::{Event, FromLog, Sample, Task};

/// Samples out of the lines of a kernel log.
#[derive(Debug)]
pub struct LogSamples {
    lines: LineSamples,
    /// The next one of the lines, which may come after one of a panic.
    next: Option<Sample>,
    /// Those that were printed at the panic of each boot.
    again: BTreeMap<u64, VecDeque<Sample>>,
    panics: Vec<LogPanic>,
    events: Events,
    /// The last one that has values.
    before: Option<Sample>,
}

/// The end of a boot by a panic, as far as the module has said it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LogPanic {
    /// When it was, in seconds since 1970 or, where nothing says that, since boot.
    pub time_s: f64,
    /// Whether that is the time of day.
    pub has_wall_clock: bool,
    /// The events that were not over.
    pub events: Vec<Event>,
    /// The tasks that used most of the CPUs and of the memory.
    pub tasks: Vec<Task>,
}

/// The numbers of events of one life, so that one that was open at a panic is known to be the one that began.
#[derive(Debug, Default)]
struct Events {
    life: Option<(u64, u64)>,
    last: u64,
    open: HashMap<(String, Option<String>), u64>,
}

impl LogSamples {
    pub(super) fn new(sorted: Sorted) -> Self {
        let (entries, printed) = panic::take(sorted.entries);
        let mut lines = LineSamples::new(entries);
        let next = lines.next();
        let again = printed
            .iter()
            .map(|(boot, printed)| (*boot, samples(*boot, printed)));
        Self {
            again: again.collect(),
            panics: printed.into_values().map(LogPanic::of).collect(),
            lines,
            next,
            events: Events::default(),
            before: None,
        }
    }

    /// Whether the newest line has the time of day.
    pub fn has_wall_clock(&self) -> bool {
        let last = self.panics.last();
        last.is_some_and(|last| last.has_wall_clock) || self.lines.has_wall_clock()
    }

    /// When the newest line was written, in the time of the samples; none when there is none.
    pub fn end_s(&self) -> Option<f64> {
        let last = self.panics.last();
        let last = last.filter(|last| last.has_wall_clock || !self.lines.has_wall_clock());
        let ends = [self.lines.end_s(), last.map(|last| last.time_s)];
        ends.into_iter().flatten().reduce(f64::max)
    }

    /// The panics that the log has, the last one last.
    pub fn panics(&self) -> &[LogPanic] {
        &self.panics
    }

    /// The next one that was printed at a panic, if it comes before the next one of the lines.
    fn next_again(&mut self) -> Option<Sample> {
        let mut entry = self.again.first_entry()?;
        let boot = *entry.key();
        let Some(again) = entry.get().front() else {
            entry.remove();
            return None;
        };
        let next = self
            .next
            .as_ref()
            .and_then(|next| Some((next, next.from_log?)));
        match next {
            Some((_, from)) if from.boot < boot => return None,
            Some((next, from)) if from.boot == boot && distance_s(again, next) > 0.0 => {
                return None
            }
            _ => (),
        }
        let again = entry.get_mut().pop_front();
        if entry.get().is_empty() {
            entry.remove();
        }
        again
    }

    /// Leaves out what was printed again of the next one of the lines, but for events and tasks.
    fn drop_known(&mut self) {
        // Printed while the module ran, it has the time at which it was printed, which is somewhat later.
        const SAME_S: f64 = 0.5;
        // Without the kernel's time stamps there may be whole seconds alone.
        const COARSE_SAME_S: f64 = 1.0;
        loop {
            let Some(mut entry) = self.again.first_entry() else {
                return;
            };
            let boot = *entry.key();
            let Some(again) = entry.get().front() else {
                entry.remove();
                continue;
            };
            let is_same = |known: &Sample| {
                let of_boot = known.from_log.is_some_and(|from| from.boot == boot);
                let same_s = match known.since_boot_s {
                    Some(_) => SAME_S,
                    None => COARSE_SAME_S,
                };
                of_boot && has_values(known) && distance_s(again, known).abs() <= same_s
            };
            let Some(next) = self.next.as_mut().filter(|next| is_same(next)) else {
                return;
            };
            if let Some(again) = entry.get_mut().pop_front() {
                complete(next, again);
            }
            if entry.get().is_empty() {
                entry.remove();
            }
        }
    }

    /// What is given out.
    fn given(&mut self, mut sample: Sample) -> Sample {
        let from = sample.from_log;
        if from.is_some_and(|from| from.at_panic) {
            let load = from.map_or(0, |from| self.load(from.boot));
            if let Some(from) = &mut sample.from_log {
                from.load = load;
                sample.interval_s = self.lines.interval_s(from.boot, load);
            }
            let before = self.before.as_ref().filter(|before| {
                let life = |sample: &Sample| sample.from_log.map(|from| from.life());
                life(before) == life(&sample)
            });
            let elapsed_s = before.map(|before| distance_s(&sample, before));
            sample.elapsed_s = elapsed_s.filter(|seconds| *seconds > 0.0);
        }
        self.events.number(&mut sample);
        if has_values(&sample) {
            self.before = Some(sample.clone());
        }
        sample
    }

    /// Which load of the module the end of a boot is of, as far as it is known.
    fn load(&self, boot: u64) -> u64 {
        let known = [self.next.as_ref(), self.before.as_ref()];
        let loads = known.into_iter().flatten().filter_map(|sample| {
            let from = sample.from_log?;
            (from.boot == boot).then_some(from.load)
        });
        loads.max().unwrap_or(0)
    }
}

impl Iterator for LogSamples {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        self.drop_known();
        if let Some(again) = self.next_again() {
            return Some(self.given(again));
        }
        let next = self.next.take()?;
        self.next = self.lines.next();
        Some(self.given(next))
    }
}

impl LogPanic {
    fn of(printed: Printed) -> Self {
        let time_s = printed.wall_s.or(printed.since_boot_s(0.0));
        Self {
            time_s: time_s.unwrap_or(0.0),
            has_wall_clock: printed.wall_s.is_some(),
            events: printed.events,
            tasks: printed.tasks,
        }
    }
}

impl Events {
    /// Gives the events of a sample that was printed at a panic their numbers.
    fn number(&mut self, sample: &mut Sample) {
        let life = sample.from_log.map(|from| from.life());
        if self.life != life {
            *self = Self {
                life,
                ..Self::default()
            };
        }
        for event in &mut sample.events {
            let key = (event.name.clone(), event.subject.clone());
            if event.number == 0 {
                event.number = self.open.get(&key).copied().unwrap_or(self.last + 1);
            }
            self.last = self.last.max(event.number);
            match event.is_open() {
                true => self.open.insert(key, event.number),
                false => self.open.remove(&key),
            };
        }
    }
}

/// The samples that were printed at a panic, the oldest first. Events and tasks are of the newest one.
fn samples(boot: u64, printed: &Printed) -> VecDeque<Sample> {
    let from = FromLog {
        boot,
        load: 0,
        has_wall_clock: printed.wall_s.is_some(),
        at_panic: true,
    };
    let each = printed.briefs.iter().filter_map(|(ago_s, brief)| {
        let since_boot_s = printed.since_boot_s(*ago_s);
        let time_s = printed.wall_s.map(|wall_s| wall_s - ago_s);
        // Before the boot there was none.
        let time_s = time_s.or(since_boot_s).filter(|time_s| *time_s >= 0.0)?;
        let since_boot_s = since_boot_s.filter(|since_boot_s| *since_boot_s >= 0.0);
        let mut sample = Sample::from_log(from, time_s, since_boot_s, None);
        brief.clone().add_to(&mut sample);
        Some(sample)
    });
    let mut samples: VecDeque<_> = each.collect();
    if let Some(newest) = samples.back_mut() {
        newest.events.clone_from(&printed.events);
        newest.tasks.clone_from(&printed.totals);
        newest.top_tasks.clone_from(&printed.tasks);
    }
    samples
}

/// How many seconds later one sample of a boot is than another one.
fn distance_s(later: &Sample, sample: &Sample) -> f64 {
    let since_boot = later.since_boot_s.zip(sample.since_boot_s);
    let (later, sample) = since_boot.unwrap_or((later.time_s, sample.time_s));
    later - sample
}

/// Whether it has more than events.
fn has_values(sample: &Sample) -> bool {
    sample.cpu.is_some() || sample.memory.is_some() || sample.load.is_some()
}

/// Adds what was printed at the panic of a sample that the lines have.
fn complete(sample: &mut Sample, again: Sample) {
    sample.tasks = sample.tasks.take().or(again.tasks);
    if sample.top_tasks.is_empty() {
        sample.top_tasks = again.top_tasks;
    }
    for event in again.events {
        let is_known =
            |known: &Event| (&known.name, &known.subject) == (&event.name, &event.subject);
        if !sample.events.iter().any(is_known) {
            sample.events.push(event);
        }
    }
}
