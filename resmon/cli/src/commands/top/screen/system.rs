// SPDX-License-Identifier: GPL-2.0-or-later

//! The load averages and the activity.

use resmon::Sample;

use super::super::draw::{Look, Pane, Piece};
use super::super::format;

/// The load and what the kernel counts besides.
pub(super) fn system(mut pane: Pane<'_>, sample: &Sample, look: &Look) {
    let mut pieces = Vec::new();
    let mut add = |label: &str, value: String| {
        pieces.push(vec![
            Piece::new(format!("{label} "), look.quiet()),
            Piece::plain(value),
        ]);
    };
    match &sample.load {
        Some(load) => add(
            "load 1, 5, 15 min",
            format!(
                "{:.2}  {:.2}  {:.2}",
                load.one_minute, load.five_minutes, load.fifteen_minutes
            ),
        ),
        None => add("load", "-".into()),
    }
    match &sample.activity {
        Some(activity) => {
            add("irq/s", format::count(activity.interrupts_per_second));
            add(
                "softirq/s",
                format::count(activity.soft_interrupts_per_second),
            );
            add("faults/s", format::count(activity.faults_per_second));
            add("major/s", format::count(activity.major_faults_per_second));
            add("oom", activity.oom_kills.to_string());
        }
        None => add("irq/s, faults/s", "-".into()),
    }
    pane.flow(&pieces, 2);
}
