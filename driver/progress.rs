// SPDX-License-Identifier: GPL-2.0

//! How far the reporter has come with the samples, and the lines of CPU and memory.

use super::{
    behind::Behind,
    events::Events,
    log::{
        logged_bytes,
        print,
        Log,
        Sampled, //
    },
    open_round::OpenRound,
    params,
    pending::Pending,
    record_buffer::RecordBuffer,
    sources::Sources,
    trouble::Trouble, //
};
use crate::{
    model::{
        event::watch::Outcome,
        line::{
            Line,
            Lines, //
        },
        source::{
            activity::swapped,
            cpu::{
                spent_together,
                Spent, //
            },
            memory::Buffers, //
        }, //
    },
    sys::vmstat, //
};
use core::{
    cell::Cell,
    mem, //
};
use kernel::prelude::*;

/// How far the reporter has come.
pub(crate) struct Progress {
    /// Sequence number of the next sample to look at.
    pub(super) next_seq: u64,
    /// The number of changes to parameters that this takes into account.
    changes: u64,
    /// The value of [`params::LOG_EVERY`] that the log goes by. The parameter may change while
    /// samples are looked at.
    log_every: u64,
    /// The sample that the next lines are compared with.
    base: RecordBuffer,
    /// The sample that is looked at.
    pub(super) now: RecordBuffer,
    /// What the CPUs did between the two.
    spent: Spent,
    /// The round that was begun, until somebody finishes it.
    pub(super) round: Option<OpenRound>,
    /// The samples that were overwritten first.
    pub(super) behind: Behind,
    /// What is sampled besides CPU and memory.
    pub(super) sources: KBox<Sources>,
    /// What is wrong with the machine.
    pub(super) events: KBox<Events>,
    /// What changes meanwhile.
    pub(super) trouble: Trouble,
    /// Memory for the line that is being made.
    line: Line,
}

impl Progress {
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(super) fn new(sources: KBox<Sources>) -> Result<Self> {
        Ok(Self {
            next_seq: 0,
            changes: 0,
            log_every: u64::from(params::LOG_EVERY.value()),
            base: RecordBuffer::new(Pending::record_words())?,
            now: RecordBuffer::new(Pending::record_words())?,
            spent: Spent::default(),
            round: None,
            behind: Behind::default(),
            sources,
            events: Events::new()?,
            trouble: Trouble::default(),
            line: Line::new(),
        })
    }

    /// Says in the log what this kernel does not offer.
    pub(super) fn announce(&mut self) {
        let mut lines = Lines::new(&mut self.line, &print);
        if !vmstat::HAS_SWAP {
            lines.line(|line| line.text("no swap: the kernel is built without CONFIG_SWAP"));
        }
        self.sources.for_each(|source| source.announce(&mut lines));
    }

    /// Restarts the log if parameters have changed since: what was logged before is no base for
    /// what comes. `changes` counts the changes to parameters that affect the log.
    /// Returns whether there are any.
    pub(super) fn take_changes(&mut self, changes: u64) -> bool {
        let has_changed = changes != self.changes;
        if has_changed {
            self.changes = changes;
            self.log_every = u64::from(params::LOG_EVERY.value());
            self.base.clear();
            self.sources.for_each(|source| source.restart());
        }
        has_changed
    }

    /// Reads the next sample into `now` and returns its sequence number. None when it was
    /// overwritten: then the next one is the oldest that is left.
    pub(super) fn read_next(&mut self, pending: &Pending) -> Option<u64> {
        let seq = self.next_seq;
        self.next_seq = seq.saturating_add(1);
        if self.now.read_pending(pending, seq) {
            return Some(seq);
        }
        self.next_seq = self.next_seq.max(pending.oldest_seq());
        self.behind.add(seq, self.next_seq);
        None
    }

    /// Whether the sample `seq` is to be logged.
    pub(super) fn is_due(&self, seq: u64) -> bool {
        seq.checked_rem(self.log_every) == Some(0)
    }

    /// Compares the sample `seq`, which is in `now`, with the one that was logged before. Returns whether it
    /// can be logged.
    pub(super) fn compare(&mut self, seq: u64, pending: &Pending) -> bool {
        let was_logged = !self.base.is_empty();
        if let Some(before) = seq.checked_sub(1).filter(|_| !was_logged) {
            // As good, if it is still there.
            self.base.read_pending(pending, before);
        }
        let Some(now) = self.now.record() else {
            return false;
        };
        let Some(base) = self.base.record() else {
            mem::swap(&mut self.base, &mut self.now);
            return false;
        };
        let all = spent_together(base, now);
        // A sample that follows a late one may be here too soon; the next one then stands for both.
        if !all.is_counted(now.elapsed_ns_since(&base)) {
            if !was_logged {
                self.base.clear();
            }
            return false;
        }
        self.spent = all.spent;
        true
    }

    /// Looks for events in the newest sample, which is in `now`.
    pub(super) fn look_for_events(&mut self) -> Outcome {
        match self.now.record() {
            Some(record) => self.events.look(record, &mut self.sources),
            None => Outcome::default(),
        }
    }

    /// Logs the events that begin or end.
    pub(super) fn log_events(&mut self, now_ns: u64) {
        let victim = self.sources.killed();
        self.events.log(now_ns, victim, &mut self.line);
    }

    /// Logs what remains to be said when no sample comes any more.
    pub(super) fn log_rest(&mut self, now_ns: u64) {
        self.behind.say();
        self.events.log_rest(now_ns, &mut self.line);
    }

    /// Logs the sample that was compared, all lines of it if it `is_full`. The sources were sampled for the
    /// newest sample alone. Returns how many bytes that takes in the log; lines for which there is no `room` are
    /// left out.
    pub(super) fn log(
        &mut self,
        buffers: Buffers,
        is_newest: bool,
        is_full: bool,
        room: usize,
    ) -> usize {
        let (Some(base), Some(now)) = (self.base.record(), self.now.record()) else {
            return 0;
        };
        let activity = self.sources.activity().filter(|_| is_newest);
        let sampled = Sampled {
            base,
            now,
            spent: &self.spent,
            buffers,
            swapped: activity.and_then(|(then, now)| swapped(then, now)),
        };
        let bytes = Cell::new(0usize);
        let print = |line: &Line| {
            let after = bytes.get().saturating_add(logged_bytes(line));
            if after <= room {
                print(line);
                bytes.set(after);
            }
        };
        let mut log = Log::new(&mut self.line, &print, is_full, params::LOG.is("brief"));
        log.begin(&sampled);
        if is_newest {
            self.sources.for_each(|source| source.log(&mut log));
        }
        log.end(&sampled);
        mem::swap(&mut self.base, &mut self.now);
        bytes.get()
    }
}
