// SPDX-License-Identifier: GPL-2.0-or-later

//! File systems.

use model::record::Record;
use model::source::fs;

use super::columns::{
    column, Column,
    Field::{OptionalWhole, Real, Whole},
    Merge::Last,
    Unit::{Bytes, Count, Percent},
};
use super::{percent, text};

/// What is mounted at a path.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FileSystem {
    /// The path.
    pub path: String,
    /// What was found there.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub state: FileSystemState,
}

/// What was found at a path.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "state", rename_all = "lowercase"))]
#[non_exhaustive]
pub enum FileSystemState {
    /// A file system.
    Mounted(Usage),
    /// Nothing.
    Absent,
    /// It could not be asked.
    Failed {
        /// The `errno`.
        errno: u32,
    },
    /// It has not answered in time.
    Stale,
}

/// How full a file system is.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct Usage {
    /// The type, as in `/proc/filesystems`.
    pub kind: String,
    pub size_bytes: u64,
    pub used_bytes: u64,
    /// For anybody.
    pub available_bytes: u64,
    /// Of what anybody may use, as `df` shows it.
    pub used_percent: f64,
    pub inodes: Option<u64>,
    pub inodes_used_percent: f64,
    /// Whether nobody can write to it there: the mount or the whole file system is read-only.
    pub read_only: Option<bool>,
}

impl FileSystem {
    pub(super) fn all(record: Record<'_>) -> Vec<Self> {
        let file_systems = record.entries();
        file_systems.map(|fs| Self::of(&fs)).collect()
    }

    fn of(fs: &fs::Fs) -> Self {
        Self {
            path: text(&fs.path),
            state: match &fs.state {
                fs::State::Mounted(usage) => FileSystemState::Mounted(Usage::of(usage)),
                fs::State::Absent => FileSystemState::Absent,
                fs::State::Failed(errno) => FileSystemState::Failed { errno: *errno },
                fs::State::Stale => FileSystemState::Stale,
            },
        }
    }
}

impl Usage {
    /// Its numbers.
    #[rustfmt::skip]
    pub const COLUMNS: &'static [Column<Self>] = &[
        column("size_bytes", Bytes, Last, Whole(|usage| usage.size_bytes), "All blocks."),
        column("used_bytes", Bytes, Last, Whole(|usage| usage.used_bytes), "Blocks that are not free."),
        column("available_bytes", Bytes, Last, Whole(|usage| usage.available_bytes), "Free for anybody."),
        column("used_percent", Percent, Last, Real(|usage| usage.used_percent), "Of what anybody may use, as df shows it."),
        column("inodes", Count, Last, OptionalWhole(|usage| usage.inodes), "All inodes; 0 where their number has no bound."),
        column("inodes_used_percent", Percent, Last, Real(|usage| usage.inodes_used_percent), "Of all inodes."),
    ];

    fn of(usage: &fs::Usage) -> Self {
        let bytes = |blocks: u64| blocks.saturating_mul(usage.block_bytes);
        let used = usage.blocks.saturating_sub(usage.free);
        let used_inodes = usage.inodes.saturating_sub(usage.free_inodes);
        Self {
            kind: text(&usage.kind),
            size_bytes: bytes(usage.blocks),
            used_bytes: bytes(used),
            available_bytes: bytes(usage.available),
            used_percent: percent(used, used.saturating_add(usage.available)),
            inodes: Some(usage.inodes),
            inodes_used_percent: percent(used_inodes, usage.inodes),
            read_only: usage.flags.map(|flags| flags & fs::READ_ONLY != 0),
        }
    }
}
