// SPDX-License-Identifier: GPL-2.0-or-later

//! The one line that sums up a sample.

use super::super::fields::{decimal, Fields};
use super::KIB;
use crate::sample::{CpuTimes, Load, Memory, Pressure, Running, Sample, Swap, Total};

/// The one line that sums up a sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct Brief {
    pub(in super::super) cpu: Option<CpuTimes>,
    pub(in super::super) memory: Option<Memory>,
    pub(in super::super) swap: Option<Swap>,
    pub(in super::super) load: Option<Load>,
    pub(in super::super) running: Option<Running>,
    pub(in super::super) pressure: Option<Pressure>,
    /// Bytes per second in and out.
    pub(in super::super) disks: Option<(f64, f64)>,
    pub(in super::super) nets: Option<(f64, f64)>,
    /// How many seconds before a panic the sample was taken, of one that was printed at the panic.
    pub(in super::super) ago_s: Option<f64>,
}

/// The largest numbers of the brief line, which stand for larger ones as well: what they are is not known.
/// They are those of `model/brief.rs`.
const MAX_KIB: u64 = 99_999_999_999;
const MAX_LOAD: f64 = 99_999.99;
const MAX_RUNNING: u64 = 9_999_999;
const MAX_FLOW_KIB: f64 = 99_999_999.9;

impl Brief {
    pub(super) fn of(mut fields: Fields<'_>) -> Self {
        Self {
            cpu: brief_cpu(&mut fields),
            memory: brief_memory(&mut fields),
            swap: fields
                .kib("swap_free")
                .filter(is_known)
                .map(|free_bytes| Swap {
                    free_bytes,
                    in_bytes_per_second: None,
                    out_bytes_per_second: None,
                }),
            load: fields
                .hundredths("load", "")
                .filter(|load| *load < MAX_LOAD)
                .map(|one_minute| Load {
                    one_minute,
                    five_minutes: None,
                    fifteen_minutes: None,
                }),
            running: fields
                .number("run")
                .filter(|tasks| *tasks < MAX_RUNNING)
                .map(|tasks| Running {
                    tasks,
                    blocked: None,
                    memory_stalled: None,
                }),
            pressure: brief_pressure(&mut fields),
            disks: flow(&mut fields, "rkB", "wkB"),
            nets: flow(&mut fields, "rxkB", "txkB"),
            ago_s: fields.value("ago").and_then(|ago| ago.decimals(1, "s")),
        }
    }

    /// Adds it to a sample, of which all other lines say more.
    pub(in super::super) fn add_to(self, sample: &mut Sample) {
        sample.cpu = sample.cpu.take().or(self.cpu);
        sample.memory = sample.memory.take().or(self.memory);
        sample.swap = sample.swap.take().or(self.swap);
        sample.load = sample.load.take().or(self.load);
        sample.running = sample.running.take().or(self.running);
        sample.pressure = sample.pressure.take().or(self.pressure);
        let total = |flow: (f64, f64)| Total {
            incoming: flow.0,
            outgoing: flow.1,
        };
        sample.set_totals(self.disks.map(total), self.nets.map(total));
    }
}

fn is_known(bytes: &u64) -> bool {
    *bytes / 1024 < MAX_KIB
}

fn brief_cpu(fields: &mut Fields<'_>) -> Option<CpuTimes> {
    Some(CpuTimes {
        user_percent: fields.share("user")?,
        nice_percent: None,
        system_percent: fields.share("system")?,
        idle_percent: fields.share("idle")?,
        iowait_percent: fields.share("iowait")?,
        irq_percent: None,
        softirq_percent: None,
        steal_percent: fields.share("steal")?,
        guest_percent: None,
    })
}

fn brief_memory(fields: &mut Fields<'_>) -> Option<Memory> {
    let used_bytes = fields.kib("used")?;
    let available_bytes = fields.kib("avail")?;
    // Where more seems to be available than there is, the line does not say how much there is.
    let is_told = is_known(&used_bytes) && is_known(&available_bytes) && used_bytes > 0;
    is_told.then_some(Memory {
        total_bytes: used_bytes.checked_add(available_bytes)?,
        used_bytes,
        free_bytes: None,
        available_bytes,
        buffers_bytes: None,
        cached_bytes: None,
        swap_cached_bytes: None,
        shmem_bytes: None,
        slab_reclaimable_bytes: None,
        slab_unreclaimable_bytes: None,
        dirty_bytes: None,
        writeback_bytes: None,
        anon_bytes: None,
        mapped_bytes: None,
        page_tables_bytes: None,
    })
}

fn brief_pressure(fields: &mut Fields<'_>) -> Option<Pressure> {
    let text = fields.value("psi")?.text.strip_suffix('%')?;
    let mut shares = text.split('/').map(|text| {
        let percent = decimal(text, 1)?;
        (percent <= 100.0).then_some(percent)
    });
    let mut next = || shares.next().flatten();
    let (cpu, memory, io) = (next()?, next()?, next()?);
    let is_all = shares.next().is_none();
    is_all.then_some(Pressure {
        cpu_some_percent: cpu,
        memory_some_percent: memory,
        memory_full_percent: None,
        io_some_percent: io,
        io_full_percent: None,
    })
}

/// What goes in and out, in bytes per second.
fn flow(fields: &mut Fields<'_>, in_key: &str, out_key: &str) -> Option<(f64, f64)> {
    let mut rate = |key| {
        let kib = fields.value(key)?.decimals(1, "")?;
        (kib < MAX_FLOW_KIB).then_some(kib * KIB)
    };
    // Both are taken, so that the next ones are found.
    let (incoming, outgoing) = (rate(in_key), rate(out_key));
    incoming.zip(outgoing)
}
