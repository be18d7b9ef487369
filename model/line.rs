// SPDX-License-Identifier: GPL-2.0-or-later

//! The lines of the log, as text.
//!
//! Keys are stable: new ones are only appended. A line is made in a buffer of fixed size, the same
//! for one line after the other; the longest line fits (a test makes it), and what would not fit is
//! left out, never written elsewhere.

use super::rates::{self, PerMille};

/// Bytes of the longest line. With the module's name in front it is still one record of the
/// kernel's log, which takes 1024.
pub const CAPACITY: usize = 1000;

/// One line of text, without a newline.
pub struct Line {
    bytes: [u8; CAPACITY],
    len: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self::new()
    }
}

impl Line {
    /// An empty line.
    pub const fn new() -> Self {
        Self {
            bytes: [0; CAPACITY],
            len: 0,
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // Only whole `str`s and ASCII digits are pushed, so this is always valid.
        core::str::from_utf8(self.as_bytes()).unwrap_or("")
    }

    /// The text as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Starts afresh with `text`.
    pub fn start(&mut self, text: &str) -> &mut Self {
        self.len = 0;
        self.text(text)
    }

    /// Adds a text. Where it is a literal, as nearly everywhere, its length is known and copying
    /// it takes a few instructions, so this is inlined.
    #[inline(always)]
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.ascii(text.as_bytes())
    }

    #[inline(always)]
    fn ascii(&mut self, text: &[u8]) -> &mut Self {
        // The place has the length of the text, whatever the sum is, and where it wraps there is no
        // place. So the compiler sees that the copy cannot fail, and leaves out what would panic,
        // as it does not with a sum that saturates.
        let end = self.len.wrapping_add(text.len());
        if let Some(place) = self.bytes.get_mut(self.len..end) {
            place.copy_from_slice(text);
            self.len = end;
        }
        self
    }

    /// Adds a name that may have any bytes. A blank, a backslash and what is not printable ASCII
    /// appear in octal, as `\040`, which is how `/proc/mounts` has them.
    pub fn name(&mut self, name: &[u8]) -> &mut Self {
        let octal = |byte: u8, shift: u32| b'0'.wrapping_add(byte.wrapping_shr(shift) & 7);
        for byte in name {
            match *byte {
                b'\\' | ..=b' ' | 0x7f.. => {
                    self.ascii(&[b'\\', octal(*byte, 6), octal(*byte, 3), octal(*byte, 0)])
                }
                plain => self.ascii(&[plain]),
            };
        }
        self
    }

    /// Adds a whole number.
    pub fn number(&mut self, number: u64) -> &mut Self {
        // Most are small.
        if number < 10 {
            return self.ascii(&[digit(number)]);
        }
        // 20 digits hold the largest number; they are made from the last to the first.
        let mut digits = [b'0'; 20];
        let mut rest = number;
        let mut first = digits.len();
        for (at, place) in digits.iter_mut().enumerate().rev() {
            *place = digit(rest % 10);
            rest /= 10;
            first = at;
            if rest == 0 {
                break;
            }
        }
        self.ascii(digits.get(first..).unwrap_or_default())
    }

    /// Adds a number of hundredths, as `12.34`.
    pub fn hundredths(&mut self, hundredths: u64) -> &mut Self {
        self.number(hundredths / 100).ascii(&[
            b'.',
            digit(hundredths / 10 % 10),
            digit(hundredths % 10),
        ])
    }

    /// Adds what a counter grew by per second, with two decimals.
    pub fn rate(&mut self, key: &str, grown: u64, elapsed_ns: u64) -> &mut Self {
        self.text(key)
            .hundredths(rates::rate(grown, 100, elapsed_ns))
            .text("/s")
    }

    /// Adds what a counter of bytes grew by per second, in KiB with two decimals.
    pub fn kib_rate(&mut self, key: &str, bytes: u64, elapsed_ns: u64) -> &mut Self {
        let hundredths = rates::rate(bytes, 100, elapsed_ns).saturating_add(512) / 1024;
        self.text(key).hundredths(hundredths).text("kB/s")
    }

    /// Adds what a counter of sectors of 512 bytes grew by per second, in KiB with two decimals.
    pub fn sector_rate(
        &mut self,
        key: &str,
        sectors: u64,
        unit: &str,
        elapsed_ns: u64,
    ) -> &mut Self {
        self.text(key)
            .hundredths(rates::rate(sectors, 50, elapsed_ns))
            .text(unit)
    }

    /// Adds a number of tenths, as `12.3`.
    #[inline(always)]
    pub fn tenths(&mut self, tenths: u64) -> &mut Self {
        self.number(tenths / 10).ascii(&[b'.', digit(tenths % 10)])
    }

    /// Adds a share.
    #[inline(always)]
    pub fn percent(&mut self, key: &str, share: PerMille) -> &mut Self {
        let (whole, tenth) = (u64::from(share / 10), u64::from(share % 10));
        self.text(key)
            .number(whole)
            .ascii(&[b'.', digit(tenth), b'%'])
    }

    /// Adds an amount.
    pub fn kib(&mut self, key: &str, kib: u64) -> &mut Self {
        self.text(key).number(kib).text("kB")
    }
}

/// The digit of a number below ten.
fn digit(number: u64) -> u8 {
    b'0' | number as u8
}

/// Where lines go: each is made in the same buffer and printed when it is whole.
pub struct Lines<'a> {
    line: &'a mut Line,
    print: &'a dyn Fn(&Line),
}

impl<'a> Lines<'a> {
    /// Makes lines in `line`, and hands each to `print`.
    pub fn new(line: &'a mut Line, print: &'a dyn Fn(&Line)) -> Self {
        Self { line, print }
    }

    /// Prints the line that `make` adds to an empty one.
    #[inline(always)]
    pub fn line(&mut self, make: impl FnOnce(&mut Line) -> &mut Line) {
        self.line.len = 0;
        (self.print)(make(self.line));
    }
}
