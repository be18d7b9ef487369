// SPDX-License-Identifier: GPL-2.0

//! The kernel's accounting of CPU time.
//!
//! C header: [`include/linux/kernel_stat.h`](srctree/include/linux/kernel_stat.h)

use super::cpu::CpuNumber;
use crate::model::source::cpu::Times;
use kernel::{
    bindings,
    prelude::*, //
};

#[cfg(not(has_kcpustat_field_idle))]
compile_error!(
    "resource_monitor needs a kernel whose kcpustat_cpu_fetch() includes the time since an idle CPU \
     has stopped its tick, as 7.2 and later do"
);

#[cfg(not(CONFIG_VIRT_CPU_ACCOUNTING_GEN))]
compile_error!(
    "resource_monitor needs a kernel with CONFIG_VIRT_CPU_ACCOUNTING_GEN, which exports \
     kcpustat_cpu_fetch() to modules"
);

/// Time that `cpu` has spent in each mode since boot, in nanoseconds.
///
/// `kcpustat_cpu_fetch()` adds the time since the last tick of a CPU whose tick is stopped, so
/// that an idle CPU reads as idle. This is what `/proc/stat` shows.
///
/// # Context
///
/// Any context but NMI; takes no locks (sequence counts and RCU). Who writes those has interrupts
/// off, so a hard interrupt waits only for what another CPU is doing.
pub(crate) fn fetch(cpu: CpuNumber) -> Times {
    let mut stat = core::mem::MaybeUninit::<bindings::kernel_cpustat>::uninit();
    // SAFETY: `cpu` is a possible CPU, so its `kernel_cpustat` and runqueue exist, and `stat` is
    // a place that may be written.
    unsafe { bindings::kcpustat_cpu_fetch(stat.as_mut_ptr(), cpu.id() as c_int) };
    // SAFETY: `kcpustat_cpu_fetch()` comes back only after an assignment of a whole
    // `struct kernel_cpustat` to its target. Only the array of counters is looked at.
    let time = unsafe { &(*stat.as_ptr()).cpustat };

    macro_rules! time {
        ($usage:ident) => {
            time[bindings::$usage as usize]
        };
    }
    // The indices are constants below the array's length, so none of these can fail.
    Times {
        user: time!(cpu_usage_stat_CPUTIME_USER),
        nice: time!(cpu_usage_stat_CPUTIME_NICE),
        system: time!(cpu_usage_stat_CPUTIME_SYSTEM),
        softirq: time!(cpu_usage_stat_CPUTIME_SOFTIRQ),
        irq: time!(cpu_usage_stat_CPUTIME_IRQ),
        idle: time!(cpu_usage_stat_CPUTIME_IDLE),
        iowait: time!(cpu_usage_stat_CPUTIME_IOWAIT),
        steal: time!(cpu_usage_stat_CPUTIME_STEAL),
        guest: time!(cpu_usage_stat_CPUTIME_GUEST),
        guest_nice: time!(cpu_usage_stat_CPUTIME_GUEST_NICE),
    }
}
