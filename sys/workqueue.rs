// SPDX-License-Identifier: GPL-2.0

//! A workqueue of our own. The kernel's shared ones could still hold our work when the module
//! goes; this one ends with all its work done.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

use core::{
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    prelude::*,
    workqueue::Queue, //
};

/// A workqueue that lives as long as this.
///
/// # Invariants
///
/// `self.0` is a workqueue that [`OwnedQueue::new`] allocated.
pub(crate) struct OwnedQueue(NonNull<bindings::workqueue_struct>);

// SAFETY: Workqueues may be used and destroyed from any thread.
unsafe impl Send for OwnedQueue {}
// SAFETY: Queueing work is atomic.
unsafe impl Sync for OwnedQueue {}

impl OwnedQueue {
    /// Makes a workqueue. Its workers run on any CPU at high priority, and one is kept in reserve
    /// for when the kernel has no memory to make another.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(name: &'static CStr) -> Result<Self> {
        let flags = bindings::wq_flags_WQ_UNBOUND
            | bindings::wq_flags_WQ_HIGHPRI
            | bindings::wq_flags_WQ_MEM_RECLAIM;
        // SAFETY: The format has one `%s`, and a C string goes with it.
        let queue = unsafe {
            bindings::alloc_workqueue_noprof(c"%s".as_char_ptr(), flags, 0, name.as_char_ptr())
        };
        // INVARIANT: It was just allocated.
        NonNull::new(queue).map(Self).ok_or(ENOMEM)
    }
}

impl Deref for OwnedQueue {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        // SAFETY: By the type's invariant this is a workqueue, and it lives as long as `self`.
        unsafe { Queue::from_raw(self.0.as_ptr()) }
    }
}

impl Drop for OwnedQueue {
    /// Waits until all work is done.
    ///
    /// # Context
    ///
    /// Process context, may sleep; not from work of this queue.
    fn drop(&mut self) {
        // SAFETY: By the type's invariant this is a workqueue of ours, and nobody can queue any
        // more, as `self` is borrowed mutably.
        unsafe { bindings::destroy_workqueue(self.0.as_ptr()) };
    }
}
