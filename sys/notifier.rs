// SPDX-License-Identifier: GPL-2.0

//! What is on one of the kernel's lists of notifiers.
//!
//! C header: [`include/linux/notifier.h`](srctree/include/linux/notifier.h)

use core::{
    marker::PhantomData,
    ptr, //
};
use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    types::Opaque, //
};

/// One of the kernel's lists.
///
/// # Safety
///
/// After `register` has succeeded, the block is on the list until `unregister`, which waits until its callback
/// does not run any more.
pub(super) unsafe trait List {
    /// Puts a block on the list.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    ///
    /// # Safety
    ///
    /// The block is complete, on no list, and stays where it is until [`List::unregister`].
    unsafe fn register(block: *mut bindings::notifier_block) -> c_int;

    /// Takes it off again.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    ///
    /// # Safety
    ///
    /// The block is on the list.
    unsafe fn unregister(block: *mut bindings::notifier_block);
}

/// What is called by a list. How, the list says.
pub(super) trait Notified: Send + Sync + 'static {
    /// Called with what the list tells of, in the context that the list has.
    fn notify(&self, action: c_ulong);
}

/// The C structure, with the handler behind it.
#[repr(C)]
struct Inner<T> {
    block: Opaque<bindings::notifier_block>,
    handler: T,
}

/// A block on a list.
///
/// # Invariants
///
/// `self.0.block` is on the list `L`, its callback is [`Notifier::callback`], and it stays where it is.
pub(super) struct Notifier<L: List, T: Notified>(Pin<KBox<Inner<T>>>, PhantomData<L>);

// SAFETY: The handler may be sent and shared. The list has a lock of its own.
unsafe impl<L: List, T: Notified> Send for Notifier<L, T> {}
// SAFETY: As above; nothing can be done with a shared one.
unsafe impl<L: List, T: Notified> Sync for Notifier<L, T> {}

impl<L: List, T: Notified> Notifier<L, T> {
    /// Puts `handler` on the list.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(super) fn register(handler: T) -> Result<Self> {
        let block = bindings::notifier_block {
            notifier_call: Some(Self::callback),
            next: ptr::null_mut(),
            priority: 0,
        };
        let inner = KBox::pin(
            Inner {
                block: Opaque::new(block),
                handler,
            },
            GFP_KERNEL,
        )?;
        // SAFETY: The block is complete and new, and stays until `Drop` takes it off the list.
        to_result(unsafe { L::register(inner.block.get()) })?;
        // INVARIANT: It was just put on the list.
        Ok(Self(inner, PhantomData))
    }

    /// # Safety
    ///
    /// `block` must be that of an `Inner<T>`.
    unsafe extern "C" fn callback(
        block: *mut bindings::notifier_block,
        action: c_ulong,
        _data: *mut c_void,
    ) -> c_int {
        // SAFETY: By this function's contract `block` is the first field of an `Inner<T>`, whose layout is C's; it
        // lives, since `Drop` waits for this callback.
        let inner = unsafe { &*block.cast::<Inner<T>>() };
        inner.handler.notify(action);
        bindings::NOTIFY_DONE as c_int
    }
}

impl<L: List, T: Notified> Drop for Notifier<L, T> {
    /// Waits until the handler does not run any more.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    fn drop(&mut self) {
        // SAFETY: By the type's invariant the block is on the list.
        unsafe { L::unregister(self.0.block.get()) };
    }
}
