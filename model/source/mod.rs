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
pub mod oom_kill;
pub mod pressure;
pub mod running;
pub mod tasks;
pub mod tcp;

use super::brief::Brief;
use super::event::{watch::Watch, Trigger};
use super::line::Lines;
use super::record::{Record, TAKEN};
use super::words::{Content, Kind};
use core::borrow::Borrow;
use core::slice;

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
    tasks::Tasks::DESCRIPTION,
    tasks::Task::DESCRIPTION,
    oom_kill::OomKill::DESCRIPTION,
    super::event::Event::DESCRIPTION,
];

/// What a snapshot of a source is made of.
pub trait Entry: Copy + Content {
    /// Prints the lines of what happened from `before` to `after`. Without a snapshot before there
    /// are no rates to show.
    fn log(before: Option<Snapshot<'_, Self>>, after: Snapshot<'_, Self>, lines: &mut Lines<'_>);

    /// Adds the same to the one line of the sample, if that has anything of it.
    fn sum<T: Borrow<Self>>(
        _before: Option<Taken<impl Iterator<Item = T> + Clone>>,
        _after: Taken<impl Iterator<Item = T>>,
        _brief: &mut Brief,
    ) {
    }

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

/// The same as a snapshot, wherever its entries are.
#[derive(Clone, Copy, Debug)]
pub struct Taken<I> {
    /// `CLOCK_MONOTONIC` when it was taken, in nanoseconds.
    pub mono_ns: u64,
    /// What was there.
    pub entries: I,
}

impl<I> Taken<I> {
    /// Nanoseconds from `before` to this one; 0 when they are out of order.
    fn elapsed_ns<B>(&self, before: &Taken<B>) -> u64 {
        self.mono_ns.saturating_sub(before.mono_ns)
    }
}

/// What a record has of a source, if that was taken.
pub fn taken<E: Content>(
    record: Record<'_>,
) -> Option<Taken<impl Iterator<Item = E> + Clone + '_>> {
    let mut sections = record.sections();
    let section = sections.find(|section| {
        let header = section.header();
        header.kind == E::KIND && header.state == TAKEN
    })?;
    Some(Taken {
        mono_ns: section.header().first_mono_ns,
        entries: section.entries(),
    })
}

impl<'a, E> Snapshot<'a, E> {
    /// Passes on its entries one by one.
    pub fn taken(self) -> Taken<slice::Iter<'a, E>> {
        Taken {
            mono_ns: self.taken_mono_ns,
            entries: self.entries.iter(),
        }
    }

    /// Nanoseconds from `before` to this one; 0 when they are out of order.
    pub fn elapsed_ns<T>(&self, before: &Snapshot<'_, T>) -> u64 {
        self.taken_mono_ns.saturating_sub(before.taken_mono_ns)
    }

    /// The entries that have something in common with one of `before`, as pairs.
    fn pairs(
        self,
        before: Self,
        same: impl Fn(&E, &E) -> bool,
    ) -> impl Iterator<Item = (&'a E, &'a E)> {
        let entries = before.entries.iter();
        pairs(entries, self.entries.iter(), move |then, now| {
            same(then, now)
        })
    }
}

/// Those of `after` that have something in common with one of `before`, as pairs. Both list what they share in
/// the same order, as a rule, so that each search is short.
fn pairs<T>(
    before: impl Iterator<Item = T> + Clone,
    after: impl Iterator<Item = T>,
    same: impl Fn(&T, &T) -> bool,
) -> impl Iterator<Item = (T, T)> {
    let (mut ahead, mut done) = (before.clone(), 0usize);
    after.filter_map(move |now| {
        let is_same = |(_, then): &(usize, T)| same(then, &now);
        let mut rest = ahead.clone();
        if let Some((distance, then)) = rest.by_ref().enumerate().find(is_same) {
            ahead = rest;
            done = done.saturating_add(distance).saturating_add(1);
            return Some((then, now));
        }
        let mut rest = before.clone();
        let (at, then) = rest.by_ref().take(done).enumerate().find(is_same)?;
        ahead = rest;
        done = at.saturating_add(1);
        Some((then, now))
    })
}
