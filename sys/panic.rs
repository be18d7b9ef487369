// SPDX-License-Identifier: GPL-2.0

//! Tells when the kernel panics.
//!
//! C header: [`include/linux/panic_notifier.h`](srctree/include/linux/panic_notifier.h)

use super::notifier::{
    List,
    Notified,
    Notifier, //
};
use core::cell::UnsafeCell;
use kernel::{
    bindings,
    prelude::*,
    sync::atomic::{
        ordering::Acquire,
        Atomic, //
    }, //
};

extern "C" {
    /// See `include/linux/panic_notifier.h`; not in the kernel's bindings.
    static mut panic_notifier_list: bindings::atomic_notifier_head;
}

/// What runs when the kernel panics.
pub(crate) trait PanicHandler: Send + 'static {
    /// Does its work, once.
    ///
    /// # Context
    ///
    /// Any context, NMI included, with interrupts off. The other CPUs were stopped wherever they were, with
    /// whatever locks they have: must not sleep, and takes no locks.
    fn run(&mut self);
}

/// The list that a panic walks, under RCU.
struct PanicList;

// SAFETY: The kernel's functions do what the trait asks for; the second waits for RCU.
unsafe impl List for PanicList {
    unsafe fn register(block: *mut bindings::notifier_block) -> c_int {
        // SAFETY: The list is a static of the kernel; for the block see this function's contract.
        unsafe { bindings::atomic_notifier_chain_register(&raw mut panic_notifier_list, block) }
    }

    unsafe fn unregister(block: *mut bindings::notifier_block) {
        // SAFETY: As above.
        unsafe { bindings::atomic_notifier_chain_unregister(&raw mut panic_notifier_list, block) };
    }
}

/// A handler that is used once.
struct Once<T> {
    /// Whether it runs, or ran: 1 or 0.
    taken: Atomic<u32>,
    handler: UnsafeCell<T>,
}

// SAFETY: `taken` lets one caller alone have the handler, once, which may be sent there.
unsafe impl<T: Send> Sync for Once<T> {}

impl<T: PanicHandler> Notified for Once<T> {
    fn notify(&self, _action: c_ulong) {
        // A panic within a panic calls again.
        if self.taken.xchg(1, Acquire) == 0 {
            // SAFETY: Nobody else has a reference to it, as only the first one comes here, and only once.
            unsafe { &mut *self.handler.get() }.run();
        }
    }
}

/// A panic notifier.
pub(crate) struct PanicNotifier<T: PanicHandler> {
    /// Dropping it takes it off the list.
    _block: Notifier<PanicList, Once<T>>,
}

impl<T: PanicHandler> PanicNotifier<T> {
    /// Has `handler` run when the kernel panics.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn register(handler: T) -> Result<Self> {
        let once = Once {
            taken: Atomic::new(0u32),
            handler: UnsafeCell::new(handler),
        };
        Ok(Self {
            _block: Notifier::register(once)?,
        })
    }
}
