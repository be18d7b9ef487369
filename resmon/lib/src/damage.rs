// SPDX-License-Identifier: GPL-2.0-or-later

//! What of a recording is no record, and why.

use model::frame::NotDecoded;
use model::record::Invalid;
use model::{block, frame};

use crate::Error;

/// Bytes of a recording that are no record, and so are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// Where they begin.
    pub offset: u64,
    /// How many there are.
    pub bytes: u64,
    /// What is wrong at the first of them; none when the recording ends within a record.
    pub why: Option<Why>,
}

impl Damage {
    /// What is said of a recording that has no record.
    pub(crate) fn error(&self) -> Error {
        self.why.map_or(Error::Truncated, Error::from)
    }
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// They are no record as it is.
    Record(Invalid),
    /// They are no encoded record.
    Frame(frame::Invalid),
    /// They are one that cannot be decoded.
    NotDecoded(NotDecoded),
    /// They are not the begin of a block.
    Block(block::Invalid),
}

impl From<Invalid> for Why {
    fn from(invalid: Invalid) -> Self {
        Self::Record(invalid)
    }
}

impl From<frame::Invalid> for Why {
    fn from(invalid: frame::Invalid) -> Self {
        Self::Frame(invalid)
    }
}

impl From<block::Invalid> for Why {
    fn from(invalid: block::Invalid) -> Self {
        Self::Block(invalid)
    }
}
