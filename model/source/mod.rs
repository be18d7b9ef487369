// SPDX-License-Identifier: GPL-2.0-or-later

//! What is sampled besides CPU and memory: a file per source, each with what a snapshot of it
//! holds and which lines two snapshots make.

pub mod activity;
pub mod disk;
pub mod fs;
pub mod load;
pub mod net;
pub mod pressure;

use super::line::Line;
use super::record::Content;

/// What a snapshot of a source is made of.
pub trait Entry: Copy + Content {
    /// Makes the lines of what happened from `before` to `after`, one after the other in `line`,
    /// and hands each to `print`. Without a snapshot before there are no rates to show.
    fn log(
        before: Option<Snapshot<'_, Self>>,
        after: Snapshot<'_, Self>,
        line: &mut Line,
        print: &mut dyn FnMut(&Line),
    );
}

/// What a source had at one time.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a, E> {
    /// `CLOCK_MONOTONIC` when it was taken, in nanoseconds.
    pub taken_mono_ns: u64,
    /// What was there.
    pub entries: &'a [E],
}

/// Two snapshots of a source, the earlier one first.
pub type Pair<'a, E> = (Snapshot<'a, E>, Snapshot<'a, E>);

impl<'a, E> Snapshot<'a, E> {
    /// Nanoseconds from `before` to this one; 0 when they are out of order.
    pub fn elapsed_ns<T>(&self, before: &Snapshot<'_, T>) -> u64 {
        self.taken_mono_ns.saturating_sub(before.taken_mono_ns)
    }

    /// The entries that have something in common with one of `before`, as pairs. Both snapshots
    /// list what they share in the same order, as a rule, so that each search is short.
    fn pairs<'b>(
        self,
        before: Snapshot<'b, E>,
        same: impl Fn(&E, &E) -> bool,
    ) -> impl Iterator<Item = (&'b E, &'a E)> {
        let mut next = 0;
        self.entries.iter().filter_map(move |now| {
            let (done, ahead) = before.entries.split_at_checked(next)?;
            let found = |entries: &[E]| entries.iter().position(|then| same(then, now));
            let at = match found(ahead) {
                Some(distance) => next.saturating_add(distance),
                None => found(done)?,
            };
            next = at.saturating_add(1);
            Some((before.entries.get(at)?, now))
        })
    }
}

/// Most lines that one source has in a sample.
pub const MAX_LINES: usize = 16;

/// The busiest of many, the busiest first.
struct Busiest<T, K> {
    /// The first `len` are in use. The key comes with each, since it is compared often.
    items: [Option<(K, T)>; MAX_LINES],
    seen: u64,
}

impl<T: Copy, K: Copy + Ord> Busiest<T, K> {
    fn new() -> Self {
        Self {
            items: [None; MAX_LINES],
            seen: 0,
        }
    }

    /// Takes one more into account. Of those that are as busy, the earlier ones are kept.
    fn add(&mut self, key: K, item: T) {
        self.seen = self.seen.saturating_add(1);
        let mut moving = Some((key, item));
        let mut is_in = false;
        for place in &mut self.items {
            is_in |= place.as_ref().is_none_or(|(kept, _)| *kept < key);
            if is_in {
                // Those that are less busy move on by one.
                core::mem::swap(place, &mut moving);
            }
        }
    }

    /// The busiest ones.
    fn shown(&self) -> impl Iterator<Item = T> + '_ {
        self.items.iter().flatten().map(|(_, item)| *item)
    }

    /// `disk ... and 48 more`, when there are more than are shown.
    fn log_more(&self, source: &str, line: &mut Line, print: &mut dyn FnMut(&Line)) {
        let more = self.seen.saturating_sub(MAX_LINES as u64);
        if more > 0 {
            line.start(source)
                .text(" ... and ")
                .number(more)
                .text(" more");
            print(line);
        }
    }
}
