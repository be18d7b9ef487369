// SPDX-License-Identifier: GPL-2.0

//! The processes that were chosen as memory ran out, until the reporter takes them: each is kept as it was at
//! that moment, and the reporter is woken at once.

use super::{
    copy,
    interval,
    slots::Slots,
    threads::WakeReporter, //
};
use crate::{
    model::{
        source::oom_kill::{
            OomKill,
            KILLED,
            WAS_DYING, //
        },
        words::Words, //
    },
    sys::{
        clock,
        irq_work::IrqWork,
        oom::OomHandler,
        rwonce::RwOnce,
        vmstat, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc,
    time::NSEC_PER_MSEC, //
};

/// The least time between two samples that are taken because processes are chosen, in nanoseconds.
const PAUSE_NS: u64 = 100 * NSEC_PER_MSEC as u64;

/// How many are kept.
const MAX_MARKS: usize = 64;

/// Those that were chosen.
pub(crate) struct OomMarks {
    slots: Slots,
    /// The kernel's count of kills when the last one was chosen. It rises before that, with the same lock held.
    kills: RwOnce<u64>,
    /// The process ID of the last one that was killed. Another thread of it, and a group that it is in, may be
    /// chosen after it.
    killed_pid: RwOnce<u64>,
    /// How many of them the reporter has taken.
    taken: RwOnce<u64>,
    /// When the last sample was to be taken because of them, by `CLOCK_MONOTONIC`.
    hurried_ns: RwOnce<u64>,
}

impl OomMarks {
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(super) fn new() -> Result<Arc<Self>> {
        let marks = Self {
            slots: Slots::new(MAX_MARKS, OomKill::LEN)?,
            kills: RwOnce::new(vmstat::oom_kills()),
            killed_pid: RwOnce::new(0),
            taken: RwOnce::new(0),
            hurried_ns: RwOnce::new(0),
        };
        Ok(Arc::new(marks, GFP_KERNEL)?)
    }

    /// Whether there are some that were not taken.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(super) fn has_new(&self) -> bool {
        self.slots.next_seq() != self.taken.read()
    }

    /// Whether a sample is to be taken because of those that were not. The interval may bring one soon enough.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(super) fn wants_sample(&self) -> bool {
        self.has_new() && interval::ns() > PAUSE_NS
    }

    /// In how many nanoseconds the sample is taken that is asked for now, one in [`PAUSE_NS`].
    ///
    /// # Context
    ///
    /// Any context; takes no locks. One caller at a time.
    pub(super) fn delay_ns(&self) -> u64 {
        let now_ns = clock::monotonic_now_ns();
        let next_ns = self.hurried_ns.read().saturating_add(PAUSE_NS).max(now_ns);
        self.hurried_ns.write(next_ns);
        next_ns.saturating_sub(now_ns)
    }

    /// Passes those that were not taken to `each`, and returns how many are lost.
    ///
    /// # Context
    ///
    /// Any context; takes no locks. One caller at a time.
    pub(super) fn take(&self, mut each: impl FnMut(OomKill)) -> u64 {
        let end = self.slots.next_seq();
        let mut lost = 0u64;
        let mut words = [0; OomKill::LEN];
        for seq in self.taken.read()..end {
            match self
                .slots
                .read(seq, &mut words)
                .and_then(OomKill::from_words)
            {
                Some(mark) => each(mark),
                None => lost = lost.saturating_add(1),
            }
        }
        self.taken.write(end);
        lost
    }
}

/// Keeps each that is chosen, and wakes the reporter.
pub(crate) struct OomWatch {
    pub(super) marks: Arc<OomMarks>,
    pub(super) wake: Arc<IrqWork<WakeReporter>>,
}

impl OomHandler for OomWatch {
    fn chosen(&self, mut victim: OomKill) {
        let marks = &self.marks;
        let kills = vmstat::oom_kills();
        let pid = u64::from(victim.pid);
        victim.outcome = if kills == marks.kills.read() || pid == marks.killed_pid.read() {
            WAS_DYING
        } else {
            marks.killed_pid.write(pid);
            KILLED
        };
        marks.kills.write(kills);
        if let Some(slot) = marks.slots.begin() {
            copy::put(slot.words(), &victim);
            slot.publish(OomKill::LEN);
        }
        self.wake.raise();
    }
}
