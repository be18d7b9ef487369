// SPDX-License-Identifier: GPL-2.0-or-later

//! The load averages.

use super::super::line::Line;
use super::super::record::Content;
use super::super::words::{min_len, words, Fields, Words};
use super::{Entry, Snapshot};

/// The kernel's load averages as it keeps them, in 2048ths (`FIXED_1`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Of the last minute.
    pub one_minute: u64,
    /// Of the last five minutes.
    pub five_minutes: u64,
    /// Of the last fifteen minutes.
    pub fifteen_minutes: u64,
}

words! {
    Load as "resource_monitor_load" {
        one_minute: u64,
        five_minutes: u64,
        fifteen_minutes: u64,
    }
}

impl Content for Load {
    const KIND: u64 = 3;
}

/// A load of 1: `FIXED_1` of `include/linux/sched/loadavg.h`.
const FIXED_1: u64 = 1 << 11;

/// A load in hundredths, rounded as `/proc/loadavg` does it.
fn hundredths(load: u64) -> u64 {
    load.saturating_add(FIXED_1 / 200).saturating_mul(100) / FIXED_1
}

impl Entry for Load {
    /// `load 1m=0.52 5m=0.48 15m=0.40`
    fn log(
        _before: Option<Snapshot<'_, Self>>,
        after: Snapshot<'_, Self>,
        line: &mut Line,
        print: &mut dyn FnMut(&Line),
    ) {
        for load in after.entries {
            line.start("load")
                .text(" 1m=")
                .hundredths(hundredths(load.one_minute))
                .text(" 5m=")
                .hundredths(hundredths(load.five_minutes))
                .text(" 15m=")
                .hundredths(hundredths(load.fifteen_minutes));
            print(line);
        }
    }
}
