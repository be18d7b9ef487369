// SPDX-License-Identifier: GPL-2.0-or-later

//! Values as rows of 64-bit words, which is what records are made of. There is no padding, so none
//! can carry what was in memory before.

use super::text::Text;

/// A value that is a fixed number of words.
pub trait Words: Sized {
    /// How many.
    const LEN: usize;

    /// Hands the words to `out`, one after the other.
    fn put<F: FnMut(u64)>(&self, out: &mut F);

    /// Makes a value of the first words; none when there are too few or they are out of range.
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

/// Its bytes in memory, with zeros after them, of which there is always one.
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

            // The length is looked at once, and not for each field.
            #[inline(always)]
            fn from_words(words: &[u64]) -> Option<Self> {
                let rest = words.get(..Self::LEN)?;
                $(let ($field, rest) = rest.split_at_checked(<$type as Words>::LEN)?;)*
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
