// SPDX-License-Identifier: GPL-2.0

//! `/dev/resource_monitor`: its records against the kernel's own numbers, and many who read them.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail, ensure, Context, Result};
use resmon::model::record::{Content, Header, SectionHeader};
use resmon::model::source::activity::Activity;
use resmon::model::source::cpu::Cpu;
use resmon::model::source::disk::{Completed, Disk};
use resmon::model::source::fs::{Fs, State};
use resmon::model::source::load::Load;
use resmon::model::source::memory::Memory;
use resmon::model::source::net::Net;
use resmon::model::source::pressure::Pressure;
use resmon::{Device, Error, FileSystemState, Record, Sample, Source};
use rustix::io::Errno;
use rustix::process::Signal;
use rustix::thread::{set_thread_res_gid, set_thread_res_uid, Gid, Uid};

use super::{net, sleep_ms, Case, Clock, Guest, Needs};
use crate::child::{myself, Player, Role};
use crate::elapsed::slowness;
use crate::fuse::Fuse;
use crate::lines::Line;
use crate::load::{self, Kind};
use crate::module::{self, Module, HISTORY, PATIENCE};
use crate::readers::Got;
use crate::{blockdev, netlink, proc, tools};

pub const CASES: &[Case] = &[
    Case {
        name: "the device from a C program",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: |guest| c_program(guest, "/device"),
    },
    Case {
        name: "the device from a 32-bit C program",
        needs: Needs::Emulation32,
        clock: Clock::Any,
        run: |guest| c_program(guest, "/device32"),
    },
    Case {
        name: "a seek wakes a read",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: seek_wakes_read,
    },
    Case {
        name: "records against /proc",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: against_proc,
    },
    Case {
        name: "records say what is stale",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: stale,
    },
    Case {
        name: "records of sources that are off",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: sources_off,
    },
    Case {
        name: "the device belongs to root",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: root_only,
    },
    Case {
        name: "the interval by the device",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: interval,
    },
    Case {
        name: "records that are kept",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: kept,
    },
    Case {
        name: "records that are lost",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: lost,
    },
    Case {
        name: "readers while the module is to go",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: rmmod_while_reading,
    },
    Case {
        name: "many readers",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: many,
    },
];

/// Samples come when they are asked for.
const NEVER: &str = "interval_ms=3600000 trouble_interval_ms=0 log_every=0";

/// Loads a module whose first sample, which comes by itself, has a record already.
pub fn load_idle<'a>(guest: &'a Guest, parameters: &str) -> Result<Module<'a>> {
    let module = Module::load(&guest.log, &format!("{NEVER} {parameters}"))?;
    wait_for(0)?;
    Ok(module)
}

fn c_program(guest: &Guest, path: &str) -> Result<()> {
    let module = load_idle(guest, "")?;
    let output = Command::new(path).output().context(path.to_string())?;
    let said = tools::said(&output);
    ensure!(
        output.status.success(),
        "{path} ended with {}, expected success; it printed {:?}",
        output.status,
        said.trim()
    );
    ensure!(said.is_empty(), "{path} printed {said:?}, expected nothing");
    module.unload().map(drop)
}

/// Two threads that use one open file, as often as it takes to meet at each place.
fn seek_wakes_read(guest: &Guest) -> Result<()> {
    const PATH: &str = "/seek";
    let rounds = if guest.is_debug() { 5_000 } else { 20_000 };
    let module = load_idle(guest, "")?;
    let output = Command::new(PATH)
        .arg(rounds.to_string())
        .output()
        .context(PATH)?;
    let said = tools::said(&output);
    ensure!(
        output.status.success() && said == format!("{rounds} reads\n"),
        "{PATH}: {}, {}",
        output.status,
        said.trim()
    );
    module.unload().map(drop)
}

/// Takes a sample now and gives its record.
pub fn take(device: &Device) -> Result<Record> {
    let seq = device.sample_now()?;
    wait_for(seq)
}

/// Waits for the record of a sample.
pub fn wait_for(seq: u64) -> Result<Record> {
    let mut reader = Device::open()?;
    let deadline = Instant::now() + PATIENCE;
    while reader.info()?.next_seq <= seq {
        ensure!(
            Instant::now() < deadline,
            "the next record is {} after {PATIENCE:?}, expected it to be after {seq}",
            reader.info()?.next_seq
        );
        sleep_ms(1);
    }
    let found = reader.seek(seq)?;
    ensure!(found == seq, "seek went to record {found}, expected {seq}");
    let record = next(&mut reader.into_records()?)?;
    check_record_is(&record, seq, 0)?;
    Ok(record)
}

/// The next record of an iterator, which must have one.
fn next(records: &mut impl Iterator<Item = resmon::Result<Record>>) -> Result<Record> {
    let record = records.next().context("expected a record, found the end")?;
    Ok(record?)
}

