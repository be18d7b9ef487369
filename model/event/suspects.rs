// SPDX-License-Identifier: GPL-2.0-or-later

//! Disks with requests under way, and whether they complete any.

use super::super::source::disk::Disk;

/// A disk with requests under way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Suspect {
    /// `diskseq`.
    seq: u64,
    /// Requests that it has completed.
    completed: u64,
    /// Since when these are as many.
    since_ns: u64,
    /// Whether it still has requests under way.
    is_seen: bool,
}

impl Suspect {
    fn new(disk: &Disk, now_ns: u64) -> Self {
        let kinds = [&disk.reads, &disk.writes, &disk.discards, &disk.flushes];
        let completed = kinds.into_iter().map(|kind| kind.ios);
        Self {
            seq: disk.seq,
            completed: completed.fold(0, u64::saturating_add),
            since_ns: now_ns,
            is_seen: true,
        }
    }
}

/// Those of a sample, in the order of the disks.
pub(super) struct Suspects<'a> {
    places: &'a mut [Suspect],
    /// How many of the places are in use.
    count: &'a mut usize,
    /// Where the one is that probably comes next.
    next: usize,
}

impl<'a> Suspects<'a> {
    /// Goes on with the first `count` of `places`.
    pub(super) fn new(places: &'a mut [Suspect], count: &'a mut usize) -> Self {
        Self {
            places,
            count,
            next: 0,
        }
    }

    /// Since when a disk with requests under way has completed none; none when it has completed some since
    /// the sample before, or had no requests then.
    pub(super) fn stuck_since(&mut self, disk: &Disk, now_ns: u64) -> Option<u64> {
        let new = Suspect::new(disk, now_ns);
        let known = self.places.get_mut(..*self.count).unwrap_or_default();
        // They come in the same order as before.
        let (done, ahead) = known.split_at_mut(self.next.min(known.len()));
        let first = done.len();
        let position = |part: &[Suspect]| part.iter().position(|one| one.seq == new.seq);
        let at = match position(ahead) {
            Some(distance) => Some(first.saturating_add(distance)),
            None => position(done),
        };
        let Some(at) = at else {
            if let Some(place) = self.places.get_mut(*self.count) {
                *place = new;
                *self.count = self.count.saturating_add(1);
            }
            return None;
        };
        self.next = at.saturating_add(1);
        let suspect = self.places.get_mut(at)?;
        if suspect.completed == new.completed {
            suspect.is_seen = true;
            return Some(suspect.since_ns);
        }
        *suspect = new;
        None
    }

    /// Forgets the disks that have no requests under way any more.
    pub(super) fn forget_others(self) {
        let mut kept = 0usize;
        for at in 0..*self.count {
            let Some(mut suspect) = self.places.get(at).copied() else {
                break;
            };
            if core::mem::take(&mut suspect.is_seen) {
                if let Some(place) = self.places.get_mut(kept) {
                    *place = suspect;
                    kept = kept.saturating_add(1);
                }
            }
        }
        *self.count = kept;
    }
}
