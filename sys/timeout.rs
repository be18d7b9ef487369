// SPDX-License-Identifier: GPL-2.0

//! What is done when something else takes too long.
//!
//! A timer of the wheel, which costs little when it is cancelled in time, as it nearly always is.
//!
//! C header: [`include/linux/timer.h`](srctree/include/linux/timer.h)

use super::clock::NSEC_PER_JIFFY;
use kernel::{
    bindings,
    prelude::*,
    static_lock_class,
    types::Opaque, //
};

/// What is done when a [`Timeout`] was not cancelled in time.
pub(crate) trait TimeoutHandler: Send + Sync + 'static {
    /// Does it.
    ///
    /// # Context
    ///
    /// Soft interrupt context. Must not sleep, and takes raw spinlocks only.
    fn run(&self);
}

/// The C structure, with the handler behind it.
#[repr(C)]
struct Inner<T> {
    timer: Opaque<bindings::timer_list>,
    handler: T,
}

/// A timer that is started for something that is to end before it fires.
///
/// # Invariants
///
/// `self.0.timer` is initialized, its function is [`Timeout::callback`], and it stays where it is.
pub(crate) struct Timeout<T: TimeoutHandler>(Pin<KBox<Inner<T>>>);

// SAFETY: The handler may be used from any thread, and a timer may be started and cancelled from any.
unsafe impl<T: TimeoutHandler> Send for Timeout<T> {}
// SAFETY: As above; the timer's functions take its lock.
unsafe impl<T: TimeoutHandler> Sync for Timeout<T> {}

impl<T: TimeoutHandler> Timeout<T> {
    /// Makes a timer that runs `handler`, as `timer_setup()` does.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(handler: T) -> Result<Self> {
        let inner = KBox::pin(
            Inner {
                timer: Opaque::uninit(),
                handler,
            },
            GFP_KERNEL,
        )?;
        // SAFETY: `timer` is memory of ours that stays where it is, and nobody else knows it yet.
        // The name and the class are static.
        unsafe {
            bindings::timer_init_key(
                inner.timer.get(),
                Some(Self::callback),
                0,
                c"resource_monitor::Timeout".as_char_ptr(),
                static_lock_class!().as_ptr(),
            )
        };
        // INVARIANT: The timer was just initialized.
        Ok(Self(inner))
    }

    /// Has the handler run in `ns` nanoseconds and up to two jiffies more, however often this was called
    /// before.
    ///
    /// # Context
    ///
    /// Any context except NMI. Takes raw locks of the timer wheel.
    pub(crate) fn start_ns(&self, ns: u64) {
        // SAFETY: A number that the timer interrupt changes.
        let now = unsafe { (&raw const bindings::jiffies).read_volatile() };
        let jiffies = ns.div_ceil(NSEC_PER_JIFFY).saturating_add(1);
        let expires = now.wrapping_add(jiffies as c_ulong);
        // SAFETY: By the type's invariant the timer is initialized, and `Drop` waits for it.
        unsafe { bindings::mod_timer(self.0.timer.get(), expires) };
    }

    /// Has the handler not run any more, unless it has begun.
    ///
    /// # Context
    ///
    /// Any context except NMI. Takes raw locks of the timer wheel.
    pub(crate) fn cancel(&self) {
        // SAFETY: By the type's invariant the timer is initialized.
        unsafe { bindings::timer_delete(self.0.timer.get()) };
    }

    /// # Safety
    ///
    /// `timer` must be that of a `Timeout<T>`.
    unsafe extern "C" fn callback(timer: *mut bindings::timer_list) {
        // SAFETY: By this function's contract `timer` is the first field of an `Inner<T>`, whose
        // layout is C's; it lives, since `Drop` waits for this callback.
        let inner = unsafe { &*timer.cast::<Inner<T>>() };
        inner.handler.run();
    }
}

impl<T: TimeoutHandler> Drop for Timeout<T> {
    /// Waits until the handler does not run any more.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    fn drop(&mut self) {
        // SAFETY: By the type's invariant the timer is initialized. Nobody can start it now, as
        // `self` is borrowed mutably.
        unsafe { bindings::timer_shutdown_sync(self.0.timer.get()) };
    }
}
