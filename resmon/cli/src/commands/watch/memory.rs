// SPDX-License-Identifier: GPL-2.0-or-later

//! Memory that is there before there is none left.

use std::hint::black_box;
use std::io;

use rustix::mm::{mlockall, MlockAllFlags};
use rustix::process::{geteuid, getrlimit, Resource};

use super::say;

/// Memory for records and lines, and of the stack; more than is ever used of either.
const HEAP_BYTES: usize = 256 << 10;
const STACK_BYTES: usize = 128 << 10;

/// Who may lock as much may lock what is to come as well.
const AMPLE_BYTES: u64 = 64 << 20;

/// Takes the memory that will be needed, and keeps all of this program in memory. Who may not lock so
/// much is told so, and goes on.
pub fn lock() {
    touch_heap();
    touch_stack();
    let mut flags = MlockAllFlags::CURRENT;
    // With little that may be locked, the program would end where it takes more.
    if geteuid().is_root() || may_lock() >= AMPLE_BYTES {
        flags |= MlockAllFlags::FUTURE;
    }
    if let Err(errno) = mlockall(flags) {
        let error = io::Error::from(errno);
        say(format_args!(
            "cannot lock memory: {error}: events may come late when there is none left"
        ));
    }
}

fn may_lock() -> u64 {
    getrlimit(Resource::Memlock).current.unwrap_or(u64::MAX)
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
