// SPDX-License-Identifier: GPL-2.0-or-later

//! Settings: what a parameter takes, and how a text that it does not take is refused.

use super::line::Line;
use super::source::fs::{MAX_PATH, MAX_PATHS};

/// Bytes of a refused value that are shown.
const SHOWN_VALUE: usize = 40;

/// What a parameter takes.
pub trait Setting {
    /// What a text stands for.
    type Value<'a>;

    /// Reads a value as it is given to `insmod`, or written to sysfs, without the newline at its
    /// end.
    fn parse<'a>(&self, text: &'a [u8]) -> Result<Self::Value<'a>, Refused<'a>>;

    /// Adds to `line` what is allowed.
    fn allowed(&self, line: &mut Line);
}

/// A text, or the part of it, that is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused<'a> {
    /// What is refused.
    pub text: &'a [u8],
    /// Why, as the rest of a sentence that begins with it.
    pub why: &'static str,
}

impl<'a> Refused<'a> {
    /// Refuses the number `text`.
    pub const fn out_of_range(text: &'a [u8]) -> Self {
        let why = "is out of range";
        Self { text, why }
    }

    /// `parameter interval_ms: '5' is out of range, allowed are 10 to 3600000 ms`
    ///
    /// The text comes from a user: what is not printable ASCII is shown as `?`, and a long text
    /// is cut.
    pub fn log(&self, line: &mut Line, name: &str, setting: &impl Setting) {
        line.start("parameter ").text(name).text(": '");
        for byte in self.text.iter().take(SHOWN_VALUE) {
            let shown = match byte {
                b' '..=b'~' => *byte,
                _ => b'?',
            };
            line.text(core::str::from_utf8(&[shown]).unwrap_or("?"));
        }
        if self.text.len() > SHOWN_VALUE {
            line.text("...");
        }
        line.text("' ").text(self.why).text(", allowed are ");
        setting.allowed(line);
    }
}

/// A whole number with a range and a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// The unit of the values.
    pub unit: &'static str,
    /// The smallest value allowed.
    pub min: u32,
    /// The largest value allowed.
    pub max: u32,
}

impl Number {
    /// The value `number`, if that is allowed.
    pub fn in_range(&self, number: u64) -> Option<u32> {
        let value = u32::try_from(number).ok()?;
        (self.min..=self.max).contains(&value).then_some(value)
    }
}

impl Setting for Number {
    type Value<'a> = u32;

    /// Decimal digits, with an optional sign in front.
    fn parse<'a>(&self, text: &'a [u8]) -> Result<u32, Refused<'a>> {
        let refused = |why| Refused { text, why };
        let (digits, negative) = match text {
            [] => return Err(refused("is empty")),
            [b'-', rest @ ..] => (rest, true),
            [b'+', rest @ ..] => (rest, false),
            rest => (rest, false),
        };
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(refused("is not a whole number"));
        }
        // Saturating is enough: what does not fit is out of every range.
        let number = digits.iter().fold(0u64, |number, digit| {
            let digit = u64::from(digit.wrapping_sub(b'0'));
            number.saturating_mul(10).saturating_add(digit)
        });
        self.in_range(number)
            .filter(|value| !negative || *value == 0)
            .ok_or(Refused::out_of_range(text))
    }

    fn allowed(&self, line: &mut Line) {
        line.number(u64::from(self.min))
            .text(" to ")
            .number(u64::from(self.max))
            .text(" ")
            .text(self.unit);
    }
}

/// Something that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch;

impl Setting for Switch {
    type Value<'a> = bool;

    /// As the kernel's own parameters of this kind, but that nothing may follow.
    fn parse<'a>(&self, text: &'a [u8]) -> Result<bool, Refused<'a>> {
        let is = |word: &str| text.eq_ignore_ascii_case(word.as_bytes());
        if ["1", "y", "yes", "on", "t", "true"].into_iter().any(is) {
            Ok(true)
        } else if ["0", "n", "no", "off", "f", "false"].into_iter().any(is) {
            Ok(false)
        } else {
            let why = match text {
                [] => "is empty",
                _ => "is not a yes or no",
            };
            Err(Refused { text, why })
        }
    }

    fn allowed(&self, line: &mut Line) {
        line.text("Y and N, 1 and 0, on and off");
    }
}

/// One of some words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The words. The value is the place of one of them.
    pub words: &'static [&'static str],
}

impl Setting for Choice {
    type Value<'a> = u32;

    fn parse<'a>(&self, text: &'a [u8]) -> Result<u32, Refused<'a>> {
        let mut words = self.words.iter();
        let at = words.position(|word| word.as_bytes() == text);
        let why = match text {
            [] => "is empty",
            _ => "is not known",
        };
        at.and_then(|at| u32::try_from(at).ok())
            .ok_or(Refused { text, why })
    }

    fn allowed(&self, line: &mut Line) {
        for (at, word) in self.words.iter().enumerate() {
            let is_last = at.saturating_add(1) == self.words.len();
            line.text(match at {
                0 => "",
                _ if is_last => " and ",
                _ => ", ",
            })
            .text(word);
        }
    }
}

/// Absolute paths, separated by commas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paths;

impl Paths {
    /// Bytes of the longest text that is allowed.
    pub const MAX_TEXT: usize = MAX_PATHS * (MAX_PATH + 1) - 1;

    /// The paths of a text that is allowed.
    pub fn of(text: &[u8]) -> impl Iterator<Item = &[u8]> {
        text.split(|byte| *byte == b',')
    }
}

impl Setting for Paths {
    type Value<'a> = &'a [u8];

    fn parse<'a>(&self, text: &'a [u8]) -> Result<&'a [u8], Refused<'a>> {
        for (index, path) in Self::of(text).enumerate() {
            let why = match path {
                [] => "is empty",
                [b'/', ..] if path.len() > MAX_PATH => "is too long",
                [b'/', ..] if index >= MAX_PATHS => "is one path too many",
                [b'/', ..] if Self::of(text).take(index).any(|before| before == path) => {
                    "is there twice"
                }
                [b'/', ..] => continue,
                _ => "is not an absolute path",
            };
            return Err(Refused { text: path, why });
        }
        Ok(text)
    }

    fn allowed(&self, line: &mut Line) {
        line.text("up to ")
            .number(MAX_PATHS as u64)
            .text(" absolute paths of at most ")
            .number(MAX_PATH as u64)
            .text(" bytes, separated by commas");
    }
}
