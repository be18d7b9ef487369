// SPDX-License-Identifier: GPL-2.0

//! How often the CPUs were interrupted.
//!
//! C headers: [`include/linux/kernel_stat.h`](srctree/include/linux/kernel_stat.h),
//! [`arch/x86/include/asm/hardirq.h`](srctree/arch/x86/include/asm/hardirq.h)

use super::cpu::CpuNumber;
use kernel::bindings;

/// How often one CPU was interrupted since boot.
pub(crate) struct Interrupts {
    /// By devices.
    pub(crate) device: u64,
    /// By itself and by other CPUs, as for a timer. This wraps.
    pub(crate) cpu: u32,
    /// By soft interrupts. This wraps.
    pub(crate) soft: u32,
}

/// The counts of `cpu`: `kstat_cpu_irqs_sum()`, `arch_irq_stat_cpu()` and `kstat_cpu_softirqs()`
/// of all kinds, of which `/proc/stat` shows the sums.
///
/// # Context
///
/// Any context; takes no locks.
pub(crate) fn interrupts(cpu: CpuNumber) -> Interrupts {
    // SAFETY: `kstat` is a per-CPU variable of the kernel image.
    let stat = unsafe { cpu.per_cpu_ptr(&raw const bindings::kstat) };
    // SAFETY: `stat` points to a live structure. Its CPU changes it as we look, hence the
    // volatile reads, here and below.
    let device = unsafe { (&raw const (*stat).irqs_sum).read_volatile() };
    // SAFETY: As above.
    let soft = unsafe { sum(&raw const (*stat).softirqs) };
    Interrupts {
        device: device as u64,
        cpu: of_architecture(cpu),
        soft,
    }
}

/// `arch_irq_stat_cpu()`, which is not exported.
#[cfg(CONFIG_X86)]
fn of_architecture(cpu: CpuNumber) -> u32 {
    // SAFETY: `irq_stat` is a per-CPU variable of the kernel image, of which `stat` points to a
    // live copy.
    unsafe {
        let stat = cpu.per_cpu_ptr(&raw const bindings::irq_stat);
        sum(&raw const (*stat).counts)
    }
}

/// Other architectures count all their interrupts as those of devices.
#[cfg(not(CONFIG_X86))]
fn of_architecture(_cpu: CpuNumber) -> u32 {
    0
}

/// The sum of some counters, which wraps as they do.
///
/// # Safety
///
/// `counters` must point to a live array.
unsafe fn sum<const LEN: usize>(counters: *const [u32; LEN]) -> u32 {
    let mut sum = 0u32;
    for index in 0..LEN {
        // SAFETY: By this function's contract, and `index` is one of the array.
        let count = unsafe { counters.cast::<u32>().add(index).read_volatile() };
        sum = sum.wrapping_add(count);
    }
    sum
}
