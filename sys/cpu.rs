// SPDX-License-Identifier: GPL-2.0

//! Which CPUs are online, and where their per-CPU variables are.
//!
//! C headers: [`include/linux/cpumask.h`](srctree/include/linux/cpumask.h),
//! [`include/asm-generic/percpu.h`](srctree/include/asm-generic/percpu.h)

use super::rwonce;
use kernel::{
    bindings,
    cpu::{
        nr_cpu_ids,
        CpuId, //
    }, //
};

#[cfg(not(CONFIG_SMP))]
compile_error!("resource_monitor needs a kernel with CONFIG_SMP");

/// Bits of a CPU mask; every CPU number is below it.
pub(crate) const MAX_CPUS: usize = bindings::CONFIG_NR_CPUS as usize;

/// A CPU that can be online. Its number is below `nr_cpu_ids`, and its per-CPU variables exist
/// for as long as the kernel runs, also after it has gone offline.
///
/// # Invariants
///
/// `self.0` is the number of a possible CPU, which [`CpuId`] alone does not promise.
#[derive(Clone, Copy)]
pub(crate) struct CpuNumber(CpuId);

impl CpuNumber {
    /// The CPU's number.
    pub(crate) fn id(self) -> u32 {
        self.0.as_u32()
    }

    /// Where this CPU's copy of the per-CPU variable `base` is, as `per_cpu_ptr()` works it out.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    ///
    /// # Safety
    ///
    /// `base` must be the address of a per-CPU variable of the kernel image, or what
    /// `alloc_percpu()` gave for memory that was not freed.
    pub(super) unsafe fn per_cpu_ptr<T>(self, base: *const T) -> *const T {
        let offsets = (&raw const bindings::__per_cpu_offset).cast::<usize>();
        // SAFETY: The array has an element for each possible CPU, which `self.0` is by the type's
        // invariant, and its elements are constant once the CPUs were set up at boot.
        let offset = unsafe { *offsets.add(self.id() as usize) };
        base.wrapping_byte_add(offset)
    }
}

/// How many CPU numbers there are: every online CPU's number is below this.
///
/// # Context
///
/// Any context; takes no locks.
pub(crate) fn id_count() -> usize {
    nr_cpu_ids() as usize
}

/// The online CPUs, by ascending number.
///
/// # Context
///
/// Any context; takes no locks. CPUs may come and go while this is iterated; each word of the
/// mask is read once. What was written of a CPU before it came online is read as such once it was
/// seen.
pub(crate) fn online() -> impl Iterator<Item = CpuNumber> {
    // One barrier for the CPUs of a word, rather than one for each.
    // SAFETY: A static CPU mask of the kernel, which only ever has possible CPUs.
    unsafe { cpus_of(&raw const bindings::__cpu_online_mask, rwonce::read_barrier) }
}

/// All CPUs that can ever be online, by ascending number.
///
/// # Context
///
/// Any context; takes no locks. The mask is constant once the CPUs were set up at boot.
pub(crate) fn possible() -> impl Iterator<Item = CpuNumber> {
    // SAFETY: A static CPU mask of the kernel, which has the possible CPUs.
    unsafe { cpus_of(&raw const bindings::__cpu_possible_mask, || ()) }
}

/// The CPUs of a mask. `after_word` runs after each word that is read.
///
/// # Safety
///
/// `mask` must be a static CPU mask of the kernel that only ever has possible CPUs.
unsafe fn cpus_of(
    mask: *const bindings::cpumask,
    after_word: impl Fn(),
) -> impl Iterator<Item = CpuNumber> {
    const BITS: usize = usize::BITS as usize;

    let mask = mask.cast::<usize>();
    let words = id_count().div_ceil(BITS);
    (0..words).flat_map(move |index| {
        // SAFETY: The mask has at least `nr_cpu_ids` bits, so it has `words` words. Others change
        // single bits of it atomically, hence the volatile read, as `READ_ONCE()` does it.
        let word = unsafe { mask.add(index).read_volatile() };
        after_word();
        SetBits(word).map(move |bit| {
            let id = (index.wrapping_mul(BITS) as u32).wrapping_add(bit);
            // INVARIANT: The mask only has possible CPUs.
            // SAFETY: The number of a possible CPU is below `nr_cpu_ids`, a `u32`, so the sum did
            // not overflow either.
            CpuNumber(unsafe { CpuId::from_u32_unchecked(id) })
        })
    })
}

/// The numbers of the bits that are set, ascending.
struct SetBits(usize);

impl Iterator for SetBits {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0.wrapping_sub(1);
        Some(bit)
    }
}
