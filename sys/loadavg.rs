// SPDX-License-Identifier: GPL-2.0

//! The load averages.
//!
//! C header: [`include/linux/sched/loadavg.h`](srctree/include/linux/sched/loadavg.h)

use crate::model::source::load::Load;
use kernel::prelude::*;

extern "C" {
    /// See `include/linux/sched/loadavg.h`; not in the kernel's bindings.
    static avenrun: [c_ulong; 3];
}

/// The load averages, which the kernel works out anew every 5 s.
///
/// # Context
///
/// Any context; takes no locks. The three may be of two moments.
pub(crate) fn load() -> Load {
    let load = |index: usize| {
        // SAFETY: The array is a static of the kernel with three elements. The timer interrupt
        // changes them as we look, hence the volatile read.
        let load = unsafe {
            (&raw const avenrun)
                .cast::<c_ulong>()
                .add(index)
                .read_volatile()
        };
        load as u64
    };
    Load {
        one_minute: load(0),
        five_minutes: load(1),
        fifteen_minutes: load(2),
    }
}
