// SPDX-License-Identifier: GPL-2.0-or-later

//! Values as rows of 64-bit words, which is what records are made of. There is no padding, so none
//! can carry what was in memory before.
//!
//! A structure grows at its end: a field that is appended later is an [`Option`], which is `None`
//! when the words come from a module that did not have the field yet.

use super::text::Text;

/// A value that is a fixed number of words.
pub trait Words: Sized {
    /// Number of words of a value that has all of its fields.
    const LEN: usize;

    /// Number of words of a value that has none of the fields that were appended later.
    const MIN_LEN: usize = Self::LEN;

    /// Hands the [`Self::LEN`] words to `out`, one after the other.
    fn put<F: FnMut(u64)>(&self, out: &mut F);

    /// Makes a value of the first words; none when there are fewer than [`Self::MIN_LEN`] or they
    /// are out of range.
    fn from_words(words: &[u64]) -> Option<Self>;
}

/// A value whose words are those of its fields, in this order.
pub trait Fields: Words {
    /// What the structure is called in C.
    const C_NAME: &'static str;

    /// The name of each field and how many words it has.
    const FIELDS: &'static [(&'static str, usize)];
}

impl Words for u64 {
    const LEN: usize = 1;

    #[inline(always)]
    fn put<F: FnMut(u64)>(&self, out: &mut F) {
        out(*self);
    }

    #[inline(always)]
    fn from_words(words: &[u64]) -> Option<Self> {
        words.first().copied()
    }
}

impl Words for u32 {
    const LEN: usize = 1;

    #[inline(always)]
    fn put<F: FnMut(u64)>(&self, out: &mut F) {
        out(u64::from(*self));
    }

    #[inline(always)]
    fn from_words(words: &[u64]) -> Option<Self> {
        (*words.first()?).try_into().ok()
    }
}

/// A field that was appended later. One that is missing is put as zeros, which the module never
/// does: it has all fields.
impl<T: Words> Words for Option<T> {
    const LEN: usize = T::LEN;
    const MIN_LEN: usize = 0;

    #[inline(always)]
    fn put<F: FnMut(u64)>(&self, out: &mut F) {
        match self {
            Some(value) => value.put(out),
            None => (0..T::LEN).for_each(|_| out(0)),
        }
    }

    #[inline(always)]
    fn from_words(words: &[u64]) -> Option<Self> {
        if words.len() < T::MIN_LEN {
            return Some(None);
        }
        T::from_words(words).map(Some)
    }
}

/// The bytes in memory order, zero-padded, with at least one NUL at the end.
impl<const MAX: usize> Words for Text<MAX> {
    const LEN: usize = MAX / 8 + 1;

    fn put<F: FnMut(u64)>(&self, out: &mut F) {
        let words = self.filled_up().chunks_exact(8);
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(words.remainder()) {
            *to = *from;
        }
        for word in words {
            out(word.try_into().map_or(0, u64::from_le_bytes));
        }
        out(u64::from_le_bytes(last));
    }

    fn from_words(words: &[u64]) -> Option<Self> {
        let mut text = Self::empty();
        let bytes = words
            .get(..Self::LEN)?
            .iter()
            .flat_map(|word| word.to_le_bytes());
        for byte in bytes.take_while(|byte| *byte != 0) {
            text.push(byte);
        }
        Some(text)
    }
}

/// Implements [`Words`] and [`Fields`] for a structure. Unlisted fields are not stored in records;
/// `from_words` sets them to the value given after `else`.
macro_rules! words {
    ($name:ident as $c_name:literal { $($field:ident: $type:ty,)* } $(else { $($rest:ident: $value:expr,)* })?) => {
        impl Words for $name {
            const LEN: usize = 0 $(+ <$type as Words>::LEN)*;
            // Here rather than in a function, which would be in the module and could panic.
            const MIN_LEN: usize = {
                let mut sum = 0usize;
                let mut may_end = false;
                $({
                    let (min_len, len) = (<$type as Words>::MIN_LEN, <$type as Words>::LEN);
                    // Nobody could tell where the field is.
                    assert!(
                        !may_end || min_len == 0,
                        "a field that has to be there follows one that may be missing"
                    );
                    may_end |= min_len < len;
                    sum = sum.saturating_add(min_len);
                })*
                // Nothing follows the last field.
                let _ = may_end;
                sum
            };

            #[inline(always)]
            fn put<F: FnMut(u64)>(&self, out: &mut F) {
                $(Words::put(&self.$field, out);)*
            }

            // The length is looked at once, and not for each field that has to be there.
            #[inline(always)]
            fn from_words(words: &[u64]) -> Option<Self> {
                let rest = match words.get(..Self::LEN) {
                    Some(whole) => whole,
                    None => words.get(Self::MIN_LEN..).map(|_| words)?,
                };
                $(
                    let len = <$type as Words>::LEN.min(rest.len());
                    let ($field, rest) = rest.split_at_checked(len)?;
                )*
                let [] = rest else { return None };
                Some(Self {
                    $($field: <$type as Words>::from_words($field)?,)*
                    $($($rest: $value,)*)?
                })
            }
        }

        impl Fields for $name {
            const C_NAME: &'static str = $c_name;
            const FIELDS: &'static [(&'static str, usize)] =
                &[$((stringify!($field), <$type as Words>::LEN),)*];
        }
    };
}
pub(super) use words;
