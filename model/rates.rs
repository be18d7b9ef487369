// SPDX-License-Identifier: GPL-2.0-or-later

//! Shares and rates: arithmetic that neither wraps nor panics, whatever the counters are.

/// A share of the whole in tenths of a percent, 0 to 1000.
pub type PerMille = u32;

/// `part` of `whole` in tenths of a percent, rounded to the nearest; 0 when `whole` is 0. More than
/// the whole counts as the whole.
pub fn share(part: u64, whole: u64) -> PerMille {
    let part = part.min(whole);
    // Long times on many CPUs would overflow the product: drop low bits of both, which are worth
    // less than a billionth of the whole.
    let spare_bits: u32 = 12;
    let excess = spare_bits.saturating_sub(whole.leading_zeros());
    let (part, whole) = (part >> excess, whole >> excess);
    let scaled = part.saturating_mul(1000).saturating_add(whole / 2);
    let rounded = scaled.checked_div(whole).unwrap_or(0);
    u32::try_from(rounded).unwrap_or(1000)
}

/// `grown` times `scale` per second, rounded to the nearest; 0 when no time has passed. A `scale`
/// of 100 gives hundredths.
pub fn rate(grown: u64, scale: u64, elapsed_ns: u64) -> u64 {
    // The products below must have room. Microseconds leave it for up to a day, and for a scale of
    // up to 100 and more; of a longer time nobody misses what is below a millisecond. Samples less
    // than a microsecond apart have no rate.
    const MICROSECONDS_BELOW: u64 = 1 << 46;
    let (elapsed, per_second) = if elapsed_ns < MICROSECONDS_BELOW {
        (elapsed_ns / 1_000, 1_000_000)
    } else {
        (elapsed_ns / 1_000_000, 1_000)
    };
    let scale = scale.saturating_mul(per_second);
    let (Some(whole), Some(rest)) = (grown.checked_div(elapsed), grown.checked_rem(elapsed)) else {
        return 0;
    };
    let of_rest = rest
        .saturating_mul(scale)
        .saturating_add(elapsed / 2)
        .checked_div(elapsed)
        .unwrap_or(0);
    whole.saturating_mul(scale).saturating_add(of_rest)
}

/// The share of `elapsed_ns` that `spent_ns` is, at most the whole.
pub fn share_of_time(spent_ns: u64, elapsed_ns: u64) -> PerMille {
    share(spent_ns.min(elapsed_ns), elapsed_ns)
}
