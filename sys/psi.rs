// SPDX-License-Identifier: GPL-2.0

//! Pressure stall information of the whole system.
//!
//! C headers: [`include/linux/psi_types.h`](srctree/include/linux/psi_types.h),
//! [`include/linux/cgroup.h`](srctree/include/linux/cgroup.h)

#[cfg(all(CONFIG_PSI, CONFIG_CGROUPS))]
pub(crate) use with_psi::PsiSystem;
#[cfg(not(all(CONFIG_PSI, CONFIG_CGROUPS)))]
pub(crate) use without_psi::PsiSystem;

/// Why there is no pressure to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// The kernel has none, or does not show it.
    Absent,
    /// The kernel is working on it at this moment.
    Busy,
}

/// Why a kernel may have no pressure to read, in words.
pub(crate) const ABSENCE: &str = if cfg!(all(CONFIG_PSI, CONFIG_CGROUPS)) {
    "PSI is off, or there is no cgroup (version 2) but the root"
} else {
    "the kernel is built without CONFIG_PSI or CONFIG_CGROUPS"
};

#[cfg(all(CONFIG_PSI, CONFIG_CGROUPS))]
mod with_psi {
    use super::{
        super::{
            clock::NSEC_PER_JIFFY,
            cpu::{
                self,
                CpuNumber, //
            },
            rwonce::{
                self,
                RwOnce, //
            }, //
        },
        Unreadable, //
    };
    use crate::model::source::{
        pressure::Pressure,
        running::Running, //
    };
    use core::{
        array,
        ptr, //
    };
    use kernel::{
        bindings,
        prelude::*,
        sync::rcu, //
    };

    extern "C" {
        /// See `include/linux/sched/clock.h`; not in the kernel's bindings.
        #[cfg(CONFIG_HAVE_UNSTABLE_SCHED_CLOCK)]
        fn sched_clock_cpu(cpu: c_int) -> u64;

        /// As above.
        #[cfg(not(CONFIG_HAVE_UNSTABLE_SCHED_CLOCK))]
        fn sched_clock() -> u64;
    }

    /// The clock of the scheduler: `cpu_clock()`.
    fn cpu_clock(cpu: CpuNumber) -> u64 {
        #[cfg(CONFIG_HAVE_UNSTABLE_SCHED_CLOCK)]
        // SAFETY: `cpu` is a possible CPU.
        return unsafe { sched_clock_cpu(cpu.id() as c_int) };
        #[cfg(not(CONFIG_HAVE_UNSTABLE_SCHED_CLOCK))]
        {
            let _ = cpu;
            // SAFETY: No preconditions.
            unsafe { sched_clock() }
        }
    }

    /// How far the time of a state that was last added up may be ahead of what is read now.
    ///
    /// The times are 32 bits of nanoseconds, which go round after 4.29 s. `get_recent_times()` takes
    /// a difference as it is, and so must this: the kernel adds up every 2 s, but from a work of
    /// normal priority, which a real-time task or a busy hypervisor can make late by seconds. Only
    /// the end of the range stands for a time that is behind, as that of a CPU whose clock is, or
    /// whose state was being changed when it was read. Both are far below this.
    const MAX_BEHIND_NS: u32 = 100_000_000;

    const NONIDLE: usize = bindings::psi_states_PSI_NONIDLE as usize;
    const STATES: usize = bindings::psi_states_NR_PSI_STATES as usize;
    const AVERAGES: usize = bindings::psi_aggregators_PSI_AVGS as usize;

    /// Where the kernel keeps the pressure of the whole system, and what was last read of it.
    ///
    /// # Invariants
    ///
    /// `address` is 0 or the address of `psi_system`.
    pub(crate) struct PsiSystem {
        address: RwOnce<usize>,
        /// The totals that [`PsiSystem::read`] has returned. Only who holds `avgs_lock` has them.
        returned: [RwOnce<u64>; NONIDLE],
    }

    impl PsiSystem {
        pub(crate) const fn new() -> Self {
            Self {
                // INVARIANT: It is 0.
                address: RwOnce::new(0),
                returned: [const { RwOnce::new(0) }; NONIDLE],
            }
        }

        /// `psi_system` is not exported. It is the parent of the groups of the cgroups right below
        /// the root, if there are any.
        fn group(&self) -> Option<*const bindings::psi_group> {
            if self.address.read() == 0 {
                let _rcu = rcu::read_lock();
                // SAFETY: Only the address of a field of a static is taken.
                let root = unsafe { &raw mut bindings::cgrp_dfl_root.cgrp.self_ };
                // SAFETY: RCU is read-locked, and the root lives as long as the kernel. Its
                // descendants begin after itself, and the first one is a child of it.
                let child = unsafe { bindings::css_next_descendant_pre(root, root) };
                if !child.is_null() {
                    // SAFETY: What RCU finds is there until `_rcu` goes: `css_release_work_fn()`
                    // takes a cgroup off the list and has it freed, its `psi_group` included,
                    // after a grace period. On the default hierarchy each `self` is that of a
                    // cgroup. Its group was there before it was linked, and is null when PSI is
                    // switched off.
                    let psi =
                        unsafe { (*kernel::container_of!(child, bindings::cgroup, self_)).psi };
                    if !psi.is_null() {
                        // SAFETY: As above. The parent of the group of a child of the root is
                        // `psi_system`, see `psi_cgroup_alloc()`.
                        let system = unsafe { (*psi).parent };
                        // INVARIANT: It is `psi_system`.
                        self.address.write(system.expose_provenance());
                    }
                }
            }
            let system: *const bindings::psi_group =
                ptr::with_exposed_provenance(self.address.read());
            (!system.is_null()).then_some(system)
        }

