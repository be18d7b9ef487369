// SPDX-License-Identifier: GPL-2.0-or-later

use model::pieces::{cpus_of_piece, GAP_NS, PIECE_CPUS};
use proptest::prelude::*;

const MS: u64 = 1_000_000;

#[test]
fn a_piece_grows_where_pieces_would_take_too_long() {
    let table = [
        (1, 5_000 * MS, PIECE_CPUS),
        (64, 5_000 * MS, PIECE_CPUS),
        (8192, 5_000 * MS, PIECE_CPUS),
        (816, 10 * MS, PIECE_CPUS),
        (817, 10 * MS, 17),
        (8192, 10 * MS, 161),
    ];
    for (cpus, interval_ns, expected) in table {
        let found = cpus_of_piece(cpus, interval_ns, GAP_NS);
        assert_eq!(found, expected, "{cpus} CPUs and {interval_ns} ns");
    }
}

#[test]
fn a_coarse_timer_has_fewer_pieces() {
    // With a tick of 4 ms there is no room for a second piece in 10 ms, and for 2 gaps in 40 ms.
    assert_eq!(cpus_of_piece(64, 10 * MS, 4 * MS), 64);
    assert_eq!(cpus_of_piece(64, 40 * MS, 4 * MS), 22);
}

proptest! {
    #[test]
    fn gaps_take_a_quarter_at_most(cpus in 1usize..=8192, interval_ms in 10u64..=3_600_000,
                                   gap_ns in GAP_NS..=4 * MS) {
        let interval_ns = interval_ms * MS;
        let piece = cpus_of_piece(cpus, interval_ns, gap_ns);
        prop_assert!(piece >= PIECE_CPUS);
        let gaps = cpus.div_ceil(piece) as u64 - 1;
        prop_assert!(gaps * gap_ns <= interval_ns / 4,
            "{} gaps of {} ns, expected at most a quarter of {} ns", gaps, gap_ns, interval_ns);
    }

    #[test]
    fn any_numbers_have_a_piece(cpus: usize, interval_ns: u64, gap_ns: u64) {
        prop_assert!(cpus_of_piece(cpus, interval_ns, gap_ns) >= PIECE_CPUS);
    }
}
