// SPDX-License-Identifier: GPL-2.0-or-later

//! What the log says when the machine dies: the samples of the last minute, as many as there is room for.
//!
//! ```text
//! panic wall=1795619729.504
//! sum user=12.3% … ago=48.0s
//! sum user=97.1% … ago=0.4s
//! alert=mem_full open value=41.0% limit=10.0% for=12.0s
//! task=stress-ng pid=1234 cpu=99.8% rss=174888kB
//! ```

use super::event::trigger::Unit;
use super::line::Line;

/// How long before the newest sample the first line begins, in nanoseconds.
const WINDOW_NS: u64 = 60_000_000_000;

/// The last line tells of at least that time, in nanoseconds: the kernel counts a CPU's time by ticks.
const LAST_NS: u64 = 1_000_000_000;

/// Bytes of the longest line of a sample, with what the log has around it.
pub const MAX_SAMPLE_BYTES: usize = 280;

/// Which samples have a line. Each line tells of the time since the one before it.
pub struct Thinning {
    newest_ns: u64,
    gap_ns: u64,
    /// From when on the next sample has one.
    due_ns: u64,
}

impl Thinning {
    /// When the time begins of which there are lines, the newest sample having been taken at `newest_ns`.
    pub fn start_ns(newest_ns: u64) -> u64 {
        newest_ns.saturating_sub(WINDOW_NS)
    }

    /// At most `lines` of the samples after the one that was taken at `first_ns`, up to the newest.
    pub fn new(first_ns: u64, newest_ns: u64, lines: usize) -> Self {
        let start_ns = first_ns.max(Self::start_ns(newest_ns));
        let gap_ns = newest_ns
            .saturating_sub(start_ns)
            .checked_div(lines as u64)
            .unwrap_or(u64::MAX);
        Self {
            newest_ns,
            gap_ns: gap_ns.max(1),
            due_ns: start_ns.saturating_add(gap_ns),
        }
    }

    /// Whether the sample that was taken at `taken_ns` has a line. They come in order.
    pub fn takes(&mut self, taken_ns: u64) -> bool {
        let left_ns = self.newest_ns.saturating_sub(taken_ns);
        if left_ns == 0 {
            return true;
        }
        if taken_ns < self.due_ns || left_ns < LAST_NS {
            return false;
        }
        let late_ns = taken_ns.saturating_sub(self.due_ns);
        let passed = late_ns.checked_div(self.gap_ns).unwrap_or(0);
        let gaps_ns = passed.saturating_add(1).saturating_mul(self.gap_ns);
        self.due_ns = self.due_ns.saturating_add(gaps_ns);
        true
    }
}

/// Adds the first line, `wall_ns` being `CLOCK_REALTIME`.
pub fn head(wall_ns: u64, line: &mut Line) -> &mut Line {
    let ms = wall_ns / 1_000_000;
    line.text("panic wall=")
        .number(ms / 1000)
        .text(".")
        .number(ms / 100 % 10)
        .number(ms / 10 % 10)
        .number(ms % 10)
}

/// Adds how long ago the sample of a line was taken.
pub fn ago(ns: u64, line: &mut Line) -> &mut Line {
    Unit::Nanoseconds.log(ns, line.text(" ago="));
    line
}
