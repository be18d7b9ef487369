// SPDX-License-Identifier: GPL-2.0-or-later

//! TCP, over IPv4 and IPv6 together.

use super::super::line::Lines;
use super::super::words::{self, words};
use super::{Entry, Snapshot};

words! {
    /// Counts of TCP since boot, over IPv4 and IPv6 together, in the initial network namespace. The
    /// names in brackets are those of `/proc/net/snmp` and `/proc/net/netstat`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Tcp: "resource_monitor_tcp", kind 10 "tcp" "TCP" {
        /// Segments received, bad ones included (InSegs).
        pub segments_in: u64,
        /// Segments sent, without those that only carry what was sent before (OutSegs).
        pub segments_out: u64,
        /// Segments sent again, SYNs included (RetransSegs).
        pub segments_retransmitted: u64,
        /// SYNs sent again, of connections to and from this machine (TCPSynRetrans).
        pub syns_retransmitted: u64,
        /// Connections refused because the queue of a listening socket was full (ListenOverflows).
        pub listen_overflows: u64,
        /// Connections refused for any reason, a full queue included (ListenDrops).
        pub listen_drops: u64,
        /// Connections that are established now, those that the peer has closed included
        /// (CurrEstab).
        pub established: u64,
    }
}

impl Entry for Tcp {
    /// `tcp in=…/s out=…/s retrans=…/s syn_retrans=…/s listen_overflows=…/s listen_drops=…/s
    /// established=…`
    fn log(before: Option<Snapshot<'_, Self>>, after: Snapshot<'_, Self>, lines: &mut Lines<'_>) {
        let Some(before) = before else { return };
        let elapsed_ns = after.elapsed_ns(&before);
        for (then, now) in before.entries.iter().zip(after.entries) {
            let grown = |of: fn(&Self) -> u64| of(now).saturating_sub(of(then));
            lines.line(|line| {
                line.text("tcp")
                    .rate(" in=", grown(|tcp| tcp.segments_in), elapsed_ns)
                    .rate(" out=", grown(|tcp| tcp.segments_out), elapsed_ns)
                    .rate(
                        " retrans=",
                        grown(|tcp| tcp.segments_retransmitted),
                        elapsed_ns,
                    )
                    .rate(
                        " syn_retrans=",
                        grown(|tcp| tcp.syns_retransmitted),
                        elapsed_ns,
                    )
                    .rate(
                        " listen_overflows=",
                        grown(|tcp| tcp.listen_overflows),
                        elapsed_ns,
                    )
                    .rate(" listen_drops=", grown(|tcp| tcp.listen_drops), elapsed_ns)
                    .text(" established=")
                    .number(now.established)
            });
        }
    }
}
