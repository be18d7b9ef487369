// SPDX-License-Identifier: GPL-2.0

//! `kernel::prelude`: errors, and memory, of which there is always enough.

use std::ops::{Deref, DerefMut};
pub(crate) use std::pin::Pin;

pub(crate) use crate::pin_init;
pub(crate) use ::pin_data::pin_data;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Error(i32);

pub(crate) const EAGAIN: Error = Error(11);
pub(crate) const EINVAL: Error = Error(22);
pub(crate) const ERESTARTSYS: Error = Error(512);

pub(crate) type Result<T = (), E = Error> = core::result::Result<T, E>;

#[derive(Clone, Copy)]
pub(crate) struct Flags;

pub(crate) const GFP_KERNEL: Flags = Flags;

pub(crate) type KVec<T> = KVVec<T>;

pub(crate) struct KVVec<T>(Vec<T>);

impl<T> KVVec<T> {
    pub(crate) fn with_capacity(count: usize, _flags: Flags) -> Result<Self> {
        Ok(Self(Vec::with_capacity(count)))
    }

    pub(crate) fn push(&mut self, value: T, _flags: Flags) -> Result {
        self.0.push(value);
        Ok(())
    }

    pub(crate) fn from_elem(value: T, count: usize, _flags: Flags) -> Result<Self>
    where
        T: Clone,
    {
        Ok(Self(vec![value; count]))
    }
}

impl<T> DerefMut for KVVec<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T> Deref for KVVec<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

pub(crate) type KBox<T> = Box<T>;

pub(crate) trait InPlaceInit<T> {
    fn pin_init(value: T, flags: Flags) -> Result<Pin<Box<T>>>;
}

impl<T> InPlaceInit<T> for Box<T> {
    fn pin_init(value: T, _flags: Flags) -> Result<Pin<Self>> {
        Ok(Self::pin(value))
    }
}

/// Makes the structure itself, since it need not be pinned to be made.
#[macro_export]
macro_rules! pin_init {
    ($name:ident { $($fields:tt)* }) => {
        $crate::pin_init!(@ $name [] $($fields)*)
    };
    (@ $name:ident [$($made:tt)*] $field:ident <- $value:expr, $($rest:tt)*) => {
        $crate::pin_init!(@ $name [$($made)* $field: $value,] $($rest)*)
    };
    (@ $name:ident [$($made:tt)*] $field:ident: $value:expr, $($rest:tt)*) => {
        $crate::pin_init!(@ $name [$($made)* $field: $value,] $($rest)*)
    };
    (@ $name:ident [$($made:tt)*] $field:ident, $($rest:tt)*) => {
        $crate::pin_init!(@ $name [$($made)* $field,] $($rest)*)
    };
    (@ $name:ident [$($made:tt)*]) => {
        $name { $($made)* }
    };
}
