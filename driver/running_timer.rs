// SPDX-License-Identifier: GPL-2.0

//! Starts, restarts and stops the timer.

use super::{
    cost::Cost,
    interval,
    sampler::Sampler, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
    time::{
        hrtimer::{
            ArcHrTimerHandle,
            HrTimerPointer, //
        },
        Delta, //
    },
};

/// What a sampler has done from load to unload.
pub(crate) struct Totals {
    /// Samples taken.
    pub(crate) samples: u64,
    /// Samples taken more than a tenth of the interval after they were due.
    pub(crate) late: u64,
    /// Samples not taken, since the one before was so late that their time had passed.
    pub(crate) missed: u64,
    /// Time in the timer callback.
    pub(crate) cost: Cost,
}

/// A sampler whose timer is running.
pub(crate) struct RunningTimer {
    sampler: Arc<Sampler>,
    timer: Option<ArcHrTimerHandle<Sampler>>,
    /// The last sample that somebody has asked for. It may not have been taken yet.
    asked: Option<u64>,
}

impl RunningTimer {
    /// Starts the timer: the first sample is taken now, as the base of the next.
    pub(super) fn start(sampler: Arc<Sampler>) -> Self {
        let timer = sampler.clone().start(Delta::ZERO);
        Self {
            sampler,
            timer: Some(timer),
            asked: None,
        }
    }

    /// Whether the next sample is one that somebody has asked for.
    fn is_asked(&self) -> bool {
        self.asked == Some(self.sampler.pending.next_seq())
    }

    /// Cancels the timer, waits for its callback, and abandons the sample that is open. Its number is
    /// used again, and it counts as neither missed nor late.
    fn cancel(&mut self) {
        self.timer = None;
        self.sampler.open.abandon();
    }

    /// Restarts the interval.
    ///
    /// # Context
    ///
    /// Process context, may sleep: waits for the callback.
    pub(super) fn restart(&mut self) {
        // The callback must not run while the timer is started again: it would forward a timer
        // that is already queued. Dropping a handle cancels the timer, whichever handle started
        // it, so the old one goes first. A sample that is open is abandoned.
        self.cancel();
        let first = if self.is_asked() {
            Delta::ZERO
        } else {
            Delta::from_millis(i64::from(interval::ms()))
        };
        self.timer = Some(self.sampler.clone().start(first));
    }

    /// Takes a sample now, which restarts the interval. Returns the sample's sequence number.
    ///
    /// # Context
    ///
    /// Process context, may sleep: waits for the callback.
    pub(super) fn sample_now(&mut self) -> u64 {
        if let Some(seq) = self.asked.filter(|_| self.is_asked()) {
            return seq;
        }
        self.sample_with(0, |_| ())
    }

    /// Takes a sample in as many nanoseconds as `delay_ns` says, which is not asked when somebody has asked for
    /// a sample already.
    ///
    /// # Context
    ///
    /// Process context, may sleep: waits for the callback.
    fn sample_in(&mut self, delay_ns: impl FnOnce() -> u64) {
        if !self.is_asked() {
            self.sample_with(delay_ns(), |_| ());
        }
    }

    /// Does the same as [`Self::sample_now`] in `delay_ns`, and tells `prepare` the sample's number before it is taken.
    ///
    /// # Context
    ///
    /// Process context, may sleep: waits for the callback.
    fn sample_with(&mut self, delay_ns: u64, prepare: impl FnOnce(u64)) -> u64 {
        // As in `restart`. Without the timer nobody takes a sample, so the next one is this.
        self.cancel();
        let seq = self.sampler.pending.next_seq();
        prepare(seq);
        self.asked = Some(seq);
        let delay = Delta::from_nanos(delay_ns as i64);
        self.timer = Some(self.sampler.clone().start(delay));
        seq
    }

    /// Stops the timer and everything that it sets going.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    pub(super) fn stop(self) -> Totals {
        let Self { sampler, timer, .. } = self;
        drop(timer);
        let totals = Totals {
            samples: sampler.pending.next_seq(),
            late: sampler.late.read(),
            missed: sampler.missed.read(),
            cost: sampler.cost.read(),
        };
        // This is the last reference: the interrupt work and the threads end with the
        // sampler, and both wait for what they run.
        drop(sampler);
        totals
    }
}

/// Where the running timer is, while there is one. Parameters restart it, and the reporter does while the
/// machine may be dying.
#[pin_data]
pub(crate) struct Timer {
    #[pin]
    running: Mutex<Option<RunningTimer>>,
}

impl Timer {
    /// A place without a timer.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(super) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                running <- new_mutex!(None, "Timer::running"),
            }),
            GFP_KERNEL,
        )
    }

    /// Starts one.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    pub(super) fn start(&self, sampler: Arc<Sampler>) {
        *self.running.lock() = Some(RunningTimer::start(sampler));
    }

    /// Restarts the interval, if there is a timer.
    ///
    /// # Context
    ///
    /// Process context, may sleep: waits for the callback.
    pub(super) fn restart(&self) {
        if let Some(running) = &mut *self.running.lock() {
            running.restart();
        }
    }

    /// As [`RunningTimer::sample_now`]. None when there is no timer.
    ///
    /// # Context
    ///
    /// Process context, may sleep: waits for the callback.
    pub(super) fn sample_now(&self) -> Option<u64> {
        let running = &mut *self.running.lock();
        running.as_mut().map(RunningTimer::sample_now)
    }

    /// As [`RunningTimer::sample_in`], if there is a timer.
    ///
    /// # Context
    ///
    /// Process context, may sleep: waits for the callback.
    pub(super) fn sample_in(&self, delay_ns: impl FnOnce() -> u64) {
        if let Some(running) = &mut *self.running.lock() {
            running.sample_in(delay_ns);
        }
    }

    /// As [`RunningTimer::sample_with`] at once. None when there is no timer.
    ///
    /// # Context
    ///
    /// Process context, may sleep: waits for the callback.
    pub(super) fn sample_with(&self, prepare: impl FnOnce(u64)) -> Option<u64> {
        let running = &mut *self.running.lock();
        running
            .as_mut()
            .map(|running| running.sample_with(0, prepare))
    }

    /// Takes the timer out, to be stopped. Nobody restarts it from here on.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    pub(super) fn take(&self) -> Option<RunningTimer> {
        self.running.lock().take()
    }
}