/// Which record it is, and how many its reader has lost before it.
fn check_record_is(record: &Record, seq: u64, lost_records: u64) -> Result<()> {
    let header = record.header();
    ensure!(
        (header.seq, header.lost_records) == (seq, lost_records),
        "expected record {seq} with {lost_records} lost, found {header:?}"
    );
    Ok(())
}

/// The one entry of a kind.
pub fn entry<C: Content>(record: &Record) -> Result<C> {
    let raw = raw(record)?;
    let entry = raw.entries().next();
    entry.with_context(|| {
        let header = record.header();
        format!(
            "expected an entry of a section {}, found none in {header:?}",
            C::KIND
        )
    })
}

/// What the kernel says by itself.
pub struct Proc {
    pub stat_text: String,
    pub stat: proc::Stat,
    pub vmstat: String,
    pub load: [u64; 3],
    pub meminfo: std::collections::BTreeMap<String, u64>,
    pub disks: std::collections::BTreeMap<String, blockdev::Counters>,
    pub nets: net::Interfaces,
    pub root: rustix::fs::StatVfs,
}

impl Proc {
    pub fn read() -> Result<Proc> {
        let read = |path: &str| fs::read_to_string(path).context(path.to_string());
        let stat_text = read("/proc/stat")?;
        Ok(Proc {
            stat: proc::stat(&stat_text)?,
            stat_text,
            vmstat: read("/proc/vmstat")?,
            load: proc::loadavg(&read("/proc/loadavg")?)?,
            meminfo: proc::meminfo(&read("/proc/meminfo")?)?,
            disks: blockdev::counters()?,
            nets: net::counters()?,
            root: rustix::fs::statvfs("/")?,
        })
    }
}

/// What counts up was between what it was before and after.
fn between(what: &str, before: u64, value: u64, after: u64) -> Result<()> {
    ensure!(
        (before..=after).contains(&value),
        "{what} is {value}, expected {before} to {after}, as the kernel said before and after"
    );
    Ok(())
}

fn check_record(guest: &Guest, before: &Proc, record: &Record, after: &Proc) -> Result<()> {
    let raw = raw(record)?;
    ensure!(
        raw.entries::<Cpu>().count() == guest.cpus as usize,
        "the record has {} CPUs, expected {}",
        raw.entries::<Cpu>().count(),
        guest.cpus
    );
    for cpu in raw.entries::<Cpu>() {
        let times = cpu.times;
        let values = [
            ("user", times.user),
            ("nice", times.nice),
            ("system", times.system),
            ("idle", times.idle),
            ("iowait", times.iowait),
            ("irq", times.irq),
            ("softirq", times.softirq),
            ("steal", times.steal),
            ("guest", times.guest),
            ("guest_nice", times.guest_nice),
        ];
        let (then, now) = (before.stat[&cpu.id], after.stat[&cpu.id]);
        for (index, (name, ns)) in values.into_iter().enumerate() {
            // /proc/stat counts in hundredths of a second. The kernel reads the idle time of a
            // CPU that is idle now without waiting for it, so it may be a little behind.
            let ticks = ns / 10_000_000;
            let spare = u64::from(name == "idle" || name == "iowait");
            let what = format!("{name} of CPU {}", cpu.id);
            between(
                &what,
                then[index].saturating_sub(spare),
                ticks,
                now[index] + spare,
            )?;
        }
    }
    check_memory(record, before, after)?;
    check_activity(&entry(record)?, before, after)?;

    let load: Load = entry(record)?;
    let loads = [load.one_minute, load.five_minutes, load.fifteen_minutes];
    for (index, load) in loads.into_iter().enumerate() {
        let hundredths = (load * 100 + 1024) / 2048;
        let (then, now) = (before.load[index], after.load[index]);
        let (least, most) = (then.min(now), then.max(now));
        between(
            "a load average",
            least.saturating_sub(1),
            hundredths,
            most + 1,
        )?;
    }

    for name in ["vda", "vdb"] {
        let disk = raw
            .entries::<Disk>()
            .find(|disk| disk.name.as_bytes() == name.as_bytes())
            .with_context(|| format!("expected an entry of {name}, found none"))?;
        check_disk(&disk, &before.disks[name], &after.disks[name])
            .with_context(|| name.to_string())?;
    }
    for name in ["eth0", "lo"] {
        let net = raw
            .entries::<Net>()
            .find(|net| net.name.as_bytes() == name.as_bytes())
            .with_context(|| format!("expected an entry of {name}, found none"))?;
        let (then, now) = (before.nets[name], after.nets[name]);
        for (what, then, value, now) in [
            ("rx bytes", then.rx_bytes, net.rx.bytes, now.rx_bytes),
            ("tx bytes", then.tx_bytes, net.tx.bytes, now.tx_bytes),
            (
                "rx packets",
                then.rx_packets,
                net.rx.packets,
                now.rx_packets,
            ),
            (
                "tx packets",
                then.tx_packets,
                net.tx.packets,
                now.tx_packets,
            ),
            (
                "errors",
                then.errors,
                net.rx.errors + net.tx.errors,
                now.errors,
            ),
            ("drops", then.drops, net.rx.drops + net.tx.drops, now.drops),
        ] {
            between(&format!("{what} of {name}"), then, value, now)?;
        }
    }

    let root: Fs = entry(record)?;
    let State::Mounted(usage) = root.state else {
        anyhow::bail!("expected a file system that is mounted, found {root:?}");
    };
    ensure!(
        root.path.as_bytes() == b"/",
        "expected the path /, found {root:?}"
    );
    let found = (usage.blocks, usage.block_bytes, usage.inodes);
    let expected = (after.root.f_blocks, after.root.f_frsize, after.root.f_files);
    ensure!(
        found == expected,
        "/ has {found:?} as blocks, bytes of a block and inodes, expected {expected:?}"
    );
    let free = [before.root.f_bfree, after.root.f_bfree];
    // Others write to it as well.
    const SPARE: u64 = 1024;
    let (least, most) = (free[0].min(free[1]), free[0].max(free[1]));
    between(
        "free blocks",
        least.saturating_sub(SPARE),
        usage.free,
        most + SPARE,
    )
}