        /// Reads how long tasks were held up since boot.
        ///
        /// The kernel adds up what the CPUs count every 2 s and whenever somebody reads
        /// `/proc/pressure`; this adds what is still to be added, as it would be added now. That
        /// weighs each CPU by the time for which it was not idle, so it shrinks when CPUs where
        /// nobody waits become busy. The kernel's own totals never do, and nor does what this
        /// returns: then it is what was returned before, until the sum has come back to that.
        ///
        /// # Context
        ///
        /// Process context. Takes a mutex, but does not wait for it.
        ///
        /// # Errors
        ///
        /// See [`Unreadable`]. It is absent when PSI is off, and as long as no cgroup but the root
        /// was seen.
        pub(crate) fn read(&self) -> Result<Pressure, Unreadable> {
            let group = self.group().ok_or(Unreadable::Absent)?;
            // SAFETY: By the type's invariant `group` is `psi_system`, a static of the kernel.
            let lock = unsafe { (&raw const (*group).avgs_lock).cast_mut() };
            // SAFETY: The mutex is that of `psi_system`, which is initialized at boot. As
            // `psi_show()` does it, this holds the averages still: nobody who is held up with
            // the lock must hold up us, so it is only tried.
            if unsafe { bindings::mutex_trylock(lock) } == 0 {
                return Err(Unreadable::Busy);
            }
            // SAFETY: The lock is held.
            let mut totals = unsafe { totals(group) };
            for (total, returned) in totals.iter_mut().zip(&self.returned) {
                *total = (*total).max(returned.read());
                returned.write(*total);
            }
            // SAFETY: The lock was taken above.
            unsafe { bindings::mutex_unlock(lock) };
            let total = |state: bindings::psi_states| {
                totals.get(state as usize).copied().unwrap_or_default()
            };
            Ok(Pressure {
                cpu_some_ns: total(bindings::psi_states_PSI_CPU_SOME),
                memory_some_ns: total(bindings::psi_states_PSI_MEM_SOME),
                memory_full_ns: total(bindings::psi_states_PSI_MEM_FULL),
                io_some_ns: total(bindings::psi_states_PSI_IO_SOME),
                io_full_ns: total(bindings::psi_states_PSI_IO_FULL),
            })
        }

        /// How many tasks run, wait for I/O, and are stalled on memory. None when PSI is off, and as
        /// long as no cgroup except the root was seen.
        ///
        /// # Context
        ///
        /// Process context; takes no locks.
        pub(crate) fn tasks(&self) -> Option<Running> {
            let group = self.group()?;
            // SAFETY: By the type's invariant `group` is `psi_system`, a static of the kernel.
            Some(unsafe { count_tasks(group) })
        }
    }

    /// How many tasks of the group are in some states, added up over all CPUs that can ever be
    /// online.
    ///
    /// # Safety
    ///
    /// `group` must be live.
    unsafe fn count_tasks(group: *const bindings::psi_group) -> Running {
        let mut sum = Running::default();
        for cpu in cpu::possible() {
            // SAFETY: By this function's contract the group is live, and so is its per-CPU memory,
            // which it keeps.
            let per_cpu = unsafe { cpu.per_cpu_ptr((*group).pcpu) };
            // SAFETY: As above.
            let tasks = unsafe { (&raw const (*per_cpu).tasks).cast::<c_uint>() };
            let add = |sum: &mut u64, count: bindings::psi_task_count| {
                // SAFETY: `count` is an index of the array. The CPU changes it as we look, hence the
                // volatile read.
                let tasks = unsafe { tasks.add(count as usize).read_volatile() };
                *sum = sum.saturating_add(u64::from(tasks));
            };
            add(&mut sum.running, bindings::psi_task_count_NR_RUNNING);
            add(&mut sum.blocked, bindings::psi_task_count_NR_IOWAIT);
            add(
                &mut sum.memory_stalled,
                bindings::psi_task_count_NR_MEMSTALL,
            );
        }
        sum
    }

