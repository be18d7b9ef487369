// SPDX-License-Identifier: GPL-2.0-or-later

//! What the screen shows: the samples that are kept, and where the user looks.

use std::collections::VecDeque;
use std::iter::once;

use resmon::{Cpu, Disk, Event, FileSystem, Net, OomKill, Sample, Task};

use crate::samples::Source;

use super::order::{Sort, TaskOrder};
use super::point::{disk_bytes, net_bytes, Point};

/// Where samples come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Device,
    Recording,
}

impl Origin {
    pub(super) fn of(source: &Source) -> Self {
        match source.device() {
            Some(_) => Self::Device,
            None => Self::Recording,
        }
    }
}

/// Most points that are kept.
pub(super) const MAX_POINTS: usize = 100_000;

/// Most whole samples that are kept, to scroll through.
pub(super) const MAX_SAMPLES: usize = 3_600;

/// Most memory that those take, for machines with hundreds of CPUs or disks.
const MAX_BYTES: usize = 64 << 20;

/// How many samples a column of a graph can stand for.
const ZOOMS: [u64; 7] = [1, 2, 5, 10, 30, 60, 300];

/// What the screen shows.
#[derive(Debug)]
pub(super) struct State {
    pub(super) origin: Origin,
    pub(super) sort: Sort,
    pub(super) task_order: TaskOrder,
    pub(super) is_help_shown: bool,
    /// Whether this is printed once, where keys are of no use.
    pub(super) is_once: bool,
    /// Whether the recording was read to its end.
    pub(super) has_ended: bool,
    /// Whether the user has chosen where to look.
    has_chosen: bool,
    /// Something to tell, until the next key.
    pub(super) note: Option<String>,
    /// Records that were lost on the way here.
    pub(super) lost_records: u64,
    /// The newest ones; the last is that of the newest sample.
    points: VecDeque<Point>,
    /// The newest ones.
    samples: VecDeque<Sample>,
    bytes: usize,
    /// How many samples came; the newest one has the number before that.
    count: u64,
    /// The number of the sample that is looked at; the newest one without.
    cursor: Option<u64>,
    /// Index into [`ZOOMS`].
    zoom: usize,
    /// The most tasks that a sample has had room for, so that their table stays where it is.
    task_places: usize,
}

impl State {
    pub(super) fn new(origin: Origin) -> Self {
        Self {
            origin,
            sort: Sort::Busiest,
            task_order: TaskOrder::Cpu,
            is_help_shown: false,
            is_once: false,
            has_ended: false,
            has_chosen: false,
            note: None,
            lost_records: 0,
            points: VecDeque::new(),
            samples: VecDeque::new(),
            bytes: 0,
            count: 0,
            cursor: None,
            zoom: 0,
            task_places: 0,
        }
    }

