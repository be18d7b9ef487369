// SPDX-License-Identifier: GPL-2.0-or-later

//! What is drawn of each sample.

use std::ops::{Add, Mul};
use std::path::Path;

use resmon::Sample;

use crate::error::Result;
use crate::source::{next_sample, Source};

/// The CPU modes that are drawn, from below, without idle.
pub const CPU_MODES: [&str; 6] = ["user", "nice", "system", "interrupts", "I/O wait", "steal"];

/// What is drawn of a sample. What it has not is zero, and does not count in averages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Seconds since 1970, from the one record to the other.
    pub from_s: f64,
    pub to_s: f64,
    /// Shares of [`CPU_MODES`], in percent.
    pub cpu: Option<Values<6>>,
    /// Used, available and page cache, in bytes.
    pub memory: Option<Values<3>>,
    /// Read and written, in bytes per second.
    pub disks: Option<Values<2>>,
    /// Received and transmitted, in bytes per second.
    pub nets: Option<Values<2>>,
}

/// Some values at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Values<const N: usize>(pub [f64; N]);

impl<const N: usize> Add for Values<N> {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        for (sum, value) in self.0.iter_mut().zip(other.0) {
            *sum += value;
        }
        self
    }
}

impl<const N: usize> Mul<f64> for Values<N> {
    type Output = Self;

    fn mul(self, factor: f64) -> Self {
        Self(self.0.map(|value| value * factor))
    }
}

impl Point {
    fn of(sample: &Sample) -> Self {
        let both = |one: Option<f64>, other: Option<f64>| Some(Values([one?, other?]));
        Self {
            from_s: sample.time_s - sample.elapsed_s,
            to_s: sample.time_s,
            cpu: sample.cpu.map(|cpu| {
                Values([
                    // Guests are programs of this machine.
                    cpu.user_percent + cpu.guest_percent,
                    cpu.nice_percent,
                    cpu.system_percent,
                    cpu.irq_percent + cpu.softirq_percent,
                    cpu.iowait_percent,
                    cpu.steal_percent,
                ])
            }),
            memory: sample.memory.map(|memory| {
                Values([
                    memory.used_bytes as f64,
                    memory.available_bytes as f64,
                    memory.cached_bytes as f64,
                ])
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

    fn seconds(&self) -> f64 {
        self.to_s - self.from_s
    }

    /// The average of this one and of the one after it.
    fn with(self, next: Self) -> Self {
        fn average<const N: usize>(
            (one, one_s): (Option<Values<N>>, f64),
            (two, two_s): (Option<Values<N>>, f64),
        ) -> Option<Values<N>> {
            match (one, two) {
                (Some(one), Some(two)) => {
                    Some((one * one_s + two * two_s) * (one_s + two_s).recip())
                }
                (one, two) => one.or(two),
            }
        }
        let (one_s, two_s) = (self.seconds(), next.seconds());
        Self {
            from_s: self.from_s,
            to_s: next.to_s,
            cpu: average((self.cpu, one_s), (next.cpu, two_s)),
            memory: average((self.memory, one_s), (next.memory, two_s)),
            disks: average((self.disks, one_s), (next.disks, two_s)),
            nets: average((self.nets, one_s), (next.nets, two_s)),
        }
    }
}

/// What is drawn: runs of points without gaps.
#[derive(Debug, Default)]
pub struct History {
    pub runs: Vec<Vec<Point>>,
    /// All memory, in bytes.
    pub memory_bytes: f64,
}

/// More points than this are not told apart in the picture.
const MAX_POINTS: usize = 1000;

/// Samples that took so many intervals leave a gap, since nobody knows what happened within.
const GAP_INTERVALS: f64 = 3.0;

impl History {
    /// Reads the recording `from`, or else what the module keeps.
    pub fn read(from: Option<&Path>) -> Result<Self> {
        let mut samples = Source::samples(Source::records_without_waiting(from, None)?);
        let mut history = Self::default();
        while let Some(sample) = next_sample(&mut samples, from)? {
            history.add(&sample);
        }
        history.thin_out();
        Ok(history)
    }

    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The first and the last time, in seconds since 1970.
    pub fn span(&self) -> (f64, f64) {
        // The clock may have been set back in between.
        let points = || self.runs.iter().flatten();
        (
            points()
                .map(|point| point.from_s)
                .fold(f64::INFINITY, f64::min),
            points()
                .map(|point| point.to_s)
                .fold(f64::NEG_INFINITY, f64::max),
        )
    }

    fn add(&mut self, sample: &Sample) {
        if sample.elapsed_s > GAP_INTERVALS * sample.interval_s {
            return;
        }
        if let Some(memory) = sample.memory {
            self.memory_bytes = memory.total_bytes as f64;
        }
        let point = Point::of(sample);
        // The clock may have been set, or the module have been loaded anew.
        let follows = |last: &Point| (point.from_s - last.to_s).abs() < sample.interval_s;
        match self.runs.last_mut() {
            Some(run) if run.last().is_some_and(follows) => run.push(point),
            _ => self.runs.push(vec![point]),
        }
    }

    /// Makes averages where there are more points than can be told apart.
    fn thin_out(&mut self) {
        let count: usize = self.runs.iter().map(Vec::len).sum();
        let together = count.div_ceil(MAX_POINTS).max(1);
        for run in &mut self.runs {
            let average = |points: &[Point]| points.iter().copied().reduce(Point::with);
            *run = run.chunks(together).filter_map(average).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(from_s: f64, to_s: f64, read: f64) -> Point {
        Point {
            from_s,
            to_s,
            cpu: None,
            memory: None,
            disks: Some(Values([read, 0.0])),
            nets: None,
        }
    }

    #[test]
    fn averages_count_time() {
        let both = point(0.0, 1.0, 40.0).with(point(1.0, 4.0, 0.0));
        assert_eq!(both, point(0.0, 4.0, 10.0));
    }

    #[test]
    fn many_points_become_few() {
        let run = (0..2500).map(|i| point(f64::from(i), f64::from(i + 1), 1.0));
        let mut history = History {
            runs: vec![run.collect()],
            memory_bytes: 0.0,
        };
        history.thin_out();
        let [run] = history.runs.as_slice() else {
            unreachable!("runs stay what they are");
        };
        assert_eq!(run.len(), 834);
        assert_eq!(history.span(), (0.0, 2500.0));
    }
}
