// SPDX-License-Identifier: GPL-2.0-or-later

//! The numbers of a sample with their names, units and meaning.
//!
//! Each structure of a sample has a table `COLUMNS` of its numbers, such as
//! [`CpuTimes::COLUMNS`](crate::CpuTimes::COLUMNS). [`Sample::columns`] puts them together, each
//! under a name of its own, as CSV has them.
//!
//! ```
//! for column in resmon::Sample::columns() {
//!     println!("{}: {} ({:?})", column.name, column.help, column.unit);
//! }
//! ```

use super::Sample;

/// A number of a structure.
#[derive(Debug)]
#[non_exhaustive]
pub struct Column<T> {
    /// The name of the field.
    pub name: &'static str,
    /// What it is measured in.
    pub unit: Unit,
    /// How the numbers of several samples become one.
    pub merge: Merge,
    /// The field itself.
    pub field: Field<T>,
    /// A sentence that says what it means.
    pub help: &'static str,
}

/// A row of a table.
pub(super) const fn column<T>(
    name: &'static str,
    unit: Unit,
    merge: Merge,
    field: Field<T>,
    help: &'static str,
) -> Column<T> {
    Column {
        name,
        unit,
        merge,
        field,
        help,
    }
}

/// A field of a structure, by its type.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // The types say it.
pub enum Field<T> {
    Whole(fn(&T) -> u64),
    Real(fn(&T) -> f64),
    OptionalWhole(fn(&T) -> Option<u64>),
    OptionalReal(fn(&T) -> Option<f64>),
}

impl<T> Field<T> {
    /// Its value; none where it is missing.
    pub fn value(&self, of: &T) -> Option<Value> {
        match self {
            Self::Whole(field) => Some(Value::Whole(field(of))),
            Self::Real(field) => Some(Value::Real(field(of))),
            Self::OptionalWhole(field) => field(of).map(Value::Whole),
            Self::OptionalReal(field) => field(of).map(Value::Real),
        }
    }

    /// Whether it has whole numbers only.
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Whole(_) | Self::OptionalWhole(_))
    }

    /// Whether it may be missing where the structure is there.
    pub fn is_optional(&self) -> bool {
        matches!(self, Self::OptionalWhole(_) | Self::OptionalReal(_))
    }
}

/// A number, as exact as the sample has it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(untagged))]
#[allow(missing_docs)] // The types say it.
pub enum Value {
    Whole(u64),
    Real(f64),
}

impl Value {
    /// The number for computation, in which whole numbers beyond 2⁵³ are rounded.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Whole(value) => value as f64,
            Self::Real(value) => value,
        }
    }
}

/// What a number is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// From 0 to 100.
    Percent,
    /// Percent of one CPU: 400 are four of them.
    PercentOfOne,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// Events per second.
    PerSecond,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// A number of things, such as requests, tasks or records.
    Count,
}

impl Unit {
    /// Whether the numbers of several things, as of disks, add up to one of all.
    pub fn adds_up(self) -> bool {
        match self {
            Self::Bytes | Self::BytesPerSecond | Self::PerSecond | Self::Count => true,
            Self::Percent | Self::PercentOfOne | Self::Seconds | Self::Milliseconds => false,
        }
    }
}

/// How the numbers of several samples become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Merge {
    /// Their mean, in which each counts for as long as its sample lasted.
    Mean,
    /// The highest of them.
    Highest,
    /// All of them added up.
    Sum,
    /// That of the last sample.
    Last,
}

type Get = Box<dyn Fn(&Sample) -> Option<Value> + Send + Sync>;

/// A total over a list of a sample, of a number that each entry has; none when it was not sampled.
type Total<T> = fn(&Sample, &dyn Fn(&T) -> f64) -> Option<f64>;

/// A number of a whole sample.
#[non_exhaustive]
pub struct SampleColumn {
    /// A name that no other column has.
    pub name: String,
    /// The name of its [`Column`].
    pub field: &'static str,
    /// What it is measured in.
    pub unit: Unit,
    /// How the numbers of several samples become one.
    pub merge: Merge,
    /// Whether it has whole numbers only.
    pub is_whole: bool,
    /// Whether it may be missing where the rest of its [`Part`] is there.
    pub is_optional: bool,
    /// A sentence that says what it means.
    pub help: &'static str,
    value: Get,
}

impl SampleColumn {
    fn new<T>(
        prefix: &str,
        column: &Column<T>,
        value: impl Fn(&Sample) -> Option<Value> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: format!("{prefix}{}", column.name),
            field: column.name,
            unit: column.unit,
            merge: column.merge,
            is_whole: column.field.is_whole(),
            is_optional: column.field.is_optional(),
            help: column.help,
            value: Box::new(value),
        }
    }

    /// Its value in a sample; none when it was not sampled.
    pub fn value(&self, of: &Sample) -> Option<Value> {
        (self.value)(of)
    }
}

/// The columns of a field of a [`Sample`].
#[non_exhaustive]
pub struct Part {
    /// The name of the field.
    pub name: &'static str,
    /// A sentence that says what it is.
    pub help: &'static str,
    /// Whether the columns are sums over a list, and not the fields of a single structure.
    pub is_total: bool,
    /// The columns.
    pub columns: Vec<SampleColumn>,
}

impl Part {
    /// A structure that a sample has one of, or none.
    pub(super) fn one<T>(
        name: &'static str,
        help: &'static str,
        prefix: &str,
        columns: &'static [Column<T>],
        get: fn(&Sample) -> Option<&T>,
    ) -> Self {
        let columns = columns.iter();
        Self {
            name,
            help,
            is_total: false,
            columns: columns
                .map(|column| {
                    SampleColumn::new(prefix, column, move |sample| {
                        column.field.value(get(sample)?)
                    })
                })
                .collect(),
        }
    }

    /// The totals over a list, of what adds up.
    pub(super) fn total<T>(
        name: &'static str,
        help: &'static str,
        prefix: &str,
        columns: &'static [Column<T>],
        total: Total<T>,
    ) -> Self {
        let columns = columns.iter().filter(|column| column.unit.adds_up());
        Self {
            name,
            help,
            is_total: true,
            columns: columns
                .map(|column| {
                    let number = |of: &T| column.field.value(of).map_or(f64::NAN, Value::as_f64);
                    let value = move |sample: &Sample| total(sample, &number).map(Value::Real);
                    SampleColumn {
                        is_whole: false,
                        ..SampleColumn::new(prefix, column, value)
                    }
                })
                .collect(),
        }
    }
}

impl Sample {
    /// All numbers of a sample that each machine has one of, in the order of CSV: its own, and
    /// those of its parts.
    pub fn columns() -> Vec<SampleColumn> {
        let own = Self::COLUMNS.iter();
        let own = own.map(|column| {
            SampleColumn::new("", column, |sample: &Sample| column.field.value(sample))
        });
        let parts = Self::parts().into_iter().flat_map(|part| part.columns);
        own.chain(parts).collect()
    }
}