    /// Adds the newest sample, and drops the oldest ones beyond what may be kept.
    pub(super) fn push(&mut self, sample: Sample) {
        self.lost_records = self.lost_records.saturating_add(sample.lost_records);
        self.task_places = self.task_places.max(sample.task_places());
        let point = Point::of(&sample, self.samples.back());
        self.points.push_back(point);
        if self.points.len() > MAX_POINTS {
            self.points.pop_front();
        }
        self.bytes = self.bytes.saturating_add(size_of_sample(&sample));
        self.samples.push_back(sample);
        self.count += 1;
        while self.samples.len() > MAX_SAMPLES || (self.bytes > MAX_BYTES && self.samples.len() > 1)
        {
            let oldest = self.samples.pop_front();
            let bytes = oldest.as_ref().map_or(0, size_of_sample);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
        // Whoever looks at a sample that is dropped looks at the oldest one from then on.
        let oldest = self.oldest();
        self.cursor = self.cursor.map(|cursor| cursor.max(oldest));
    }

    /// Adds samples that come right before all others, oldest first, as far as there is room.
    pub(super) fn push_past(&mut self, samples: Vec<Sample>) {
        let count = samples.len() as u64;
        let places = samples.iter().map(Sample::task_places);
        self.task_places = places.fold(self.task_places, usize::max);
        let lost: u64 = samples.iter().map(|sample| sample.lost_records).sum();
        self.lost_records = self.lost_records.saturating_add(lost);
        // The newest of them that is still kept as a whole is followed by those that are there.
        let mut is_kept = self.samples.len() == self.points.len();
        let points: Vec<_> = once(None)
            .chain(samples.iter().map(Some))
            .zip(&samples)
            .map(|(before, sample)| Point::of(sample, before))
            .collect();
        for (sample, point) in samples.into_iter().zip(points).rev() {
            if self.points.len() < MAX_POINTS {
                self.points.push_front(point);
            }
            let bytes = self.bytes.saturating_add(size_of_sample(&sample));
            is_kept = is_kept && self.samples.len() < MAX_SAMPLES && bytes <= MAX_BYTES;
            if is_kept {
                self.bytes = bytes;
                self.samples.push_front(sample);
            }
        }
        self.count += count;
        self.cursor = self.cursor.map(|cursor| cursor + count);
    }

    /// How many tasks a sample may have.
    pub(super) fn task_places(&self) -> usize {
        self.task_places
    }

    /// Forgets all samples, to have them anew.
    pub(super) fn forget(&mut self) {
        *self = Self {
            sort: self.sort,
            task_order: self.task_order,
            is_help_shown: self.is_help_shown,
            zoom: self.zoom,
            ..Self::new(self.origin)
        };
    }

    /// The number of the oldest sample that can be looked at.
    fn oldest(&self) -> u64 {
        self.count.saturating_sub(self.samples.len() as u64)
    }

    fn newest(&self) -> u64 {
        self.count.saturating_sub(1)
    }

    fn shown(&self) -> u64 {
        self.cursor.unwrap_or(self.newest())
    }

    /// The sample that is looked at.
    pub(super) fn sample(&self) -> Option<&Sample> {
        let at = self.shown().checked_sub(self.oldest())?;
        self.samples.get(usize::try_from(at).ok()?)
    }

    /// What the graphs have of the sample that is looked at.
    pub(super) fn sample_point(&self) -> Option<&Point> {
        Some(self.points_back().next()?.1)
    }

    /// Whether the newest sample is shown, and each that comes.
    pub(super) fn is_following(&self) -> bool {
        self.cursor.is_none()
    }

    /// How many samples came after the one that is looked at.
    pub(super) fn behind(&self) -> u64 {
        self.newest().saturating_sub(self.shown())
    }

    /// Holds the sample that is shown, or follows the newest one again.
    pub(super) fn toggle_pause(&mut self) {
        self.has_chosen = true;
        self.cursor = match self.cursor {
            None if self.count > 0 => Some(self.newest()),
            _ => None,
        };
    }

    /// Goes so many samples forward, or back if negative, and stays there.
    pub(super) fn scroll(&mut self, samples: i64) {
        self.has_chosen = true;
        if self.count == 0 {
            return;
        }
        let to = self.shown().saturating_add_signed(samples);
        self.cursor = Some(to.clamp(self.oldest(), self.newest()));
    }

    pub(super) fn go_to_oldest(&mut self) {
        self.scroll(i64::MIN);
    }

    /// Goes to the newest sample and follows.
    pub(super) fn go_to_newest(&mut self) {
        self.has_chosen = true;
        self.cursor = None;
    }

    /// The recording was read to its end: goes to the last sample in which something happened,
    /// since a machine that has calmed down shows little but zeros. Without such a sample, and when
    /// the user has chosen another one, nothing moves.
    pub(super) fn end(&mut self) {
        self.has_ended = true;
        let calm = self
            .samples
            .iter()
            .rev()
            .position(|sample| !is_idle(sample));
        if let (Some(calm @ 1..), false) = (calm, self.has_chosen) {
            self.cursor = Some(self.newest().saturating_sub(calm as u64));
        }
    }

    /// Has each column of the graphs stand for more samples, and after the most for one again.
    pub(super) fn zoom(&mut self) {
        self.zoom = (self.zoom + 1) % ZOOMS.len();
    }

    /// How many samples a column of the graphs stands for.
    pub(super) fn samples_per_column(&self) -> u64 {
        ZOOMS.get(self.zoom).copied().unwrap_or(1)
    }

    /// The last `columns` columns of a graph that ends at the sample that is looked at, oldest
    /// first. A column of several samples is the largest value of them, so that no peak gets lost.
    /// None is what is not known.
    pub(super) fn graph(&self, columns: usize, of: fn(&Point) -> f32) -> Vec<Option<f32>> {
        let mut values: Vec<Option<f32>> = vec![None; columns];
        let mut count = 0;
        for (column, point) in self.columns_back() {
            let Some(last) = values.get_mut(column) else {
                break;
            };
            let value = Some(of(point)).filter(|value| value.is_finite());
            *last = match (value, *last) {
                (Some(value), Some(last)) => Some(last.max(value)),
                (value, last) => value.or(last),
            };
            count = column + 1;
        }
        values.truncate(count);
        values.reverse();
        values
    }

    /// The seconds that so many columns of a graph span.
    pub(super) fn span_s(&self, columns: usize) -> Option<f64> {
        let points = self.columns_back();
        let mut points = points.take_while(|(column, _)| *column < columns);
        let (_, last) = points.next()?;
        let (_, first) = points.last()?;
        Some(last.time_s - first.time_s).filter(|span| *span > 0.0)
    }

    /// Points with the columns that they belong to, from the sample that is looked at backward: the
    /// newest column is 0. Between points that are apart a column stays blank.
    fn columns_back(&self) -> impl Iterator<Item = (usize, &Point)> {
        let mut column = 0;
        // Columns begin at fixed numbers, so that the graph does not flicker as it moves.
        let group = |number: u64| number / self.samples_per_column();
        let mut newer: Option<(u64, bool)> = None;
        self.points_back().map(move |(number, point)| {
            column += match newer {
                Some((_, true)) => 2,
                Some((newer, false)) if group(newer) != group(number) => 1,
                _ => 0,
            };
            newer = Some((number, point.is_apart));
            (column, point)
        })
    }

    /// Points with their numbers, from the sample that is looked at backward.
    fn points_back(&self) -> impl Iterator<Item = (u64, &Point)> {
        let behind = usize::try_from(self.behind()).unwrap_or(usize::MAX);
        let numbers = (0..=self.shown()).rev();
        numbers.zip(self.points.iter().rev().skip(behind))
    }
}

/// Whether nothing happened that anybody would look for.
fn is_idle(sample: &Sample) -> bool {
    const PERCENT: f64 = 5.0;
    const BYTES_PER_SECOND: f64 = 65_536.0;
    // A line of a kernel log that has an event alone has nothing else to look at.
    if sample.from_log.is_some() && sample.cpu.is_none() {
        return true;
    }
    let pressure = sample.pressure.map_or(0.0, |pressure| {
        let shares = [
            pressure.cpu_some_percent,
            pressure.memory_some_percent,
            pressure.io_some_percent,
        ];
        shares.into_iter().fold(0.0, f64::max)
    });
    let cpu = sample.cpu.map_or(0.0, |cpu| cpu.busy_percent());
    let carried = [sample.disk_total(disk_bytes), sample.net_total(net_bytes)];
    sample.events.is_empty()
        && cpu.max(pressure) < PERCENT
        && carried
            .iter()
            .flatten()
            .all(|bytes| *bytes < BYTES_PER_SECOND)
}

/// About as much memory as a sample takes.
fn size_of_sample(sample: &Sample) -> usize {
    /// A name or a path, in a place of its own.
    const TEXT: usize = 48;
    size_of::<Sample>()
        + sample.cpus.capacity() * size_of::<Cpu>()
        + sample.disks.capacity() * (size_of::<Disk>() + TEXT)
        + sample.nets.capacity() * (size_of::<Net>() + TEXT)
        + sample.file_systems.capacity() * (size_of::<FileSystem>() + 2 * TEXT)
        + sample.top_tasks.capacity() * (size_of::<Task>() + TEXT)
        + sample.oom_kills.capacity() * (size_of::<OomKill>() + 2 * TEXT)
        + sample.events.capacity() * (size_of::<Event>() + 2 * TEXT)
}
