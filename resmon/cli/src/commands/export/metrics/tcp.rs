// SPDX-License-Identifier: GPL-2.0-or-later

//! TCP, over IPv4 and IPv6 together.

use resmon::model::record::Record;
use resmon::model::source::tcp::Tcp;

use super::{whole, Families, Metric, GAUGE, NONE};

const HELP: &str =
    "Count since boot, as the field of this name in /proc/net/snmp or /proc/net/netstat.";

#[rustfmt::skip]
const METRICS: [Metric<Tcp>; 7] = [
    (GAUGE, "node_netstat_Tcp_InSegs", NONE, HELP, |tcp| whole(tcp.segments_in)),
    (GAUGE, "node_netstat_Tcp_OutSegs", NONE, HELP, |tcp| whole(tcp.segments_out)),
    (GAUGE, "node_netstat_Tcp_RetransSegs", NONE, HELP, |tcp| whole(tcp.segments_retransmitted)),
    (GAUGE, "node_netstat_TcpExt_TCPSynRetrans", NONE, HELP, |tcp| whole(tcp.syns_retransmitted)),
    (GAUGE, "node_netstat_TcpExt_ListenOverflows", NONE, HELP, |tcp| whole(tcp.listen_overflows)),
    (GAUGE, "node_netstat_TcpExt_ListenDrops", NONE, HELP, |tcp| whole(tcp.listen_drops)),
    (GAUGE, "node_netstat_Tcp_CurrEstab", NONE, "Connections that are established.", |tcp| whole(tcp.established)),
];

pub fn add(families: &mut Families, record: Record<'_>) {
    if let Some(tcp) = record.entries().next() {
        families.one(&METRICS, &tcp);
    }
}
