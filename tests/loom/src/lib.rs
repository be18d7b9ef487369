// SPDX-License-Identifier: GPL-2.0

//! What threads of the module share without a lock, and who waits for whom, in every order that the
//! threads can take, and with every value that a load may return.
//!
//! The rings of the driver and their readers (`src/driver.rs` lists the files) are compiled into this
//! crate as they are. What they use of the kernel and of `sys/` is made of loom here. These modules have the names
//! and functions that the files use, and no others; what each is for is said at the original.
//!
//! Loom knows the memory model of C11. `smp_rmb()` is an acquire fence and `smp_wmb()` a release
//! fence here, which order a little more: later stores behind earlier loads. Nothing depends on
//! that, since the writer loads nothing that others store, and a reader stores nothing that others
//! load.
//!
//! Not here are what a sample is made of (`driver/pending.rs`), which one context writes alone, and
//! the copy to a program's memory (`driver/device.rs`), which needs a program.

#![cfg(test)]

// The module's files name the kernel's crate.
extern crate self as kernel;

mod driver;
mod models;
mod prelude;
mod sync;
mod sys;
mod word;

use ::model;
