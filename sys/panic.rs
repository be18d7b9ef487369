// SPDX-License-Identifier: GPL-2.0

//! Tells when the kernel panics.
//!
//! C headers: [`include/linux/panic_notifier.h`](srctree/include/linux/panic_notifier.h),
//! [`include/linux/notifier.h`](srctree/include/linux/notifier.h)

use core::{
    cell::UnsafeCell,
    ptr, //
};
use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    sync::atomic::{
        ordering::Acquire,
        Atomic, //
    },
    types::Opaque, //
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

/// The C structure, with the handler behind it.
#[repr(C)]
struct Inner<T> {
    block: Opaque<bindings::notifier_block>,
    /// Whether it runs, or ran: 1 or 0.
    taken: Atomic<u32>,
    handler: UnsafeCell<T>,
}

/// A panic notifier.
///
/// # Invariants
///
/// `self.0.block` is on the list of panic notifiers, its callback is [`PanicNotifier::callback`], and it stays
/// where it is.
pub(crate) struct PanicNotifier<T: PanicHandler>(Pin<KBox<Inner<T>>>);

// SAFETY: The handler may be sent, and is used by the one who takes it. The list has a lock of its own.
unsafe impl<T: PanicHandler> Send for PanicNotifier<T> {}
// SAFETY: As above; nothing can be done with a shared one.
unsafe impl<T: PanicHandler> Sync for PanicNotifier<T> {}

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
        let block = bindings::notifier_block {
            notifier_call: Some(Self::callback),
            next: ptr::null_mut(),
            priority: 0,
        };
        let inner = KBox::pin(
            Inner {
                block: Opaque::new(block),
                taken: Atomic::new(0u32),
                handler: UnsafeCell::new(handler),
            },
            GFP_KERNEL,
        )?;
        // SAFETY: The list is a static of the kernel. The block is complete, and stays until `Drop` takes it off
        // the list.
        to_result(unsafe {
            bindings::atomic_notifier_chain_register(
                &raw mut panic_notifier_list,
                inner.block.get(),
            )
        })?;
        // INVARIANT: It was just put on the list.
        Ok(Self(inner))
    }

    /// # Safety
    ///
    /// `block` must be that of an `Inner<T>`.
    unsafe extern "C" fn callback(
        block: *mut bindings::notifier_block,
        _action: c_ulong,
        _message: *mut c_void,
    ) -> c_int {
        // SAFETY: By this function's contract `block` is the first field of an `Inner<T>`, whose layout is C's; it
        // lives, since `Drop` waits for this callback.
        let inner = unsafe { &*block.cast::<Inner<T>>() };
        // A panic within a panic calls again.
        if inner.taken.xchg(1, Acquire) == 0 {
            // SAFETY: Nobody else has a reference to it, as only the first one comes here, and only once.
            unsafe { &mut *inner.handler.get() }.run();
        }
        bindings::NOTIFY_DONE as c_int
    }
}

impl<T: PanicHandler> Drop for PanicNotifier<T> {
    /// Waits until the handler does not run any more.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    fn drop(&mut self) {
        // SAFETY: By the type's invariant the block is on the list. This waits for RCU, under which the list is
        // walked.
        unsafe {
            bindings::atomic_notifier_chain_unregister(
                &raw mut panic_notifier_list,
                self.0.block.get(),
            )
        };
    }
}
