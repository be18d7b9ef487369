// SPDX-License-Identifier: GPL-2.0-or-later

//! The parts of a recording, and which of them belong together.

use std::collections::HashMap;

use model::record::Header;

use crate::boots::Life;
use crate::life::{boot_ns, is_next, is_one_life, wall_offset_ns};
use crate::Id;

/// Records of one life, one after the other in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// Which of the sources has it.
    pub(super) source: usize,
    pub(super) offset: u64,
    pub(super) bytes: u64,
    pub(super) records: u64,
    pub(super) first: Header,
    pub(super) newest: Header,
}

impl Part {
    /// Whether a record belongs to this part when it follows in the file.
    pub(super) fn goes_on(&self, next: &Header) -> bool {
        is_next(&self.newest, next)
    }

    /// Whether another part, which comes later in the file, is of the same life.
    fn is_of_life(&self, next: &Self) -> bool {
        is_one_life(&self.newest, &next.first)
    }
}

/// The record of a life that was taken last.
pub(super) fn newest(life: &[Part]) -> Option<&Header> {
    let headers = life.iter().map(|part| &part.newest);
    headers.max_by_key(|header| (boot_ns(header), header.seq))
}

/// The parts by life, all in order.
pub(super) fn lives_of(parts: Vec<Part>) -> Vec<Vec<Part>> {
    let mut lives: Vec<Vec<Part>> = Vec::new();
    // By identity, as there may be any number of lives; those without one follow each other.
    let mut known: HashMap<_, usize> = HashMap::new();
    for part in parts {
        let id = (part.first.boot_id, part.first.load_id);
        let at = known.get(&id).copied();
        let life = at.and_then(|at| lives.get_mut(at));
        match life.filter(|life| life.last().is_some_and(|last| last.is_of_life(&part))) {
            Some(life) => life.push(part),
            None => {
                known.insert(id, lives.len());
                lives.push(vec![part]);
            }
        }
    }
    for life in &mut lives {
        life.sort_by_key(|part| (boot_ns(&part.first), part.first.seq));
        // What is there more than once as a whole, as where a dump has a copy of it.
        let mut newest = None;
        life.retain(|part| {
            let seq = part.newest.seq;
            let is_new = part.first.boot_id.is_none() || newest.is_none_or(|newest| seq > newest);
            newest = newest.max(is_new.then_some(seq));
            is_new
        });
    }
    lives.sort_by_key(|life| newest(life).map_or(0, |header| header.taken_wall_ns));
    lives
}

/// What there is of a life.
pub(super) fn summary(life: &[Part]) -> Option<Life> {
    let (first, newest) = (life.first()?.first, newest(life)?);
    Some(Life {
        boot_id: first.boot_id.map(Id),
        load_id: first.load_id.map(Id),
        kernel: None,
        first_boot_ns: boot_ns(&first),
        last_boot_ns: boot_ns(newest),
        wall_ahead_ns: wall_offset_ns(newest),
        ended: None,
        records: count(life),
    })
}

/// How many records a life has, each once where it is known again.
fn count(life: &[Part]) -> u64 {
    let mut next_seq = 0;
    let each = life.iter().map(|part| {
        let (first_seq, last_seq) = (part.first.seq, part.newest.seq);
        if part.first.boot_id.is_none() {
            return part.records;
        }
        let known = next_seq.max(first_seq) - first_seq;
        next_seq = next_seq.max(last_seq.saturating_add(1));
        part.records.saturating_sub(known)
    });
    each.sum()
}