fn check_memory(record: &Record, before: &Proc, after: &Proc) -> Result<()> {
    let memory = raw(record)?
        .entries::<Memory>()
        .next()
        .context("expected a section of memory, found none")?;
    let kib = |pages: u64| pages * memory.page_bytes / 1024;
    ensure!(
        memory.page_bytes == 4096,
        "expected pages of 4096 bytes, found {memory:?}"
    );
    let total = after.meminfo["MemTotal"];
    ensure!(
        kib(memory.total) == total,
        "total is {} kB, expected {total} kB",
        kib(memory.total)
    );
    for (name, pages) in [
        ("MemFree", memory.free),
        ("MemAvailable", memory.available),
        ("Shmem", memory.shmem),
        ("AnonPages", memory.anon),
        ("Mapped", memory.mapped),
        ("PageTables", memory.page_tables),
        ("SReclaimable", memory.slab_reclaimable),
        ("SUnreclaim", memory.slab_unreclaimable),
        ("SwapFree", memory.swap_free),
    ] {
        let (then, now) = (before.meminfo[name], after.meminfo[name]);
        // What a CPU has counted since its last report may be missing here or there.
        const SPARE_KIB: u64 = 4096;
        let (least, most) = (then.min(now), then.max(now));
        between(
            name,
            least.saturating_sub(SPARE_KIB),
            kib(pages),
            most + SPARE_KIB,
        )?;
    }
    Ok(())
}

fn check_activity(activity: &Activity, before: &Proc, after: &Proc) -> Result<()> {
    for (name, value) in [
        ("pgfault", activity.faults),
        ("pgmajfault", activity.major_faults),
        ("pgpgin", activity.paged_in_sectors / 2),
        ("pgpgout", activity.paged_out_sectors / 2),
        ("pswpin", activity.swapped_in_pages),
        ("pswpout", activity.swapped_out_pages),
    ] {
        let (then, now) = (
            proc::vmstat(&before.vmstat, name)?,
            proc::vmstat(&after.vmstat, name)?,
        );
        between(name, then, value, now)?;
    }
    let interrupts = activity.device_interrupts + activity.cpu_interrupts;
    for (name, value) in [("intr", interrupts), ("softirq", activity.soft_interrupts)] {
        let (then, now) = (
            proc::stat_sum(&before.stat_text, name)?,
            proc::stat_sum(&after.stat_text, name)?,
        );
        between(name, then, value, now)?;
    }
    Ok(())
}

fn check_disk(disk: &Disk, then: &blockdev::Counters, now: &blockdev::Counters) -> Result<()> {
    let ms = |completed: &Completed| completed.time_ns / 1_000_000;
    for (what, then, value, now) in [
        ("reads", then.reads, disk.reads.ios, now.reads),
        (
            "sectors read",
            then.read_sectors,
            disk.reads.sectors,
            now.read_sectors,
        ),
        ("read time", then.read_ms, ms(&disk.reads), now.read_ms),
        ("writes", then.writes, disk.writes.ios, now.writes),
        (
            "sectors written",
            then.written_sectors,
            disk.writes.sectors,
            now.written_sectors,
        ),
        ("write time", then.write_ms, ms(&disk.writes), now.write_ms),
        ("discards", then.discards, disk.discards.ios, now.discards),
        (
            "busy time",
            then.busy_ms,
            disk.busy_ns / 1_000_000,
            now.busy_ms,
        ),
        ("in flight", 0, disk.in_flight, 0),
    ] {
        between(what, then, value, now)?;
    }
    Ok(())
}

