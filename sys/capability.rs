// SPDX-License-Identifier: GPL-2.0

//! What the calling process may do.
//!
//! C header: [`include/linux/capability.h`](srctree/include/linux/capability.h)

use kernel::bindings;

/// Whether the calling process may administer the system (`CAP_SYS_ADMIN`).
///
/// # Context
///
/// Process context.
pub(crate) fn is_admin() -> bool {
    // SAFETY: No preconditions.
    unsafe { bindings::capable(bindings::CAP_SYS_ADMIN as i32) }
}
