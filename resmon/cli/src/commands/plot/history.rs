// SPDX-License-Identifier: GPL-2.0-or-later

//! What is drawn: bins of samples, of which there are no more than the picture can show.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{self, Write};

use resmon::{Id, Sample};

use super::events::Spans;
use super::peaks::Peaks;
use crate::args::FromAny;
use crate::error::{Error, Result};
use crate::events;
use crate::samples::{names, tell_log, Source};
use crate::time::When;

/// The CPU modes that are drawn, from below, without idle.
pub const CPU_MODES: [&str; 6] = ["user", "nice", "system", "interrupts", "I/O wait", "steal"];

/// Some values over a time: their means, the lowest and the highest ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Values<const N: usize> {
    seconds: f64,
    /// Each times the seconds.
    sums: [f64; N],
    pub low: [f64; N],
    pub high: [f64; N],
}

impl<const N: usize> Values<N> {
    fn new(values: [f64; N], seconds: f64) -> Self {
        Self {
            seconds,
            sums: values.map(|value| value * seconds),
            low: values,
            high: values,
        }
    }

    pub fn mean(&self) -> [f64; N] {
        self.sums.map(|sum| sum / self.seconds)
    }

    /// Adds others to them. What is missing does not count.
    fn join(to: &mut Option<Self>, other: Option<Self>) {
        let (Some(one), Some(other)) = (&mut *to, other) else {
            *to = to.or(other);
            return;
        };
        let each = |one: &mut [f64; N], other: [f64; N], join: fn(f64, f64) -> f64| {
            for (one, other) in one.iter_mut().zip(other) {
                *one = join(*one, other);
            }
        };
        one.seconds += other.seconds;
        each(&mut one.sums, other.sums, |one, other| one + other);
        each(&mut one.low, other.low, f64::min);
        each(&mut one.high, other.high, f64::max);
    }
}

/// What is drawn of samples; none is what was not sampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawn {
    /// Shares of [`CPU_MODES`] and of all of them together, in percent.
    pub cpu: Option<Values<7>>,
    /// Of CPU some, memory some and full, I/O some and full, in percent.
    pub pressure: Option<Values<5>>,
    /// Used, available and page cache, in bytes.
    pub memory: Option<Values<3>>,
    /// Read and written, in bytes per second.
    pub disks: Option<Values<2>>,
    /// Received and transmitted, in bytes per second.
    pub nets: Option<Values<2>>,
}

impl Drawn {
    fn of(sample: &Sample) -> Self {
        // A sample without it is not drawn.
        let seconds = sample.elapsed_s.unwrap_or(0.0);
        // What is no number has no line.
        let known = |value: Option<f64>| value.unwrap_or(f64::NAN);
        let both =
            |one: Option<f64>, other: Option<f64>| Some(Values::new([one?, other?], seconds));
        Self {
            cpu: sample.cpu.map(|cpu| {
                let modes = [
                    // Guests are programs of this machine.
                    cpu.user_percent + cpu.guest_percent.unwrap_or(0.0),
                    cpu.nice_percent.unwrap_or(0.0),
                    cpu.system_percent,
                    cpu.irq_percent.unwrap_or(0.0) + cpu.softirq_percent.unwrap_or(0.0),
                    cpu.iowait_percent,
                    cpu.steal_percent,
                ];
                let [user, nice, system, interrupts, waiting, steal] = modes;
                let all = modes.iter().sum();
                let shares = [user, nice, system, interrupts, waiting, steal, all];
                Values::new(shares, seconds)
            }),
            pressure: sample.pressure.map(|pressure| {
                let shares = [
                    pressure.cpu_some_percent,
                    pressure.memory_some_percent,
                    known(pressure.memory_full_percent),
                    pressure.io_some_percent,
                    known(pressure.io_full_percent),
                ];
                Values::new(shares, seconds)
            }),
            memory: sample.memory.map(|memory| {
                let bytes = [
                    memory.used_bytes as f64,
                    memory.available_bytes as f64,
                    known(memory.cached_bytes.map(|bytes| bytes as f64)),
                ];
                Values::new(bytes, seconds)
            }),
            disks: both(
                sample.disk_total(|disk| disk.read_bytes_per_second),
                sample.disk_total(|disk| disk.written_bytes_per_second),
            ),
            nets: both(
                sample.net_total(|net| net.received.bytes_per_second),
                sample.net_total(|net| net.transmitted.bytes_per_second),
            ),
        }
    }

