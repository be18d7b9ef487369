// SPDX-License-Identifier: GPL-2.0-or-later

//! Processes that were chosen to be killed as memory ran out.

use super::super::line::Line;
use super::super::text::Text;
use super::super::words::{self, words};
use super::tasks::MAX_COMM;

/// Most of them in a record.
pub const MAX_OOM_KILLS: usize = 32;

words! {
    /// A process that the kernel has chosen as memory ran out, in the machine or in a cgroup, as it was at
    /// that moment. Each is in one record: that of the next sample.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct OomKill: "resource_monitor_oom_kill", kind 15 "oom_kill" "OOM_KILLS" {
        /// `CLOCK_MONOTONIC` at that moment, in nanoseconds.
        pub mono_ns: u64,
        /// [`KILLED`] or [`WAS_DYING`].
        pub outcome: u32,
        /// Process ID, in the first namespace (tgid).
        pub pid: u32,
        /// User ID, in the first namespace.
        pub uid: u32,
        /// Name (comm). Empty when names are off.
        pub comm: Text<MAX_COMM>,
        /// Resident anonymous memory in KiB.
        pub anon_kb: u64,
        /// Resident memory of files in KiB.
        pub file_kb: u64,
        /// Resident shared memory in KiB.
        pub shmem_kb: u64,
        /// Memory in swap in KiB.
        pub swap_kb: u64,
        /// `oom_score_adj`, -1000 to 1000, as a signed number.
        pub oom_score_adj: u64,
        /// Identity of its cgroup in the default hierarchy: the inode of its folder. 0 where there is none.
        pub cgroup_id: u64,
        /// Process ID of who asked for memory.
        pub by_pid: u32,
        /// The name of that (comm). Empty when names are off.
        pub by_comm: Text<MAX_COMM>,
    }
}

/// It was killed.
pub const KILLED: u32 = 1;

/// It was dying anyway, and was given reserves of memory to end sooner.
pub const WAS_DYING: u32 = 2;

impl OomKill {
    /// Adds ` pid=… rss=…kB by=…` to an alert, with the names of both when they are wanted: ` task=NAME pid=…`.
    pub fn log(&self, names: bool, line: &mut Line) {
        let name = |line: &mut Line, key: &str, comm: &Text<MAX_COMM>| {
            if names && !comm.as_bytes().is_empty() {
                line.text(key).name(comm.as_bytes());
            }
        };
        name(line, " task=", &self.comm);
        line.text(" pid=")
            .number(u64::from(self.pid))
            .kib(" rss=", self.rss_kb())
            .text(" by=")
            .number(u64::from(self.by_pid));
        name(line, " by_task=", &self.by_comm);
    }

    /// Resident memory in KiB.
    pub fn rss_kb(&self) -> u64 {
        self.anon_kb
            .saturating_add(self.file_kb)
            .saturating_add(self.shmem_kb)
    }
}
