// SPDX-License-Identifier: GPL-2.0

//! The processes that there are.
//!
//! `tasklist_lock` is not exported, and is not needed: RCU keeps the list, and what is on it.
//!
//! C headers: [`include/linux/sched/signal.h`](srctree/include/linux/sched/signal.h),
//! [`include/linux/sched/task.h`](srctree/include/linux/sched/task.h)

use super::{
    task_fields::{
        self,
        Pages, //
    },
    vmstat::PAGE_KIB, //
};
use crate::model::{
    census::Process,
    source::tasks::Task, //
};
use kernel::{
    bindings,
    prelude::*,
    sync::rcu, //
};

/// How many threads are met in one go, as `HUNG_TASK_BATCHING` has it.
const BATCH_THREADS: u64 = 1024;

/// Passes each process to `each`, in the order of the kernel's list, at most `max` of them. Returns how many
/// there are besides these.
///
/// Every 1024 threads others get their turn. A process that comes, goes or is replaced meanwhile (by `execve()`
/// of a thread that is not the first) is met once or not at all.
///
/// # Context
///
/// Process context, may sleep. Takes `alloc_lock` of a process where that is free.
pub(crate) fn for_each(max: usize, mut each: impl FnMut(&Process)) -> u64 {
    let head = &raw mut bindings::init_task;
    let mut rcu = rcu::read_lock();
    let (mut met, mut left_out, mut batch) = (0usize, 0u64, 0u64);
    // All that started before this were met: the list is in the order in which they started, but for those that
    // were started at once.
    let mut met_boot_ns = 0;
    let mut last_boot_ns = 0u64;
    let mut task = head;
    loop {
        // SAFETY: RCU is read-locked, and `task` was found under it, is alive, or the kernel's own.
        task = unsafe { next(task) };
        if task == head {
            return left_out;
        }
        // SAFETY: RCU is read-locked, and `task` was found under it; its start does not change.
        let start_boot_ns = unsafe { (*task).start_boottime };
        last_boot_ns = last_boot_ns.max(start_boot_ns);
        batch = batch.wrapping_add(1);
        if start_boot_ns < met_boot_ns {
            // It was met, or left out, before the walk began anew.
        } else if met == max {
            left_out = left_out.wrapping_add(1);
        } else {
            // SAFETY: As above.
            let process = unsafe { process(task, start_boot_ns) };
            batch = batch.wrapping_add(process.threads);
            each(&process);
            met = met.wrapping_add(1);
        }
        if batch >= BATCH_THREADS {
            batch = 0;
            // SAFETY: RCU is read-locked, and `task` was found under it.
            let (next_rcu, is_listed) = unsafe { pause(rcu, task) };
            rcu = next_rcu;
            if !is_listed {
                // What follows it may have left the list as well: once more from the start.
                met_boot_ns = met_boot_ns.max(last_boot_ns.wrapping_add(1));
                task = head;
            }
        }
    }
}

/// The process after `task` on the list, or `init_task`, which is its head.
///
/// # Safety
///
/// RCU must be read-locked, and `task` found on the list since then, or still on it, or `init_task`.
#[inline(always)]
unsafe fn next(task: *mut bindings::task_struct) -> *mut bindings::task_struct {
    // SAFETY: By this function's contract `task` is there, and so is what follows it: `release_task()` takes
    // a process off the list, leaves its `next` as it is, and has it freed after a grace period.
    let next = unsafe { (&raw const (*task).tasks.next).read_volatile() };
    // SAFETY: What is on the list are the fields `tasks` of tasks.
    unsafe { kernel::container_of!(next, bindings::task_struct, tasks) }
}

/// Lets others have their turn. Returns whether `task` is still on the list; until it is let go of, it is there
/// in any case.
///
/// # Safety
///
/// `rcu` must be the only read-side lock that is held, and `task` found under it.
#[cold]
unsafe fn pause(rcu: rcu::Guard, task: *mut bindings::task_struct) -> (rcu::Guard, bool) {
    // SAFETY: Under RCU a task that was found on the list has references: that of `release_task()` goes after
    // a grace period (`put_task_struct_rcu_user()`).
    unsafe { bindings::get_task_struct(task) };
    drop(rcu);
    reschedule();
    let rcu = rcu::read_lock();
    // SAFETY: The reference was taken above. `pid_alive()` and `thread_group_leader()`: who takes the task off
    // the list changes one of these with the same lock held, `__unhash_process()` when it ends, `de_thread()`
    // when another thread takes its place. So whoever sees both as they were, under RCU, has a task that is on
    // the list, or was since RCU was locked.
    let is_listed = unsafe {
        !(&raw const (*task).thread_pid).read_volatile().is_null()
            && (&raw const (*task).exit_signal).read_volatile() >= 0
    };
    // SAFETY: As above. While it is listed RCU keeps it from here on.
    unsafe { bindings::put_task_struct(task) };
    (rcu, is_listed)
}

