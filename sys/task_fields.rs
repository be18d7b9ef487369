// SPDX-License-Identifier: GPL-2.0

//! What there is to know of a task.
//!
//! C headers: [`include/linux/sched.h`](srctree/include/linux/sched.h),
//! [`include/linux/sched/signal.h`](srctree/include/linux/sched/signal.h),
//! [`include/linux/mm_types.h`](srctree/include/linux/mm_types.h),
//! [`include/linux/cgroup.h`](srctree/include/linux/cgroup.h)

use super::rwonce;
use crate::model::{
    source::tasks::MAX_COMM,
    text::Text, //
};
use core::hint;
use kernel::{
    bindings,
    prelude::*, //
};

/// The threads of a process.
#[derive(Clone, Copy)]
struct Threads {
    head: *const bindings::list_head,
    node: *const bindings::list_head,
}

impl Threads {
    /// From the first one on.
    ///
    /// # Safety
    ///
    /// As long as this is used RCU must be read-locked, and `signal` that of a task found since then.
    #[inline(always)]
    unsafe fn of(signal: *const bindings::signal_struct) -> Self {
        // SAFETY: By this function's contract; only the address of a field is taken.
        let head = unsafe { &raw const (*signal).thread_head };
        Self { head, node: head }
    }
}

impl Iterator for Threads {
    type Item = *mut bindings::task_struct;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        // SAFETY: By the contract of `of` what is on the list is there: `__unhash_process()` takes a thread off,
        // leaves its `next` as it is, and the thread is freed after a grace period. Others change it as we look.
        self.node = unsafe { (&raw const (*self.node).next).read_volatile() };
        // SAFETY: What is on the list are the fields `thread_node` of tasks.
        let thread =
            unsafe { kernel::container_of!(self.node, bindings::task_struct, thread_node) };
        (self.node != self.head).then_some(thread.cast_mut())
    }
}

/// The number of threads, and their CPU time in nanoseconds, as `thread_group_cputime()` adds it up: to the last
/// tick or switch of each thread.
///
/// # Safety
///
/// RCU must be read-locked, and `signal` that of a task found since then.
#[inline(always)]
pub(super) unsafe fn cpu_time(signal: *const bindings::signal_struct) -> (u64, u64) {
    const TRIES: usize = 4;
    // SAFETY: By this function's contract; only the address of a field is taken. The lock of this sequence
    // count is not.
    let sequence = unsafe { &raw const (*signal).stats_lock.seqcount.seqcount.sequence };
    // SAFETY: As above, `signal` is there. Others change it as we look.
    let sequence = || unsafe { sequence.read_volatile() };
    let (mut count, mut cpu_ns) = (0u64, 0u64);
    for _ in 0..TRIES {
        let before = sequence();
        rwonce::read_barrier();
        count = 0;
        // SAFETY: As above.
        cpu_ns = unsafe { (&raw const (*signal).sum_sched_runtime).read_volatile() };
        // SAFETY: By this function's contract.
        for thread in unsafe { Threads::of(signal) } {
            // SAFETY: As above. RCU keeps the thread.
            let ran_ns = unsafe { (&raw const (*thread).se.sum_exec_runtime).read_volatile() };
            cpu_ns = cpu_ns.wrapping_add(ran_ns);
            count = count.wrapping_add(1);
        }
        // Who has the lock takes a thread that ends off the list and adds its time to the sum.
        rwonce::read_barrier();
        if before & 1 == 0 && sequence() == before {
            break;
        }
        hint::spin_loop();
    }
    (count, cpu_ns)
}

/// Pages of a process.
#[derive(Clone, Copy, Default)]
pub(super) struct Pages {
    pub(super) file: u64,
    pub(super) anon: u64,
    pub(super) swap: u64,
    pub(super) shmem: u64,
}

