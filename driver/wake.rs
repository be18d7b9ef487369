// SPDX-License-Identifier: GPL-2.0

//! The way from the timer callback to the reporter.

use super::reporter::Reporter;
use crate::sys::{
    irq_work::IrqWorkHandler,
    kthread::Worker, //
};
use kernel::sync::Arc;

/// Wakes the reporter. That takes locks that others hold, those of the scheduler, so the timer
/// callback raises this interrupt work instead.
pub(crate) struct WakeReporter(pub(super) Worker<Arc<Reporter>>);

impl IrqWorkHandler for WakeReporter {
    fn run(&self) {
        self.0.queue();
    }
}
