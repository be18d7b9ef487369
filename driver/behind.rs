// SPDX-License-Identifier: GPL-2.0

//! The samples that were overwritten before the reporter looked at them.

use core::mem;
use kernel::{
    prelude::*,
    time::NSEC_PER_SEC, //
};

/// How long the log does not say again that it is behind, in nanoseconds: it may be behind because
/// printing is slow.
const PAUSE_NS: u64 = 60 * NSEC_PER_SEC as u64;

/// The samples that are not in the log because they were overwritten first.
#[derive(Default)]
pub(crate) struct Behind {
    /// How many of them the log does not mention yet.
    unsaid: u64,
    /// The sequence number of the last one.
    last_seq: u64,
    /// When they were last mentioned, by `CLOCK_MONOTONIC`.
    said_mono_ns: Option<u64>,
}

impl Behind {
    /// Counts the samples from `seq` to before `next_seq`.
    pub(super) fn add(&mut self, seq: u64, next_seq: u64) {
        self.unsaid = self.unsaid.saturating_add(next_seq.saturating_sub(seq));
        self.last_seq = next_seq.saturating_sub(1);
    }

    /// Says how many there are, if there are any and that was not said for a while.
    pub(super) fn say_in_time(&mut self, now_ns: u64) {
        let is_time = self
            .said_mono_ns
            .is_none_or(|said| now_ns.saturating_sub(said) >= PAUSE_NS);
        if is_time && self.say() {
            self.said_mono_ns = Some(now_ns);
        }
    }

    /// Says how many there are, if there are any. Returns whether there were.
    pub(super) fn say(&mut self) -> bool {
        let count = mem::take(&mut self.unsaid);
        if count != 0 {
            pr_warn!(
                "log is behind: {} samples up to {} are not in it\n",
                count,
                self.last_seq
            );
        }
        count != 0
    }
}
