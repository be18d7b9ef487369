// SPDX-License-Identifier: GPL-2.0

//! The requests of a sample to the sources that may block, and the wait for their completion.

use crate::sys::{
    clock,
    module_ref::ModuleRef,
    workqueue::Workqueue, //
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
        Instant,
        NSEC_PER_MSEC, //
    },
};

fn now_ns() -> u64 {
    clock::monotonic_ns(Instant::now())
}

/// Counts the requests that were not completed yet. A round is those of one sample.
#[pin_data]
pub(crate) struct Rounds {
    queue: Arc<Workqueue>,
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
            module: None,
        };
        let queue = Workqueue::new(c"resource_monitor")?;
        Arc::pin_init(
            pin_init!(Self {
                queue,
                pending <- new_mutex!(pending, "Rounds::pending"),
                round_complete <- new_condvar!("Rounds::round_complete"),
            }),
            GFP_KERNEL,
        )
    }

    /// Where the work of the requests is queued.
    pub(super) fn queue(&self) -> &Arc<Workqueue> {
        &self.queue
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

    /// Counts a request of this round, and returns the number of the round. None when the module is
    /// being unloaded: then nothing may be requested any more.
    pub(super) fn request(&self) -> Option<u64> {
        let mut pending = self.pending.lock();
        if pending.of_all == 0 {
            pending.module = Some(ModuleRef::new()?);
        }
        pending.of_round = pending.of_round.saturating_add(1);
        pending.of_all = pending.of_all.saturating_add(1);
        Some(pending.round)
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
    /// `CLOCK_MONOTONIC`.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    pub(crate) fn wait(&self, until_ns: u64) {
        let mut pending = self.pending.lock();
        while pending.of_round != 0 {
            let left_ns = until_ns.saturating_sub(now_ns());
            if left_ns == 0 {
                break;
            }
            let left_ms = u32::try_from(left_ns.div_ceil(NSEC_PER_MSEC as u64));
            let left = msecs_to_jiffies(left_ms.unwrap_or(u32::MAX));
            // Whatever woke this up, the loop looks again.
            let _ = self
                .round_complete
                .wait_interruptible_timeout(&mut pending, left);
        }
    }
}
