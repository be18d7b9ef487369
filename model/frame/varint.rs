// SPDX-License-Identifier: GPL-2.0-or-later

//! Numbers of 1 to 9 bytes, in words.

use super::encoder::Output;

/// Numbers from here on are not shifted: they have 9 bytes.
const ESCAPED: u64 = 1 << 56;

/// Bits of a byte.
const BYTE: u32 = 8;

/// The unit that residuals are tried with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tick {
    ns: u64,
    /// `ns` is an odd number shifted by this.
    shift: u32,
    /// What the odd number has to be multiplied with to get 1, wrapping.
    inverse: u64,
    /// The most ticks that there can be; 0 without a tick.
    max: u64,
}

impl Tick {
    /// A tick of `ns`, or none if that is 0.
    pub(super) const fn new(ns: u64) -> Self {
        let shift = ns.trailing_zeros() & 63;
        let odd = ns >> shift;
        // Right in the lowest 3 bits, and in twice as many after each step.
        let mut inverse = odd;
        let mut right = 3;
        while right < u64::BITS {
            inverse = inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse)));
            right = right.saturating_mul(2);
        }
        let max = match u64::MAX.checked_div(ns) {
            Some(max) => max,
            None => 0,
        };
        Self {
            ns,
            shift,
            inverse,
            max,
        }
    }

    /// Its nanoseconds.
    pub(super) fn ns(&self) -> u64 {
        self.ns
    }

    /// `ns` in ticks, if it is not 0 and a multiple of them.
    #[inline(always)]
    fn whole(&self, ns: u64) -> Option<u64> {
        // The multiples of an odd number, multiplied with its inverse, are the smallest results, and
        // the bits that `shift` asks to be 0 would be the highest ones of the result.
        let ticks = ns.wrapping_mul(self.inverse).rotate_right(self.shift);
        (ticks.wrapping_sub(1) < self.max).then_some(ticks)
    }
}

/// Puts bytes together to words.
pub(super) struct Writer<'a, O: ?Sized> {
    to: &'a mut O,
    /// Where the next word goes.
    at: usize,
    /// The bytes of that word so far, and how many bits they have: fewer than a word.
    word: u64,
    bits: u32,
}

impl<'a, O: Output + ?Sized> Writer<'a, O> {
    /// Writes from the word `at` on.
    pub(super) fn new(to: &'a mut O, at: usize) -> Self {
        Self {
            to,
            at,
            word: 0,
            bits: 0,
        }
    }

    /// Adds the lowest `bytes` bytes, 1 to 8; those above are 0. None when there is no room.
    #[inline(always)]
    pub(super) fn bytes(&mut self, value: u64, bytes: u32) -> Option<()> {
        self.word |= value.wrapping_shl(self.bits);
        let bits = self.bits.wrapping_add(bytes.wrapping_mul(BYTE));
        if bits >= u64::BITS {
            self.to.put(self.at, self.word)?;
            self.at = self.at.wrapping_add(1);
            // In two steps, since the whole word may have gone.
            self.word =
                (value >> 1).wrapping_shr(u64::BITS.wrapping_sub(1).wrapping_sub(self.bits));
        }
        self.bits = bits & (u64::BITS.wrapping_sub(1));
        Some(())
    }

    /// Adds a number that is below [`ESCAPED`].
    #[inline(always)]
    fn short(&mut self, value: u64) -> Option<()> {
        // With a bit below it, which becomes the one that is set for the length.
        let marked = (value << 1) | 1;
        let bits = u64::BITS.wrapping_sub(1) ^ marked.leading_zeros();
        // 7 bits a byte, rounded up, for all lengths that there are; 1 byte for no bits.
        let bytes = bits.wrapping_mul(9).wrapping_add(64) >> 6;
        self.bytes(marked.wrapping_shl(bytes.wrapping_sub(1)), bytes)
    }

    /// Adds a number in 9 bytes.
    #[inline(always)]
    fn escaped(&mut self, value: u64) -> Option<()> {
        self.bytes(0, 1)?;
        self.bytes(value, BYTE)
    }

    /// Adds a number.
    #[inline(always)]
    pub(super) fn number(&mut self, value: u64) -> Option<()> {
        if value < ESCAPED {
            self.short(value)
        } else {
            self.escaped(value)
        }
    }

    /// Adds a 0, which stands for the residual that was added last.
    #[inline(always)]
    pub(super) fn same(&mut self) -> Option<()> {
        self.bytes(1, 1)
    }

