// SPDX-License-Identifier: GPL-2.0-or-later

//! What is drawn: bins of samples, of which there are no more than the picture can show.

use std::collections::BTreeMap;
use std::path::Path;

use resmon::{Id, Sample};

use crate::error::Result;
use crate::input::{next_sample, Input};

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
        let seconds = sample.elapsed_s;
        let both =
            |one: Option<f64>, other: Option<f64>| Some(Values::new([one?, other?], seconds));
        Self {
            cpu: sample.cpu.map(|cpu| {
                let modes = [
                    // Guests are programs of this machine.
                    cpu.user_percent + cpu.guest_percent,
                    cpu.nice_percent,
                    cpu.system_percent,
                    cpu.irq_percent + cpu.softirq_percent,
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
                    pressure.memory_full_percent,
                    pressure.io_some_percent,
                    pressure.io_full_percent,
                ];
                Values::new(shares, seconds)
            }),
            memory: sample.memory.map(|memory| {
                let bytes = [
                    memory.used_bytes,
                    memory.available_bytes,
                    memory.cached_bytes,
                ];
                Values::new(bytes.map(|bytes| bytes as f64), seconds)
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
        }
    }

    /// Reads the recording `from`, or else what the module keeps, for a picture of so many columns.
    pub fn read(from: Option<&Path>, columns: u32) -> Result<Self> {
        let mut samples = Input::samples(Input::records_without_waiting(from, None)?);
        let mut history = Self::new(columns);
        while let Some(sample) = next_sample(&mut samples, from)? {
            history.add(&sample);
        }
        Ok(history)
    }

    pub fn is_empty(&self) -> bool {
        self.lives.iter().all(|life| life.bins.is_empty())
    }

    fn add(&mut self, sample: &Sample) {
        let id = sample.module_boot_id.zip(sample.module_load_id);
        let is_seen = sample.elapsed_s <= sample.interval_s * GAP_INTERVALS;
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
            from_ns: ns(sample.time_s - sample.elapsed_s),
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    fn bin(from_ns: u64, to_ns: u64, read: f64) -> Bin {
        let seconds = (to_ns - from_ns) as f64 / S as f64;
        let drawn = Drawn {
            cpu: None,
            pressure: None,
            memory: None,
            disks: Some(Values::new([read, 1.0], seconds)),
            nets: None,
        };
        Bin {
            from_ns,
            to_ns,
            drawn,
        }
    }

    fn history(columns: u32, bins: impl IntoIterator<Item = Bin>) -> History {
        let mut history = History::new(columns);
        let mut life = Life::new(None);
        for bin in bins {
            life.add(bin, history.most);
        }
        history.lives.push(life);
        history
    }

    #[test]
    fn means_count_time_and_peaks_stay() {
        let one = Values::new([40.0, 1.0], 1.0);
        let other = Values::new([0.0, 5.0], 3.0);
        let together = |mut one, other| {
            Values::join(&mut one, other);
            one
        };
        let both = together(Some(one), Some(other)).unwrap();
        assert_eq!(both.mean(), [10.0, 4.0]);
        assert_eq!((both.low, both.high), ([0.0, 1.0], [40.0, 5.0]));
        assert_eq!(together(Some(one), None), Some(one));
        assert_eq!(together(None, Some(one)), Some(one));
        assert_eq!(together(None, None), None);
    }

    /// Samples each second, of which one has a peak.
    #[test]
    fn many_samples_become_few_with_their_peak() {
        const COUNT: u64 = 20_000;
        let read = |at| if at == 11_000 { 64.0 } else { 1.0 };
        let bins = (0..COUNT).map(|at| bin(at * S, (at + 1) * S, read(at)));
        let history = history(1000, bins);
        let [life] = history.lives.as_slice() else {
            unreachable!("there is one life");
        };
        let found = life.bins.len();
        assert!(
            found <= 4000,
            "{found} bins are kept, expected at most 4000"
        );
        assert_eq!(history.span(), (0.0, COUNT as f64));
        let runs = history.runs();
        let [run] = runs.as_slice() else {
            unreachable!("there is no gap, expected one run, found {}", runs.len());
        };
        let found = run.len();
        assert!(
            (900..=1001).contains(&found),
            "{found} points are drawn, expected about 1000"
        );
        let disks: Vec<_> = run.iter().map(|point| point.drawn.disks.unwrap()).collect();
        let high: Vec<f64> = disks.iter().map(|disks| disks.high[0]).collect();
        assert_eq!(high.iter().filter(|high| **high == 64.0).count(), 1);
        assert_eq!(high.iter().filter(|high| **high == 1.0).count(), found - 1);
        let all: f64 = disks.iter().map(|disks| disks.sums[0]).sum();
        assert_eq!(all, COUNT as f64 + 63.0);
        // Without gaps, also where bins of another width meet.
        for (one, other) in run.iter().zip(run.iter().skip(1)) {
            assert_eq!(one.to_s, other.from_s);
        }
    }

    #[test]
    fn order_does_not_matter() {
        let bins: Vec<Bin> = (0..5000)
            .map(|at| bin(at * S, (at + 1) * S, at as f64))
            .collect();
        let turned = bins.iter().rev().copied();
        let one = history(100, bins.iter().copied()).runs();
        assert_eq!(one, history(100, turned).runs());
    }

    #[test]
    fn a_gap_is_what_can_be_seen() {
        // 1000 s in 100 columns of 10 s.
        let without = |from: u64, to: u64| {
            let kept = (0..1000).filter(move |at| !(from..to).contains(at));
            let bins = kept.map(|at| bin(at * S, (at + 1) * S, 1.0));
            history(100, bins).runs().len()
        };
        assert_eq!(without(0, 0), 1);
        assert_eq!(without(500, 505), 1);
        assert_eq!(without(500, 520), 2);
    }
}
