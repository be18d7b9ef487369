// SPDX-License-Identifier: GPL-2.0

//! Tells when the machine is to restart, to power off or to halt.
//!
//! C header: [`include/linux/reboot.h`](srctree/include/linux/reboot.h)

use super::{
    layout,
    notifier::{
        List,
        Notified,
        Notifier, //
    }, //
};
use kernel::{
    bindings,
    prelude::*, //
};

extern "C" {
    /// See `include/linux/reboot.h`; not in the kernel's bindings.
    fn register_reboot_notifier(block: *mut bindings::notifier_block) -> c_int;

    /// See `include/linux/reboot.h`; not in the kernel's bindings.
    fn unregister_reboot_notifier(block: *mut bindings::notifier_block) -> c_int;
}

/// What the machine is about to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reboot {
    /// To restart, or to start another kernel by kexec.
    Restart,
    /// To power off or to halt.
    PowerOff,
}

/// What runs when the machine is about to do that.
pub(crate) trait RebootHandler: Send + Sync + 'static {
    /// Does its work. Devices are still there, and programs still run.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    fn run(&self, reboot: Reboot);
}

/// The list that `kernel_restart_prepare()` and `kernel_shutdown_prepare()` walk, with its lock.
struct RebootList;

// SAFETY: The kernel's functions do what the trait asks for; the second waits for the list's lock, under which
// callbacks run.
unsafe impl List for RebootList {
    unsafe fn register(block: *mut bindings::notifier_block) -> c_int {
        // SAFETY: By this function's contract.
        unsafe { register_reboot_notifier(block) }
    }

    unsafe fn unregister(block: *mut bindings::notifier_block) {
        // SAFETY: By this function's contract.
        unsafe { unregister_reboot_notifier(block) };
    }
}

/// A handler, which gets the kernel's number as what it means.
struct Meaning<T>(T);

impl<T: RebootHandler> Notified for Meaning<T> {
    fn notify(&self, action: c_ulong) {
        match action {
            layout::SYS_RESTART_ACTION => self.0.run(Reboot::Restart),
            layout::SYS_HALT_ACTION | layout::SYS_POWER_OFF_ACTION => self.0.run(Reboot::PowerOff),
            _ => (),
        }
    }
}

/// A reboot notifier.
pub(crate) struct RebootNotifier<T: RebootHandler> {
    /// Dropping it takes it off the list.
    _block: Notifier<RebootList, Meaning<T>>,
}

impl<T: RebootHandler> RebootNotifier<T> {
    /// Has `handler` run when the machine is about to restart or to power off.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn register(handler: T) -> Result<Self> {
        Ok(Self {
            _block: Notifier::register(Meaning(handler))?,
        })
    }
}
