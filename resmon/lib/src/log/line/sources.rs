// SPDX-License-Identifier: GPL-2.0-or-later

//! A line of each source.

use model::source::{disk, net};
use model::text::Text;

use super::super::fields::{number, Fields, Word};
use super::KIB;
use crate::sample::{
    Activity, CpuTimes, Disk, FileSystem, FileSystemState, Load, Memory, Net, NetDirection,
    Pressure, Running, Swap, Task, TaskTotals, Tcp, Usage,
};

pub(super) fn cpu(mut fields: Fields<'_>) -> Option<CpuTimes> {
    Some(CpuTimes {
        user_percent: fields.share("user")?,
        nice_percent: fields.share("nice"),
        system_percent: fields.share("system")?,
        idle_percent: fields.share("idle")?,
        iowait_percent: fields.share("iowait")?,
        irq_percent: fields.share("irq"),
        softirq_percent: fields.share("softirq"),
        steal_percent: fields.share("steal")?,
        guest_percent: fields.share("guest"),
    })
}

pub(super) fn memory(mut fields: Fields<'_>) -> Option<Memory> {
    Some(Memory {
        total_bytes: fields.kib("total")?,
        used_bytes: fields.kib("used")?,
        free_bytes: fields.kib("free"),
        available_bytes: fields.kib("available")?,
        buffers_bytes: fields.kib("buffers"),
        cached_bytes: fields.kib("cached"),
        swap_cached_bytes: None,
        shmem_bytes: fields.kib("shmem"),
        // The line has their sum.
        slab_reclaimable_bytes: None,
        slab_unreclaimable_bytes: None,
        dirty_bytes: fields.kib("dirty"),
        writeback_bytes: fields.kib("writeback"),
        anon_bytes: fields.kib("anon"),
        mapped_bytes: fields.kib("mapped"),
        page_tables_bytes: fields.kib("pagetables"),
    })
}

pub(super) fn swap(mut fields: Fields<'_>) -> Option<Swap> {
    let free_bytes = fields.kib("free")?;
    let mut rate = |key| {
        let text = fields.value(key)?.text.strip_suffix("kB/s")?;
        Some(number(text)? as f64 * KIB)
    };
    Some(Swap {
        free_bytes,
        in_bytes_per_second: rate("in"),
        out_bytes_per_second: rate("out"),
    })
}

pub(super) fn load(mut fields: Fields<'_>) -> Option<Load> {
    Some(Load {
        one_minute: fields.hundredths("1m", "")?,
        five_minutes: fields.hundredths("5m", ""),
        fifteen_minutes: fields.hundredths("15m", ""),
    })
}

pub(super) fn running(mut fields: Fields<'_>) -> Option<Running> {
    Some(Running {
        tasks: fields.number("tasks")?,
        blocked: fields.number("blocked"),
        memory_stalled: fields.number("memstall"),
    })
}

pub(super) fn activity(mut fields: Fields<'_>) -> Option<Activity> {
    Some(Activity {
        faults_per_second: fields.hundredths("faults", "/s")?,
        major_faults_per_second: fields.hundredths("majfaults", "/s")?,
        paged_in_bytes_per_second: fields.hundredths("pgin", "kB/s")? * KIB,
        paged_out_bytes_per_second: fields.hundredths("pgout", "kB/s")? * KIB,
        interrupts_per_second: fields.hundredths("irqs", "/s")?,
        soft_interrupts_per_second: fields.hundredths("softirqs", "/s")?,
        oom_kills: fields.number("oom_kills")?,
    })
}

pub(super) fn pressure(mut fields: Fields<'_>) -> Option<Pressure> {
    let cpu_some_percent = fields.share("cpu_some")?;
    let memory_some_percent = fields.share("mem_some")?;
    let memory_full_percent = fields.share("mem_full");
    Some(Pressure {
        cpu_some_percent,
        memory_some_percent,
        memory_full_percent,
        io_some_percent: fields.share("io_some")?,
        io_full_percent: fields.share("io_full"),
    })
}

pub(super) fn disk(name: Word<'_>, mut fields: Fields<'_>) -> Option<Disk> {
    let name = name.name()?;
    let reads_per_second = fields.hundredths("r", "/s")?;
    let writes_per_second = fields.hundredths("w", "/s")?;
    let read_bytes_per_second = fields.hundredths("rkB", "/s")? * KIB;
    let written_bytes_per_second = fields.hundredths("wkB", "/s")? * KIB;
    let in_flight = fields.number("inflight")?;
    let busy_percent = fields.share("busy")?;
    let await_ms = fields.hundredths("await", "ms")?;
    Some(Disk {
        in_total: !is_done_again(&name),
        name,
        reads_per_second,
        writes_per_second,
        discards_per_second: fields.hundredths("d", "/s")?,
        read_bytes_per_second,
        written_bytes_per_second,
        discarded_bytes_per_second: fields.hundredths("dkB", "/s")? * KIB,
        in_flight: Some(in_flight),
        busy_percent,
        await_ms,
    })
}