/// Something of everything.
pub fn work(guest: &Guest, round: u64) -> Result<()> {
    let _load = load::Load::start(Kind::User, guest.last_cpu())?;
    for name in ["vda", "vdb"] {
        let mut disk = blockdev::Disk::open(name)?;
        for step in 0..=round {
            disk.read(step * 4096, 4096)?;
        }
    }
    let mut disk = blockdev::Disk::open("vdb")?;
    disk.write(1 << 20, &[7; 65536])?;
    drop(std::hint::black_box(vec![1_u8; 8 << 20]));
    netlink::set_up("lo", true)?;
    let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    for _ in 0..20 {
        socket.send_to(&[0; 100], "127.0.0.1:9")?;
    }
    sleep_ms(300);
    Ok(())
}

/// The raw counters were between what the kernel said right before and right after; and what the
/// library makes of two records is what came in between.
fn against_proc(guest: &Guest) -> Result<()> {
    netlink::set_up("eth0", true)?;
    work(guest, 1)?;
    let module = load_idle(guest, "")?;
    let device = Device::open_writable()?;
    let mut rounds = Vec::new();
    for round in 1..=3 {
        let before = Proc::read()?;
        let record = take(&device)?;
        let after = Proc::read()?;
        check_record(guest, &before, &record, &after).with_context(|| format!("round {round}"))?;
        rounds.push((before, record, after));
        work(guest, round)?;
    }
    for two in rounds.windows(2) {
        let sample = Sample::between(&two[0].1, &two[1].1)
            .context("expected a sample of the two records, found none")?;
        check_sample(guest, &two[0], &sample, &two[1])?;
    }
    drop(device);
    module.unload().map(drop)
}

pub type Round = (Proc, Record, Proc);

/// An amount came between the two records: at least what came from after the first to before the
/// second, and at most what came from before the first to after the second.
pub fn came(
    what: &str,
    of: impl Fn(&Proc) -> u64,
    first: &Round,
    second: &Round,
    amount: f64,
) -> Result<()> {
    let least = of(&second.0).saturating_sub(of(&first.2)) as f64;
    let most = of(&second.2).saturating_sub(of(&first.0)) as f64;
    // Rates are over the time between two readings that are not quite those of the CPUs.
    const SPARE: f64 = 0.1;
    ensure!(
        amount >= least * (1.0 - SPARE) - 1.0 && amount <= most * (1.0 + SPARE) + 1.0,
        "{what}: {amount:.1} came, expected {least} to {most}, give or take {} %",
        100.0 * SPARE
    );
    Ok(())
}

/// What the kernel counted for a CPU between two records, about, in USER_HZ ticks. Shares are of this,
/// and on a busy host it is less than the time that passed.
pub fn counted_ticks(cpu: u32, first: &Round, second: &Round) -> f64 {
    // Guest time is in user time already.
    let counted = |proc: &Proc| -> u64 { proc.stat[&cpu][..8].iter().sum() };
    let least = counted(&second.0).saturating_sub(counted(&first.2));
    let most = counted(&second.2).saturating_sub(counted(&first.0));
    (least + most) as f64 / 2.0
}

fn check_sample(guest: &Guest, first: &Round, sample: &Sample, second: &Round) -> Result<()> {
    let elapsed = sample
        .elapsed_s
        .context("expected the time between two records")?;
    let disk = sample
        .disks
        .iter()
        .find(|disk| disk.name == "vdb")
        .context("expected the disk vdb, found none")?;
    let net = sample
        .nets
        .iter()
        .find(|net| net.name == "lo")
        .context("expected the interface lo, found none")?;
    let activity = sample.activity.context("expected activity, found none")?;
    came(
        "reads",
        |proc| proc.disks["vdb"].reads,
        first,
        second,
        disk.reads_per_second * elapsed,
    )?;
    came(
        "bytes written",
        |proc| proc.disks["vdb"].written_sectors * 512,
        first,
        second,
        disk.written_bytes_per_second * elapsed,
    )?;
    came(
        "bytes on lo",
        |proc| proc.nets["lo"].rx_bytes,
        first,
        second,
        net.received.bytes_per_second * elapsed,
    )?;
    came(
        "faults",
        |proc| proc::vmstat(&proc.vmstat, "pgfault").unwrap_or(0),
        first,
        second,
        activity.faults_per_second * elapsed,
    )?;
    let cpu = guest.last_cpu();
    let busy = sample
        .cpus
        .iter()
        .find(|one| one.id == cpu)
        .with_context(|| format!("expected CPU {cpu}, found {:?}", sample.cpus))?;
    let times = busy.times;
    came(
        "user time",
        |proc| proc.stat[&cpu][0],
        first,
        second,
        (times.user_percent + times.guest_percent.unwrap_or(0.0)) / 100.0
            * counted_ticks(cpu, first, second),
    )?;
    ensure!(
        times.user_percent > 5.0,
        "user_percent is {} under a load, expected more than 5: {times:?}",
        times.user_percent
    );
    Ok(())
}