    /// What `collect_percpu_times()` would make of the group's totals now.
    ///
    /// # Safety
    ///
    /// `group` must be live, and its `avgs_lock` held.
    unsafe fn totals(group: *const bindings::psi_group) -> [u64; NONIDLE] {
        let mut weighted = [0u64; NONIDLE];
        let mut nonidle_jiffies = 0u64;
        for cpu in cpu::possible() {
            // SAFETY: By this function's contract.
            if unsafe { was_idle(group, cpu) } {
                continue;
            }
            // SAFETY: As above.
            let times = unsafe { recent_times(group, cpu) };
            // A CPU counts by the time in which it was not idle.
            let nonidle_ns = times.get(NONIDLE).copied().unwrap_or_default();
            let nonidle = u64::from(nonidle_ns) / NSEC_PER_JIFFY;
            nonidle_jiffies = nonidle_jiffies.saturating_add(nonidle);
            for (sum, time) in weighted.iter_mut().zip(times) {
                *sum = sum.saturating_add(u64::from(time).saturating_mul(nonidle));
            }
        }
        // SAFETY: By this function's contract. With the lock held nobody changes it.
        let mut totals = unsafe { (*group).total[AVERAGES] };
        for (total, weighted) in totals.iter_mut().zip(weighted) {
            *total = total.saturating_add(weighted / nonidle_jiffies.max(1));
        }
        totals
    }

    /// Whether `cpu` was idle since its times were last added up, but for less than a jiffy: then it has no
    /// weight. On most machines most CPUs are, and this is far less than reading all of their times.
    ///
    /// # Safety
    ///
    /// As that of [`totals`].
    unsafe fn was_idle(group: *const bindings::psi_group, cpu: CpuNumber) -> bool {
        // SAFETY: The group is live, and so is its per-CPU memory, which it keeps.
        let per_cpu = unsafe { cpu.per_cpu_ptr((*group).pcpu) };
        let mask = || {
            // SAFETY: `per_cpu` points to live memory, which its CPU changes as we look.
            unsafe { (&raw const (*per_cpu).state_mask).read_volatile() }
        };
        let is_idle = || mask() & (1 << NONIDLE) == 0;
        if !is_idle() {
            return false;
        }
        rwonce::read_barrier();
        // SAFETY: As above. The index is one of the array.
        let nonidle_ns = unsafe { (&raw const (*per_cpu).times[NONIDLE]).read_volatile() };
        rwonce::read_barrier();
        // SAFETY: As above; only who holds the lock changes this.
        let before_ns = unsafe { (*per_cpu).times_prev[AVERAGES][NONIDLE] };
        u64::from(nonidle_ns.wrapping_sub(before_ns)) < NSEC_PER_JIFFY && is_idle()
    }

    /// How long `cpu` was in each state since its times were last added up: `get_recent_times()`.
    ///
    /// # Safety
    ///
    /// As that of [`totals`].
    unsafe fn recent_times(group: *const bindings::psi_group, cpu: CpuNumber) -> [u32; STATES] {
        // SAFETY: The group is live, and so is its per-CPU memory, which it keeps.
        let per_cpu = unsafe { cpu.per_cpu_ptr((*group).pcpu) };
        // SAFETY: `per_cpu` points to live memory; its CPU changes it as we look, hence the
        // volatile reads, each of which is a single load: the index is one of the array. They need
        // not be of one moment, since below they are read until they are the same twice.
        let read_state = || unsafe {
            let times = (&raw const (*per_cpu).times).cast::<u32>();
            (
                (&raw const (*per_cpu).state_mask).read_volatile(),
                (&raw const (*per_cpu).state_start).read_volatile(),
                array::from_fn::<u32, STATES, _>(|state| times.add(state).read_volatile()),
            )
        };
        let read_clock = || {
            rwonce::read_barrier();
            let now = cpu_clock(cpu);
            rwonce::read_barrier();
            now
        };
        // The kernel has a sequence count for this, which is not exported. The CPU changes all of
        // it within a few instructions, so what reads the same twice was hardly being changed. As
        // the kernel does it, the clock is read in between, so that it belongs to that state,
        // however long this task is off its CPU.
        const TRIES: usize = 8;
        let mut state = read_state();
        let mut now = read_clock();
        for _ in 0..TRIES {
            let again = read_state();
            if again == state {
                break;
            }
            state = again;
            now = read_clock();
        }
        let (mask, start, mut times) = state;
        // The state that the CPU is in has lasted since its start. A clock of another CPU may be
        // a little behind.
        let lasted = now.saturating_sub(start) as u32;
        // SAFETY: As above; only who holds the lock changes this. The index is one of the array.
        let before = unsafe { (*per_cpu).times_prev[AVERAGES] };
        for ((index, time), before) in times.iter_mut().enumerate().zip(before) {
            if mask.wrapping_shr(index as u32) & 1 != 0 {
                *time = time.wrapping_add(lasted);
            }
            *time = time.wrapping_sub(before);
            if *time > u32::MAX - MAX_BEHIND_NS {
                *time = 0;
            }
        }
        times
    }
}

#[cfg(not(all(CONFIG_PSI, CONFIG_CGROUPS)))]
mod without_psi {
    use super::Unreadable;
    use crate::model::source::{
        pressure::Pressure,
        running::Running, //
    };

    /// This kernel is built without PSI.
    pub(crate) struct PsiSystem;

    impl PsiSystem {
        pub(crate) const fn new() -> Self {
            Self
        }

        pub(crate) fn read(&self) -> Result<Pressure, Unreadable> {
            Err(Unreadable::Absent)
        }

        pub(crate) fn tasks(&self) -> Option<Running> {
            None
        }
    }
}
