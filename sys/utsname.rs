// SPDX-License-Identifier: GPL-2.0

//! What the kernel calls itself.
//!
//! C header: [`include/linux/utsname.h`](srctree/include/linux/utsname.h)

use super::layout;
use kernel::{
    bindings,
    prelude::*, //
};

/// Calls `push` with each byte of the kernel's release.
///
/// # Context
///
/// Any context; takes no locks.
pub(crate) fn release(push: impl FnMut(u8)) {
    // SAFETY: The namespace is a static, and the release in it an array of characters that ends with a NUL, which
    // nobody writes to once the kernel is built.
    let release = unsafe {
        let namespace = &raw const bindings::init_uts_ns;
        CStr::from_char_ptr(namespace.byte_add(layout::UTS_RELEASE_AT).cast())
    };
    release.to_bytes().iter().copied().for_each(push);
}
