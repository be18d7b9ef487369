// SPDX-License-Identifier: GPL-2.0-or-later

//! Processes that were chosen to be killed as memory ran out.

use model::record::{Header, Record};
use model::source::oom_kill::{self, KILLED, WAS_DYING};

use super::columns::{
    column, Column,
    Field::{OptionalWhole, Whole},
    Merge::Last,
    Unit::Bytes,
};
use super::{left_out, name, seconds};

/// A process that the kernel has chosen as memory ran out, as it was at that moment. Each is in one
/// sample only.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OomKill {
    /// When, in seconds since 1970.
    pub time_s: f64,
    /// What became of it.
    pub outcome: OomOutcome,
    /// Process ID, in the first namespace.
    pub pid: u32,
    /// Its name, which is whatever it wants; none where the module keeps no names.
    pub comm: Option<String>,
    /// User ID, in the first namespace.
    pub uid: Option<u32>,
    /// Resident memory: the sum of the next three.
    pub rss_bytes: u64,
    /// Anonymous memory of that.
    pub anon_bytes: Option<u64>,
    /// Memory of files of that.
    pub file_bytes: Option<u64>,
    /// Shared memory of that.
    pub shmem_bytes: Option<u64>,
    /// Memory in swap.
    pub swap_bytes: Option<u64>,
    /// Its `oom_score_adj`, -1000 to 1000.
    pub oom_score_adj: Option<i64>,
    /// Identity of its cgroup: the inode of its folder.
    pub cgroup_id: Option<u64>,
    /// Process ID of who asked for memory.
    pub by_pid: u32,
    /// The name of that; none where the module keeps no names.
    pub by_comm: Option<String>,
}

/// What becomes of a process that is chosen as memory runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum OomOutcome {
    /// It is killed.
    Killed,
    /// It was dying anyway, and was given reserves of memory to end sooner.
    Dying,
}

impl OomOutcome {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Killed, Self::Dying];

    /// Its name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Dying => "dying",
        }
    }
}

impl OomKill {
    /// Its numbers that have no sign.
    #[rustfmt::skip]
    pub const COLUMNS: &'static [Column<Self>] = &[
        column("rss_bytes", Bytes, Last, Whole(|kill| kill.rss_bytes), "Resident memory: the sum of the next three."),
        column("anon_bytes", Bytes, Last, OptionalWhole(|kill| kill.anon_bytes), "Anonymous memory of that."),
        column("file_bytes", Bytes, Last, OptionalWhole(|kill| kill.file_bytes), "Memory of files of that."),
        column("shmem_bytes", Bytes, Last, OptionalWhole(|kill| kill.shmem_bytes), "Shared memory of that."),
        column("swap_bytes", Bytes, Last, OptionalWhole(|kill| kill.swap_bytes), "Memory in swap."),
    ];

    /// Those of a record.
    pub fn of(record: &crate::Record) -> Vec<Self> {
        record.raw().map(Self::all).unwrap_or_default()
    }

    /// How many more there were, for which the record had no room.
    pub fn left_out(record: &crate::Record) -> u64 {
        record.raw().map_or(0, left_out::<oom_kill::OomKill>)
    }

    pub(super) fn all(record: Record<'_>) -> Vec<Self> {
        let header = record.header();
        let kills = record.entries::<oom_kill::OomKill>();
        kills.filter_map(|kill| Self::at(&kill, &header)).collect()
    }

    /// None when the outcome is that of a later module.
    fn at(kill: &oom_kill::OomKill, header: &Header) -> Option<Self> {
        let bytes = |kb: u64| kb.saturating_mul(1024);
        let before_ns = header.taken_mono_ns.saturating_sub(kill.mono_ns);
        Some(Self {
            time_s: seconds(header.taken_wall_ns.saturating_sub(before_ns)),
            outcome: match kill.outcome {
                KILLED => OomOutcome::Killed,
                WAS_DYING => OomOutcome::Dying,
                _ => return None,
            },
            pid: kill.pid,
            comm: name(&kill.comm),
            uid: Some(kill.uid),
            rss_bytes: bytes(kill.rss_kb()),
            anon_bytes: Some(bytes(kill.anon_kb)),
            file_bytes: Some(bytes(kill.file_kb)),
            shmem_bytes: Some(bytes(kill.shmem_kb)),
            swap_bytes: Some(bytes(kill.swap_kb)),
            oom_score_adj: Some(kill.oom_score_adj as i64),
            cgroup_id: Some(kill.cgroup_id).filter(|id| *id != 0),
            by_pid: kill.by_pid,
            by_comm: name(&kill.by_comm),
        })
    }
}
