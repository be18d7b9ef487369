// SPDX-License-Identifier: GPL-2.0-or-later

//! How many CPUs one run of the timer callback reads.
//!
//! A sample of many CPUs is read in pieces, so that interrupts are not off for long at a time.

/// CPUs of a piece. They take some 5,500 instructions, so that with all that goes with a piece no run of
/// the callback has more than 7,500 (a bar of the benchmark).
pub const PIECE_CPUS: usize = if cfg!(pieces_of_one_cpu) { 1 } else { 16 };

/// Nanoseconds from the end of a piece to the next one. What waited for interrupts runs meanwhile.
pub const GAP_NS: u64 = 50_000;

/// The part of an interval that all pieces together may take: a quarter.
const PART_OF_INTERVAL: u64 = 4;

/// How many CPUs a piece has on a machine with `cpus` of them, with `gap_ns` between two pieces.
///
/// These are [`PIECE_CPUS`], or more where all gaps together would take more than their part of the
/// interval: with 8,192 CPUs and an interval of 10 ms there is room for 51 pieces of 161 CPUs.
pub fn cpus_of_piece(cpus: usize, interval_ns: u64, gap_ns: u64) -> usize {
    let gaps = (interval_ns / PART_OF_INTERVAL).checked_div(gap_ns);
    let most_pieces = usize::try_from(gaps.unwrap_or(0)).unwrap_or(usize::MAX);
    let most_pieces = most_pieces.saturating_add(1);
    let least = cpus.checked_div(most_pieces).unwrap_or(cpus);
    let rest = cpus.checked_rem(most_pieces).unwrap_or(0);
    let least = least.saturating_add(usize::from(rest != 0));
    least.max(PIECE_CPUS)
}
