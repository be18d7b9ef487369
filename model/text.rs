// SPDX-License-Identifier: GPL-2.0-or-later

//! Texts of limited length, such as names.

use core::fmt;

/// A text of at most `MAX` bytes, such as a name. What is longer is cut.
#[derive(Clone, Copy)]
pub struct Text<const MAX: usize> {
    /// Zeros from `len` on.
    bytes: [u8; MAX],
    len: usize,
}

impl<const MAX: usize> Text<MAX> {
    /// No text.
    pub const fn empty() -> Self {
        Self {
            bytes: [0; MAX],
            len: 0,
        }
    }

    /// Keeps a copy of `text`.
    pub fn new(text: &[u8]) -> Self {
        let mut copy = Self::empty();
        copy.set(text);
        copy
    }

    /// Keeps a copy of `text` instead.
    pub fn set(&mut self, text: &[u8]) {
        *self = Self::empty();
        for byte in text {
            self.push(*byte);
        }
    }

    /// Adds a byte, if there is room for it.
    pub fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len = self.len.saturating_add(1);
        }
    }

    /// The text, with zeros after it.
    pub(super) fn filled_up(&self) -> &[u8; MAX] {
        &self.bytes
    }

    /// The text, which need not be UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl<const MAX: usize> Default for Text<MAX> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<const MAX: usize> fmt::Debug for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

impl<const MAX: usize> PartialEq for Text<MAX> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl<const MAX: usize> Eq for Text<MAX> {}

/// Whether a name is that of a driver with a number behind it, as md127 and md_d0, but not mdfoo.
pub(super) fn is_numbered(name: &[u8], driver: &str) -> bool {
    let number = name.strip_prefix(driver.as_bytes());
    let first = number.and_then(|number| number.first());
    first.is_some_and(|first| first.is_ascii_digit() || *first == b'_')
}
