// SPDX-License-Identifier: GPL-2.0-or-later

//! Memory and swap.

use resmon::model::record::Record;
use resmon::model::source::memory::{Buffers, Memory};

use super::super::family::Value;
use super::{whole, Families, Metric, BYTES, GAUGE};

/// What a record has of memory, in pages.
struct Known {
    memory: Memory,
    buffers: Option<u64>,
}

const HELP: &str = "Memory, as the field of this name in /proc/meminfo.";

#[rustfmt::skip]
const METRICS: [Metric<Known>; 16] = [
    (GAUGE, "node_memory_MemTotal", BYTES, HELP, |known| known.bytes(known.memory.total)),
    (GAUGE, "node_memory_MemFree", BYTES, HELP, |known| known.bytes(known.memory.free)),
    (GAUGE, "node_memory_MemAvailable", BYTES, HELP, |known| known.bytes(known.memory.available)),
    (GAUGE, "node_memory_Buffers", BYTES, HELP, |known| known.bytes(known.buffers?)),
    (GAUGE, "node_memory_Cached", BYTES, HELP, |known| known.bytes(known.cached()?)),
    (GAUGE, "node_memory_SwapCached", BYTES, HELP, |known| known.bytes(known.memory.swap_cache)),
    (GAUGE, "node_memory_SwapFree", BYTES, HELP, |known| known.bytes(known.memory.swap_free)),
    (GAUGE, "node_memory_Shmem", BYTES, HELP, |known| known.bytes(known.memory.shmem)),
    (GAUGE, "node_memory_Slab", BYTES, HELP, |known| known.bytes(known.slab())),
    (GAUGE, "node_memory_SReclaimable", BYTES, HELP, |known| known.bytes(known.memory.slab_reclaimable)),
    (GAUGE, "node_memory_SUnreclaim", BYTES, HELP, |known| known.bytes(known.memory.slab_unreclaimable)),
    (GAUGE, "node_memory_Dirty", BYTES, HELP, |known| known.bytes(known.memory.dirty)),
    (GAUGE, "node_memory_Writeback", BYTES, HELP, |known| known.bytes(known.memory.writeback)),
    (GAUGE, "node_memory_AnonPages", BYTES, HELP, |known| known.bytes(known.memory.anon)),
    (GAUGE, "node_memory_Mapped", BYTES, HELP, |known| known.bytes(known.memory.mapped)),
    (GAUGE, "node_memory_PageTables", BYTES, HELP, |known| known.bytes(known.memory.page_tables)),
];

impl Known {
    fn bytes(&self, pages: u64) -> Option<Value> {
        whole(pages.saturating_mul(self.memory.page_bytes))
    }

    /// As /proc/meminfo has it. Without the buffers it is not known.
    fn cached(&self) -> Option<u64> {
        let file = self.memory.file.saturating_sub(self.memory.swap_cache);
        Some(file.saturating_sub(self.buffers?))
    }

    fn slab(&self) -> u64 {
        let memory = &self.memory;
        memory
            .slab_reclaimable
            .saturating_add(memory.slab_unreclaimable)
    }
}

pub fn add(families: &mut Families, record: Record<'_>) {
    if let Some(memory) = record.entries::<Memory>().next() {
        let buffers = record.entries::<Buffers>().next();
        let buffers = buffers.map(|buffers| buffers.buffers);
        families.one(&METRICS, &Known { memory, buffers });
    }
}