    fn join(&mut self, other: &Self) {
        Values::join(&mut self.cpu, other.cpu);
        Values::join(&mut self.pressure, other.pressure);
        Values::join(&mut self.memory, other.memory);
        Values::join(&mut self.disks, other.disks);
        Values::join(&mut self.nets, other.nets);
    }
}

/// Samples together, from a time to a time in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bin {
    from_ns: u64,
    to_ns: u64,
    drawn: Drawn,
}

/// The samples of one life: of one load of the module in one boot.
#[derive(Debug)]
struct Life {
    /// None in version 1 of the record.
    id: Option<(Id, Id)>,
    /// Each at its end, in units of `width_ns`.
    bins: BTreeMap<u64, Bin>,
    width_ns: u64,
}

impl Life {
    fn new(id: Option<(Id, Id)>) -> Self {
        Self {
            id,
            bins: BTreeMap::new(),
            // The shortest interval is ten times that.
            width_ns: 1_000_000,
        }
    }

    /// When its last sample ends.
    fn end_ns(&self) -> u64 {
        let last = self.bins.last_key_value();
        last.map_or(0, |(_, bin)| bin.to_ns)
    }

    /// Adds a bin, and has all be twice as wide as long as there are more than `most`.
    fn add(&mut self, bin: Bin, most: usize) {
        Self::put(&mut self.bins, bin, self.width_ns);
        while self.bins.len() > most {
            self.width_ns = self.width_ns.saturating_mul(2);
            for (_, bin) in std::mem::take(&mut self.bins) {
                Self::put(&mut self.bins, bin, self.width_ns);
            }
        }
    }

    fn put(bins: &mut BTreeMap<u64, Bin>, bin: Bin, width_ns: u64) {
        let there = bins.entry(bin.to_ns / width_ns.max(1));
        there
            .and_modify(|there| {
                there.from_ns = there.from_ns.min(bin.from_ns);
                there.to_ns = there.to_ns.max(bin.to_ns);
                there.drawn.join(&bin.drawn);
            })
            .or_insert(bin);
    }
}

/// What is drawn in one place, from one time to another in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub from_s: f64,
    pub to_s: f64,
    pub drawn: Drawn,
}

/// All samples that there are, in bins.
#[derive(Debug)]
pub struct History {
    lives: Vec<Life>,
    /// Most bins of a life.
    most: usize,
    /// Most bins of the picture.
    columns: u32,
    /// All memory, in bytes.
    pub memory_bytes: f64,
    pub events: Spans,
    pub peaks: Peaks,
}

/// Samples that took so many intervals leave a gap, since nobody knows what happened within.
const GAP_INTERVALS: f64 = 3.0;

impl History {
    fn new(columns: u32) -> Self {
        /// Bins of a life are narrower than columns, as those begin and end elsewhere.
        const BINS_PER_COLUMN: usize = 4;
        let most = usize::try_from(columns).unwrap_or(usize::MAX);
        Self {
            lives: Vec::new(),
            most: most.saturating_mul(BINS_PER_COLUMN),
            columns,
            memory_bytes: 0.0,
            events: Spans::default(),
            peaks: Peaks::default(),
        }
    }

    /// Reads the recording or the texts `from`, or else what the module keeps, for a picture of so many
    /// columns.
    pub fn read(from: &FromAny, columns: u32) -> Result<Self> {
        let mut samples = Source::open(from, None)?;
        let mut history = Self::new(columns);
        let mut timeless = 0_u64;
        while let Some(sample) = samples.try_next()? {
            match When::of(&sample).is_of_day {
                true => history.add(&sample),
                false => timeless += 1,
            }
        }
        let from = from.from.as_slice();
        let names = || names(from);
        if timeless > 0 && history.is_empty() {
            return Err(Error::Other(format!(
                "{}: the log has no time of day, which a picture is over; journalctl and dmesg -T have it",
                names()
            )));
        }
        if samples.log().is_some() {
            tell_log(from);
        }
        if timeless > 0 {
            // When nobody listens, there is nobody to tell.
            let _ = writeln!(
                io::stderr(),
                "resmon: {}: {timeless} samples without the time of day are left out",
                names()
            );
        }
        Ok(history)
    }

