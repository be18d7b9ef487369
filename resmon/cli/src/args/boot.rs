// SPDX-License-Identifier: GPL-2.0-or-later

//! Which boot is looked at.

use std::fmt;
use std::str::FromStr;

use clap::Args as ClapArgs;

/// The boot that is looked at.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct OfBoot {
    /// Look at this boot: 0 is this one, -1 the one before; 1 the oldest one; or an ID of resmon boots
    ///
    /// Of an ID, 4 digits are enough if no other one begins with them. Without this it is this boot, and of a
    /// recording all that it has; there, 0 is the newest boot.
    #[arg(
        long,
        short,
        value_name = "ID",
        num_args = 0..=1,
        default_missing_value = "0",
        allow_negative_numbers = true
    )]
    pub boot: Option<BootId>,
}

/// What a boot is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BootId {
    /// So many before the newest one.
    Back(u64),
    /// So many from the oldest one on, which is 1.
    Nth(u64),
    /// The begin of its identity, in hexadecimal digits.
    Id(String),
}

impl FromStr for BootId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const MOST_PLACES: usize = 3;
        const DIGITS: std::ops::RangeInclusive<usize> = 4..=16;
        let refused = || {
            format!(
                "'{text}' is no boot: 0 is this one, -1 the one before, 1 the oldest one, and resmon boots lists \
                 IDs, of which 4 digits are enough"
            )
        };
        let number = |digits: &str| digits.parse::<u64>().ok().filter(|_| is_decimal(digits));
        if let Some(digits) = text.strip_prefix('-') {
            return number(digits).map(Self::Back).ok_or_else(refused);
        }
        let digits = text.strip_prefix('+').unwrap_or(text);
        let is_place = digits.len() < text.len() || digits.len() <= MOST_PLACES;
        if is_place {
            return match number(digits) {
                Some(0) => Ok(Self::Back(0)),
                Some(place) => Ok(Self::Nth(place)),
                None => Err(refused()),
            };
        }
        let is_id =
            DIGITS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id
            .then(|| Self::Id(text.to_ascii_lowercase()))
            .ok_or_else(refused)
    }
}

fn is_decimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Back(0) => f.write_str("0"),
            Self::Back(back) => write!(f, "-{back}"),
            Self::Nth(place) => write!(f, "+{place}"),
            Self::Id(id) => f.write_str(id),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn boots_are_named_as_for_journalctl() {
        let id = |id: &str| Ok(BootId::Id(id.into()));
        for (text, expected) in [
            ("0", Ok(BootId::Back(0))),
            ("-0", Ok(BootId::Back(0))),
            ("+0", Ok(BootId::Back(0))),
            ("-1", Ok(BootId::Back(1))),
            ("-1000", Ok(BootId::Back(1000))),
            ("1", Ok(BootId::Nth(1))),
            ("+12", Ok(BootId::Nth(12))),
            ("+1234", Ok(BootId::Nth(1234))),
            // Longer ones are no place that anybody would count to.
            ("1234", id("1234")),
            ("89B5e8a3a3c4c5f4", id("89b5e8a3a3c4c5f4")),
        ] {
            assert_eq!(text.parse::<BootId>(), expected, "{text}");
        }
    }

    #[test]
    fn other_texts() {
        for text in [
            "",
            "-",
            "+",
            "--1",
            "+-1",
            "-+1",
            "abc",
            "-abcd",
            "wxyz",
            "89b5e8a3a3c4c5f40",
            "1.5",
            "ü",
            "-99999999999999999999",
            "tasks",
        ] {
            let error = text.parse::<BootId>().unwrap_err();
            assert!(error.contains("is no boot"), "{text}: {error}");
        }
    }
}