impl Pages {
    /// Reads the counters of `mm`: exactly, with what each CPU has not added yet, or what was added.
    ///
    /// # Safety
    ///
    /// `mm` must be live.
    #[inline(always)]
    pub(super) unsafe fn of<const EXACT: bool>(mm: *mut bindings::mm_struct) -> Self {
        let read = |counter: c_uint| {
            // SAFETY: By this function's contract. The index is one of the array.
            let counter = unsafe { &raw mut (*mm).__bindgen_anon_1.rss_stat[counter as usize] };
            let pages = if EXACT {
                // SAFETY: As above; the counter is initialized as long as `mm` is live.
                unsafe { bindings::__percpu_counter_sum(counter) }
            } else {
                // SAFETY: As above. Others change it as we look.
                unsafe { (&raw const (*counter).count).read_volatile() }
            };
            pages.max(0) as u64
        };
        Self {
            file: read(bindings::MM_FILEPAGES),
            anon: read(bindings::MM_ANONPAGES),
            swap: read(bindings::MM_SWAPENTS),
            shmem: read(bindings::MM_SHMEMPAGES),
        }
    }

    /// Those in memory.
    pub(super) fn resident(&self) -> u64 {
        self.file.wrapping_add(self.anon).wrapping_add(self.shmem)
    }
}

/// The pages of a process. None when somebody is changing what memory it has, or has the lock for another
/// reason.
///
/// # Safety
///
/// RCU must be read-locked, and `task` the first thread of a process, found since then.
#[inline(always)]
pub(super) unsafe fn pages<const EXACT: bool>(task: *mut bindings::task_struct) -> Option<Pages> {
    // SAFETY: By this function's contract the task is there. Others change it as we look.
    let has_memory = |task: *mut bindings::task_struct| unsafe {
        !(&raw const (*task).mm).read_volatile().is_null()
    };
    let task = if has_memory(task) {
        task
    } else {
        // It is a thread of the kernel, or it has ended and others go on.
        // SAFETY: As above, and `signal` is there as long as the task.
        let mut threads = unsafe { Threads::of((*task).signal) };
        match threads.find(|thread| has_memory(*thread)) {
            Some(thread) => thread,
            None => return Some(Pages::default()),
        }
    };
    // SAFETY: As above; only the address of the lock is taken.
    let lock = unsafe { &raw mut (*task).alloc_lock };
    // SAFETY: The lock of a task that is there; this is process context. It is only tried.
    if unsafe { bindings::spin_trylock(lock) } == 0 {
        return None;
    }
    // SAFETY: `exit_mm()` and `exec_mmap()` change `mm` under the lock, and let go of what it was after that.
    let mm = unsafe { (*task).mm };
    // SAFETY: As above.
    let flags = unsafe { (&raw const (*task).flags).read_volatile() };
    // A thread of the kernel may have borrowed the memory of a process.
    let pages = if mm.is_null() || flags & bindings::PF_KTHREAD != 0 {
        Pages::default()
    } else {
        // SAFETY: As above: `mm` is live while the lock is held.
        unsafe { Pages::of::<EXACT>(mm) }
    };
    // SAFETY: It was taken above.
    unsafe { bindings::spin_unlock(lock) };
    Some(pages)
}

/// What a process has done, all its threads together.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) major_faults: u64,
    pub(super) read_bytes: u64,
    pub(super) written_bytes: u64,
}

/// Adds up what the threads of a process count, those that have ended included. A thread that ends meanwhile may
/// count twice or not at all.
///
/// # Safety
///
/// RCU must be read-locked, and `task` found since then.
pub(super) unsafe fn counts(task: *const bindings::task_struct) -> Counts {
    // SAFETY: By this function's contract the task is there, and so is its `signal`.
    let signal = unsafe { (*task).signal };
    let mut sum = Counts::default();
    // SAFETY: As above. Others change these as we look, hence the volatile reads.
    unsafe {
        sum.add(&raw const (*signal).maj_flt, io(&raw const (*signal).ioac));
        for thread in Threads::of(signal) {
            sum.add(&raw const (*thread).maj_flt, io(&raw const (*thread).ioac));
        }
    }
    sum
}

