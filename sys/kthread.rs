// SPDX-License-Identifier: GPL-2.0

//! A kernel thread of our own that does one job whenever it is asked to.
//!
//! Unlike a workqueue, it never needs memory to go on.
//!
//! C header: [`include/linux/kthread.h`](srctree/include/linux/kthread.h)

use super::job::Job;
use core::ptr::NonNull;
use kernel::{
    bindings,
    current,
    error::from_err_ptr,
    prelude::*,
    types::Opaque, //
};

#[cfg(CONFIG_FREEZER)]
extern "C" {
    /// See `include/linux/freezer.h`; not in the kernel's bindings.
    fn set_freezable() -> bool;
}

/// Does `work`, which may not come to its end, in a [`Worker`] that then does not keep the system from
/// suspending. If that has suspended meanwhile, the thread is frozen before this returns.
///
/// # Context
///
/// Process context, may sleep; from a job of a [`Worker`].
#[cfg(CONFIG_FREEZER)]
pub(crate) fn unfrozen(work: impl FnOnce()) {
    let task = current!().as_ptr();
    // SAFETY: The caller's own task lives. Only the address of the field is taken.
    let flags = unsafe { &raw mut (*task).flags };
    // SAFETY: Nobody but the task itself writes its flags, and interrupts on top of it, which put back
    // what they change before they return. So nothing is lost. The freezer reads this one each time that it
    // looks whether it has to wait for the task.
    unsafe { flags.write_volatile(flags.read_volatile() | bindings::PF_NOFREEZE) };
    work();
    // SAFETY: This runs in process context, in a thread that may be frozen. It takes the flag off, and
    // freezes the thread if that is what it should be by now.
    unsafe { set_freezable() };
}

/// Without a freezer, nobody waits.
#[cfg(not(CONFIG_FREEZER))]
pub(crate) fn unfrozen(work: impl FnOnce()) {
    work();
}

/// The C structure, with the job behind it.
#[repr(C)]
struct Work<T> {
    work: Opaque<bindings::kthread_work>,
    job: T,
}

/// A kernel thread with a job.
///
/// # Invariants
///
/// `self.worker` is a worker that [`Worker::start`] made. `self.work` is initialized, its function
/// is [`Worker::run`], it is queued to that worker alone, and it stays where it is.
pub(crate) struct Worker<T: Job> {
    worker: NonNull<bindings::kthread_worker>,
    work: Pin<KBox<Work<T>>>,
}

// SAFETY: The job may be used from any thread, and workers may be used and destroyed from any.
unsafe impl<T: Job> Send for Worker<T> {}
// SAFETY: As above; queueing work is atomic.
unsafe impl<T: Job> Sync for Worker<T> {}

impl<T: Job> Worker<T> {
    /// Starts a thread called `name`, of the priority of the kernel's own urgent work, so that it
    /// gets to run on a machine that is busy.
    ///
    /// It is frozen, between two jobs, while the system suspends or hibernates: its jobs may use
    /// devices, which are off then. What is asked meanwhile is done afterwards. A job must come to
    /// its end within the 20 s that the freezer waits.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory, `EINTR` when the calling process is being killed.
    pub(crate) fn start(name: &'static CStr, job: T) -> Result<Self> {
        let work = KBox::pin(
            Work {
                work: Opaque::new(bindings::kthread_work {
                    func: Some(Self::run),
                    ..Default::default()
                }),
                job,
            },
            GFP_KERNEL,
        )?;
        let raw = work.work.get();
        // SAFETY: `raw` points to memory of ours that stays where it is, and nobody else knows it
        // yet. An empty list is one that points to itself, as `INIT_LIST_HEAD()` makes it.
        unsafe {
            let node = &raw mut (*raw).node;
            (*node).next = node;
            (*node).prev = node;
        }
        // SAFETY: The format has one `%s`, and a C string goes with it.
        let worker = from_err_ptr(unsafe {
            bindings::kthread_create_worker_on_node(
                bindings::KTW_FREEZABLE,
                bindings::NUMA_NO_NODE,
                c"%s".as_char_ptr(),
                name.as_char_ptr(),
            )
        })?;
        // SAFETY: The worker was just made and has a task, which lives until it is destroyed.
        unsafe {
            bindings::set_user_nice((*worker).task, MIN_NICE);
            bindings::wake_up_process((*worker).task);
        }
        Ok(Self {
            // INVARIANT: What is no error is a worker, and only `queue` queues the work, to it.
            worker: NonNull::new(worker).ok_or(ENOMEM)?,
            work,
        })
    }

    /// Queues the job. When it is queued already and has not begun, it runs once.
    ///
    /// # Context
    ///
    /// Any context except NMI. Takes the worker's lock and those of the scheduler.
    pub(crate) fn queue(&self) {
        // SAFETY: By the type's invariant both are initialized, and `Drop` waits for the work.
        unsafe { bindings::kthread_queue_work(self.worker.as_ptr(), self.work.work.get()) };
    }

    /// # Safety
    ///
    /// `work` must be that of a `Worker<T>`.
    unsafe extern "C" fn run(work: *mut bindings::kthread_work) {
        // SAFETY: By this function's contract `work` is the first field of a `Work<T>`, whose
        // layout is C's; it lives, since `Drop` waits for the thread.
        let work = unsafe { &*work.cast::<Work<T>>() };
        work.job.run();
    }
}

/// `MIN_NICE` of `include/linux/sched/prio.h`, which workers of `WQ_HIGHPRI` have too.
const MIN_NICE: c_long = -20;

impl<T: Job> Drop for Worker<T> {
    /// Waits until what was queued is done, and ends the thread.
    ///
    /// # Context
    ///
    /// Process context, may sleep; not from the job.
    fn drop(&mut self) {
        // SAFETY: By the type's invariant this is a worker of ours, and nobody can queue any more,
        // as `self` is borrowed mutably.
        unsafe { bindings::kthread_destroy_worker(self.worker.as_ptr()) };
    }
}
