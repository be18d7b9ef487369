// SPDX-License-Identifier: GPL-2.0-or-later

//! The busiest of many devices, which alone are logged.

use super::line::Lines;

/// Most lines that one source has in a sample.
pub const MAX_LINES: usize = 16;

/// The busiest of many, the busiest first.
pub(super) struct Busiest<T, K> {
    /// The first `len` are in use. The key comes with each, since it is compared often.
    items: [Option<(K, T)>; MAX_LINES],
    seen: u64,
}

impl<T: Copy, K: Copy + Ord> Busiest<T, K> {
    pub(super) fn new() -> Self {
        Self {
            items: [None; MAX_LINES],
            seen: 0,
        }
    }

    /// Takes one more into account. Of those that are as busy, the earlier ones are kept.
    pub(super) fn add(&mut self, key: K, item: T) {
        self.seen = self.seen.saturating_add(1);
        let mut moving = Some((key, item));
        let mut is_in = false;
        for slot in &mut self.items {
            is_in |= slot.as_ref().is_none_or(|(kept, _)| *kept < key);
            if is_in {
                // Those that are less busy move on by one.
                core::mem::swap(slot, &mut moving);
            }
        }
    }

    /// The busiest ones.
    pub(super) fn shown(&self) -> impl Iterator<Item = T> + '_ {
        self.items.iter().flatten().map(|(_, item)| *item)
    }

    /// `disk ... and 48 more`, when there are more than are shown.
    pub(super) fn log_more(&self, source: &str, lines: &mut Lines<'_>) {
        let more = self.seen.saturating_sub(MAX_LINES as u64);
        if more > 0 {
            lines.line(|line| {
                line.text(source)
                    .text(" ... and ")
                    .number(more)
                    .text(" more")
            });
        }
    }
}
