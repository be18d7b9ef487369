// SPDX-License-Identifier: GPL-2.0

//! The lines of the log, as text.
//!
//! Keys are stable: new ones are only appended. A line is made in a buffer of fixed size; the
//! longest line fits (a test makes it), and what would not fit is cut, never written elsewhere.

use super::rates::{per_second, PerMille, Shares};
use super::record::Memory;
use super::setting::{Refusal, Setting};

/// Bytes of the longest line.
const CAPACITY: usize = 512;

/// Bytes of a refused value that are shown.
const SHOWN_VALUE: usize = 40;

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

    fn text(&mut self, text: &str) -> &mut Self {
        let end = self.len.saturating_add(text.len());
        if let Some(place) = self.bytes.get_mut(self.len..end) {
            place.copy_from_slice(text.as_bytes());
            self.len = end;
        }
        self
    }

    fn number(&mut self, number: u64) -> &mut Self {
        // 20 digits hold the largest number; they are made from the last to the first.
        let mut digits = [b'0'; 20];
        let mut rest = number;
        let mut first = digits.len();
        for (at, digit) in digits.iter_mut().enumerate().rev() {
            // The remainder is below ten.
            *digit = b'0'.wrapping_add((rest % 10) as u8);
            rest /= 10;
            first = at;
            if rest == 0 {
                break;
            }
        }
        let digits = digits.get(first..).unwrap_or_default();
        self.text(core::str::from_utf8(digits).unwrap_or(""))
    }

    fn percent(&mut self, key: &str, share: PerMille) -> &mut Self {
        self.text(key)
            .number(u64::from(share / 10))
            .text(".")
            .number(u64::from(share % 10))
            .text("%")
    }

    fn kib(&mut self, key: &str, kib: u64) -> &mut Self {
        self.text(key).number(kib).text("kB")
    }
}

/// Whose CPU time a line shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// All online CPUs together.
    All,
    /// One CPU.
    Cpu(u32),
}

/// `cpu=all user=12.3% nice=…`
pub fn cpu(whose: Whose, shares: &Shares) -> Line {
    let mut line = Line::new();
    match whose {
        Whose::All => line.text("cpu=all"),
        Whose::Cpu(id) => line.text("cpu=").number(u64::from(id)),
    };
    line.percent(" user=", shares.user)
        .percent(" nice=", shares.nice)
        .percent(" system=", shares.system)
        .percent(" idle=", shares.idle)
        .percent(" iowait=", shares.iowait)
        .percent(" irq=", shares.irq)
        .percent(" softirq=", shares.softirq)
        .percent(" steal=", shares.steal)
        .percent(" guest=", shares.guest);
    line
}

/// `mem total=…kB used=…kB …`; `buffers` is in pages, as the counters are.
pub fn memory(memory: &Memory, buffers: u64, page_kib: u64) -> Line {
    let kib = |pages: u64| pages.saturating_mul(page_kib);
    let used = memory.total.saturating_sub(memory.available);
    let cached = memory
        .file
        .saturating_sub(memory.swap_cache)
        .saturating_sub(buffers);
    let slab = memory
        .slab_reclaimable
        .saturating_add(memory.slab_unreclaimable);
    let mut line = Line::new();
    line.kib("mem total=", kib(memory.total))
        .kib(" used=", kib(used))
        .kib(" free=", kib(memory.free))
        .kib(" available=", kib(memory.available))
        .kib(" buffers=", kib(buffers))
        .kib(" cached=", kib(cached))
        .kib(" shmem=", kib(memory.shmem))
        .kib(" slab=", kib(slab))
        .kib(" dirty=", kib(memory.dirty))
        .kib(" writeback=", kib(memory.writeback))
        .kib(" anon=", kib(memory.anon))
        .kib(" mapped=", kib(memory.mapped))
        .kib(" pagetables=", kib(memory.page_tables));
    line
}

/// `swap free=…kB in=…kB/s out=…kB/s`
pub fn swap(before: &Memory, after: &Memory, elapsed_ns: u64, page_kib: u64) -> Line {
    let kib = |pages: u64| pages.saturating_mul(page_kib);
    let rate = |then, now| per_second(kib(then), kib(now), elapsed_ns);
    let mut line = Line::new();
    line.kib("swap free=", kib(after.swap_free))
        .kib(" in=", rate(before.swapped_in, after.swapped_in))
        .text("/s")
        .kib(" out=", rate(before.swapped_out, after.swapped_out))
        .text("/s");
    line
}

/// `parameter interval_ms: '5' is out of range, allowed are 10 to 3600000 ms`
///
/// `value` comes from a user: what is not printable ASCII is shown as `?`, and a long value is cut.
pub fn refusal(setting: &Setting, value: &[u8], why: Refusal) -> Line {
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    let mut line = Line::new();
    line.text("parameter ").text(setting.name).text(": '");
    for byte in value.iter().take(SHOWN_VALUE) {
        let shown = if matches!(byte, b' '..=b'~') {
            *byte
        } else {
            b'?'
        };
        line.text(core::str::from_utf8(&[shown]).unwrap_or("?"));
    }
    if value.len() > SHOWN_VALUE {
        line.text("...");
    }
    line.text(match why {
        Refusal::Empty => "' is empty",
        Refusal::NotANumber => "' is not a whole number",
        Refusal::OutOfRange => "' is out of range",
    });
    line.text(", allowed are ")
        .number(u64::from(setting.min))
        .text(" to ")
        .number(u64::from(setting.max))
        .text(" ")
        .text(setting.unit);
    line
}

/// A setting's value as sysfs shows it, with its newline.
pub fn value(value: u32) -> Line {
    let mut line = Line::new();
    line.number(u64::from(value)).text("\n");
    line
}
