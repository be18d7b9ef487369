// SPDX-License-Identifier: GPL-2.0-or-later

use crate::any;
use crate::logged::{self, assert_contains, assert_ends_with, printed, values};
use crate::util::value_of;
use model::source::memory::{log, log_swap, Memory, Swapped};
use model::words::Words;
use proptest::prelude::*;

/// The longest text that the kernel's log keeps in one piece is longer than this.
const LONGEST: usize = 512;

#[test]
fn memory_line() {
    let counters = Memory {
        total: 1000,
        free: 100,
        available: 400,
        file: 300,
        swap_cache: 20,
        shmem: 30,
        slab_reclaimable: 40,
        slab_unreclaimable: 50,
        dirty: 6,
        writeback: 7,
        anon: 80,
        mapped: 90,
        page_tables: 11,
        swap_free: 12,
        page_bytes: 4096,
    };
    assert_eq!(
        printed(|lines| log(&counters, 10, 4, lines)),
        "mem total=4000kB used=2400kB free=400kB available=1600kB buffers=40kB cached=1080kB \
         shmem=120kB slab=360kB dirty=24kB writeback=28kB anon=320kB mapped=360kB pagetables=44kB"
    );
}

#[test]
fn memory_that_does_not_add_up_is_clamped() {
    // The counters are not read at one moment: available may pass total, and buffers file.
    let counters = Memory {
        total: 10,
        available: 11,
        file: 5,
        swap_cache: 2,
        ..Memory::default()
    };
    let line = printed(|lines| log(&counters, 4, 4, lines));
    assert_contains(&line, " used=0kB ");
    assert_contains(&line, " cached=0kB ");
}

#[test]
fn swap_line() {
    let memory = Memory {
        swap_free: 5,
        ..Memory::default()
    };
    let swapped = |elapsed_ns| Swapped {
        in_pages: 250,
        out_pages: 3,
        elapsed_ns,
    };
    assert_eq!(
        printed(|lines| log_swap(&memory, Some(swapped(2_000_000_000)), 4, lines)),
        "swap free=20kB in=500kB/s out=6kB/s"
    );
    assert_eq!(
        printed(|lines| log_swap(&memory, Some(swapped(0)), 4, lines)),
        "swap free=20kB in=0kB/s out=0kB/s"
    );
    assert_eq!(
        printed(|lines| log_swap(&memory, None, 4, lines)),
        "swap free=20kB"
    );
}

#[test]
fn the_longest_lines_are_whole() {
    let most = value_of::<Memory>([u64::MAX; Memory::LEN]);
    let line = printed(|lines| log(&most, u64::MAX, 64, lines));
    assert_ends_with(&line, " pagetables=18446744073709551615kB");

    let swapped = Swapped {
        in_pages: u64::MAX,
        out_pages: u64::MAX,
        elapsed_ns: 1_000,
    };
    let line = printed(|lines| log_swap(&most, Some(swapped), 64, lines));
    assert_eq!(
        line,
        "swap free=18446744073709551615kB in=18446744073709551615kB/s \
         out=18446744073709551615kB/s"
    );
}

proptest! {
    #[test]
    fn no_memory_line_is_cut(words in prop::array::uniform15(any::<u64>()), buffers: u64) {
        let counters = value_of::<Memory>(words);
        let text = printed(|lines| log(&counters, buffers, 64, lines));
        prop_assert!(text.len() < LONGEST,
            "{} bytes, expected fewer than {}: {:?}", text.len(), LONGEST, text);
        prop_assert_eq!(text.split(' ').count(), 14);
        let tail = format!(" pagetables={}kB", counters.page_tables.saturating_mul(64));
        prop_assert!(text.ends_with(&tail), "expected {:?} at the end of {:?}", tail, text);
    }

    #[test]
    fn no_swap_line_is_cut(now in prop::array::uniform15(any::counter()), in_pages in any::counter(),
                           out_pages in any::counter(), elapsed_ns in any::elapsed_ns()) {
        let after = value_of::<Memory>(now);
        let swapped = Swapped { in_pages, out_pages, elapsed_ns };
        let text = printed(|lines| log_swap(&after, Some(swapped), 64, lines));
        let keys = [("free", logged::KIB), ("in", logged::shape(0, "kB/s")), ("out", logged::shape(0, "kB/s"))];
        let got = values(&text, "swap", &keys);
        prop_assert_eq!(got[0], u128::from(after.swap_free.saturating_mul(64)));
    }
}
