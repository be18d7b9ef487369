// SPDX-License-Identifier: GPL-2.0

//! The threads that report, and the way to them from the timer callback.
//!
//! One thread does everything as long as all goes well, sources that may block included: no other
//! thread is woken, and none is waited for. A second one stands by. When the first is not through with
//! the sources in time, the second goes on without it (`Reporter::rescue`): it has the workqueue take
//! what the first has not begun with, and reports each sample from there on, until the first is back.

use super::{
    open_round,
    reporter::Reporter, //
};
use crate::sys::{
    irq_work::IrqWorkHandler,
    job::Job,
    kthread::Worker, //
};
use kernel::{
    impl_has_hr_timer,
    prelude::*,
    sync::{
        Arc,
        ArcBorrow, //
    },
    time::{
        hrtimer::{
            HrTimer,
            HrTimerCallback,
            HrTimerCallbackContext,
            HrTimerPointer,
            HrTimerRestart,
            RelativePinnedHardMode, //
        },
        Delta,
        Monotonic, //
    },
};

/// What the thread does that is woken for each sample.
struct Lead {
    reporter: Arc<Reporter>,
    rescue: Arc<Rescue>,
}

impl Job for Lead {
    fn run(&self) {
        let is_begun = self.reporter.begin();
        // What the sample tells of was taken with that.
        self.reporter.hurry();
        if is_begun {
            // It is nearly always cancelled, and seldom the timer that comes next, so it costs little.
            let patience = Delta::from_nanos(open_round::patience_ns() as i64);
            let timer = self.rescue.clone().start(patience);
            self.reporter.take();
            drop(timer);
            self.reporter.finish();
        }
    }
}

/// What the thread does that stands by.
struct Rescuer(Arc<Reporter>);

impl Job for Rescuer {
    fn run(&self) {
        self.0.rescue();
        self.0.hurry();
    }
}

/// The thread that stands by, and the timer that wakes it when the time is over.
#[pin_data]
struct Rescue {
    rescuer: Worker<Rescuer>,
    #[pin]
    timer: HrTimer<Self>,
}

impl HrTimerCallback for Rescue {
    type Pointer<'a> = Arc<Self>;

    /// In the timer interrupt, also on `PREEMPT_RT`, where a soft interrupt may not get to run.
    fn run(this: ArcBorrow<'_, Self>, _: HrTimerCallbackContext<'_, Self>) -> HrTimerRestart {
        this.rescuer.queue();
        HrTimerRestart::NoRestart
    }
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Rescue {
        mode: RelativePinnedHardMode<Monotonic>, field: self.timer
    }
}

/// Wakes a thread for a sample. That takes locks that others hold, those of the scheduler, so the timer
/// callback raises this interrupt work instead.
pub(crate) struct WakeReporter {
    reporter: Arc<Reporter>,
    lead: Worker<Lead>,
    rescue: Arc<Rescue>,
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
        let rescuer = Worker::start(c"resource_mon/R", Rescuer(reporter.clone()))?;
        let rescue = Arc::pin_init(
            pin_init!(Rescue {
                rescuer,
                timer <- HrTimer::new(),
            }),
            GFP_KERNEL,
        )?;
        let lead = Lead {
            reporter: reporter.clone(),
            rescue: rescue.clone(),
        };
        Ok(Self {
            reporter,
            lead: Worker::start(c"resource_mon", lead)?,
            rescue,
        })
    }
}

impl IrqWorkHandler for WakeReporter {
    fn run(&self) {
        if self.reporter.is_rescued() {
            self.rescue.rescuer.queue();
        } else {
            self.lead.queue();
        }
    }
}
