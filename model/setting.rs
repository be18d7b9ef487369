// SPDX-License-Identifier: GPL-2.0

//! A setting: a whole number with a range, a unit and a name.

/// What a setting is called and which values it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The parameter's name.
    pub name: &'static str,
    /// The unit of its values.
    pub unit: &'static str,
    /// The smallest value allowed.
    pub min: u32,
    /// The largest value allowed.
    pub max: u32,
}

/// Why a text is not a value of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no text.
    Empty,
    /// The text is not a whole number in decimal digits.
    NotANumber,
    /// The number is smaller than the smallest or larger than the largest value.
    OutOfRange,
}

impl Setting {
    /// Reads a value as it is written to sysfs or given to `insmod`: decimal digits, with an
    /// optional sign in front and one optional newline behind.
    pub fn parse(&self, text: &[u8]) -> Result<u32, Refusal> {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let (digits, negative) = match text {
            [] => return Err(Refusal::Empty),
            [b'-', rest @ ..] => (rest, true),
            [b'+', rest @ ..] => (rest, false),
            rest => (rest, false),
        };
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(Refusal::NotANumber);
        }
        // Saturating is enough: what does not fit is out of every range.
        let number = digits.iter().fold(0u64, |number, digit| {
            let digit = u64::from(digit.wrapping_sub(b'0'));
            number.saturating_mul(10).saturating_add(digit)
        });
        if negative && number != 0 {
            return Err(Refusal::OutOfRange);
        }
        u32::try_from(number)
            .ok()
            .filter(|value| (self.min..=self.max).contains(value))
            .ok_or(Refusal::OutOfRange)
    }
}
