// SPDX-License-Identifier: GPL-2.0

//! How far a reader of the records has come, and what can happen to it.
//!
//! `tests/loom` runs this file outside the kernel.

use kernel::prelude::*;

/// How far a reader has come.
pub(crate) struct Cursor {
    /// Position of the next record.
    pub(super) at: u64,
    /// Its sequence number, unless it is lost.
    pub(super) seq: u64,
}

impl Cursor {
    /// The position of the next record.
    pub(crate) fn position(&self) -> u64 {
        self.at
    }
}

/// The record was overwritten while it was read.
pub(super) struct Lapped;

/// What can happen to a reader.
pub(crate) enum NotRead {
    /// There is no record yet.
    None,
    /// The next one does not fit.
    TooLong,
    /// It could not be handed on.
    Failed(Error),
}
