// SPDX-License-Identifier: GPL-2.0

//! Whose records they are.
//!
//! `tests/loom` runs this file outside the kernel.

/// From one loading of the module to its end. Sequence numbers are of one life.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life {
    /// The same for all of one boot.
    pub(crate) boot_id: u64,
    /// Drawn at random.
    pub(crate) load_id: u64,
}
