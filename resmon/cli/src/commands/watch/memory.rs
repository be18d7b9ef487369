// SPDX-License-Identifier: GPL-2.0-or-later

//! Memory that is there before there is none left.

use std::hint::black_box;
use std::io;

use rustix::mm::{mlockall, MlockAllFlags};

use super::say;

/// Memory for records and lines, and of the stack; more than is ever used of either.
const HEAP_BYTES: usize = 256 << 10;
const STACK_BYTES: usize = 128 << 10;

/// Keeps all of this program in memory, what it will take included, and has it take what it needs
/// now. Who may not lock so much is told so, and goes on.
pub fn lock() {
    if let Err(errno) = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE) {
        let error = io::Error::from(errno);
        say(format_args!(
            "cannot lock memory: {error}: events may come late when there is none left"
        ));
    }
    touch_heap();
    touch_stack();
}

/// What is freed stays with the allocator for what is to come: it gives nothing back of less than
/// twice the largest piece that was freed.
fn touch_heap() {
    const PIECE_BYTES: usize = 4 << 10;
    drop(black_box(vec![1_u8; HEAP_BYTES]));
    let pieces = (0..HEAP_BYTES / PIECE_BYTES).map(|_| vec![1_u8; PIECE_BYTES]);
    drop(black_box(pieces.collect::<Vec<_>>()));
}

#[inline(never)]
fn touch_stack() {
    black_box([1_u8; STACK_BYTES]);
}