    /// Adds a residual that is not 0.
    #[inline(always)]
    pub(super) fn residual(&mut self, residual: u64, tick: &Tick) -> Option<()> {
        // All ones if it is negative.
        let sign = (residual as i64 >> 63) as u64;
        let size = (residual ^ sign).wrapping_sub(sign);
        let zigzag = |size: u64| (size << 1).wrapping_add(sign);
        // Most are less than a tick.
        let ticks = if size < tick.ns {
            None
        } else {
            tick.whole(size)
        };
        let (value, is_ticks) = match ticks {
            Some(ticks) => (zigzag(ticks), 1),
            None => (zigzag(size), 0),
        };
        if value < ESCAPED >> 1 {
            self.short((value << 1) | is_ticks)
        } else {
            self.escaped(zigzag(size))
        }
    }

    /// Writes what is left, padded, and returns where the next word would go.
    #[inline(always)]
    pub(super) fn finish(self) -> Option<usize> {
        if self.bits == 0 {
            return Some(self.at);
        }
        self.to.put(self.at, self.word)?;
        Some(self.at.wrapping_add(1))
    }
}

/// Takes words apart again. After their end there are zeros.
#[cfg(not(MODULE))]
pub(super) struct Reader<'a> {
    words: &'a [u64],
    /// The index of the word after `next`.
    at: usize,
    now: u64,
    next: u64,
    /// Bits of `now` that were read: fewer than all.
    bits: u32,
}

#[cfg(not(MODULE))]
impl<'a> Reader<'a> {
    pub(super) fn new(words: &'a [u64]) -> Self {
        let word = |at| words.get(at).copied().unwrap_or(0);
        Self {
            words,
            at: 2,
            now: word(0),
            next: word(1),
            bits: 0,
        }
    }

    /// The next 8 bytes.
    #[inline(always)]
    fn window(&self) -> u64 {
        let last = u64::BITS.wrapping_sub(1);
        self.now.wrapping_shr(self.bits)
            | (self.next << 1).wrapping_shl(last.wrapping_sub(self.bits))
    }

    /// Goes on by `bytes` bytes, 1 to 8.
    #[inline(always)]
    fn skip(&mut self, bytes: u32) {
        let bits = self.bits.wrapping_add(bytes.wrapping_mul(BYTE));
        if bits >= u64::BITS {
            self.now = self.next;
            self.next = self.words.get(self.at).copied().unwrap_or(0);
            self.at = self.at.wrapping_add(1);
        }
        self.bits = bits & (u64::BITS.wrapping_sub(1));
    }

    /// A byte.
    #[inline(always)]
    pub(super) fn byte(&mut self) -> u8 {
        let byte = self.now.wrapping_shr(self.bits) as u8;
        self.skip(1);
        byte
    }

    /// A number below [`ESCAPED`]; none when it is escaped: then [`Self::rest`] has it.
    #[inline(always)]
    fn short(&mut self) -> Option<u64> {
        let window = self.window();
        let bytes = (window | (1 << BYTE)).trailing_zeros().wrapping_add(1);
        if bytes > BYTE {
            return None;
        }
        self.skip(bytes);
        // Of the bytes that it has, all bits above the one that is set for the length.
        let above = bytes.wrapping_neg().wrapping_mul(BYTE);
        Some(
            window
                .wrapping_shl(above)
                .wrapping_shr(above)
                .wrapping_shr(bytes),
        )
    }

    /// The number that is escaped.
    #[cold]
    fn escaped(&mut self) -> u64 {
        self.skip(1);
        let value = self.window();
        self.skip(BYTE);
        value
    }

    /// A number.
    pub(super) fn number(&mut self) -> u64 {
        match self.short() {
            Some(value) => value,
            None => self.escaped(),
        }
    }

    /// A residual.
    #[inline(always)]
    pub(super) fn residual(&mut self, tick_ns: u64) -> u64 {
        let signed = |zigzag: u64| (zigzag >> 1) ^ (zigzag & 1).wrapping_neg();
        let Some(value) = self.short() else {
            return signed(self.escaped());
        };
        let residual = signed(value >> 1);
        if value & 1 == 0 {
            residual
        } else {
            residual.wrapping_mul(tick_ns)
        }
    }

    /// Whether everything was read, except for a padding of zeros.
    pub(super) fn is_at_end(&self) -> bool {
        let words = self.at.wrapping_sub(2);
        let words = words.wrapping_add(usize::from(self.bits != 0));
        words == self.words.len() && (self.bits == 0 || self.now.wrapping_shr(self.bits) == 0)
    }
}
