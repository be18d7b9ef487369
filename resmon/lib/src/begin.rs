// SPDX-License-Identifier: GPL-2.0-or-later

//! What can begin at a place of a recording, and by which bytes that is known.

use model::{block, frame, record};

/// What can begin where something ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    Record,
    Block,
    Frame,
}

impl Begin {
    pub(crate) const ALL: [Self; 3] = [Self::Record, Self::Block, Self::Frame];

    /// What it begins with.
    pub(crate) fn magic(self) -> &'static [u8] {
        const RECORD: [u8; 8] = record::MAGIC.to_le_bytes();
        const BLOCK: [u8; 8] = block::MAGIC.to_le_bytes();
        const FRAME: [u8; 4] = frame::MAGIC.to_le_bytes();
        match self {
            Self::Record => &RECORD,
            Self::Block => &BLOCK,
            Self::Frame => &FRAME,
        }
    }

    /// What begins with `bytes`, of which there may be too few to be sure.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|begin| {
            let magic = begin.magic();
            let known = magic.len().min(bytes.len());
            bytes.get(..known) == magic.get(..known)
        })
    }

    /// Where in `bytes` this begins after the first byte.
    pub(crate) fn next_in(self, bytes: &[u8]) -> Option<usize> {
        let at = memchr::memmem::find(bytes.get(1..)?, self.magic())?;
        Some(at.saturating_add(1))
    }

    /// How many of the last bytes may be the begin of this.
    pub(crate) fn begun_in(self, bytes: &[u8]) -> usize {
        let magic = self.magic();
        let is_begun = |count: &usize| bytes.ends_with(magic.get(..*count).unwrap_or_default());
        let begun = (1..magic.len().min(bytes.len())).rev().find(is_begun);
        begun.unwrap_or(0)
    }
}
