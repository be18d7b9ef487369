// SPDX-License-Identifier: GPL-2.0

//! The threads that report, and the way to them from the timer callback.
//!
//! One thread does everything as long as all goes well, sources that may block included: no other
//! thread is woken, and none is waited for. A second one stands by. When the first is not through with
//! the sources in time, the second goes on without it (`Reporter::rescue`): it has the workqueue take
//! what the first has not begun with, and reports each sample from there on, until the first is back.

use super::reporter::{
    self,
    Reporter, //
};
use crate::sys::{
    irq_work::IrqWorkHandler,
    job::Job,
    kthread::Worker,
    timeout::{
        Timeout,
        TimeoutHandler, //
    }, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// What the thread does that is woken for each sample.
struct Lead {
    reporter: Arc<Reporter>,
    timeout: Timeout<WakeRescuer>,
}

impl Job for Lead {
    fn run(&self) {
        if self.reporter.begin() {
            self.timeout.start_ns(reporter::patience_ns());
            self.reporter.take();
            self.timeout.cancel();
            self.reporter.finish();
        }
    }
}

/// What the thread does that stands by.
struct Rescuer(Arc<Reporter>);

impl Job for Rescuer {
    fn run(&self) {
        self.0.rescue();
    }
}

/// Wakes the rescuer when the time is over.
struct WakeRescuer(Arc<Worker<Rescuer>>);

impl TimeoutHandler for WakeRescuer {
    fn run(&self) {
        self.0.queue();
    }
}

/// Wakes a thread for a sample. That takes locks that others hold, those of the scheduler, so the timer
/// callback raises this interrupt work instead.
pub(crate) struct WakeReporter {
    reporter: Arc<Reporter>,
    lead: Worker<Lead>,
    rescuer: Arc<Worker<Rescuer>>,
}

impl WakeReporter {
    /// Starts the threads, both under names of at most 15 bytes.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory, `EINTR` when the calling process is being killed.
    pub(super) fn new(reporter: Arc<Reporter>) -> Result<Self> {
        let rescuer = Arc::new(
            Worker::start(c"resource_mon/R", Rescuer(reporter.clone()))?,
            GFP_KERNEL,
        )?;
        let lead = Lead {
            reporter: reporter.clone(),
            timeout: Timeout::new(WakeRescuer(rescuer.clone()))?,
        };
        Ok(Self {
            reporter,
            lead: Worker::start(c"resource_mon", lead)?,
            rescuer,
        })
    }
}

impl IrqWorkHandler for WakeReporter {
    fn run(&self) {
        let is_rescued = self.reporter.is_rescued();
        if !is_rescued {
            self.lead.queue();
        }
        // The timeout needs a thread of its own on `PREEMPT_RT`, which may not get to run.
        if is_rescued || self.reporter.is_overdue() {
            self.rescuer.queue();
        }
    }
}
