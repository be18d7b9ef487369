// SPDX-License-Identifier: GPL-2.0

//! Memory that was reserved at boot by the kernel parameter `reserve_mem=`, which nobody else uses, and which
//! keeps what was written to it when the machine restarts.
//!
//! C headers: [`include/linux/mm.h`](srctree/include/linux/mm.h),
//! [`include/linux/io.h`](srctree/include/linux/io.h),
//! [`include/linux/crash_dump.h`](srctree/include/linux/crash_dump.h),
//! [`include/linux/libnvdimm.h`](srctree/include/linux/libnvdimm.h)

use super::rwonce::RwOnce;
use core::{
    ptr::NonNull,
    slice, //
};
use kernel::{
    bindings,
    prelude::*,
    sync::Arc, //
};

#[cfg(CONFIG_CRASH_DUMP)]
extern "C" {
    /// See `include/linux/crash_dump.h`; not in the kernel's bindings.
    static mut elfcorehdr_addr: c_ulonglong;
}

#[cfg(all(not(CONFIG_X86), CONFIG_ARCH_HAS_PMEM_API))]
extern "C" {
    /// See `include/linux/libnvdimm.h`; not in the kernel's bindings.
    fn arch_wb_cache_pmem(address: *mut c_void, size: usize);
}

/// What it begins with is at a multiple of this many bytes, whatever a page of the kernel is.
const ALIGN_BYTES: u64 = 4096;

/// Why there is none.
#[derive(Clone, Copy)]
pub(crate) enum NotFound {
    /// No memory is reserved under this name.
    NotReserved,
    /// The kernel was started for a crash, in which the memory is part of what is to be looked at.
    CrashKernel,
    /// It cannot be used.
    Failed(Error),
}

/// The mapping of the memory.
///
/// # Invariants
///
/// `address` is the start of `words` words that are mapped until this is dropped, aligned to [`ALIGN_BYTES`], and
/// that nobody writes to but by [`Part::words`].
struct Mapping {
    address: NonNull<RwOnce<u64>>,
    words: usize,
}

// SAFETY: The mapping is one for all CPUs.
unsafe impl Send for Mapping {}
// SAFETY: As above; it is not changed.
unsafe impl Sync for Mapping {}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: By the type's invariant it is mapped. No `Part` is left, as each has a reference to this.
        unsafe { bindings::memunmap(self.address.as_ptr().cast()) };
    }
}

/// Words of reserved memory.
///
/// # Invariants
///
/// The `len` words from `first` on lie within the mapping.
pub(crate) struct Part {
    first: NonNull<RwOnce<u64>>,
    len: usize,
    /// Keeps the words.
    mapping: Arc<Mapping>,
}

// SAFETY: The words may be shared between threads (`RwOnce`), and so may the mapping.
unsafe impl Send for Part {}
// SAFETY: As above.
unsafe impl Sync for Part {}

impl Part {
    /// All words of the memory that is reserved under a name.
    ///
    /// # Context
    ///
    /// Process context, may sleep. One user of a name at a time.
    ///
    /// # Errors
    ///
    /// Why there are none.
    pub(crate) fn reserved_as(name: &CStr) -> Result<Self, NotFound> {
        let (mut start, mut size) = (0, 0);
        // SAFETY: The name is a C string, and the two places are ours.
        let found = unsafe {
            bindings::reserve_mem_find_by_name(name.as_char_ptr(), &mut start, &mut size)
        };
        if found == 0 {
            return Err(NotFound::NotReserved);
        }
        if is_crash_kernel() {
            return Err(NotFound::CrashKernel);
        }
        Self::map(start, size).map_err(NotFound::Failed)
    }

