// SPDX-License-Identifier: GPL-2.0-or-later

//! Pure computation: what a sample holds, what happened between two samples, and how that reads in
//! the log.
//!
//! Nothing in here knows the kernel: no `kernel::`, no `unsafe`, no allocation, no panic (`make lint`
//! looks for one in the module's object). That is why the same files are compiled into the module
//! and tested on the host.

#![deny(unsafe_code)]

pub mod block;
pub mod brief;
pub mod busiest;
pub mod census;
pub mod crc32c;
pub mod event;
pub mod frame;
pub mod ioctl;
pub mod line;
pub mod panic_log;
pub mod pieces;
pub mod rates;
pub mod record;
pub mod reserved;
pub mod ring_header;
pub mod setting;
pub mod source;
pub mod sum;
pub mod text;
pub mod words;