fn stale(guest: &Guest) -> Result<()> {
    const PATH: &str = "/tmp/mnt/device";
    fs::create_dir_all(PATH)?;
    let interval_ms = 200 * u64::from(slowness(guest));
    let module = Module::load(
        &guest.log,
        &format!("interval_ms={interval_ms} log_every=0 fs_paths={PATH},/"),
    )?;
    let fuse = Fuse::mount(PATH)?;
    let state_of = |record: &Record| -> Option<(Sample, FileSystemState)> {
        let sample = Sample::between(&record_before(record)?, record)?;
        let fs = sample.file_systems.iter().find(|fs| fs.path == PATH)?;
        let state = fs.state.clone();
        Some((sample, state))
    };
    let wait = |what: &str, wanted: fn(&FileSystemState) -> bool| -> Result<Sample> {
        let deadline = Instant::now() + PATIENCE;
        let mut records = Device::open()?.into_records()?;
        let mut seen = None;
        while Instant::now() < deadline {
            let record = next(&mut records)?;
            if let Some((sample, state)) = state_of(&record) {
                if wanted(&state) {
                    return Ok(sample);
                }
                seen = Some(state);
            }
        }
        Err(anyhow!(
            "the path is {seen:?} after {PATIENCE:?}, expected it to be {what}"
        ))
    };
    wait("mounted", |state| {
        matches!(state, FileSystemState::Mounted(_))
    })?;
    fuse.stop_answering();
    let sample = wait("stale", |state| *state == FileSystemState::Stale)?;
    ensure!(
        sample.incomplete.contains(&Source::Fs),
        "expected fs to be incomplete, found {sample:?}"
    );
    ensure!(
        sample.cpu.is_some() && sample.load.is_some(),
        "expected cpu and load, found {sample:?}"
    );
    fuse.resume();
    let sample = wait("mounted again", |state| {
        matches!(state, FileSystemState::Mounted(_))
    })?;
    ensure!(
        sample.file_systems.len() == 2,
        "expected 2 file systems, found {sample:?}"
    );
    drop(fuse);
    module.unload().map(drop)
}

/// What the record consists of.
pub fn raw(record: &Record) -> Result<resmon::model::record::Record<'_>> {
    let raw = record.raw();
    raw.with_context(|| format!("expected a whole record, found {:?}", record.header()))
}

/// The header of the first section of a kind.
pub fn section<C: Content>(record: &Record) -> Result<SectionHeader> {
    let mut headers = raw(record)?.sections().map(|section| section.header());
    let header = headers.find(|header| header.kind == C::KIND);
    header.with_context(|| format!("expected a section of {}, found none", C::DESCRIPTION.name))
}

/// The record right before this one, if it is kept.
fn record_before(record: &Record) -> Option<Record> {
    wait_for(record.header().seq.checked_sub(1)?).ok()
}

fn sources_off(guest: &Guest) -> Result<()> {
    let module = load_idle(guest, &module::only(&[]))?;
    let device = Device::open_writable()?;
    let has = |record: &Record| -> Result<[bool; 6]> {
        Ok([
            entry::<Load>(record).is_ok(),
            entry::<Activity>(record).is_ok(),
            entry::<Pressure>(record).is_ok(),
            entry::<Disk>(record).is_ok(),
            entry::<Net>(record).is_ok(),
            entry::<Fs>(record).is_ok(),
        ])
    };
    let check = |when: &str, record: &Record, expected: [bool; 6]| -> Result<()> {
        let found = has(record)?;
        ensure!(
            found == expected,
            "{when}, load, activity, pressure, disk, net and fs are there: {found:?}, expected \
             {expected:?}"
        );
        Ok(())
    };
    take(&device)?;
    let record = take(&device)?;
    check("with all sources off", &record, [false; 6])?;
    ensure!(
        raw(&record)?.entries::<Memory>().next().is_some(),
        "expected a section of memory with all sources off, found none"
    );
    for (index, source) in [(0, "load"), (1, "activity"), (5, "fs")] {
        module::write(source, "Y")?;
        let record = take(&device)?;
        let mut expected = [false; 6];
        expected[index] = true;
        check(&format!("with {source} on"), &record, expected)?;
        module::write(source, "N")?;
    }
    let record = take(&device)?;
    check("with all sources off again", &record, [false; 6])?;
    drop(device);
    module.unload().map(drop)
}

