// SPDX-License-Identifier: GPL-2.0-or-later

//! The load averages.

use super::super::brief::Brief;
use super::super::line::Lines;
use super::super::words::{self, words};
use super::{Entry, Snapshot, Taken};
use core::borrow::Borrow;

words! {
    /// The kernel's load averages as it keeps them, in 2048ths (`FIXED_1`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Load: "resource_monitor_load", kind 3 "load" "LOAD" {
        /// Of the last minute.
        pub one_minute: u64,
        /// Of the last five minutes.
        pub five_minutes: u64,
        /// Of the last fifteen minutes.
        pub fifteen_minutes: u64,
    }
}

/// A load of 1: `FIXED_1` of `include/linux/sched/loadavg.h`.
const FIXED_1: u64 = 1 << 11;

/// A load in hundredths, rounded as `/proc/loadavg` does it.
fn hundredths(load: u64) -> u64 {
    load.saturating_add(FIXED_1 / 200).saturating_mul(100) / FIXED_1
}

impl Entry for Load {
    /// `load 1m=0.52 5m=0.48 15m=0.40`
    fn log(_before: Option<Snapshot<'_, Self>>, after: Snapshot<'_, Self>, lines: &mut Lines<'_>) {
        for load in after.entries {
            lines.line(|line| {
                line.text("load")
                    .text(" 1m=")
                    .hundredths(hundredths(load.one_minute))
                    .text(" 5m=")
                    .hundredths(hundredths(load.five_minutes))
                    .text(" 15m=")
                    .hundredths(hundredths(load.fifteen_minutes))
            });
        }
    }

    fn sum<T: Borrow<Self>>(
        _before: Option<Taken<impl Iterator<Item = T> + Clone>>,
        mut after: Taken<impl Iterator<Item = T>>,
        brief: &mut Brief,
    ) {
        let load = after.entries.next();
        brief.load = load.map(|load| hundredths(load.borrow().one_minute));
    }
}
