// SPDX-License-Identifier: GPL-2.0

//! Tells at once when a process is chosen to be killed as memory runs out, in the machine or in a cgroup.
//!
//! C headers: [`include/trace/events/oom.h`](srctree/include/trace/events/oom.h),
//! [`include/linux/tracepoint.h`](srctree/include/linux/tracepoint.h)

use crate::model::source::oom_kill::OomKill;
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// What is told.
pub(crate) trait OomHandler: Send + Sync + 'static {
    /// A process was chosen. Whether it was killed is not said in `victim`.
    ///
    /// # Context
    ///
    /// Process context, that of whoever asked for memory, with locks of others held: must not
    /// sleep, and takes raw spinlocks only. One call at a time, each of which sees what the one before did.
    fn chosen(&self, victim: OomKill);
}

#[cfg(all(has_mark_victim_task, CONFIG_TRACEPOINTS))]
pub(crate) use with_tracepoint::OomProbe;
#[cfg(not(all(has_mark_victim_task, CONFIG_TRACEPOINTS)))]
pub(crate) use without_tracepoint::OomProbe;

#[cfg(all(has_mark_victim_task, CONFIG_TRACEPOINTS))]
mod with_tracepoint {
    use super::{
        super::{
            clock,
            task_fields::{
                self,
                Pages, //
            },
            vmstat::PAGE_KIB, //
        },
        *,
    };
    use core::ptr::{
        self,
        NonNull, //
    };
    use kernel::{
        bindings,
        current,
        error::to_result, //
    };

    /// A probe on the tracepoint `mark_victim`, which tells `handler`.
    ///
    /// # Invariants
    ///
    /// [`probe`] of `T` is registered with the tracepoint for `handler`.
    pub(crate) struct OomProbe<T: OomHandler> {
        tracepoint: NonNull<bindings::tracepoint>,
        handler: Arc<T>,
    }

    // SAFETY: The tracepoint is one of the kernel's own, and may be used from any thread. The handler is `Send`
    // and `Sync`.
    unsafe impl<T: OomHandler> Send for OomProbe<T> {}
    // SAFETY: As above.
    unsafe impl<T: OomHandler> Sync for OomProbe<T> {}

    impl<T: OomHandler> OomProbe<T> {
        /// Registers a probe. None where the kernel has no such tracepoint.
        ///
        /// # Context
        ///
        /// Process context, may sleep.
        ///
        /// # Errors
        ///
        /// `ENOMEM` when there is no memory.
        pub(crate) fn register(handler: Arc<T>) -> Result<Option<Self>> {
            let Some(tracepoint) = mark_victim() else {
                return Ok(None);
            };
            // SAFETY: The tracepoint is one of the kernel, whose image stays. The compiler has compared the type of
            // the probe with that of the tracepoint (`sys/layout.c`). `Drop` unregisters it while the handler,
            // which the pointer is to, is there.
            to_result(unsafe {
                bindings::tracepoint_probe_register(
                    tracepoint.as_ptr(),
                    Self::address(),
                    Self::data(&handler),
                )
            })?;
            // INVARIANT: It was just registered.
            Ok(Some(Self {
                tracepoint,
                handler,
            }))
        }

        fn address() -> *mut c_void {
            let probe: unsafe extern "C" fn(*mut c_void, *mut bindings::task_struct, u32) =
                probe::<T>;
            probe as *mut c_void
        }

        fn data(handler: &Arc<T>) -> *mut c_void {
            ptr::from_ref::<T>(handler).cast_mut().cast()
        }
    }

    impl<T: OomHandler> Drop for OomProbe<T> {
        /// Waits until the handler does not run any more.
        ///
        /// # Context
        ///
        /// Process context, may sleep.
        fn drop(&mut self) {
            // SAFETY: By the type's invariant it is registered. It fails when there is no memory for a shorter list
            // of probes; then the kernel puts one that does nothing in its place.
            unsafe {
                bindings::tracepoint_probe_unregister(
                    self.tracepoint.as_ptr(),
                    Self::address(),
                    Self::data(&self.handler),
                )
            };
            // SAFETY: Probes of a tracepoint that may not fault run within this, see `__DECLARE_TRACE()`.
            unsafe { bindings::synchronize_srcu(&raw mut bindings::tracepoint_srcu) };
        }
    }

    /// The tracepoint, which is not exported by its name.
    fn mark_victim() -> Option<NonNull<bindings::tracepoint>> {
        /// # Safety
        ///
        /// `tracepoint` must be live, and `found` a place for a pointer to one.
        unsafe extern "C" fn look(tracepoint: *mut bindings::tracepoint, found: *mut c_void) {
            // SAFETY: By this function's contract; the name stays.
            let name = unsafe { CStr::from_char_ptr((*tracepoint).name) };
            if name.to_bytes() == b"mark_victim" {
                // SAFETY: By this function's contract.
                unsafe { *found.cast::<*mut bindings::tracepoint>() = tracepoint };
            }
        }
        let mut found: *mut bindings::tracepoint = ptr::null_mut();
        // SAFETY: `look` is called within this call only, with the place of `found`.
        unsafe {
            bindings::for_each_kernel_tracepoint(Some(look), (&raw mut found).cast());
        }
        NonNull::new(found)
    }

    /// Called by `mark_oom_victim()`, with `oom_lock` held, which only one has at a time.
    ///
    /// # Safety
    ///
    /// `data` must point to a `T`, and `task` to a task whose memory does not change meanwhile.
    unsafe extern "C" fn probe<T: OomHandler>(
        data: *mut c_void,
        task: *mut bindings::task_struct,
        uid: u32,
    ) {
        // SAFETY: By this function's contract. The handler is there until the probe is unregistered and nobody is
        // in it.
        let handler = unsafe { &*data.cast::<T>() };
        // SAFETY: By this function's contract: `oom_kill_process()` has `alloc_lock` of the task, and
        // `out_of_memory()` passes the calling task, whose memory goes when that ends. The same is so for a cgroup.
        let mm = unsafe { (*task).mm };
        let pages = if mm.is_null() {
            Pages::default()
        } else {
            // SAFETY: As above.
            unsafe { Pages::of::<true>(mm) }
        };
        let kib = |pages: u64| pages.wrapping_mul(PAGE_KIB);
        let by = current!().as_ptr();
        // SAFETY: Both tasks are there: the one as above, the other is the caller's own. `signal` stays as long as
        // its task.
        let victim = unsafe {
            OomKill {
                mono_ns: clock::monotonic_now_ns(),
                outcome: 0,
                pid: (*task).tgid as u32,
                uid,
                comm: task_fields::comm(task),
                anon_kb: kib(pages.anon),
                file_kb: kib(pages.file),
                shmem_kb: kib(pages.shmem),
                swap_kb: kib(pages.swap),
                oom_score_adj: i64::from((*(*task).signal).oom_score_adj) as u64,
                cgroup_id: task_fields::cgroup_id(task),
                by_pid: (*by).tgid as u32,
                by_comm: task_fields::comm(by),
            }
        };
        handler.chosen(victim);
    }
}

#[cfg(not(all(has_mark_victim_task, CONFIG_TRACEPOINTS)))]
mod without_tracepoint {
    use super::*;
    use core::marker::PhantomData;

    /// This kernel has no tracepoint that tells of it.
    pub(crate) struct OomProbe<T: OomHandler>(PhantomData<T>);

    impl<T: OomHandler> OomProbe<T> {
        pub(crate) fn register(_handler: Arc<T>) -> Result<Option<Self>> {
            Ok(None)
        }
    }
}