/// `cond_resched()`.
fn reschedule() {
    #[cfg(any(not(CONFIG_PREEMPTION), CONFIG_PREEMPT_DYNAMIC))]
    // SAFETY: This is process context, and no lock is held that must not be kept for long.
    unsafe {
        bindings::__cond_resched()
    };
}

/// What a census wants to know of a process.
///
/// # Safety
///
/// RCU must be read-locked, and `task` found on the list of processes since then.
#[inline(always)]
unsafe fn process(task: *mut bindings::task_struct, start_boot_ns: u64) -> Process {
    // SAFETY: By this function's contract the task is there; its number changes only while it leaves the list.
    let pid = unsafe { (&raw const (*task).tgid).read_volatile() };
    // SAFETY: As above. `signal` is there as long as the task (`put_signal_struct()` in `__put_task_struct()`).
    let signal = unsafe { (*task).signal };
    // SAFETY: As above.
    let (threads, cpu_ns) = unsafe { task_fields::cpu_time(signal) };
    // SAFETY: As above. Others change these as we look, hence the volatile reads, each a single load.
    let children_ns = unsafe {
        let user_ns = (&raw const (*signal).cutime).read_volatile();
        user_ns.wrapping_add((&raw const (*signal).cstime).read_volatile())
    };
    // SAFETY: As above.
    let pages = unsafe { task_fields::pages::<false>(task) };
    Process {
        pid: pid as u32,
        start_boot_ns,
        threads,
        cpu_ns,
        children_ns,
        rss_pages: pages.map(|pages| pages.resident()),
        // SAFETY: As above; a thread of the kernel is one from its start on.
        is_kernel: unsafe { (&raw const (*task).flags).read_volatile() } & bindings::PF_KTHREAD
            != 0,
    }
}

/// A process that [`for_each`] has met, with all that a record has of it; none when it is gone. Its memory is
/// exact unless somebody has the lock.
///
/// # Context
///
/// Process context. Takes `alloc_lock` of the process if that is free, and under it the raw locks of counters.
pub(crate) fn read(process: &Process) -> Option<Task> {
    const TRIES: usize = 4;
    let _rcu = rcu::read_lock();
    // SAFETY: RCU is read-locked. The namespace is a static of the kernel.
    let pid =
        unsafe { bindings::find_pid_ns(process.pid as c_int, &raw mut bindings::init_pid_ns) };
    // SAFETY: RCU is read-locked, and the number was found under it, or is null.
    let task = unsafe { bindings::pid_task(pid, bindings::pid_type_PIDTYPE_TGID) };
    // SAFETY: RCU keeps the task, whose start does not change.
    if task.is_null() || unsafe { (*task).start_boottime } != process.start_boot_ns {
        return None;
    }
    // SAFETY: The task was found under RCU, and is the first thread of a process.
    let pages = (0..TRIES).find_map(|_| unsafe { task_fields::pages::<true>(task) });
    let rss_pages = pages
        .as_ref()
        .map_or(process.rss_pages.unwrap_or(0), Pages::resident);
    // SAFETY: As above.
    let counts = unsafe { task_fields::counts(task) };
    Some(Task {
        pid: process.pid,
        start_boot_ns: process.start_boot_ns,
        // SAFETY: As above.
        uid: unsafe { task_fields::uid(task) },
        // SAFETY: As above.
        state: unsafe { task_fields::state(task) },
        threads: process.threads,
        // SAFETY: As above.
        cgroup_id: unsafe { task_fields::cgroup_id(task) },
        // SAFETY: As above.
        comm: unsafe { task_fields::comm(task) },
        cpu_ns: process.cpu_ns,
        rss_kb: rss_pages.wrapping_mul(PAGE_KIB),
        swap_kb: pages.map_or(0, |pages| pages.swap).wrapping_mul(PAGE_KIB),
        major_faults: counts.major_faults,
        read_bytes: counts.read_bytes,
        written_bytes: counts.written_bytes,
        ..Task::default()
    })
}
