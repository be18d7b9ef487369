// SPDX-License-Identifier: GPL-2.0

//! C structures that the kernel's Rust bindings leave out.
//!
//! Kbuild asks the C compiler where their fields are (see `sys/layout.c`), so this holds for any
//! configuration of any kernel that has the fields.
//!
//! C headers: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h),
//! [`include/linux/part_stat.h`](srctree/include/linux/part_stat.h),
//! [`include/linux/statfs.h`](srctree/include/linux/statfs.h)

include!(env!("RESOURCE_MONITOR_LAYOUT"));

/// Reads the field at `offset` of a structure, as `READ_ONCE()` does it.
///
/// # Safety
///
/// `base` must point to a live structure that has a field of type `T` there, and a volatile read
/// of a `T` must be a single load. Others may change it meanwhile.
pub(super) unsafe fn read_field<S, T: super::rwonce::Whole>(base: *const S, offset: usize) -> T {
    // SAFETY: By this function's contract.
    unsafe { base.byte_add(offset).cast::<T>().read_volatile() }
}

/// A C structure as a row of words, of which some are known.
#[repr(C)]
pub(super) struct WordBuffer<const LEN: usize>([u64; LEN]);

impl<const LEN: usize> WordBuffer<LEN> {
    /// A structure of which every byte is 0.
    pub(super) const fn zeroed() -> Self {
        Self([0; LEN])
    }

    /// The word at an offset in bytes.
    pub(super) fn at(&self, offset: usize) -> u64 {
        let word = offset / size_of::<u64>();
        self.0.get(word).copied().unwrap_or_default()
    }
}
