// SPDX-License-Identifier: GPL-2.0-or-later

//! The load averages, tasks, the activity and TCP.

use resmon::Sample;

use super::super::draw::{Look, Pane, Piece};
use super::super::format;

/// What is known of the system as a whole.
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
            [
                Some(load.one_minute),
                load.five_minutes,
                load.fifteen_minutes,
            ]
            .map(|load| load.map_or("-".into(), |load| format!("{load:.2}")))
            .join("  "),
        ),
        None => add("load", "-".into()),
    }
    // A machine that is recorded may not have what this one has.
    if let Some(running) = &sample.running {
        add("running", running.tasks.to_string());
        let known = |tasks: Option<u64>| tasks.map_or("-".into(), |tasks| tasks.to_string());
        add("blocked", known(running.blocked));
        if running.memory_stalled != Some(0) {
            add("stalled on memory", known(running.memory_stalled));
        }
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
    if let Some(tcp) = &sample.tcp {
        add("tcp", tcp.established.to_string());
        add(
            "retrans/s",
            format::count(tcp.segments_retransmitted_per_second),
        );
        add("listen drops/s", format::count(tcp.listen_drops_per_second));
    }
    pane.flow(&pieces, 2);
}
