// SPDX-License-Identifier: GPL-2.0-or-later

//! Network interfaces.

use resmon::model::record::Record;
use resmon::model::source::net::Net;

use super::super::family::{Label, Life};
use super::{whole, Families, Metric, BYTES, COUNTER, NONE};

#[rustfmt::skip]
const METRICS: [Metric<Net>; 8] = [
    (COUNTER, "node_network_receive", BYTES, "Bytes received.", |net| whole(net.rx.bytes)),
    (COUNTER, "node_network_receive_packets", NONE, "Packets received.", |net| whole(net.rx.packets)),
    (COUNTER, "node_network_receive_errs", NONE, "Packets received that were bad.", |net| whole(net.rx.errors)),
    (COUNTER, "node_network_receive_drop", NONE, "Packets received that were dropped, or missed.", |net| whole(net.rx.drops)),
    (COUNTER, "node_network_transmit", BYTES, "Bytes transmitted.", |net| whole(net.tx.bytes)),
    (COUNTER, "node_network_transmit_packets", NONE, "Packets transmitted.", |net| whole(net.tx.packets)),
    (COUNTER, "node_network_transmit_errs", NONE, "Packets that could not be transmitted.", |net| whole(net.tx.errors)),
    (COUNTER, "node_network_transmit_drop", NONE, "Packets dropped before they were transmitted.", |net| whole(net.tx.drops)),
];

pub fn add(families: &mut Families, record: Record<'_>) {
    let nets: Vec<Net> = record.entries().collect();
    let labels = |net: &Net| vec![Label::text("device", &net.name)];
    families.each(&METRICS, &nets, labels, |net| Life::Net {
        index: net.index,
    });
}
