// SPDX-License-Identifier: GPL-2.0-or-later

//! The words of a line. A line may have been cut off anywhere, so a value counts only when it is as long as
//! the module writes it.

/// What stands behind the first word of a line, as `user=1.0% system=2.0%`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'t> {
    rest: &'t str,
    /// Whether the last word was followed by the end of its line, and not cut off.
    is_whole: bool,
}

/// A value, and whether nothing can be missing behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'t> {
    pub(super) text: &'t str,
    pub(super) is_whole: bool,
}

impl<'t> Fields<'t> {
    /// The words of a line that was read to its end if it `is_whole`.
    pub(super) fn new(text: &'t str, is_whole: bool) -> Self {
        Self {
            rest: text,
            is_whole,
        }
    }

    /// The next word; none at the end.
    pub(super) fn word(&mut self) -> Option<Word<'t>> {
        let (text, rest, is_whole) = match self.rest.split_once(' ') {
            Some((text, rest)) => (text, rest, true),
            None => (self.rest, "", self.is_whole),
        };
        self.rest = rest;
        (!text.is_empty()).then_some(Word { text, is_whole })
    }

    /// The value of a key. Keys are asked for in their order: those that are passed over are not known, and
    /// what is no key and value is of another line, which was written into this one.
    pub(super) fn value(&mut self, key: &str) -> Option<Word<'t>> {
        let mut ahead = *self;
        while let Some(word) = ahead.word() {
            let (found, text) = word.text.split_once('=')?;
            let is_key = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if !found.bytes().all(is_key) || found.is_empty() {
                return None;
            }
            if found == key {
                *self = ahead;
                return Some(Word { text, ..word });
            }
        }
        None
    }

    /// The next word without a key, if it is one of `known`.
    pub(super) fn one_of(&mut self, known: &[&'static str]) -> Option<&'static str> {
        let mut ahead = *self;
        let word = ahead.word().filter(|word| word.is_whole)?;
        let found = known.iter().find(|known| **known == word.text)?;
        *self = ahead;
        Some(found)
    }

    pub(super) fn share(&mut self, key: &str) -> Option<f64> {
        self.value(key)?.share()
    }

    pub(super) fn kib(&mut self, key: &str) -> Option<u64> {
        self.value(key)?.kib()
    }

    pub(super) fn number(&mut self, key: &str) -> Option<u64> {
        self.value(key)?.number()
    }

    /// A number of two decimals, with a unit behind it.
    pub(super) fn hundredths(&mut self, key: &str, unit: &str) -> Option<f64> {
        self.value(key)?.decimals(2, unit)
    }

    pub(super) fn name(&mut self, key: &str) -> Option<String> {
        self.value(key)?.name()
    }
}

impl Word<'_> {
    /// A whole number, which is known to be whole only when something follows it.
    pub(super) fn number(self) -> Option<u64> {
        number(self.text).filter(|_| self.is_whole)
    }

    /// An amount in kB, as bytes.
    pub(super) fn kib(self) -> Option<u64> {
        number(self.text.strip_suffix("kB")?)?.checked_mul(1024)
    }

    /// A number with so many decimals, and a unit behind it.
    pub(super) fn decimals(self, decimals: usize, unit: &str) -> Option<f64> {
        decimal(self.text.strip_suffix(unit)?, decimals)
    }

    /// A share of a whole, in percent.
    pub(super) fn share(self) -> Option<f64> {
        let percent = self.decimals(1, "%")?;
        (percent <= 100.0).then_some(percent)
    }

    /// A name, in which the module has written some bytes in octal.
    pub(super) fn name(self) -> Option<String> {
        if !self.is_whole || self.text.is_empty() {
            return None;
        }
        let mut bytes = Vec::new();
        let mut rest = self.text.as_bytes();
        while let Some((first, behind)) = rest.split_first() {
            rest = behind;
            match first {
                b'\\' => {
                    let (digits, behind) = rest.split_at_checked(3)?;
                    let digits = std::str::from_utf8(digits).ok()?;
                    bytes.push(u8::from_str_radix(digits, 8).ok()?);
                    rest = behind;
                }
                b'!'..=b'~' => bytes.push(*first),
                _ => return None,
            }
        }
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A number of digits alone.
pub(super) fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

/// A number with exactly so many decimals.
pub(super) fn decimal(text: &str, decimals: usize) -> Option<f64> {
    let (whole, rest) = text.split_once('.')?;
    if rest.len() != decimals || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number(whole)?;
    text.parse().ok()
}
