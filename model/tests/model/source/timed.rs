// SPDX-License-Identifier: GPL-2.0-or-later

//! Lines of disks and interfaces, each of which tells by itself when its counters were read.

use crate::logged::{self, Taken};
use model::source::disk::Disk;
use model::source::net::Net;
use model::source::Entry;

pub trait Timed: Entry {
    /// The same, read at this time.
    fn read_at(&self, taken_mono_ns: u64) -> Self;
}

impl Timed for Disk {
    fn read_at(&self, taken_mono_ns: u64) -> Self {
        Self {
            taken_mono_ns,
            ..*self
        }
    }
}

impl Timed for Net {
    fn read_at(&self, taken_mono_ns: u64) -> Self {
        Self {
            taken_mono_ns,
            ..*self
        }
    }
}

/// The lines that two snapshots make whose entries were all read at the time that is given. The
/// times of the snapshots themselves are misleading, since they do not matter.
pub fn lines<E: Timed>(before: Option<Taken<'_, E>>, after: Taken<'_, E>) -> Vec<String> {
    let read = |(taken_mono_ns, entries): Taken<'_, E>| -> Vec<E> {
        let entries = entries.iter();
        entries.map(|entry| entry.read_at(taken_mono_ns)).collect()
    };
    let (before, after) = (before.map(read), read(after));
    logged::lines(
        before.as_deref().map(|before| (u64::MAX, before)),
        (0, &after),
    )
}

/// The one line that two such snapshots make.
pub fn one_line<E: Timed>(before: Option<Taken<'_, E>>, after: Taken<'_, E>) -> String {
    logged::only(lines(before, after))
}
