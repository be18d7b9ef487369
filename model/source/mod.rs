// SPDX-License-Identifier: GPL-2.0-or-later

//! What is sampled: a file per source, with the words that a record has of it and its lines in the
//! log.
//!
//! CPU and memory are read by the timer callback. The others are an [`Entry`] each: the driver takes
//! snapshots of them in process context.

pub mod activity;
pub mod cpu;
pub mod disk;
pub mod fs;
pub mod load;
pub mod memory;
pub mod net;
pub mod pressure;
pub mod running;
pub mod tcp;

use super::brief::Brief;
use super::event::{watch::Watch, Trigger};
use super::line::Lines;
use super::words::{Content, Kind};

/// All kinds of sections, in the order in which they are shown.
pub const ALL: &[Kind] = &[
    cpu::Cpu::DESCRIPTION,
    memory::Memory::DESCRIPTION,
    memory::Buffers::DESCRIPTION,
    load::Load::DESCRIPTION,
    running::Running::DESCRIPTION,
    activity::Activity::DESCRIPTION,
    pressure::Pressure::DESCRIPTION,
    disk::Disk::DESCRIPTION,
    net::Net::DESCRIPTION,
    tcp::Tcp::DESCRIPTION,
    fs::Fs::DESCRIPTION,
    super::event::Event::DESCRIPTION,
];

/// What a snapshot of a source is made of.
pub trait Entry: Copy + Content {
    /// Prints the lines of what happened from `before` to `after`. Without a snapshot before there
    /// are no rates to show.
    fn log(before: Option<Snapshot<'_, Self>>, after: Snapshot<'_, Self>, lines: &mut Lines<'_>);

    /// Adds the same to the one line of the sample, if that has anything of it.
    fn sum(_before: Option<Snapshot<'_, Self>>, _after: Snapshot<'_, Self>, _brief: &mut Brief) {}

    /// The triggers that look at it.
    const WATCHED: &'static [Trigger] = &[];

    /// Passes what they look at to `watch`.
    fn watch(_now: Snapshot<'_, Self>, _watch: &mut Watch<'_>) {}
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
