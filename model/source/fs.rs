// SPDX-License-Identifier: GPL-2.0-or-later

//! How full file systems are, and which ones are looked at.

use super::super::event::{watch::Watch, Trigger};
use super::super::line::{Line, Lines};
use super::super::rates::{share, PerMille};
use super::super::text::Text;
use super::super::words::{self, words, Content, Kind, Type, Words};
use super::{Entry, Snapshot};

/// Most paths that are looked at.
pub const MAX_PATHS: usize = 16;

/// Bytes of the longest path that is looked at. With every byte in octal its line still fits.
pub const MAX_PATH: usize = 200;

/// Bytes of the longest name of a file system type that is shown.
pub const MAX_TYPE: usize = 15;

/// A path that file systems are mounted at.
pub type Path = Text<MAX_PATH>;

/// What a path was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fs {
    /// The path.
    pub path: Path,
    /// What is mounted there.
    pub state: State,
}

/// What is mounted at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A file system.
    Mounted(Usage),
    /// Nothing, or there is no such path.
    Absent,
    /// It could not be asked; the number is the `errno`.
    Failed(u32),
    /// It has not answered in time.
    Stale,
}

words! {
    /// What a file system has, as `statfs()` tells it.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Usage: "resource_monitor_fs_usage" {
        /// The name of its type, as in `/proc/filesystems`.
        pub kind: Text<MAX_TYPE>,
        /// Bytes of a block.
        pub block_bytes: u64,
        /// Blocks.
        pub blocks: u64,
        /// Free blocks.
        pub free: u64,
        /// Free blocks that anybody may use.
        pub available: u64,
        /// Inodes; 0 when it has no limit.
        pub inodes: u64,
        /// Free inodes.
        pub free_inodes: u64,
        /// [`READ_ONLY`].
        pub flags: Option<u64>,
    }
}

/// Flag of a file system that nobody can write to at this path, since the mount there is read-only
/// or the whole file system is, as after an error: `ST_RDONLY` of `statvfs()`.
pub const READ_ONLY: u64 = 1 << 0;

words! {
    /// What is mounted at a path. What a state does not have is zero.
    struct Flat: "resource_monitor_fs", kind 8 "fs" "FILE_SYSTEMS" {
        /// The path.
        path: Path,
        /// [`MOUNTED`], [`ABSENT`], [`FAILED`] or [`STALE`].
        state: u64,
        /// The `errno` of [`FAILED`].
        error: u32,
        /// Of [`MOUNTED`].
        usage: Usage,
    }
}

/// The word for the state of [`State::Mounted`].
pub const MOUNTED: u64 = 0;

/// The word for the state of [`State::Absent`].
pub const ABSENT: u64 = 1;

/// The word for the state of [`State::Failed`].
pub const FAILED: u64 = 2;

/// The word for the state of [`State::Stale`].
pub const STALE: u64 = 3;

impl Words for Fs {
    const LEN: usize = Flat::LEN;
    const TYPE: Type = Flat::TYPE;
    const MIN_LEN: usize = Flat::MIN_LEN;

    fn put<F: FnMut(u64)>(&self, out: &mut F) {
        let none = Usage::default();
        let (state, error, usage) = match self.state {
            State::Mounted(usage) => (MOUNTED, 0, usage),
            State::Absent => (ABSENT, 0, none),
            State::Failed(errno) => (FAILED, errno, none),
            State::Stale => (STALE, 0, none),
        };
        let path = self.path;
        Flat {
            path,
            state,
            error,
            usage,
        }
        .put(out);
    }

    fn from_words(words: &[u64]) -> Option<Self> {
        let flat = Flat::from_words(words)?;
        let state = match flat.state {
            MOUNTED => State::Mounted(flat.usage),
            ABSENT => State::Absent,
            FAILED => State::Failed(flat.error),
            STALE => State::Stale,
            _ => return None,
        };
        Some(Self {
            path: flat.path,
            state,
        })
    }
}

impl Content for Fs {
    const DESCRIPTION: Kind = Flat::DESCRIPTION;
}

impl Entry for Fs {
    const WATCHED: &'static [Trigger] = &[Trigger::FsFull, Trigger::FsStuck];

    /// `fs=/ type=ext4 size=…kB used=…kB avail=…kB use=…% inodes=…%`, or `fs=/mnt/x absent`
    fn log(_before: Option<Snapshot<'_, Self>>, after: Snapshot<'_, Self>, lines: &mut Lines<'_>) {
        for fs in after.entries {
            lines.line(|line| {
                line.text("fs=").name(fs.path.as_bytes());
                match &fs.state {
                    State::Mounted(usage) => usage.log(line),
                    State::Absent => line.text(" absent"),
                    State::Failed(errno) => line.text(" error=").number(u64::from(*errno)),
                    State::Stale => line.text(" stale"),
                }
            });
        }
    }

    fn watch(now: Snapshot<'_, Self>, watch: &mut Watch<'_>) {
        for fs in now.entries {
            watch.file_system(fs);
        }
    }
}

impl Usage {
    /// How much of it is used. As `df`: what only root may use is not there for others, so it is not in the
    /// whole.
    pub fn used_share(&self) -> PerMille {
        let used = self.blocks.saturating_sub(self.free);
        share(used, used.saturating_add(self.available))
    }

    fn log<'a>(&self, line: &'a mut Line) -> &'a mut Line {
        // 16 EiB are the most that this can show.
        let kib = |blocks: u64| blocks.saturating_mul(self.block_bytes) / 1024;
        let used = self.blocks.saturating_sub(self.free);
        let used_inodes = self.inodes.saturating_sub(self.free_inodes);
        line.text(" type=")
            .name(self.kind.as_bytes())
            .kib(" size=", kib(self.blocks))
            .kib(" used=", kib(used))
            .kib(" avail=", kib(self.available))
            .percent(" use=", self.used_share())
            .percent(" inodes=", share(used_inodes, self.inodes))
    }
}