impl Counts {
    /// # Safety
    ///
    /// `major_faults` must point to live memory.
    unsafe fn add(&mut self, major_faults: *const c_ulong, (read, written): (u64, u64)) {
        // SAFETY: By this function's contract.
        let major_faults = unsafe { major_faults.read_volatile() };
        self.major_faults = self.major_faults.wrapping_add(major_faults as u64);
        self.read_bytes = self.read_bytes.wrapping_add(read);
        self.written_bytes = self.written_bytes.wrapping_add(written);
    }
}

/// Bytes read from and written to disks.
///
/// # Safety
///
/// `io` must point to live memory.
#[cfg(CONFIG_TASK_IO_ACCOUNTING)]
unsafe fn io(io: *const bindings::task_io_accounting) -> (u64, u64) {
    // SAFETY: By this function's contract. Others change it as we look.
    unsafe {
        (
            (&raw const (*io).read_bytes).read_volatile(),
            (&raw const (*io).write_bytes).read_volatile(),
        )
    }
}

/// This kernel does not count them.
#[cfg(not(CONFIG_TASK_IO_ACCOUNTING))]
unsafe fn io(_io: *const bindings::task_io_accounting) -> (u64, u64) {
    (0, 0)
}

/// The user, in the first namespace.
///
/// # Safety
///
/// RCU must be read-locked, and `task` found since then.
pub(super) unsafe fn uid(task: *const bindings::task_struct) -> u32 {
    // SAFETY: By this function's contract; the credentials are freed after a grace period (`__put_cred()`).
    unsafe {
        let cred = (&raw const (*task).real_cred).read_volatile();
        (*cred).uid.val
    }
}

/// The state, as the letter of `task_state_to_char()`.
///
/// # Safety
///
/// `task` must be live.
pub(super) unsafe fn state(task: *const bindings::task_struct) -> u32 {
    const IDLE: u32 = bindings::TASK_IDLE;
    // SAFETY: By this function's contract. Others change it as we look.
    let (state, exit_state) = unsafe {
        (
            (&raw const (*task).__state).read_volatile(),
            (&raw const (*task).exit_state).read_volatile() as u32,
        )
    };
    let reported = if state & (bindings::TASK_RTLOCK_WAIT | bindings::TASK_FROZEN) != 0 {
        bindings::TASK_UNINTERRUPTIBLE
    } else if state & IDLE == IDLE {
        bindings::TASK_REPORT_IDLE
    } else {
        (state | exit_state) & bindings::TASK_REPORT
    };
    let highest = u32::BITS.wrapping_sub(reported.leading_zeros()) as usize;
    u32::from(b"RSDTtXZPI".get(highest).copied().unwrap_or(b'?'))
}

/// The identity of the cgroup in the default hierarchy.
///
/// # Safety
///
/// RCU must be read-locked, and `task` found since then, or it must be live.
#[cfg(CONFIG_CGROUPS)]
pub(super) unsafe fn cgroup_id(task: *const bindings::task_struct) -> u64 {
    let _rcu = kernel::sync::rcu::read_lock();
    // SAFETY: By this function's contract. A task has a set of cgroups until it is freed; what it was is freed
    // after a grace period, and so are the cgroup and its `kn` (`css_free_rwork_fn()`).
    unsafe {
        let set = (&raw const (*task).cgroups).read_volatile();
        let cgroup = (*set).dfl_cgrp;
        (*(*cgroup).kn).id
    }
}

/// This kernel has none.
#[cfg(not(CONFIG_CGROUPS))]
pub(super) unsafe fn cgroup_id(_task: *const bindings::task_struct) -> u64 {
    0
}

/// The name. It may be of two names when it is changed at this moment.
///
/// # Safety
///
/// `task` must be live.
pub(super) unsafe fn comm(task: *const bindings::task_struct) -> Text<MAX_COMM> {
    let mut text = Text::empty();
    for at in 0..MAX_COMM {
        // SAFETY: By this function's contract; the array has one byte more. Others change it as we look.
        let byte = unsafe { (&raw const (*task).comm[at]).read_volatile() };
        if byte == 0 {
            break;
        }
        text.push(byte);
    }
    text
}
