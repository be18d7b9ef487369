// SPDX-License-Identifier: GPL-2.0

//! Which CPUs are online, and where their per-CPU variables are.
//!
//! C headers: [`include/linux/cpumask.h`](srctree/include/linux/cpumask.h),
//! [`include/asm-generic/percpu.h`](srctree/include/asm-generic/percpu.h)

use super::rwonce::{
    self,
    RwOnce, //
};
use kernel::{
    bindings,
    cpu::{
        nr_cpu_ids,
        CpuId, //
    },
    prelude::*, //
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
    /// The CPU of a bit of a mask's word.
    ///
    /// # Safety
    ///
    /// It must be a possible CPU.
    unsafe fn of_bit(word: usize, bit: u32) -> Self {
        let id = (word.wrapping_mul(BITS) as u32).wrapping_add(bit);
        // SAFETY: By this function's contract: the number of a possible CPU is below `nr_cpu_ids`, a
        // `u32`, so the sum did not overflow either.
        // INVARIANT: As above.
        Self(unsafe { CpuId::from_u32_unchecked(id) })
    }

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

/// How many CPUs are online.
///
/// # Context
///
/// Any context; takes no locks.
pub(crate) fn online_count() -> usize {
    let words = (0..mask_words()).map(|index| {
        // SAFETY: A static CPU mask of the kernel, of which `index` is a word.
        unsafe { mask_word(&raw const bindings::__cpu_online_mask, index) }
    });
    words.fold(0, |count, word| {
        count.saturating_add(word.count_ones() as usize)
    })
}

/// All CPUs that can ever be online, by ascending number.
///
/// # Context
///
/// Any context; takes no locks. The mask is constant once the CPUs were set up at boot.
pub(crate) fn possible() -> impl Iterator<Item = CpuNumber> {
    (0..mask_words()).flat_map(|index| {
        // SAFETY: A static CPU mask of the kernel, of which `index` is a word.
        let word = unsafe { mask_word(&raw const bindings::__cpu_possible_mask, index) };
        // SAFETY: The mask has the possible CPUs.
        SetBits(word).map(move |bit| unsafe { CpuNumber::of_bit(index, bit) })
    })
}

/// The CPUs that were online at some moment. It has one user at a time.
pub(crate) struct CpuSet(KVVec<RwOnce<usize>>);

impl CpuSet {
    /// Makes an empty set.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new() -> Result<Self> {
        let count = mask_words();
        let mut words = KVVec::with_capacity(count, GFP_KERNEL)?;
        for _ in 0..count {
            words.push(RwOnce::new(0), GFP_KERNEL)?;
        }
        Ok(Self(words))
    }

    /// Makes it the set of the online CPUs, and returns how many these are.
    ///
    /// # Context
    ///
    /// Any context; takes no locks. CPUs may come and go meanwhile; each word of the mask is read
    /// once.
    pub(crate) fn set_to_online(&self) -> usize {
        let mut count = 0usize;
        for (index, word) in self.0.iter().enumerate() {
            // SAFETY: A static CPU mask of the kernel, of which `index` is a word.
            let online = unsafe { mask_word(&raw const bindings::__cpu_online_mask, index) };
            word.write(online);
            count = count.saturating_add(online.count_ones() as usize);
        }
        count
    }

    /// Passes the CPUs of the set to `each` that are online still, from the number `first` on and by
    /// ascending number, but at most `max` of them. Returns the number of the next one; none when
    /// there is none.
    ///
    /// # Context
    ///
    /// Any context; takes no locks. CPUs may come and go meanwhile; each word of the mask is read
    /// once.
    pub(crate) fn each_still_online(
        &self,
        first: usize,
        max: usize,
        mut each: impl FnMut(CpuNumber),
    ) -> Option<usize> {
        let (first_word, first_bit) = (first / BITS, first % BITS);
        let mut left = max;
        let mut from = usize::MAX.wrapping_shl(first_bit as u32);
        for (index, word) in self.0.iter().enumerate().skip(first_word) {
            // SAFETY: A static CPU mask of the kernel, of which `index` is a word.
            let online = unsafe { mask_word(&raw const bindings::__cpu_online_mask, index) };
            // What was written of a CPU before it came online is read as such.
            rwonce::read_barrier();
            for bit in SetBits(word.read() & online & from) {
                // SAFETY: The mask only ever has possible CPUs.
                let cpu = unsafe { CpuNumber::of_bit(index, bit) };
                if left == 0 {
                    return Some(cpu.id() as usize);
                }
                left = left.wrapping_sub(1);
                each(cpu);
            }
            from = usize::MAX;
        }
        None
    }
}

/// Bits of a word of a CPU mask.
const BITS: usize = usize::BITS as usize;

/// Words of a CPU mask that may have bits.
fn mask_words() -> usize {
    id_count().div_ceil(BITS)
}

/// Reads the word `index` of a CPU mask.
///
/// # Safety
///
/// `mask` must be a static CPU mask of the kernel, and `index` below [`mask_words`].
unsafe fn mask_word(mask: *const bindings::cpumask, index: usize) -> usize {
    // SAFETY: The mask has at least `nr_cpu_ids` bits, so `index` is one of its words. Others change
    // single bits of it atomically, hence the volatile read, as `READ_ONCE()` does it.
    unsafe { mask.cast::<usize>().add(index).read_volatile() }
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
