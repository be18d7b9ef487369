// SPDX-License-Identifier: GPL-2.0

//! Numbers that are read and written whole while others do the same, without any order between
//! them: `READ_ONCE()` and `WRITE_ONCE()`, and the barriers that make an order.
//!
//! `Atomic` of the `kernel` crate does this through a C function per access, which for a record
//! of some hundred words is most of its cost; a volatile access is one instruction.
//!
//! The barriers of `kernel::sync::barrier` are called otherwise on 7.3 than on 7.2.
//!
//! C headers: [`include/asm-generic/rwonce.h`](srctree/include/asm-generic/rwonce.h),
//! [`include/asm-generic/barrier.h`](srctree/include/asm-generic/barrier.h)

use core::cell::UnsafeCell;
#[cfg(CONFIG_X86)]
use core::sync::atomic::{
    compiler_fence,
    Ordering, //
};
use kernel::bindings;

/// A number that the machine reads and writes in one access.
///
/// # Safety
///
/// A volatile access to the type must be a single load or store.
pub(crate) unsafe trait Whole: Copy {}

// SAFETY: An aligned number of at most the size of a register is one load or store.
unsafe impl Whole for u32 {}
#[cfg(CONFIG_64BIT)]
// SAFETY: As above.
unsafe impl Whole for u64 {}
// SAFETY: As above.
unsafe impl Whole for usize {}

#[cfg(not(CONFIG_64BIT))]
compile_error!("resource_monitor needs a 64-bit kernel, which reads a 64-bit counter whole");

/// A number that is shared without a lock.
#[repr(transparent)]
pub(crate) struct RwOnce<T: Whole>(UnsafeCell<T>);

// SAFETY: All accesses are volatile and of a size that the machine reads and writes whole, which
// the kernel's memory model allows to race.
unsafe impl<T: Whole + Send> Sync for RwOnce<T> {}

impl<T: Whole> RwOnce<T> {
    /// Makes a shared number.
    pub(crate) const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Reads the number, in no order with other accesses.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    #[inline(always)]
    pub(crate) fn read(&self) -> T {
        // SAFETY: The pointer is valid while `self` is borrowed; see `Sync` for races.
        unsafe { self.0.get().read_volatile() }
    }

    /// Writes the number, in no order with other accesses.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    #[inline(always)]
    pub(crate) fn write(&self, value: T) {
        // SAFETY: As in `read`.
        unsafe { self.0.get().write_volatile(value) }
    }
}

impl RwOnce<u64> {
    /// Adds to the number, which must have one writer: this is a read and a write.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    #[inline(always)]
    pub(crate) fn increase(&self, by: u64) {
        self.write(self.read().wrapping_add(by));
    }
}

/// `smp_rmb()`: what was read before is read before what is read after.
///
/// # Context
///
/// Any context.
#[inline(always)]
pub(crate) fn read_barrier() {
    // The processor keeps loads in their order, so this is for the compiler alone, as in
    // `arch/x86/include/asm/barrier.h`. As a function of C it would be called.
    #[cfg(CONFIG_X86)]
    compiler_fence(Ordering::SeqCst);
    #[cfg(not(CONFIG_X86))]
    // SAFETY: No preconditions.
    unsafe {
        bindings::smp_rmb()
    };
}

/// `smp_wmb()`: what was written before is seen before what is written after.
///
/// # Context
///
/// Any context.
pub(crate) fn write_barrier() {
    // SAFETY: No preconditions.
    unsafe { bindings::smp_wmb() };
}
