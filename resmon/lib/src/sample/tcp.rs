// SPDX-License-Identifier: GPL-2.0-or-later

//! TCP, over IPv4 and IPv6 together.

use model::record::Record;
use model::source::tcp;

use super::columns::{
    column, Column,
    Field::{Real, Whole},
    Merge::Mean,
    Unit::{Count, PerSecond},
};
use super::{per_second, two};

/// TCP, over IPv4 and IPv6 together.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct Tcp {
    pub segments_in_per_second: f64,
    pub segments_out_per_second: f64,
    /// SYNs included.
    pub segments_retransmitted_per_second: f64,
    pub syns_retransmitted_per_second: f64,
    /// Connections refused because the queue of a listening socket was full.
    pub listen_overflows_per_second: f64,
    /// Connections refused for any reason, a full queue included.
    pub listen_drops_per_second: f64,
    /// Connections when the later record was taken.
    pub established: u64,
}

impl Tcp {
    /// Its numbers.
    #[rustfmt::skip]
    pub const COLUMNS: &'static [Column<Self>] = &[
        column("segments_in_per_second", PerSecond, Mean, Real(|tcp| tcp.segments_in_per_second), "Segments received."),
        column("segments_out_per_second", PerSecond, Mean, Real(|tcp| tcp.segments_out_per_second), "Segments sent, without those that only carry what was sent before."),
        column("segments_retransmitted_per_second", PerSecond, Mean, Real(|tcp| tcp.segments_retransmitted_per_second), "Segments sent again, SYNs included."),
        column("syns_retransmitted_per_second", PerSecond, Mean, Real(|tcp| tcp.syns_retransmitted_per_second), "SYNs sent again."),
        column("listen_overflows_per_second", PerSecond, Mean, Real(|tcp| tcp.listen_overflows_per_second), "Connections refused because the queue of a listening socket was full."),
        column("listen_drops_per_second", PerSecond, Mean, Real(|tcp| tcp.listen_drops_per_second), "Connections refused for any reason, a full queue included."),
        column("established", Count, Mean, Whole(|tcp| tcp.established), "Connections that are established."),
    ];

    pub(super) fn between(before: Record<'_>, after: Record<'_>) -> Option<Self> {
        let (then, now, elapsed_s) = two::<tcp::Tcp>(before, after)?;
        let rate = |of: fn(&tcp::Tcp) -> u64| per_second(of(&then), of(&now), elapsed_s);
        Some(Self {
            segments_in_per_second: rate(|tcp| tcp.segments_in),
            segments_out_per_second: rate(|tcp| tcp.segments_out),
            segments_retransmitted_per_second: rate(|tcp| tcp.segments_retransmitted),
            syns_retransmitted_per_second: rate(|tcp| tcp.syns_retransmitted),
            listen_overflows_per_second: rate(|tcp| tcp.listen_overflows),
            listen_drops_per_second: rate(|tcp| tcp.listen_drops),
            established: now.established,
        })
    }
}
