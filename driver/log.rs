// SPDX-License-Identifier: GPL-2.0

//! What of a sample goes to the kernel's log: one line that sums it up, all lines, or both.

use super::params;
use crate::{
    model::{
        brief::Brief,
        line::{
            Line,
            Lines, //
        },
        record::Record,
        source::{
            cpu::{
                self,
                spent_per_cpu,
                Spent,
                Whose, //
            },
            memory::{
                self,
                Buffers,
                Memory,
                Swapped, //
            },
            Entry,
            Snapshot, //
        }, //
    },
    sys::{
        log,
        vmstat, //
    },
};

/// Hands a line to the kernel's log.
pub(super) fn print(line: &Line) {
    log::info(line.as_str());
}

/// Bytes that a line takes in the log.
pub(super) fn logged_bytes(line: &Line) -> usize {
    const AROUND: usize = "resource_monitor: \n".len();
    line.as_bytes().len().saturating_add(AROUND)
}

/// The lines of one sample.
pub(crate) struct Log<'a> {
    pub(super) lines: Lines<'a>,
    /// Whether there are all lines.
    pub(super) is_full: bool,
    /// What the one line has of the sources, if there is one.
    brief: Option<Brief>,
}

/// Two samples of CPU and memory, and what the CPUs did in between.
pub(super) struct Sampled<'a> {
    pub(super) base: Record<'a>,
    pub(super) now: Record<'a>,
    pub(super) spent: &'a Spent,
    pub(super) buffers: Buffers,
    pub(super) swapped: Option<Swapped>,
}

impl<'a> Log<'a> {
    /// Makes lines in `line`, and hands them to `print`.
    pub(super) fn new(
        line: &'a mut Line,
        print: &'a dyn Fn(&Line),
        is_full: bool,
        is_brief: bool,
    ) -> Self {
        Self {
            lines: Lines::new(line, print),
            is_full,
            brief: is_brief.then(Brief::default),
        }
    }

    /// Logs what was found at `after`, compared with `before`.
    pub(super) fn entries<E: Entry>(
        &mut self,
        before: Option<Snapshot<'_, E>>,
        after: Snapshot<'_, E>,
    ) {
        if self.is_full {
            E::log(before, after, &mut self.lines);
        }
        if let Some(brief) = &mut self.brief {
            E::sum(before.map(Snapshot::taken), after.taken(), brief);
        }
    }

    /// Logs all lines of CPU and memory, if there are these. They come first.
    pub(super) fn begin(&mut self, sampled: &Sampled<'_>) {
        if !self.is_full {
            return;
        }
        let lines = &mut self.lines;
        // What has no time has no shares, and no line.
        if let Some(shares) = sampled.spent.shares() {
            cpu::log(Whose::All, &shares, lines);
        }
        if cpu::count(sampled.now) <= params::PER_CPU_MAX.value() as usize {
            for (id, spent) in spent_per_cpu(sampled.base, sampled.now) {
                if let Some(shares) = spent.shares() {
                    cpu::log(Whose::Cpu(id), &shares, lines);
                }
            }
        }
        let memory = memory_of(sampled.now);
        let buffers = sampled.buffers.buffers;
        memory::log(&memory, buffers, vmstat::PAGE_KIB, lines);
        if vmstat::HAS_SWAP {
            memory::log_swap(&memory, sampled.swapped, vmstat::PAGE_KIB, lines);
        }
    }

    /// Logs the one line, if there is one. It comes last.
    pub(super) fn end(&mut self, sampled: &Sampled<'_>) {
        if let Some(brief) = &self.brief {
            let memory = memory_of(sampled.now);
            brief.log(sampled.spent, &memory, vmstat::PAGE_KIB, &mut self.lines);
        }
    }
}

pub(super) fn memory_of(record: Record<'_>) -> Memory {
    record.entries::<Memory>().next().unwrap_or_default()
}