pub(super) fn net(name: Word<'_>, mut fields: Fields<'_>) -> Option<Net> {
    let name = name.name()?;
    let mut bytes = |key| Some(fields.hundredths(key, "kB/s")? * KIB);
    let (received, transmitted) = (bytes("rx")?, bytes("tx")?);
    let mut direction = |bytes_per_second, key| {
        Some(NetDirection {
            bytes_per_second,
            packets_per_second: fields.hundredths(key, "/s")?,
            // The line has those of both directions together.
            errors_per_second: None,
            drops_per_second: None,
        })
    };
    Some(Net {
        in_total: !is_carried_again(&name),
        name,
        received: direction(received, "rxp")?,
        transmitted: direction(transmitted, "txp")?,
    })
}

/// Whether the work of a disk is done again by others, as far as its name says so.
fn is_done_again(name: &str) -> bool {
    let none = disk::Completed::default();
    let disk = disk::Disk {
        taken_mono_ns: 0,
        seq: 0,
        name: Text::new(name.as_bytes()),
        reads: none,
        writes: none,
        discards: none,
        flushes: none,
        busy_ns: 0,
        in_flight: 0,
        flags: None,
        major: None,
        minor: None,
    };
    disk.is_done_again()
}

/// The same of what an interface carries.
fn is_carried_again(name: &str) -> bool {
    let net = net::Net {
        taken_mono_ns: 0,
        index: 0,
        name: Text::new(name.as_bytes()),
        rx: net::Carried::default(),
        tx: net::Carried::default(),
        flags: None,
        address: 0,
    };
    net.is_carried_again()
}

pub(super) fn tcp(mut fields: Fields<'_>) -> Option<Tcp> {
    let mut rate = |key| fields.hundredths(key, "/s");
    Some(Tcp {
        segments_in_per_second: rate("in")?,
        segments_out_per_second: rate("out")?,
        segments_retransmitted_per_second: rate("retrans")?,
        syns_retransmitted_per_second: rate("syn_retrans")?,
        listen_overflows_per_second: rate("listen_overflows")?,
        listen_drops_per_second: rate("listen_drops")?,
        established: fields.number("established")?,
    })
}

pub(super) fn file_system(path: Word<'_>, mut fields: Fields<'_>) -> Option<FileSystem> {
    let path = path.name()?;
    let state = match fields.one_of(&["absent", "stale"]) {
        Some("absent") => FileSystemState::Absent,
        Some(_) => FileSystemState::Stale,
        None => match fields.number("error") {
            Some(errno) => FileSystemState::Failed {
                errno: u32::try_from(errno).ok()?,
            },
            None => FileSystemState::Mounted(Usage {
                kind: fields.name("type")?,
                size_bytes: fields.kib("size")?,
                used_bytes: fields.kib("used")?,
                available_bytes: fields.kib("avail")?,
                used_percent: fields.share("use")?,
                inodes: None,
                inodes_used_percent: fields.share("inodes")?,
                read_only: None,
            }),
        },
    };
    Some(FileSystem { path, state })
}

pub(super) fn tasks(mut fields: Fields<'_>) -> Option<TaskTotals> {
    Some(TaskTotals {
        processes: fields.number("processes")?,
        threads: fields.number("threads")?,
        ended_percent: fields.value("ended").and_then(|word| word.decimals(1, "%")),
        left_out: None,
        census_age_s: None,
        is_new: true,
    })
}

pub(super) fn task(comm: Option<String>, mut fields: Fields<'_>) -> Option<Task> {
    Some(Task {
        pid: u32::try_from(fields.number("pid")?).ok()?,
        comm,
        uid: None,
        state: '?',
        threads: None,
        cpu_percent: Some(fields.value("cpu")?.decimals(1, "%")?),
        cpu_s: None,
        rss_bytes: fields.kib("rss")?,
        swap_bytes: None,
        major_faults_per_second: None,
        read_bytes_per_second: None,
        written_bytes_per_second: None,
        cgroup_id: None,
        started_s: None,
        started_since_boot_s: None,
    })
}