    /// Maps memory of the kernel's that was reserved.
    fn map(start: u64, size: u64) -> Result<Self> {
        let end = start.checked_add(size).ok_or(EINVAL)?;
        let start = start.checked_next_multiple_of(ALIGN_BYTES).ok_or(EINVAL)?;
        let bytes = end.checked_sub(start).ok_or(EINVAL)? / ALIGN_BYTES * ALIGN_BYTES;
        let bytes = usize::try_from(bytes)?;
        if bytes == 0 {
            return Err(EINVAL);
        }
        let flags = bindings::MEMREMAP_WB as c_ulong;
        // SAFETY: The memory is the kernel's, and reserved under our name: nobody else uses it. It is mapped as
        // the kernel has it mapped already, or not at all.
        let address = unsafe { bindings::memremap(start, bytes, flags) };
        let address = NonNull::new(address.cast()).ok_or(ENOMEM)?;
        let words = bytes / size_of::<u64>();
        // INVARIANT: It was just mapped, to whole pages as its start is one. Nobody else has it.
        let mapping = Arc::new(Mapping { address, words }, GFP_KERNEL)?;
        // INVARIANT: These are all words of the mapping.
        Ok(Self {
            first: mapping.address,
            len: mapping.words,
            mapping,
        })
    }

    /// The words.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    #[inline(always)]
    pub(crate) fn words(&self) -> &[RwOnce<u64>] {
        // SAFETY: By the type's invariant they are mapped as long as `self` has its reference, and aligned. Any
        // bits are a word. They are read and written as `RwOnce` alone, which others may do at the same time.
        unsafe { slice::from_raw_parts(self.first.as_ptr(), self.len) }
    }

    /// Takes the first `len` words away from it; none when it has fewer.
    pub(crate) fn split_first(&mut self, len: usize) -> Option<Self> {
        let left = self.len.checked_sub(len)?;
        let first = self.first;
        // SAFETY: It has as many words, so this is within or right behind its last one.
        self.first = unsafe { first.add(len) };
        // INVARIANT: Both are what the words were that it had, without one in common.
        self.len = left;
        Some(Self {
            first,
            len,
            mapping: self.mapping.clone(),
        })
    }
}

/// Has words that were written reach memory, from the caches of all CPUs, before what is written after this.
/// Without that, what is newest would be lost when the machine is reset.
///
/// Where an architecture has no way to ask for that, nothing is done: then it depends on the machine what of the last
/// samples is there after a reset. Without a reset, as after a panic, caches are written back at some time anyway.
///
/// # Context
///
/// Any context, NMI included; takes no locks.
pub(crate) fn write_back(words: &[RwOnce<u64>]) {
    // The words may change meanwhile, which is as with any access to `RwOnce`; this changes nothing.
    let address: *mut c_void = words.as_ptr().cast_mut().cast();
    let bytes = size_of_val(words);
    #[cfg(CONFIG_X86)]
    // SAFETY: The words are mapped.
    unsafe {
        bindings::clflush_cache_range(address, bytes as c_uint)
    };
    #[cfg(all(not(CONFIG_X86), CONFIG_ARCH_HAS_PMEM_API))]
    // SAFETY: The words are mapped.
    unsafe {
        arch_wb_cache_pmem(address, bytes)
    };
    #[cfg(not(any(CONFIG_X86, CONFIG_ARCH_HAS_PMEM_API)))]
    let _ = (address, bytes);
}

/// Whether this kernel was started because another one has crashed, whose memory it is to look at: as
/// `is_kdump_kernel()`.
fn is_crash_kernel() -> bool {
    /// `ELFCORE_ADDR_MAX`: no place was given on the command line.
    #[cfg(CONFIG_CRASH_DUMP)]
    const NO_ADDRESS: c_ulonglong = c_ulonglong::MAX;
    #[cfg(CONFIG_CRASH_DUMP)]
    // SAFETY: A static of the kernel, which is set early at boot.
    return unsafe { (&raw const elfcorehdr_addr).read_volatile() } != NO_ADDRESS;
    #[cfg(not(CONFIG_CRASH_DUMP))]
    false
}
