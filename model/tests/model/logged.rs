// SPDX-License-Identifier: GPL-2.0-or-later

//! The lines of the log, caught and taken apart.

use std::cell::RefCell;

use model::line::{Line, Lines, CAPACITY};
use model::source::{Entry, Snapshot};

/// A snapshot as the tests write it down: when it was taken, and what was there.
pub type Taken<'a, E> = (u64, &'a [E]);

pub const SECOND: u64 = 1_000_000_000;

/// The lines that `log` prints, in a line that was used before.
pub fn all_printed(log: impl FnOnce(&mut Lines<'_>)) -> Vec<String> {
    let printed = RefCell::new(Vec::new());
    let mut line = Line::new();
    line.start("cpu=all what was there before");
    let print = |line: &Line| {
        assert!(
            line.as_bytes().len() < CAPACITY,
            "expected fewer than {CAPACITY} bytes, found {}: {:?}",
            line.as_bytes().len(),
            line.as_str()
        );
        assert_eq!(line.as_str().as_bytes(), line.as_bytes());
        printed.borrow_mut().push(line.as_str().to_owned());
    };
    log(&mut Lines::new(&mut line, &print));
    printed.into_inner()
}

/// The one line that `log` prints.
pub fn printed(log: impl FnOnce(&mut Lines<'_>)) -> String {
    only(all_printed(log))
}

/// The lines that two snapshots make.
pub fn lines<E: Entry>(before: Option<Taken<'_, E>>, after: Taken<'_, E>) -> Vec<String> {
    let snapshot = |(taken_mono_ns, entries)| Snapshot {
        taken_mono_ns,
        entries,
    };
    all_printed(|lines| E::log(before.map(snapshot), snapshot(after), lines))
}

/// The one line that two snapshots make.
pub fn one_line<E: Entry>(before: Option<Taken<'_, E>>, after: Taken<'_, E>) -> String {
    only(lines(before, after))
}

/// The one line that there is.
pub fn only(mut lines: Vec<String>) -> String {
    assert_eq!(lines.len(), 1, "expected one line, found {lines:?}");
    lines.remove(0)
}

/// A value of which only the shape is told: how many decimals it has, and what follows it.
pub struct Shape {
    pub decimals: usize,
    pub unit: &'static str,
}

pub const fn shape(decimals: usize, unit: &'static str) -> Shape {
    Shape { decimals, unit }
}

pub const RATE: Shape = shape(2, "/s");
pub const KIB_RATE: Shape = shape(2, "kB/s");
pub const PERCENT: Shape = shape(1, "%");
pub const MILLISECONDS: Shape = shape(2, "ms");
pub const KIB: Shape = shape(0, "kB");
pub const AMOUNT: Shape = shape(0, "");

/// Takes `line` apart, which must be `head` and then these keys, each with a value of its shape and
/// with nothing missing and nothing else. The values come without their decimal points, so that
/// `1.25kB/s` is 125.
pub fn values(line: &str, head: &str, keys: &[(&str, Shape)]) -> Vec<u128> {
    let rest = line.strip_prefix(head);
    let mut fields = rest
        .unwrap_or_else(|| panic!("expected {head:?} at the start of {line:?}"))
        .split(' ');
    assert_eq!(fields.next(), Some(""), "{line:?} goes on after {head:?}");
    let mut values = Vec::new();
    for (key, shape) in keys {
        let value = fields
            .next()
            .and_then(|field| field.strip_prefix(&format!("{key}=")))
            .and_then(|value| value.strip_suffix(shape.unit))
            .unwrap_or_else(|| panic!("expected {key} in {} in {line:?}", shape.unit));
        let digits = match shape.decimals {
            0 => value.to_owned(),
            decimals => {
                let (whole, fraction) = value
                    .split_once('.')
                    .unwrap_or_else(|| panic!("expected a decimal point in {key} in {line:?}"));
                assert_eq!(fraction.len(), decimals, "{key} in {line:?}");
                assert!(
                    !whole.is_empty(),
                    "expected digits before the point of {key} in {line:?}"
                );
                [whole, fraction].concat()
            }
        };
        assert!(
            !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()),
            "expected digits as {key} in {line:?}, found {digits:?}"
        );
        let number = digits.parse();
        values.push(number.unwrap_or_else(|error| panic!("{key} in {line:?}: {error}")));
    }
    assert_eq!(fields.next(), None, "{line:?} goes on");
    values
}

#[track_caller]
pub fn assert_contains(line: &str, part: &str) {
    assert!(line.contains(part), "expected {part:?} in {line:?}");
}

#[track_caller]
pub fn assert_starts_with(line: &str, start: &str) {
    assert!(
        line.starts_with(start),
        "expected {start:?} at the start of {line:?}"
    );
}

#[track_caller]
pub fn assert_ends_with(line: &str, end: &str) {
    assert!(
        line.ends_with(end),
        "expected {end:?} at the end of {line:?}"
    );
}

/// A name as it appears in a line: the bytes that it stands for.
pub fn unescaped(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = name.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        bytes.push(match first {
            b'\\' => {
                let (octal, after) = after.split_at(3);
                rest = after;
                let octal = std::str::from_utf8(octal).expect("digits");
                u8::from_str_radix(octal, 8).expect("three octal digits")
            }
            plain => *plain,
        });
    }
    bytes
}
