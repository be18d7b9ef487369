// SPDX-License-Identifier: GPL-2.0

//! The requests of a sample to the sources that may block, who takes what was requested, and the wait
//! for their completion.

use super::table::Lap;
use crate::{
    model::source::fs::MAX_PATHS,
    sys::{
        clock,
        module_ref::ModuleRef,
        workqueue::Workqueue, //
    }, //
};
use kernel::{
    new_condvar, new_mutex,
    prelude::*,
    sync::{
        Arc,
        CondVar,
        Mutex, //
    },
    time::{
        msecs_to_jiffies,
        NSEC_PER_MSEC, //
    },
};

/// A snapshot that was requested.
pub(super) trait Requested: Send + Sync {
    /// Takes it, here and now.
    ///
    /// # Context
    ///
    /// Process context, may sleep, and without an end.
    fn take(&self, lap: &mut Lap);

    /// Has a job on the workqueue take it.
    ///
    /// # Context
    ///
    /// Process context.
    fn queue(&self);
}

/// Most requests that nobody has begun with: those of the paths that are watched and that were given
/// up, and of the other sources, with some to spare.
const MAX_REQUESTS: usize = 2 * MAX_PATHS + 8;

/// Counts the requests that were not completed yet. A round is those of one sample.
#[pin_data]
pub(crate) struct Rounds {
    workqueue: Arc<Workqueue>,
    #[pin]
    pending: Mutex<Pending>,
    #[pin]
    round_complete: CondVar,
}

/// The requests that were not completed yet.
struct Pending {
    /// The number of this round.
    round: u64,
    /// Requests of this round.
    of_round: u64,
    /// Requests of any round.
    of_all: u64,
    /// Those of them that nobody has begun with.
    open: KVec<Arc<dyn Requested>>,
    /// While there are any, unloading the module would have to wait for their completion, which may
    /// never come, so that is not allowed.
    module: Option<ModuleRef>,
}

impl Rounds {
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new() -> Result<Arc<Self>> {
        let pending = Pending {
            round: 0,
            of_round: 0,
            of_all: 0,
            open: KVec::with_capacity(MAX_REQUESTS, GFP_KERNEL)?,
            module: None,
        };
        let workqueue = Workqueue::new(c"resource_monitor")?;
        Arc::pin_init(
            pin_init!(Self {
                workqueue,
                pending <- new_mutex!(pending, "Rounds::pending"),
                round_complete <- new_condvar!("Rounds::round_complete"),
            }),
            GFP_KERNEL,
        )
    }

    /// Where jobs are queued that take what was requested.
    pub(super) fn workqueue(&self) -> &Arc<Workqueue> {
        &self.workqueue
    }

    /// Begins a round. From here on nobody waits for earlier requests.
    pub(crate) fn start(&self) {
        let mut pending = self.pending.lock();
        pending.round = pending.round.wrapping_add(1);
        pending.of_round = 0;
    }

    /// The number of this round.
    pub(super) fn number(&self) -> u64 {
        self.pending.lock().round
    }

    /// Makes a request of this round, and returns the number of the round. One that `is_slow` is queued at
    /// once. None when the module is being unloaded: then nothing may be requested any more.
    pub(super) fn request(&self, requested: Arc<dyn Requested>, is_slow: bool) -> Option<u64> {
        let mut pending = self.pending.lock();
        if pending.of_all == 0 {
            pending.module = Some(ModuleRef::new()?);
        }
        pending.of_round = pending.of_round.saturating_add(1);
        pending.of_all = pending.of_all.saturating_add(1);
        if is_slow {
            requested.queue();
        } else if let Err(full) = pending.open.push_within_capacity(requested) {
            full.0.queue();
        }
        Some(pending.round)
    }

    /// The first request that nobody has begun with, which the caller is to begin with now.
    fn next(&self) -> Option<Arc<dyn Requested>> {
        self.pending.lock().open.remove(0).ok()
    }

    /// Takes what was requested, one after the other.
    ///
    /// # Context
    ///
    /// Process context, may sleep, and without an end.
    pub(crate) fn take(&self) {
        let mut lap = Lap::now();
        while let Some(requested) = self.next() {
            requested.take(&mut lap);
        }
    }

    /// Has jobs take what was requested and nobody has begun with.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    pub(crate) fn queue(&self) {
        while let Some(requested) = self.next() {
            requested.queue();
        }
    }

    /// Counts the completion of a request of `round`. From here on the module may be unloaded, which
    /// waits for the end of the job that calls this.
    pub(super) fn complete(&self, round: u64) {
        let mut pending = self.pending.lock();
        pending.of_all = pending.of_all.saturating_sub(1);
        if pending.of_all == 0 {
            pending.module = None;
        }
        if pending.round == round {
            pending.of_round = pending.of_round.saturating_sub(1);
            if pending.of_round == 0 {
                self.round_complete.notify_all();
            }
        }
    }

    /// Waits until all requests of this round are completed, or it is `until_ns` by
    /// `CLOCK_MONOTONIC`. Returns how long that was, in nanoseconds.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    pub(crate) fn wait(&self, until_ns: u64) -> u64 {
        let mut pending = self.pending.lock();
        if pending.of_round == 0 {
            return 0;
        }
        let start_ns = clock::monotonic_now_ns();
        let mut now_ns = start_ns;
        while pending.of_round != 0 {
            let left_ns = until_ns.saturating_sub(now_ns);
            if left_ns == 0 {
                break;
            }
            let left_ms = u32::try_from(left_ns.div_ceil(NSEC_PER_MSEC as u64));
            let left = msecs_to_jiffies(left_ms.unwrap_or(u32::MAX));
            // Whatever woke this up, the loop looks again.
            let _ = self
                .round_complete
                .wait_interruptible_timeout(&mut pending, left);
            now_ns = clock::monotonic_now_ns();
        }
        now_ns.saturating_sub(start_ns)
    }
}