fn root_only(guest: &Guest) -> Result<()> {
    ensure!(
        !Path::new(Device::PATH).exists(),
        "{} is there without the module, expected none",
        Device::PATH
    );
    let missing = Device::open()
        .err()
        .context("the device was opened without the module, expected NotLoaded")?;
    ensure!(
        matches!(missing, Error::NotLoaded(_)),
        "without the module, open failed with {missing:?}, expected NotLoaded"
    );
    let module = load_idle(guest, "")?;
    let writable = Device::open_writable()?;
    let unprivileged = thread::spawn(move || -> Result<()> {
        let (user, group) = (Uid::from_raw(1000), Gid::from_raw(1000));
        set_thread_res_gid(group, group, group)?;
        set_thread_res_uid(user, user, user)?;
        let refused = Device::open()
            .err()
            .context("the device was opened by user 1000, expected PermissionDenied")?;
        ensure!(
            matches!(refused, Error::PermissionDenied(_)),
            "open by user 1000 failed with {refused:?}, expected PermissionDenied"
        );
        // Who was handed an open device can do no more than that allows.
        let interval = Duration::from_millis(1000);
        let refused = writable
            .set_interval(interval)
            .err()
            .context("the interval was set by user 1000, expected NotAdmin")?;
        ensure!(
            matches!(refused, Error::NotAdmin(_)),
            "set_interval by user 1000 failed with {refused:?}, expected NotAdmin"
        );
        let interval_ms = writable.info()?.interval_ms;
        ensure!(
            interval_ms == 3_600_000,
            "the interval is {interval_ms} ms after a refusal, expected 3600000 ms"
        );
        writable.sample_now()?;
        Ok(())
    });
    unprivileged
        .join()
        .map_err(|_| anyhow!("the thread panicked"))??;
    let reader = Device::open()?;
    let refused = reader
        .sample_now()
        .err()
        .context("a sample was taken through a device open for reading, expected ReadOnly")?;
    ensure!(
        matches!(refused, Error::ReadOnly(_)),
        "sample_now through a device open for reading failed with {refused:?}, expected ReadOnly"
    );
    drop(reader);
    module.unload().map(drop)
}

fn interval(guest: &Guest) -> Result<()> {
    let module = load_idle(guest, "")?;
    let device = Device::open_writable()?;
    for wrong in [9, 3_600_001] {
        let refused = device.set_interval(Duration::from_millis(wrong));
        ensure!(
            matches!(refused, Err(Error::Interval(_))),
            "set_interval with {wrong} ms gave {refused:?}, expected Interval"
        );
        let interval_ms = module::read("interval_ms")?;
        ensure!(
            interval_ms == 3_600_000,
            "interval_ms is {interval_ms} after {wrong} ms was refused, expected 3600000"
        );
    }
    guest.log.mark("refused")?;
    let errors = module::parameter_errors(&guest.log, module.start)?;
    ensure!(
        errors.len() == 2,
        "expected 2 error lines of the refused intervals, found {errors:?}"
    );
    device.set_interval(Duration::from_millis(50))?;
    let interval_ms = module::read("interval_ms")?;
    ensure!(
        interval_ms == 50,
        "interval_ms is {interval_ms} after it was set, expected 50"
    );
    let mut records = Device::open()?.into_records()?;
    let mut before: Option<Header> = None;
    for _ in 0..10 {
        let header = next(&mut records)?.header();
        ensure!(
            header.interval_ns == 50_000_000,
            "expected an interval of 50000000 ns, found {header:?}"
        );
        if let Some(before) = before.replace(header) {
            let ticks = 1 + header.missed_ticks - before.missed_ticks;
            let due = header.due_mono_ns - before.due_mono_ns;
            ensure!(
                due == ticks * 50_000_000,
                "{header:?} was due {due} ns after {before:?}, expected {ticks} intervals of 50 ms"
            );
        }
    }
    drop((device, records));
    module.unload().map(drop)
}

/// Takes samples until the oldest record that can be gone to is `oldest_seq`, or a later one.
pub fn take_until(device: &Device, oldest_seq: u64) -> Result<()> {
    while device.info()?.oldest_seq < oldest_seq {
        take(device)?;
    }
    Ok(())
}

