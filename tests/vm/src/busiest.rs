// SPDX-License-Identifier: GPL-2.0

//! What the lines of disks and of interfaces have in common: the busiest ones are shown, the busiest first,
//! and the number of the others.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use anyhow::{bail, ensure, Context, Result};

use crate::elapsed::one;
use crate::lines::{Part, Sample, Table, MOST_SHOWN};

/// A line of a device.
pub trait Busy: Debug + Sized {
    /// What the kernel counts of a device, in the time of a line.
    type Counted: Debug;

    /// What such a device is called, and what its business is measured in.
    const DEVICE: &'static str;
    const MEASURE: &'static str;

    fn table(sample: &Sample) -> &Part<Table<Self>>;

    fn name(&self) -> &str;

    /// Whether it did anything in the time of the line.
    fn is_used(&self) -> bool;

    /// Whether this line may come before another one, by what it shows.
    fn may_precede(&self, other: &Self) -> bool;

    /// Each number of the line against what was counted in its time.
    fn check(&self, counted: &Self::Counted, interval: Duration) -> Result<()>;

    /// How busy it was, in [`Busy::MEASURE`].
    fn business(counted: &Self::Counted) -> u64;
}

/// The lines of a sample, which has none when there is nothing to show.
pub fn lines<T: Busy>(sample: &Sample) -> Result<&[T]> {
    match T::table(sample) {
        Part::Missing => Ok(&[]),
        part => Ok(&part.taken()?.shown),
    }
}

pub fn line<'a, T: Busy>(sample: &'a Sample, name: &str) -> Result<Option<&'a T>> {
    Ok(lines::<T>(sample)?.iter().find(|line| line.name() == name))
}

/// Whether one of these devices did anything.
pub fn is_used<T: Busy>(sample: &Sample, names: &[&str]) -> Result<bool> {
    let mut lines = lines::<T>(sample)?.iter();
    Ok(lines.any(|line| names.contains(&line.name()) && line.is_used()))
}

/// The line of a device that was counted, which must be there once and show what was counted.
pub fn check_line<T: Busy>(
    lines: &[T],
    name: &str,
    counted: &T::Counted,
    interval: Duration,
) -> Result<()> {
    let line = one(lines, &format!("line of {name}"), |line| {
        line.name() == name
    })?;
    line.check(counted, interval)
        .with_context(|| format!("{name} has {line:?}, expected it to match {counted:?}"))
}

pub fn check_order<T: Busy>(lines: &[T]) -> Result<()> {
    for two in lines.windows(2) {
        ensure!(
            two[0].may_precede(&two[1]),
            "{:?} is before {:?}, expected the busier one first",
            two[0],
            two[1]
        );
    }
    Ok(())
}

/// As many lines as are shown of more devices, and the number of the others. `counted` are all devices
/// that are to be counted. None of those that are left out was busier than those that are shown.
pub fn check_busiest<T: Busy>(
    table: &Table<T>,
    counted: &BTreeMap<&str, T::Counted>,
    interval: Duration,
) -> Result<()> {
    let (device, measure) = (T::DEVICE, T::MEASURE);
    let shown = &table.shown;
    ensure!(
        shown.len() == MOST_SHOWN,
        "there are {} lines, expected {MOST_SHOWN}",
        shown.len()
    );
    let all = counted.len() as u64;
    ensure!(
        shown.len() as u64 + table.more == all,
        "there are {} lines and {} more, expected {all} in all, as many as each {device} in use",
        shown.len(),
        table.more
    );
    check_order(shown)?;
    for line in shown {
        let Some(counted) = counted.get(line.name()) else {
            bail!("{line:?} is that of no {device} that was counted, expected one that was");
        };
        // This also finds two lines of one device.
        check_line(shown, line.name(), counted, interval)?;
    }
    let least = shown.last().and_then(|line| counted.get(line.name()));
    let least = T::business(least.context("there is no line")?);
    for (name, counters) in counted {
        ensure!(
            shown.iter().any(|line| line.name() == *name) || T::business(counters) <= least,
            "the {device} {name} is not shown and had {} {measure}, expected at most {least}, as the \
             last one that is shown",
            T::business(counters)
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line that shows a number as it is.
    #[derive(Debug, Clone)]
    struct Shown(String, u64);

    impl Busy for Shown {
        type Counted = u64;
        const DEVICE: &'static str = "device";
        const MEASURE: &'static str = "bytes";

        fn table(_: &Sample) -> &Part<Table<Self>> {
            &Part::Missing
        }

        fn name(&self) -> &str {
            &self.0
        }

        fn is_used(&self) -> bool {
            self.1 > 0
        }

        fn may_precede(&self, other: &Self) -> bool {
            self.1 >= other.1
        }

        fn check(&self, counted: &u64, _: Duration) -> Result<()> {
            ensure!(self.1 == *counted, "{} is not {counted}", self.1);
            Ok(())
        }

        fn business(counted: &u64) -> u64 {
            *counted
        }
    }

    /// The verdict on the lines of `shown` devices with these names and numbers, out of 20.
    fn judged(more: u64, change: impl Fn(&mut Vec<Shown>)) -> Result<()> {
        let names: Vec<String> = (0..20).map(|n| format!("d{n}")).collect();
        let counted = (0..20).map(|n| (names[n as usize].as_str(), n)).collect();
        let mut shown: Vec<Shown> = (4..20)
            .rev()
            .map(|n| Shown(names[n as usize].clone(), n))
            .collect();
        change(&mut shown);
        check_busiest(&Table { shown, more }, &counted, Duration::from_secs(1))
    }

    #[test]
    fn the_busiest_are_shown_and_the_others_counted() {
        judged(4, |_| ()).unwrap();
    }

    #[test]
    fn what_is_wrong_is_found() {
        judged(5, |_| ()).unwrap_err();
        judged(4, |shown| drop(shown.pop())).unwrap_err();
        judged(4, |shown| shown.swap(0, 1)).unwrap_err();
        judged(4, |shown| shown[15].1 = 3).unwrap_err();
        judged(4, |shown| shown[15] = Shown("d3".into(), 3)).unwrap_err();
        judged(4, |shown| shown[15] = Shown("x".into(), 4)).unwrap_err();
        judged(4, |shown| shown[1] = shown[0].clone()).unwrap_err();
    }
}
