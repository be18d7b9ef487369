// SPDX-License-Identifier: GPL-2.0-or-later

//! The one line of a sample, in which all sources are summed up.

use super::line::{Line, Lines};
use super::rates::{rate, share, PerMille};
use super::record::Record;
use super::source::cpu::{Mode, Spent};
use super::source::disk::Disk;
use super::source::load::Load;
use super::source::memory::Memory;
use super::source::net::Net;
use super::source::pressure::Pressure;
use super::source::running::Running;
use super::source::{self, Entry};

/// What the sources add to the line. What is not known, since its source is off or late, is `-` in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Brief {
    /// The load average of the last minute, in hundredths.
    pub(super) load: Option<u64>,
    /// Tasks that run or wait for a CPU.
    pub(super) running: Option<u64>,
    /// The time in which some tasks waited for a CPU, for memory and for I/O.
    pub(super) pressure: Option<[PerMille; 3]>,
    /// What all disks read and wrote.
    pub(super) disks: Option<Flow>,
    /// What all interfaces received and sent.
    pub(super) nets: Option<Flow>,
}

/// What goes in and out, in tenths of a KiB per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flow {
    incoming: u64,
    outgoing: u64,
}

impl Flow {
    /// Adds what one thing took in and gave out, in bytes.
    pub(super) fn add(&mut self, in_bytes: u64, out_bytes: u64, elapsed_ns: u64) {
        let tenths = |bytes| rate(bytes, 10, elapsed_ns).saturating_add(512) / 1024;
        self.incoming = self.incoming.saturating_add(tenths(in_bytes));
        self.outgoing = self.outgoing.saturating_add(tenths(out_bytes));
    }
}

/// The largest numbers that are shown, so that the line has at most 256 bytes with the module's name in
/// front and the newline: 93 TiB, a load of 99999.99, and 100 GB/s.
const MAX_KIB: u64 = 99_999_999_999;
const MAX_LOAD_HUNDREDTHS: u64 = 9_999_999;
const MAX_RUNNING: u64 = 9_999_999;
const MAX_FLOW_TENTHS: u64 = 999_999_999;

impl Brief {
    /// What the records of two samples have of the sources.
    pub fn between(then: Record<'_>, now: Record<'_>) -> Self {
        let mut brief = Self::default();
        brief.add::<Load>(then, now);
        brief.add::<Running>(then, now);
        brief.add::<Pressure>(then, now);
        brief.add::<Disk>(then, now);
        brief.add::<Net>(then, now);
        brief
    }

    fn add<E: Entry>(&mut self, then: Record<'_>, now: Record<'_>) {
        if let Some(now) = source::taken::<E>(now) {
            E::sum(source::taken(then), now, self);
        }
    }

    /// Prints the line.
    pub fn log(&self, spent: &Spent, memory: &Memory, page_kib: u64, lines: &mut Lines<'_>) {
        lines.line(|line| self.line(spent, memory, page_kib, line));
    }

    /// `sum user=12.3% system=7.4% idle=79.9% iowait=0.4% steal=0.0% used=77080kB avail=391556kB …`
    pub fn line<'a>(
        &self,
        spent: &Spent,
        memory: &Memory,
        page_kib: u64,
        line: &'a mut Line,
    ) -> &'a mut Line {
        let used = memory.total.saturating_sub(memory.available);
        let kib = |pages: u64| pages.saturating_mul(page_kib).min(MAX_KIB);
        log_shares(spent, line.text("sum"));
        line.kib(" used=", kib(used))
            .kib(" avail=", kib(memory.available))
            .kib(" swap_free=", kib(memory.swap_free))
            .text(" load=");
        or_dash(line, self.load, |line, load| {
            line.hundredths(load.min(MAX_LOAD_HUNDREDTHS))
        })
        .text(" run=");
        or_dash(line, self.running, |line, running| {
            line.number(running.min(MAX_RUNNING))
        })
        .text(" psi=");
        or_dash(line, self.pressure, |line, [cpu, memory, io]| {
            line.tenths(u64::from(cpu))
                .text("/")
                .tenths(u64::from(memory))
                .percent("/", io)
        });
        log_flow(line, self.disks, " rkB=", " wkB=");
        log_flow(line, self.nets, " rxkB=", " txkB=");
        line
    }
}

/// Adds what is known, or a dash.
fn or_dash<T>(
    line: &mut Line,
    value: Option<T>,
    add: impl FnOnce(&mut Line, T) -> &mut Line,
) -> &mut Line {
    match value {
        Some(value) => add(line, value),
        None => line.text("-"),
    };
    line
}

fn log_flow(line: &mut Line, flow: Option<Flow>, in_key: &str, out_key: &str) {
    let incoming = flow.map(|flow| flow.incoming);
    let outgoing = flow.map(|flow| flow.outgoing);
    for (key, tenths) in [(in_key, incoming), (out_key, outgoing)] {
        or_dash(line.text(key), tenths, |line, tenths| {
            line.tenths(tenths.min(MAX_FLOW_TENTHS))
        });
    }
}

/// Adds shares that add up to 100.0 %: each ends where the next one begins, and that is what is rounded.
fn log_shares(spent: &Spent, line: &mut Line) {
    let of = |modes: &[Mode]| {
        let times = modes.iter().map(|mode| spent.of(*mode));
        times.fold(0, u64::saturating_add)
    };
    let whole = spent.total();
    let (mut end, mut end_share) = (0u64, 0);
    for (key, part) in [
        (" user=", of(&[Mode::User, Mode::Nice, Mode::Guest])),
        (" system=", of(&[Mode::System, Mode::Irq, Mode::Softirq])),
        (" idle=", of(&[Mode::Idle])),
        (" iowait=", of(&[Mode::Iowait])),
        (" steal=", of(&[Mode::Steal])),
    ] {
        end = end.saturating_add(part);
        let before = end_share;
        end_share = share(end, whole);
        line.percent(key, end_share.saturating_sub(before));
    }
}
