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

    /// What it is in C.
    const TYPE: Type;

    /// Hands the [`Self::LEN`] words to `out`, one after the other.
    fn put<F: FnMut(u64)>(&self, out: &mut F);

    /// Makes a value of the first words; none when there are fewer than [`Self::MIN_LEN`] or they
    /// are out of range.
    fn from_words(words: &[u64]) -> Option<Self>;
}

/// The type of a value in C.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    /// `__u64`.
    Number,
    /// An array of `char`, as long as the words are.
    Text,
    /// A structure.
    Structure(&'static Structure),
}

/// A structure, described.
#[derive(Clone, Copy, Debug)]
pub struct Structure {
    /// Its name in C.
    pub c_name: &'static str,
    /// Its documentation, a line of text per line.
    pub doc: &'static str,
    /// Its fields that are words, in their order.
    pub fields: &'static [Field],
}

/// A field of a [`Structure`].
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its type in C.
    pub c_type: Type,
    /// How many words it has.
    pub words: usize,
    /// Its documentation, a line of text per line.
    pub doc: &'static str,
}

/// A value whose words are those of its fields, in their order.
pub trait Fields: Words {
    /// Its description.
    const STRUCTURE: Structure;
}

/// A kind of sections, described.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its number.
    pub number: u64,
    /// Its name: where a parameter of the module switches the source on and off, that of the
    /// parameter.
    pub name: &'static str,
    /// What the number is called in C, behind `RESOURCE_MONITOR_`.
    pub c_name: &'static str,
    /// An entry.
    pub entry: Structure,
    /// Words of an entry.
    pub entry_words: usize,
}

/// What a section can be made of.
pub trait Content: Words {
    /// Its description.
    const DESCRIPTION: Kind;

    /// The number of the kind of its sections.
    const KIND: u64 = Self::DESCRIPTION.number;
}

impl Words for u64 {
    const LEN: usize = 1;
    const TYPE: Type = Type::Number;

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
    const TYPE: Type = Type::Number;

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
    const TYPE: Type = T::TYPE;

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
    const TYPE: Type = Type::Text;

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

/// Defines a structure that is a row of words, its fields being described once:
///
/// ```text
/// words! {
///     /// What it is.
///     #[derive(…)]
///     pub struct Load: "resource_monitor_load", kind 3 "load" "LOAD" {
///         /// Of the last minute.
///         pub one_minute: u64,
///     } else {
///         /// What is not stored in records.
///         pub address: usize = 0,
///     }
/// }
/// ```
///
/// This makes the structure, documented, and implements [`Words`] and [`Fields`], with its name in C.
/// A structure that has a kind is an entry of sections: it gets the kind's number, its name, and what
/// the number is called in C, and [`Content`] is implemented. The fields after `else` are not stored in
/// records; `from_words` sets them to the value given.
///
/// It needs `use words::{self, words}`.
macro_rules! words {
    (
        $(#[doc = $doc:literal])*
        $(#[derive($($derive:ident),*)])?
        $vis:vis struct $name:ident: $c_name:literal
        $(, kind $kind:literal $kind_name:literal $kind_c_name:literal)?
        {
            $($(#[doc = $field_doc:literal])* $field_vis:vis $field:ident: $type:ty,)*
        }
        $(else {
            $($(#[doc = $rest_doc:literal])* $rest_vis:vis $rest:ident: $rest_type:ty = $value:expr,)*
        })?
    ) => {
        $(#[doc = $doc])*
        $(#[derive($($derive),*)])?
        $vis struct $name {
            $($(#[doc = $field_doc])* $field_vis $field: $type,)*
            $($($(#[doc = $rest_doc])* $rest_vis $rest: $rest_type,)*)?
        }

        impl words::Words for $name {
            const LEN: usize = 0 $(+ <$type as words::Words>::LEN)*;
            const TYPE: words::Type = words::Type::Structure(&<Self as words::Fields>::STRUCTURE);
            // Here rather than in a function, which would be in the module and could panic.
            const MIN_LEN: usize = {
                let mut sum = 0usize;
                let mut may_end = false;
                $({
                    let (min_len, len) = (<$type as words::Words>::MIN_LEN, <$type as words::Words>::LEN);
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
                $(words::Words::put(&self.$field, out);)*
            }

            // The length is looked at once, and not for each field that has to be there.
            #[inline(always)]
            fn from_words(words: &[u64]) -> Option<Self> {
                let rest = match words.get(..Self::LEN) {
                    Some(whole) => whole,
                    None => words.get(Self::MIN_LEN..).map(|_| words)?,
                };
                $(
                    let len = <$type as words::Words>::LEN.min(rest.len());
                    let ($field, rest) = rest.split_at_checked(len)?;
                )*
                let [] = rest else { return None };
                Some(Self {
                    $($field: <$type as words::Words>::from_words($field)?,)*
                    $($($rest: $value,)*)?
                })
            }
        }

        impl words::Fields for $name {
            const STRUCTURE: words::Structure = words::Structure {
                c_name: $c_name,
                doc: concat!($($doc, "\n"),*),
                fields: &[$(
                    words::Field {
                        name: stringify!($field),
                        c_type: <$type as words::Words>::TYPE,
                        words: <$type as words::Words>::LEN,
                        doc: concat!($($field_doc, "\n"),*),
                    },
                )*],
            };
        }

        $(
            impl words::Content for $name {
                const DESCRIPTION: words::Kind = words::Kind {
                    number: $kind,
                    name: $kind_name,
                    c_name: $kind_c_name,
                    entry: <Self as words::Fields>::STRUCTURE,
                    entry_words: <Self as words::Words>::LEN,
                };
            }
        )?
    };
}
pub(super) use words;
