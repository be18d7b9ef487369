// SPDX-License-Identifier: GPL-2.0-or-later

//! Values as rows of 64-bit words, which is what records are made of. There is no padding, so none
//! can carry what was in memory before.

use super::source::Text;

/// A value that is a fixed number of words.
pub trait Words: Sized {
    /// How many.
    const LEN: usize;

    /// Hands the words to `out`, one after the other.
    fn put<F: FnMut(u64)>(&self, out: &mut F);

    /// Makes a value of the next words; none when there are too few or they are out of range.
    fn get<I: Iterator<Item = u64>>(words: &mut I) -> Option<Self>;
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
    fn get<I: Iterator<Item = u64>>(words: &mut I) -> Option<Self> {
        words.next()
    }
}

impl Words for u32 {
    const LEN: usize = 1;

    #[inline(always)]
    fn put<F: FnMut(u64)>(&self, out: &mut F) {
        out(u64::from(*self));
    }

    #[inline(always)]
    fn get<I: Iterator<Item = u64>>(words: &mut I) -> Option<Self> {
        words.next()?.try_into().ok()
    }
}

/// Its bytes in memory, with zeros after them, of which there is always one.
impl<const MAX: usize> Words for Text<MAX> {
    const LEN: usize = MAX / 8 + 1;

    fn put<F: FnMut(u64)>(&self, out: &mut F) {
        let mut bytes = self.as_bytes().iter().copied();
        for _ in 0..Self::LEN {
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(&mut bytes) {
                *to = from;
            }
            out(u64::from_le_bytes(word));
        }
    }

    fn get<I: Iterator<Item = u64>>(words: &mut I) -> Option<Self> {
        let mut text = Self::empty();
        let mut is_over = false;
        for _ in 0..Self::LEN {
            for byte in words.next()?.to_le_bytes() {
                is_over |= byte == 0;
                if !is_over {
                    text.push(byte);
                }
            }
        }
        Some(text)
    }
}

/// Implements [`Words`] and [`Fields`] for a structure. Fields that are not listed are not in
/// records and are got as given after `else`.
macro_rules! words {
    ($name:ident as $c_name:literal { $($field:ident: $type:ty,)* } $(else { $($rest:ident: $value:expr,)* })?) => {
        impl Words for $name {
            const LEN: usize = 0 $(+ <$type as Words>::LEN)*;

            #[inline(always)]
            fn put<F: FnMut(u64)>(&self, out: &mut F) {
                $(Words::put(&self.$field, out);)*
            }

            #[inline(always)]
            fn get<I: Iterator<Item = u64>>(words: &mut I) -> Option<Self> {
                Some(Self {
                    $($field: <$type as Words>::get(words)?,)*
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
