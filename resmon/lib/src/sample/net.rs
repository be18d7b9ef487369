// SPDX-License-Identifier: GPL-2.0-or-later

//! Network interfaces.

use model::record::Record;
use model::source::net;

use super::columns::{
    column, Column,
    Field::{OptionalReal, Real},
    Merge::Mean,
    Unit::{BytesPerSecond, PerSecond},
};
use super::{pairs, per_second, seconds, text};

/// A network interface.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct Net {
    pub name: String,
    pub received: NetDirection,
    pub transmitted: NetDirection,
    /// Whether it is part of [`Sample::net_total`](crate::Sample::net_total).
    pub in_total: bool,
}

/// What an interface carried in one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct NetDirection {
    pub bytes_per_second: f64,
    pub packets_per_second: f64,
    pub errors_per_second: Option<f64>,
    pub drops_per_second: Option<f64>,
}

impl NetDirection {
    /// Its numbers.
    #[rustfmt::skip]
    pub const COLUMNS: &'static [Column<Self>] = &[
        column("bytes_per_second", BytesPerSecond, Mean, Real(|direction| direction.bytes_per_second), "Bytes."),
        column("packets_per_second", PerSecond, Mean, Real(|direction| direction.packets_per_second), "Packets."),
        column("errors_per_second", PerSecond, Mean, OptionalReal(|direction| direction.errors_per_second), "Packets with errors."),
        column("drops_per_second", PerSecond, Mean, OptionalReal(|direction| direction.drops_per_second), "Packets that were dropped."),
    ];
}

impl Net {
    pub(super) fn all(before: Record<'_>, after: Record<'_>) -> Vec<Self> {
        let pairs = pairs(before, after, |then: &net::Net, now| now.continues(then));
        pairs
            .map(|(then, now)| Self::between(&then, &now))
            .collect()
    }

    fn between(then: &net::Net, now: &net::Net) -> Self {
        let elapsed_s = seconds(now.taken_mono_ns.saturating_sub(then.taken_mono_ns));
        let rate = |then, now| per_second(then, now, elapsed_s);
        let direction = |then: &net::Carried, now: &net::Carried| NetDirection {
            bytes_per_second: rate(then.bytes, now.bytes),
            packets_per_second: rate(then.packets, now.packets),
            errors_per_second: Some(rate(then.errors, now.errors)),
            drops_per_second: Some(rate(then.drops, now.drops)),
        };
        Self {
            name: text(&now.name),
            received: direction(&then.rx, &now.rx),
            transmitted: direction(&then.tx, &now.tx),
            in_total: !now.is_carried_again(),
        }
    }
}
