// SPDX-License-Identifier: GPL-2.0-or-later

//! Events: how many began, and how many are open.

use std::collections::BTreeMap;

use resmon::model::event::{Event, Trigger, BEGIN, ONGOING};
use resmon::model::record::Record;

use super::super::family::{Label, Labels, Life};
use super::{whole, Families, Metric, COUNTER, GAUGE, NONE};

/// How many events of each trigger began, in the records of one load of the module.
///
/// The numbers of events go on from one to the next over all triggers. So an event counts once, also
/// where the record was lost in which it began.
#[derive(Clone, Debug, Default)]
pub struct Began {
    /// The number of the newest event that was counted, or was there at the start; none before the
    /// first record.
    newest: Option<u64>,
    /// By the number of the trigger.
    counts: BTreeMap<u32, u64>,
}

impl Began {
    /// Counts what began with the next record, or before it and after the last one. What is in the
    /// first record began before anybody counted, unless that is the first one of the module.
    pub fn add(&mut self, record: Record<'_>) {
        let is_counted = self.newest.is_some() || record.header().seq == 0;
        let before = self.newest.unwrap_or(0);
        let mut newest = before;
        for event in record.entries::<Event>() {
            if event.number > before && is_counted {
                let count = self.counts.entry(event.trigger).or_default();
                *count = count.saturating_add(1);
            }
            newest = newest.max(event.number);
        }
        self.newest = Some(newest);
    }
}

/// The events of a trigger.
struct OfTrigger {
    trigger: u32,
    began: u64,
    open: u64,
}

#[rustfmt::skip]
const METRICS: [Metric<OfTrigger>; 2] = [
    (COUNTER, "resource_monitor_events", NONE, "Events that began since the module was loaded; where it keeps no longer all records since then, since this exporter started.", |of| whole(of.began)),
    (GAUGE, "resource_monitor_event_active", NONE, "Events that are open: more than one where several disks or paths have one.", |of| whole(of.open)),
];

fn labels(of: &OfTrigger) -> Labels {
    let name = resmon::Event::name_of(of.trigger);
    vec![Label("event", name.into())]
}

/// Adds those of all triggers, so that no series begins with its first event.
pub fn add(families: &mut Families, record: Record<'_>, began: &Began) {
    let known = Trigger::ALL.iter().map(|trigger| (*trigger as u32, 0));
    let mut open: BTreeMap<u32, u64> = known.collect();
    for trigger in began.counts.keys() {
        open.entry(*trigger).or_default();
    }
    for event in record.entries::<Event>() {
        let is_open = matches!(event.state, BEGIN | ONGOING);
        let open = open.entry(event.trigger).or_default();
        *open = open.saturating_add(u64::from(is_open));
    }
    let of = open.into_iter().map(|(trigger, open)| OfTrigger {
        trigger,
        began: began.counts.get(&trigger).copied().unwrap_or(0),
        open,
    });
    let of: Vec<_> = of.collect();
    families.each(&METRICS, &of, labels, |_| Life::Machine);
}