    pub fn is_empty(&self) -> bool {
        self.lives.iter().all(|life| life.bins.is_empty())
    }

    fn add(&mut self, sample: &Sample) {
        let (boot, load) = events::life(sample);
        let id = boot.zip(load);
        self.events.add(id, sample);
        self.peaks.add(sample);
        let times = sample.elapsed_s.zip(sample.interval_s);
        let is_seen =
            times.is_some_and(|(elapsed_s, interval_s)| elapsed_s <= interval_s * GAP_INTERVALS);
        // Without an identity, what nobody saw may have been a new boot.
        let is_known = id.is_some() || is_seen;
        let at = self.lives.iter().rposition(|life| life.id == id);
        let at = at.filter(|_| is_known).unwrap_or_else(|| {
            self.lives.push(Life::new(id));
            self.lives.len() - 1
        });
        let Some(life) = self.lives.get_mut(at).filter(|_| is_seen) else {
            return;
        };
        if let Some(memory) = sample.memory {
            // Memory may be added, and the picture has room for all of it.
            self.memory_bytes = self.memory_bytes.max(memory.total_bytes as f64);
        }
        let ns = |seconds: f64| (seconds * 1e9).round() as u64;
        let bin = Bin {
            from_ns: ns(sample.time_s - sample.elapsed_s.unwrap_or(0.0)),
            to_ns: ns(sample.time_s),
            drawn: Drawn::of(sample),
        };
        life.add(bin, self.most);
    }

    /// The bins of each life, whatever the order was in which they were read.
    fn placed(&self) -> impl Iterator<Item = impl Iterator<Item = Point> + '_> {
        let mut lives: Vec<&Life> = self.lives.iter().collect();
        lives.sort_by_key(|life| life.end_ns());
        let seconds = |ns: u64| ns as f64 / 1e9;
        lives.into_iter().map(move |life| {
            life.bins.values().map(move |bin| Point {
                from_s: seconds(bin.from_ns),
                to_s: seconds(bin.to_ns),
                drawn: bin.drawn,
            })
        })
    }

    /// The first and the last time, in seconds since 1970.
    pub fn span(&self) -> (f64, f64) {
        let span = (f64::INFINITY, f64::NEG_INFINITY);
        self.placed().flatten().fold(span, |(from, to), point| {
            (from.min(point.from_s), to.max(point.to_s))
        })
    }

    /// Runs of points without gaps, each of one life, with a point for each column of the picture.
    pub fn runs(&self) -> Vec<Vec<Point>> {
        let (begin_s, end_s) = self.span();
        let column_s = (end_s - begin_s) / f64::from(self.columns);
        let column = |point: &Point| ((point.to_s - begin_s) / column_s) as u64;
        let mut runs = Vec::new();
        for life in self.placed() {
            let mut run: Vec<Point> = Vec::new();
            for point in life {
                match run.last_mut() {
                    Some(last) if column(last) == column(&point) => last.join(&point),
                    // What is narrower than a column cannot be seen.
                    Some(last) if point.from_s - last.to_s > column_s => {
                        runs.push(std::mem::replace(&mut run, vec![point]));
                    }
                    _ => run.push(point),
                }
            }
            runs.push(run);
        }
        runs.retain(|run| !run.is_empty());
        for run in &mut runs {
            // A single column could hardly be seen.
            if let [point] = run.as_mut_slice() {
                let least_s = column_s * 2.0;
                if point.to_s - point.from_s < least_s {
                    point.from_s = (point.to_s - least_s).max(begin_s);
                    point.to_s = point.from_s + least_s;
                }
            }
        }
        runs
    }
}

impl Point {
    fn join(&mut self, other: &Self) {
        self.from_s = self.from_s.min(other.from_s);
        self.to_s = self.to_s.max(other.to_s);
        self.drawn.join(&other.drawn);
    }
}
