// SPDX-License-Identifier: GPL-2.0

//! A workqueue of our own, for jobs that may take long.
//!
//! One thread of the kernel's pool does job after job; when a job sleeps, or keeps its CPU for
//! long, another thread goes on with the others. So jobs that finish quickly
//! share one wake-up, and one that blocks delays no other.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

use super::job::Job;
use core::ptr::NonNull;
use kernel::{
    bindings,
    prelude::*,
    static_lock_class,
    sync::Arc,
    types::Opaque, //
};

/// A workqueue, of the priority of the kernel's own urgent work.
///
/// It is not frozen while the system suspends (`WQ_FREEZABLE`): a job that does not come to its end
/// would make that fail. So nothing may be asked of it then.
///
/// It may need memory to start another thread. To be sure of one it would need `WQ_MEM_RECLAIM`,
/// but destroying such a queue before its rescuer thread ran for the first time leaves a pending
/// rescue behind, with a warning.
///
/// # Invariants
///
/// `self.0` is a workqueue that [`Workqueue::new`] made.
pub(crate) struct Workqueue(NonNull<bindings::workqueue_struct>);

// SAFETY: A workqueue may be used and destroyed from any thread.
unsafe impl Send for Workqueue {}
// SAFETY: As above; queueing work is atomic.
unsafe impl Sync for Workqueue {}

impl Workqueue {
    /// Makes a workqueue called `name`.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(name: &'static CStr) -> Result<Arc<Self>> {
        // SAFETY: The format has one `%s`, and a C string goes with it.
        let queue = unsafe {
            bindings::alloc_workqueue_noprof(
                c"%s".as_char_ptr(),
                bindings::wq_flags_WQ_HIGHPRI | bindings::wq_flags_WQ_PERCPU,
                0,
                name.as_char_ptr(),
            )
        };
        // INVARIANT: What is not null is a workqueue.
        let queue = Self(NonNull::new(queue).ok_or(ENOMEM)?);
        Ok(Arc::new(queue, GFP_KERNEL)?)
    }
}

impl Drop for Workqueue {
    /// # Context
    ///
    /// Process context, may sleep.
    fn drop(&mut self) {
        // SAFETY: By the type's invariant this is a queue of ours. Each work holds a reference to
        // it, so there is none any more.
        unsafe { bindings::destroy_workqueue(self.0.as_ptr()) };
    }
}

/// The C structure, with the job behind it.
#[repr(C)]
struct Inner<T> {
    work: Opaque<bindings::work_struct>,
    job: T,
}

/// A job for a workqueue.
///
/// # Invariants
///
/// `self.inner.work` is initialized, its function is [`Work::run`], it is queued to `self.queue`
/// alone, and it stays where it is.
pub(crate) struct Work<T: Job> {
    inner: Pin<KBox<Inner<T>>>,
    queue: Arc<Workqueue>,
}

// SAFETY: The job may be used from any thread, and work may be queued and cancelled from any.
unsafe impl<T: Job> Send for Work<T> {}
// SAFETY: As above; queueing work is atomic.
unsafe impl<T: Job> Sync for Work<T> {}

impl<T: Job> Work<T> {
    /// Makes work for `queue`.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(queue: Arc<Workqueue>, job: T) -> Result<Self> {
        let inner = KBox::pin(
            Inner {
                work: Opaque::uninit(),
                job,
            },
            GFP_KERNEL,
        )?;
        // SAFETY: `work` is memory of ours that stays where it is, and nobody else knows it yet.
        // The name and the class are static.
        unsafe {
            bindings::init_work_with_key(
                inner.work.get(),
                Some(Self::run),
                false,
                c"resource_monitor::Work".as_char_ptr(),
                static_lock_class!().as_ptr(),
            )
        };
        // INVARIANT: The work was just initialized, and only `queue` queues it.
        Ok(Self { inner, queue })
    }

    /// Queues the job. When it is queued already and has not begun, it runs once.
    ///
    /// # Context
    ///
    /// Any context except NMI. Takes raw locks of the workqueue and of the scheduler.
    pub(crate) fn queue(&self) {
        // SAFETY: By the types' invariants both are initialized, and `Drop` waits for the work.
        unsafe {
            bindings::queue_work_on(
                bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int,
                self.queue.0.as_ptr(),
                self.inner.work.get(),
            )
        };
    }

    /// The job. Whoever runs it elsewhere has to see to it that it does not run twice at once.
    pub(crate) fn job(&self) -> &T {
        &self.inner.job
    }

    /// # Safety
    ///
    /// `work` must be that of a `Work<T>`.
    unsafe extern "C" fn run(work: *mut bindings::work_struct) {
        // SAFETY: By this function's contract `work` is the first field of an `Inner<T>`, whose
        // layout is C's; it lives, since `Drop` waits for the job.
        let inner = unsafe { &*work.cast::<Inner<T>>() };
        inner.job.run();
    }
}

impl<T: Job> Drop for Work<T> {
    /// Waits until the job does not run any more.
    ///
    /// # Context
    ///
    /// Process context, may sleep; not from the job.
    fn drop(&mut self) {
        // SAFETY: By the type's invariant the work is initialized. Nobody can queue it now, as
        // `self` is borrowed mutably.
        unsafe { bindings::cancel_work_sync(self.inner.work.get()) };
    }
}
