// SPDX-License-Identifier: GPL-2.0-or-later

//! The time of day that a text has before a line of the kernel.

use super::fields::number;

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wall {
    /// In seconds since 1970.
    Unix(f64),
    /// As a clock shows it.
    Civil(Civil),
}

/// What a clock shows, in the zone that the text is of.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)] // The names say it.
pub struct Civil {
    /// None where the text has no year.
    pub year: Option<u16>,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    /// The part of a second.
    pub fraction: f64,
    /// How far the clock is ahead of UTC, in seconds; none where the text does not say it.
    pub offset_s: Option<i32>,
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

impl Wall {
    /// The time that a text begins with: as `2026-11-26T20:33:47.123456+00:00`, `Thu 2026-11-26 20:33:47 UTC`,
    /// `Nov 26 20:33:47` and `1795620332.123456`.
    pub(super) fn at_start(text: &str) -> Option<Self> {
        let mut words = text.split(' ').filter(|word| !word.is_empty());
        let first = words.next()?;
        if let Some((date, time)) = first.split_once('T') {
            let (time, offset_s) = zone(time)?;
            return civil(date, time, offset_s);
        }
        if DAYS.contains(&first) {
            let (date, time) = (words.next()?, words.next()?);
            let offset_s = words.next().filter(|zone| *zone == "UTC").map(|_| 0);
            return civil(date, time, offset_s);
        }
        if let Some(month) = month(first) {
            return named(None, month, words.next()?, words.next()?);
        }
        let (seconds, _) = first.split_once('.')?;
        number(seconds)?;
        // Since a time stamp has brackets, this is one since 1970.
        super::fields::decimal(first, 6).map(Self::Unix)
    }

    /// The time that `dmesg -T` has in brackets, as `Thu Nov 26 20:33:47 2026`.
    pub(super) fn of_dmesg(inner: &str) -> Option<Self> {
        let mut words = inner.split(' ').filter(|word| !word.is_empty());
        words.next().filter(|day| DAYS.contains(day))?;
        let month = month(words.next()?)?;
        let (day, time) = (words.next()?, words.next()?);
        let year = u16::try_from(number(words.next()?)?).ok()?;
        named(Some(year), month, day, time)
    }

    /// Whether it has no part of a second.
    pub(super) fn is_coarse(&self) -> bool {
        match self {
            Self::Unix(_) => false,
            Self::Civil(civil) => civil.fraction == 0.0,
        }
    }
}

fn month(name: &str) -> Option<u8> {
    let at = MONTHS.iter().position(|month| *month == name)?;
    u8::try_from(at + 1).ok()
}

/// A part of a date or a time, of two digits at most.
fn part(text: &str, most: u8) -> Option<u8> {
    let value = u8::try_from(number(text).filter(|_| text.len() <= 2)?).ok()?;
    (value <= most).then_some(value)
}

fn named(year: Option<u16>, month: u8, day: &str, time: &str) -> Option<Wall> {
    let day = part(day, 31)?;
    with_time(year, month, day, time, None)
}

fn civil(date: &str, time: &str, offset_s: Option<i32>) -> Option<Wall> {
    let mut parts = date.split('-');
    let year = u16::try_from(number(parts.next()?)?).ok()?;
    let (month, day) = (part(parts.next()?, 12)?, part(parts.next()?, 31)?);
    with_time(Some(year), month, day, time, offset_s)
}

fn with_time(
    year: Option<u16>,
    month: u8,
    day: u8,
    time: &str,
    offset_s: Option<i32>,
) -> Option<Wall> {
    let (time, fraction) = match time.split_once(['.', ',']) {
        Some((time, digits)) => {
            number(digits).filter(|_| digits.len() <= 9)?;
            (time, format!("0.{digits}").parse().ok()?)
        }
        None => (time, 0.0),
    };
    let mut parts = time.split(':');
    let hour = part(parts.next()?, 23)?;
    let minute = part(parts.next()?, 59)?;
    let second = part(parts.next()?, 60)?;
    let is_all = parts.next().is_none() && month > 0 && day > 0;
    is_all.then_some(Wall::Civil(Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        fraction,
        offset_s,
    }))
}

/// Takes the zone off a time, as `Z`, `+01:00` and `+0100`.
fn zone(time: &str) -> Option<(&str, Option<i32>)> {
    if let Some(time) = time.strip_suffix('Z') {
        return Some((time, Some(0)));
    }
    let Some(at) = time.find(['+', '-']) else {
        return Some((time, None));
    };
    let (time, zone) = time.split_at(at);
    let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
    let (hours, minutes) = digits.split_at_checked(2)?;
    let (hours, minutes) = (part(hours, 23)?, part(minutes, 59)?);
    let seconds = i32::from(hours) * 3600 + i32::from(minutes) * 60;
    Some((
        time,
        Some(if zone.starts_with('-') {
            -seconds
        } else {
            seconds
        }),
    ))
}
