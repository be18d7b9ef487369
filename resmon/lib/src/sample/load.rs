// SPDX-License-Identifier: GPL-2.0-or-later

//! The load averages.

use model::record::Record;
use model::source::load;

use super::columns::{
    column, Column,
    Field::{OptionalReal, Real},
    Merge::Mean,
    Unit::Count,
};

/// The load averages.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct Load {
    pub one_minute: f64,
    pub five_minutes: Option<f64>,
    pub fifteen_minutes: Option<f64>,
}

impl Load {
    /// Its numbers.
    #[rustfmt::skip]
    pub const COLUMNS: &'static [Column<Self>] = &[
        column("one_minute", Count, Mean, Real(|load| load.one_minute), "Of one minute."),
        column("five_minutes", Count, Mean, OptionalReal(|load| load.five_minutes), "Of five minutes."),
        column("fifteen_minutes", Count, Mean, OptionalReal(|load| load.fifteen_minutes), "Of fifteen minutes."),
    ];

    pub(super) fn of(record: Record<'_>) -> Option<Self> {
        let load: load::Load = record.entries().next()?;
        let value = |load: u64| load as f64 / 2048.0;
        Some(Self {
            one_minute: value(load.one_minute),
            five_minutes: Some(value(load.five_minutes)),
            fifteen_minutes: Some(value(load.fifteen_minutes)),
        })
    }
}