fn kept(guest: &Guest) -> Result<()> {
    // The largest may be more than the machine has.
    for history_kb in [HISTORY.min, HISTORY.default, 65_536] {
        let module = load_idle(guest, &format!("history_kB={history_kb}"))?;
        let (loaded, _) = module.loaded_line()?;
        let found = module::read("history_kB")?;
        ensure!(
            found == history_kb,
            "history_kB reads as {found}, expected {history_kb}"
        );
        let refused = module::write("history_kB", "7")
            .err()
            .context("history_kB was written, expected EACCES or EPERM")?;
        let errno = Errno::from_io_error(&refused);
        ensure!(
            matches!(errno, Some(Errno::ACCESS | Errno::PERM)),
            "a write of history_kB failed with {refused}, expected EACCES or EPERM"
        );
        let device = Device::open_writable()?;
        let info = device.info()?;
        let block_kb = info.block_memory_bytes.context("no memory for blocks")? / 1024;
        ensure!(
            info.history_bytes / 1024 == loaded.history_kb + loaded.plain_kb
                && block_kb == loaded.history_kb,
            "expected the memory of {loaded:?}, found {info:?}"
        );
        ensure!(
            loaded.plain_kb >= 1024 && loaded.plain_kb * 1024 >= 2 * info.max_record_bytes,
            "expected 1 MiB of plain records and two of the largest or more, found {loaded:?} and {info:?}"
        );
        // As asked for, up to a block, or as much as two of the largest records need.
        let least_kb = (2 * info.max_record_bytes).div_ceil(1024);
        let block_kb = info.block_bytes.context("no size of a block")? / 1024;
        let expected = history_kb.max(least_kb);
        ensure!(
            loaded.history_kb > expected.saturating_sub(block_kb) && loaded.history_kb <= expected + block_kb,
            "expected history_kB={history_kb}, or {least_kb} at least, give or take a block of {block_kb} kB, found {loaded:?}"
        );
        let is_raised = |line: &Line| match line {
            Line::HistoryRaised(asked_kb, kb) => Some((*asked_kb, *kb)),
            _ => None,
        };
        let lines = module.lines(module.start)?;
        let raised: Vec<_> = lines
            .iter()
            .filter_map(|(_, line)| is_raised(line))
            .collect();
        let expected: &[(u64, u64)] = match loaded.history_kb > history_kb {
            true => &[(history_kb, loaded.history_kb)],
            false => &[],
        };
        ensure!(
            raised == expected,
            "the log says that the history was raised by {raised:?}, expected {expected:?}"
        );
        ensure!(
            (1..=least_kb + 1).contains(&loaded.encoder_kb),
            "expected the encoder to take what two of the largest records do, {least_kb} kB, found {loaded:?}"
        );
        // A record takes some 100 to 1,000 bytes, and there is one in an hour.
        let records = loaded.reach_min / 60;
        ensure!(
            (loaded.history_kb..=10 * loaded.history_kb).contains(&records),
            "expected {} kB to reach back some records for each kB, found {loaded:?}",
            loaded.history_kb
        );
        // The first one is taken at load.
        let mut last = 0;
        for _ in 0..12 {
            last = take(&device)?.header().seq;
        }
        ensure!(last == 12, "the last record is {last}, expected 12");
        let seqs: Vec<u64> = Device::history()?
            .iter()
            .map(|record| record.header().seq)
            .collect();
        let expected: Vec<u64> = (0..=last).collect();
        ensure!(
            seqs == expected,
            "the records {seqs:?} are kept, expected {expected:?}"
        );
        let info = device.info()?;
        ensure!(
            info.oldest_seq == 0 && info.history_records == last + 1,
            "expected all {last} records and one more, found {info:?}"
        );
        drop(device);
        module.unload()?;
    }
    Ok(())
}

/// Reads one record, with no room for another one.
fn read_one(device: &mut Device) -> Result<Record> {
    let mut buffer = vec![0; device.info()?.max_record_bytes as usize];
    // A short read is refused, so the smallest that is not has one record.
    for bytes in (512..=buffer.len()).step_by(512) {
        match device.read(&mut buffer[..bytes]) {
            Ok(len) => return Ok(Record::from_bytes(&buffer[..len])?),
            Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => (),
            Err(error) => return Err(error.into()),
        }
    }
    bail!("no read returned a record")
}

fn lost(guest: &Guest) -> Result<()> {
    let module = load_idle(guest, "")?;
    let device = Device::open_writable()?;
    take(&device)?;
    let mut slow = Device::open()?;
    let mut got = Got::default();
    take(&device)?;
    got.add(&read_one(&mut slow)?)?;
    for round in 0..2 {
        let due = got.last_seq + 1;
        take_until(&device, due + 6)?;
        let oldest = device.info()?.oldest_seq;
        for number in 0..4 {
            let record = read_one(&mut slow)?;
            let lost = if number == 0 { oldest - due } else { 0 };
            let header = record.header();
            ensure!(
                header.lost_records == lost,
                "expected {lost} lost records in round {round}, found {header:?}"
            );
            got.add(&record)?;
        }
    }
    ensure!(
        got.records == 9 && got.lost >= 12,
        "expected 9 records and 12 lost or more, found {got:?}"
    );
    drop((slow, device));
    module.unload().map(drop)
}

/// The module is in use as long as somebody reads, who is not disturbed; and then it can go.
fn rmmod_while_reading(guest: &Guest) -> Result<()> {
    const READERS: usize = 4;
    let module = load_idle(guest, "")?;
    let device = Device::open_writable()?;
    let (tell, told) = mpsc::channel();
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let records = Device::open()?.into_records()?;
            let tell = tell.clone();
            Ok(thread::spawn(move || {
                let mut records = records;
                let first = records.next();
                let _ = tell.send(first);
            }))
        })
        .collect::<Result<_>>()?;
    sleep_ms(200);
    for _ in 0..3 {
        let refused = module::rmmod()
            .err()
            .context("rmmod succeeded with readers, expected EAGAIN")?;
        ensure!(
            refused == Errno::AGAIN,
            "rmmod with readers failed with {refused}, expected EAGAIN"
        );
    }
    let woken = told
        .try_recv()
        .map(|first| first.map(|record| record.map(|record| record.header())));
    ensure!(
        woken.is_err(),
        "a reader woke up with {woken:?}, expected all to wait for a sample"
    );
    let seq = device.sample_now()?;
    for _ in 0..READERS {
        let record = told
            .recv_timeout(PATIENCE)
            .with_context(|| format!("expected a reader to get record {seq} within {PATIENCE:?}"))?
            .with_context(|| format!("expected a reader to get record {seq}, found the end"))??;
        ensure!(
            record.header().seq == seq,
            "expected a reader to get record {seq}, found {:?}",
            record.header()
        );
    }
    for reader in readers {
        reader.join().map_err(|_| anyhow!("a reader panicked"))?;
    }
    let refused = module::rmmod()
        .err()
        .context("rmmod succeeded with the device open, expected EAGAIN")?;
    ensure!(
        refused == Errno::AGAIN,
        "rmmod with the device open failed with {refused}, expected EAGAIN"
    );
    drop(device);
    module.unload().map(drop)
}

