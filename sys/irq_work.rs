// SPDX-License-Identifier: GPL-2.0

//! Deferred interrupt work: lets a hard interrupt hand on without taking a lock.
//!
//! C header: [`include/linux/irq_work.h`](srctree/include/linux/irq_work.h)

use kernel::{
    bindings,
    prelude::*,
    types::Opaque, //
};

/// What runs when an [`IrqWork`] was raised.
pub(crate) trait IrqWorkHandler: Send + Sync + 'static {
    /// Does the work.
    ///
    /// # Context
    ///
    /// Hard interrupt context with interrupts off, on `PREEMPT_RT` too. Must not sleep, and takes
    /// raw spinlocks only.
    fn run(&self);
}

/// The C structure, with the handler behind it.
#[repr(C)]
struct Inner<T> {
    work: Opaque<bindings::irq_work>,
    handler: T,
}

/// Work that a hard interrupt can raise.
///
/// # Invariants
///
/// `self.0.work` is initialized, its callback is [`IrqWork::callback`], and it stays where it is.
pub(crate) struct IrqWork<T: IrqWorkHandler>(Pin<KBox<Inner<T>>>);

// SAFETY: The handler may be used from any thread, and `irq_work_queue()` and `irq_work_sync()`
// may be called from any.
unsafe impl<T: IrqWorkHandler> Send for IrqWork<T> {}
// SAFETY: As above; raising is atomic.
unsafe impl<T: IrqWorkHandler> Sync for IrqWork<T> {}

impl<T: IrqWorkHandler> IrqWork<T> {
    /// Makes work that runs `handler`, as `IRQ_WORK_INIT_HARD()` does.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(handler: T) -> Result<Self> {
        let mut work = bindings::irq_work {
            func: Some(Self::callback),
            ..Default::default()
        };
        // Without this flag `PREEMPT_RT` leaves the work to a thread of each CPU. On a CPU that
        // goes offline that thread is parked before the timer leaves, so the work would wait for
        // the CPU to come back, and `irq_work_sync()` with it.
        work.node.__bindgen_anon_1.u_flags = bindings::IRQ_WORK_HARD_IRQ;
        // INVARIANT: This is what `IRQ_WORK_INIT_HARD()` makes.
        let inner = KBox::pin(
            Inner {
                work: Opaque::new(work),
                handler,
            },
            GFP_KERNEL,
        )?;
        Ok(Self(inner))
    }

    /// Has the handler run soon. When it was raised before and has not begun, it runs once.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn raise(&self) {
        // SAFETY: By the type's invariant the work is initialized, and `Drop` waits for it.
        unsafe { bindings::irq_work_queue(self.0.work.get()) };
    }

    /// # Safety
    ///
    /// `work` must be that of an `IrqWork<T>`.
    unsafe extern "C" fn callback(work: *mut bindings::irq_work) {
        // SAFETY: By this function's contract `work` is the first field of an `Inner<T>`, whose
        // layout is C's; it lives, since `Drop` waits for this callback.
        let inner = unsafe { &*work.cast::<Inner<T>>() };
        inner.handler.run();
    }
}

impl<T: IrqWorkHandler> Drop for IrqWork<T> {
    /// Waits until the handler does not run any more.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    fn drop(&mut self) {
        // SAFETY: By the type's invariant the work is initialized. Nobody can raise it now, as
        // `self` is borrowed mutably.
        unsafe { bindings::irq_work_sync(self.0.work.get()) };
    }
}