/// Readers that are stopped lose records and are told so; nobody else does, and samples are taken
/// as if there were none.
fn many(guest: &Guest) -> Result<()> {
    let (readers, seconds, interval_ms) = if guest.is_debug() {
        (16, 12, 50)
    } else {
        (64, 30, 10)
    };
    const STOPPED: u32 = 8;
    let parameters = format!("interval_ms={interval_ms} log_every=0");
    let start = |role: &dyn Fn(u32) -> Role| -> Result<Vec<Player>> {
        (0..readers)
            .map(|number| Player::start(myself(), role(number), None))
            .collect()
    };
    // How it is on this machine with as many programs that wake up as often, but do not read.
    let module = Module::load(&guest.log, &parameters)?;
    let tick = Role::Tick {
        seconds: seconds / 3,
        interval_ms,
    };
    for player in &mut start(&|_| tick)? {
        player.wait(PATIENCE + Duration::from_secs(seconds))?;
    }
    let (_, alone, _) = module.unload()?;

    let module = Module::load(&guest.log, &parameters)?;
    let mut players = start(&|number| Role::Read { seconds, number })?;
    thread::sleep(Duration::from_secs(seconds / 4));
    for player in players.iter().take(STOPPED as usize) {
        player.signal(Signal::STOP)?;
    }
    let next_seq = || -> Result<u64> { Ok(Device::open()?.info()?.next_seq) };
    let stopped_seq = next_seq()?;
    // Before the first one was lost, it is not known how many there are.
    let oldest_seq = Device::open()?.info()?.oldest_seq;
    let plain_records = (oldest_seq > 0).then(|| stopped_seq - oldest_seq);
    thread::sleep(Duration::from_secs(seconds / 2));
    let taken_meanwhile = next_seq()? - stopped_seq;
    for player in players.iter().take(STOPPED as usize) {
        player.signal(Signal::CONT)?;
    }
    for player in &mut players {
        let status = player.wait(PATIENCE + Duration::from_secs(seconds))?;
        ensure!(
            status.success(),
            "a reader ended with {status}, expected success"
        );
    }
    let (_, unloaded, _) = module.unload()?;
    let taken = unloaded.samples + unloaded.missed;
    let mut lost = 0;
    for number in 0..readers {
        let got = Got::of(number)?;
        // Each record is there or was said to be lost: the readers have looked at that.
        ensure!(
            got.last_seq - got.first_seq + 1 == got.records + got.lost,
            "reader {number} has {got:?}, expected each of {} records to be read or lost",
            got.last_seq - got.first_seq + 1
        );
        ensure!(
            got.records > 0 && got.last_seq < unloaded.samples,
            "reader {number} has {got:?}, expected records, of the {} that were taken",
            unloaded.samples
        );
        // On a slow host too few records may have come while they were stopped to lose any.
        if number < STOPPED && plain_records.is_some_and(|plain| taken_meanwhile > plain) {
            ensure!(
                got.lost > 0,
                "reader {number} was stopped, expected it to lose records, found {got:?}"
            );
        } else {
            lost += got.lost;
        }
    }
    crate::report(&format!(
        "# {readers} readers: {taken} samples due, {} taken, {} late, {} missed, {lost} lost by \
         readers that were not stopped; beside programs that only wake up: {} taken, {} late, {} \
         missed",
        unloaded.samples, unloaded.late, unloaded.missed, alone.samples, alone.late, alone.missed
    ));
    // Emulated CPUs take turns, so a few may be missed whatever is done.
    const SPARE_PERCENT: u64 = 5;
    let share = |part: u64, whole: u64| part * 100 / whole.max(1);
    let bar = share(alone.missed, alone.samples + alone.missed) + SPARE_PERCENT;
    ensure!(
        !guest.judges_time() || share(unloaded.missed, taken) <= bar,
        "{} % of the samples were missed with readers, expected at most {bar} %: {unloaded:?}, \
         without readers {alone:?}",
        share(unloaded.missed, taken)
    );
    Ok(())
}
