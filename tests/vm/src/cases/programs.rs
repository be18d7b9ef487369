// SPDX-License-Identifier: GPL-2.0

//! `resmon` as a user runs it, against the kernel's own numbers.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Context, Result};
use resmon::model::record;
use resmon::Device;
use rustix::fs::OFlags;
use serde_json::Value;

use super::device::{came, counted_ticks, load_idle, take, work, Proc, Round};
use super::fs::Mounted;
use super::{sleep_ms, Case, Clock, Guest, Needs};
use crate::module::{self, Module, PATIENCE};
use crate::terminal::Terminal;
use crate::{netlink, proc, tools};

pub const CASES: &[Case] = &[
    Case {
        name: "resmon without the module",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: |_| without_module(),
    },
    Case {
        name: "resmon log against /proc",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: log,
    },
    Case {
        name: "resmon log and its options",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: options,
    },
    Case {
        name: "resmon status and interval",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: status,
    },
    Case {
        name: "resmon record, plot and top",
        needs: Needs::Drivers,
        clock: Clock::Any,
        run: pictures,
    },
    Case {
        name: "resmon shows one series of blocks and plain records",
        needs: Needs::Terminals,
        clock: Clock::Instructions,
        run: one_series,
    },
    Case {
        name: "records reach the disk while resmon runs",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: reach_disk,
    },
    Case {
        name: "keys of resmon top",
        needs: Needs::Terminals,
        clock: Clock::Instructions,
        run: keys,
    },
    Case {
        name: "resmon export against /proc",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: export,
    },
    Case {
        name: "Prometheus scrapes resmon",
        needs: Needs::Program("prometheus"),
        clock: Clock::Instructions,
        run: prometheus,
    },
];

const RESMON: &str = "/resmon";

/// A user without any rights.
const NOBODY: u32 = 65534;

fn resmon(arguments: &[&str]) -> Result<Output> {
    let output = Command::new(RESMON)
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    output.context(RESMON)
}

/// What it prints when all goes well.
pub fn printed(arguments: &[&str]) -> Result<String> {
    let output = resmon(arguments)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() && errors.is_empty(),
        "resmon {} ended with {}, expected success and no errors; it printed {:?}",
        arguments.join(" "),
        output.status,
        errors.trim()
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// The one line that it says when it cannot do it.
fn refused(arguments: &[&str], code: i32) -> Result<String> {
    let output = resmon(arguments)?;
    let errors = String::from_utf8(output.stderr)?;
    ensure!(
        output.status.code() == Some(code),
        "resmon {} ended with {}, expected code {code}; it printed {errors:?}",
        arguments.join(" "),
        output.status
    );
    ensure!(
        code == 2 || errors.lines().count() == 1,
        "resmon {} printed {errors:?}, expected one line",
        arguments.join(" ")
    );
    Ok(errors)
}

fn must_contain(said: &str, text: &str) -> Result<()> {
    ensure!(said.contains(text), "expected {text:?}, found {said:?}");
    Ok(())
}

/// A program that runs until this goes out of scope.
struct Running(Child);

impl Running {
    fn start(arguments: &[&str]) -> Result<Running> {
        let child = Command::new(RESMON)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        Ok(Running(child.context(RESMON)?))
    }

    /// Waits until it has the device open.
    fn wait_open(&self) -> Result<()> {
        let folder = format!("/proc/{}/fd", self.0.id());
        let deadline = Instant::now() + PATIENCE;
        loop {
            let is_device = |entry: std::io::Result<fs::DirEntry>| {
                let file = fs::read_link(entry.ok()?.path()).ok()?;
                (file.to_str() == Some(Device::PATH)).then_some(())
            };
            if fs::read_dir(&folder)?.find_map(is_device).is_some() {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "resmon has not opened {} within {PATIENCE:?}, expected it among its open files",
                Device::PATH
            );
            sleep_ms(5);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn without_module() -> Result<()> {
    for command in [
        &["status"][..],
        &["log"],
        &["interval"],
        &["top", "--once"],
        &["record", "/tmp/none.rec"],
        &["plot", "--out", "/tmp/none.svg"],
        &["export", "--once"],
    ] {
        let said = refused(command, 1)?;
        must_contain(
            &said,
            "insmod resource_monitor.ko, or modprobe resource_monitor",
        )?;
    }
    for file in ["/tmp/none.rec", "/tmp/none.svg"] {
        let found = fs::metadata(file);
        ensure!(
            found.is_err(),
            "{file} was made without the module, expected no file, found {found:?}"
        );
    }
    Ok(())
}

fn number(sample: &Value, pointer: &str) -> Result<f64> {
    let value = sample.pointer(pointer).and_then(Value::as_f64);
    value.with_context(|| format!("expected a number at {pointer}, found {sample}"))
}

/// The member of a list that has this value.
fn member<'a>(sample: &'a Value, list: &str, key: &str, value: &Value) -> Result<&'a Value> {
    let members = sample[list]
        .as_array()
        .with_context(|| format!("expected a list {list}, found {sample}"))?;
    let found = members.iter().find(|member| member[key] == *value);
    found.with_context(|| format!("expected {key} {value} in {list}, found {members:?}"))
}

/// What is printed for a sample is what came between it and the one before.
fn log(guest: &Guest) -> Result<()> {
    work(guest, 1)?;
    let module = load_idle(guest, "")?;
    let device = Device::open_writable()?;
    let round = || -> Result<Round> {
        let before = Proc::read()?;
        let record = take(&device)?;
        Ok((before, record, Proc::read()?))
    };
    let first = round()?;
    let mut log = Running::start(&["log", "--json", "--follow", "-n", "0", "--count", "1"])?;
    log.wait_open()?;
    work(guest, 4)?;
    let second = round()?;
    let mut line = String::new();
    let out = log.0.stdout.take();
    let out = out.context("expected a pipe from resmon log, found none")?;
    BufReader::new(out).read_line(&mut line)?;
    let sample: Value = serde_json::from_str(&line)
        .with_context(|| format!("expected a sample in JSON, found {line:?}"))?;
    ensure!(
        sample["seq"] == second.1.header().seq,
        "seq is {}, expected that of {:?}",
        sample["seq"],
        second.1.header()
    );
    check(guest, &first, &sample, &second)?;
    // The kernel's name of the boot, and the module's.
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let header = second.1.header();
    let ids = [header.boot_id, header.load_id].map(|id| format!("{:016x}", id.unwrap_or(0)));
    ensure!(
        sample["boot_id"] == boot_id.trim()
            && [&sample["module_boot_id"], &sample["module_load_id"]] == [&ids[0], &ids[1]],
        "expected the boot {:?} and the module's boot and load {ids:?}, found {line}",
        boot_id.trim()
    );
    drop((log, device));
    module.unload().map(drop)
}

fn check(guest: &Guest, first: &Round, sample: &Value, second: &Round) -> Result<()> {
    let elapsed = number(sample, "/elapsed_s")?;
    let rate = |of: &Value, pointer: &str| Ok::<_, anyhow::Error>(number(of, pointer)? * elapsed);
    let disk = member(sample, "disks", "name", &"vdb".into())?;
    let net = member(sample, "nets", "name", &"lo".into())?;
    let disks =
        |of: fn(&crate::blockdev::Counters) -> u64| move |proc: &Proc| of(&proc.disks["vdb"]);
    for (what, of, amount) in [
        (
            "reads",
            disks(|disk| disk.reads),
            rate(disk, "/reads_per_second")?,
        ),
        (
            "writes",
            disks(|disk| disk.writes),
            rate(disk, "/writes_per_second")?,
        ),
        (
            "bytes read",
            disks(|disk| disk.read_sectors * 512),
            rate(disk, "/read_bytes_per_second")?,
        ),
        (
            "bytes written",
            disks(|disk| disk.written_sectors * 512),
            rate(disk, "/written_bytes_per_second")?,
        ),
    ] {
        came(what, of, first, second, amount)?;
    }
    came(
        "packets",
        |proc| proc.nets["lo"].rx_packets,
        first,
        second,
        rate(net, "/received/packets_per_second")?,
    )?;
    for (name, pointer) in [
        ("pgfault", "/activity/faults_per_second"),
        ("pgmajfault", "/activity/major_faults_per_second"),
    ] {
        came(
            name,
            |proc| proc::vmstat(&proc.vmstat, name).unwrap_or(0),
            first,
            second,
            rate(sample, pointer)?,
        )?;
    }
    let cpu = guest.last_cpu();
    let shown = member(sample, "cpus", "id", &cpu.into())?;
    for (index, pointer) in [(0, "/user_percent"), (2, "/system_percent")] {
        // In hundredths of a second, as /proc/stat has it.
        let ticks = number(shown, pointer)? / 100.0 * counted_ticks(cpu, first, second);
        came(pointer, |proc| proc.stat[&cpu][index], first, second, ticks)?;
    }
    let user_percent = number(shown, "/user_percent")?;
    ensure!(
        user_percent > 5.0,
        "user_percent is {user_percent} under a load, expected more than 5: {shown}"
    );
    let total = second.0.meminfo["MemTotal"] * 1024;
    ensure!(
        sample["memory"]["total_bytes"] == total,
        "expected {total} total_bytes, found {}",
        sample["memory"]
    );
    let root = member(sample, "file_systems", "path", &"/".into())?;
    ensure!(
        root["state"] == "mounted",
        "expected the state mounted, found {root}"
    );
    Ok(())
}

fn options(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=50 log_every=0")?;
    let lines = printed(&["log", "--follow", "--count", "3"])?;
    ensure!(
        lines.lines().count() >= 4,
        "resmon log printed {} lines, expected 4 or more: {lines:?}",
        lines.lines().count()
    );
    let lines = printed(&["log", "--csv", "--follow", "--count", "4"])?;
    let columns: Vec<usize> = lines.lines().map(|line| line.split(',').count()).collect();
    ensure!(
        columns.len() == 5 && columns[0] > 10,
        "the lines of resmon log --csv have {columns:?} columns, expected 5 lines of more than 10: \
         {lines:?}"
    );
    ensure!(
        columns.iter().all(|count| *count == columns[0]),
        "the lines of resmon log --csv have {columns:?} columns, expected {} in all: {lines:?}",
        columns[0]
    );
    let kept = printed(&[
        "log", "--json", "--since", "all", "--follow", "--count", "5",
    ])?;
    let seqs = kept
        .lines()
        .map(|line| Ok(serde_json::from_str::<Value>(line)?["seq"].clone()))
        .collect::<Result<Vec<_>>>()?;
    // From the first ones on.
    ensure!(
        seqs == [1, 2, 3, 4, 5].map(Value::from),
        "the samples that are kept have the seqs {seqs:?}, expected 1 to 5"
    );
    // Without --follow it ends with what there is. More was asked for than is kept, if by a span.
    let newest: Value = serde_json::from_str(&printed(&["log", "--json", "-n", "1"])?)?;
    ensure!(
        newest["seq"].as_u64() >= Some(5),
        "the newest sample has the seq {}, expected 5 or more",
        newest["seq"]
    );
    printed(&["log"])?;
    refused(&["log", "--since", "1h"], 1)?;
    refused(&["log", "--since", "2999-01-01"], 1)?;
    // Nobody reads on.
    let mut log = Running::start(&["log", "--follow"])?;
    drop(log.0.stdout.take());
    let status = log.0.wait()?;
    ensure!(
        status.code() == Some(0),
        "resmon log ended with {status} on a closed pipe, expected success"
    );
    for wrong in [&["log", "--since", "soon"][..], &["log", "--count", "x"]] {
        refused(wrong, 2)?;
    }
    module.unload().map(drop)
}

/// Some bytes of a disk, as direct I/O needs them.
#[repr(align(4096))]
struct Block([u8; 1 << 16]);

/// Which records of this load are on a disk itself, rather than in memory that is to be written.
fn on_disk(path: &str, load_id: u64) -> Result<BTreeSet<u64>> {
    const WORDS: usize = 16;
    let mut disk = fs::OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::DIRECT.bits() as _)
        .open(path)
        .context(path.to_owned())?;
    let mut block = Box::new(Block([0; 1 << 16]));
    let mut bytes = Vec::new();
    loop {
        let read = disk.read(&mut block.0).context(path.to_owned())?;
        if read == 0 {
            break;
        }
        bytes.extend_from_slice(&block.0[..read]);
    }
    // Files begin at a whole block, and all that records are made of are words.
    let magic = record::MAGIC.to_le_bytes();
    let begins = bytes.chunks_exact(8).enumerate();
    let begins = begins.filter(|(_, word)| **word == magic);
    let headers = begins.filter_map(|(at, _)| bytes.get(at * 8..)?.get(..8 * WORDS));
    let headers = headers.map(|header| -> Vec<u64> {
        let words = header.chunks_exact(8).map(|word| word.try_into());
        words
            .map(|word| word.map_or(0, u64::from_le_bytes))
            .collect()
    });
    let of_load = headers.filter(|words| words.contains(&load_id));
    Ok(of_load.map(|words| words[record::SEQ_AT]).collect())
}

/// What was recorded a second ago is on the disk, and survives what comes.
fn reach_disk(guest: &Guest) -> Result<()> {
    const DISK: &str = "/dev/vda";
    const FOLDER: &str = "/tmp/recorded";
    let module = Module::load(&guest.log, "interval_ms=100 log_every=0")?;
    let mounted = Mounted::new(DISK, FOLDER, "ext4", "")?;
    let device = Device::open_writable()?;
    let load_id = take(&device)?.header().load_id.context("no load id")?;
    for (sync, is_synced) in [("1h", false), ("200ms", true)] {
        let file = format!("{FOLDER}/{sync}.rec");
        let first = device.info()?.next_seq;
        let mut record = Running::start(&["record", &file, "--raw", "--sync", sync])?;
        record.wait_open()?;
        let until = device.info()?.next_seq + 5;
        super::device::wait_for(until)?;
        // Later than it may be, by the clock that its patience goes by.
        sleep_ms(400);
        let there = on_disk(DISK, load_id)?;
        let recorded: Vec<u64> = (first.max(1)..until).collect();
        let found = recorded.iter().filter(|seq| there.contains(seq)).count();
        ensure!(
            if is_synced { found + 2 >= recorded.len() } else { found == 0 },
            "with --sync {sync}, {found} of the records {first} to {until} are on the disk, expected {}",
            if is_synced { "all but the first" } else { "none yet" }
        );
        record.0.kill()?;
        record.0.wait()?;
        fs::remove_file(&file)?;
    }
    // A file that is appended to has each record once.
    let file = format!("{FOLDER}/appended.rec");
    for _ in 0..3 {
        let count = 2 + device.info()?.next_seq / 3;
        let count = count.to_string();
        printed(&["record", &file, "--history", "--append", "--count", &count])?;
    }
    let records = resmon::Records::open(&file)?.collect::<resmon::Result<Vec<_>>>()?;
    let seqs: Vec<u64> = records.iter().map(|record| record.header().seq).collect();
    let expected: Vec<u64> = (0..seqs.len() as u64).collect();
    ensure!(
        seqs == expected && seqs.len() > 6,
        "the file has the seqs {seqs:?}, expected all from 0 on"
    );
    drop((device, mounted));
    module.unload().map(drop)
}

/// To change the interval takes a capability, and it says so.
fn interval_of_others() -> Result<()> {
    let output = Command::new(RESMON)
        .args(["interval", "1s"])
        .uid(NOBODY)
        .output();
    let output = output.context(RESMON)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(1)
            && errors == "resmon: cannot set the interval: permission denied: it needs CAP_SYS_ADMIN\n",
        "resmon interval ended with {} and printed {errors:?}, expected that it needs CAP_SYS_ADMIN",
        output.status
    );
    Ok(())
}

fn status(guest: &Guest) -> Result<()> {
    let module = load_idle(guest, "history_kB=3072")?;
    let status: Value = serde_json::from_str(&printed(&["status", "--json"])?)?;
    let text = status.to_string();
    ensure!(
        text.contains("3600000") || text.contains("3600"),
        "expected the interval 3600000 or 3600, found {text}"
    );
    must_contain(&printed(&["status"])?, "history_kB=3072")
        .context("the history of resmon status")?;
    interval_of_others()?;
    let interval_is = |expected: &str| -> Result<()> {
        let said = printed(&["interval"])?;
        ensure!(
            said.trim() == expected,
            "resmon interval printed {said:?}, expected {expected:?}"
        );
        Ok(())
    };
    let parameter_is_250 = |when: &str| -> Result<()> {
        let interval_ms = module::read("interval_ms")?;
        ensure!(
            interval_ms == 250,
            "interval_ms is {interval_ms} {when}, expected 250"
        );
        Ok(())
    };
    interval_is("1h")?;
    let said = printed(&["interval", "250ms"])?;
    ensure!(
        said.len() < 80,
        "resmon interval 250ms printed {} bytes, expected fewer than 80: {said:?}",
        said.len()
    );
    parameter_is_250("after it was set")?;
    interval_is("250ms")?;
    must_contain(&refused(&["interval", "5ms"], 2)?, "10ms to 1h")?;
    must_contain(&refused(&["interval", "soon"], 2)?, "soon")?;
    parameter_is_250("after others were refused")?;
    module.unload().map(drop)
}

fn pictures(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=100 log_every=0 fs_paths=/,/tmp")?;
    work(guest, 2)?;
    sleep_ms(500);
    let file = "/tmp/some.rec";
    printed(&["record", file, "--history", "--count", "6"])?;
    let recorded = resmon::Records::open(file)?.collect::<resmon::Result<Vec<_>>>()?;
    let seqs: Vec<u64> = recorded.iter().map(|record| record.header().seq).collect();
    ensure!(
        seqs == [0, 1, 2, 3, 4, 5],
        "the records of the file have the seqs {seqs:?}, expected 0 to 5"
    );
    must_contain(&refused(&["record", file], 1)?, file)?;
    fs::remove_file(file)?;

    let screen = printed(&["top", "--once"])?;
    let widest = screen.lines().map(|line| line.chars().count()).max();
    ensure!(
        screen.lines().count() <= 24 && widest <= Some(80),
        "resmon top printed {} lines of at most {widest:?} columns, expected at most 24 of \
         80:\n{screen}",
        screen.lines().count()
    );
    for word in ["vda", "/tmp", "pressure"] {
        ensure!(
            screen.to_lowercase().contains(word),
            "expected {word} on the screen of resmon top, found:\n{screen}"
        );
    }
    for (file, start) in [
        ("/tmp/plot.svg", b"<svg".as_slice()),
        ("/tmp/plot.png", b"\x89PNG"),
    ] {
        printed(&["plot", "--out", file])?;
        let picture = fs::read(file)?;
        let starts = picture
            .windows(start.len())
            .take(200)
            .any(|part| part == start);
        ensure!(
            starts && picture.len() > 5000,
            "{file} has {} bytes and its start is there: {starts}, expected more than 5000 bytes \
             and {:?} near the start",
            picture.len(),
            String::from_utf8_lossy(start)
        );
        fs::remove_file(file)?;
    }
    module.unload().map(drop)
}

/// What is encoded and what is still plain is one series for each command that looks at the past.
fn one_series(guest: &Guest) -> Result<()> {
    // Several blocks.
    const ENCODED: u64 = 1000;
    let module = Module::load(&guest.log, "interval_ms=10 log_every=0")?;
    let device = Device::open()?;
    let deadline = Instant::now() + PATIENCE;
    while device.info()?.block_records < Some(ENCODED) {
        ensure!(
            Instant::now() < deadline,
            "fewer than {ENCODED} records are encoded after {PATIENCE:?}"
        );
        sleep_ms(100);
    }
    // From here on, what is kept stays as it is.
    module::write("interval_ms", "3600000")?;
    let history = Device::history()?;
    let numbers: Vec<u64> = history.iter().map(|record| record.header().seq).collect();
    let plain_seq = device.info()?.oldest_seq;
    ensure!(
        numbers.iter().copied().eq(0..numbers.len() as u64)
            && (ENCODED..numbers.len() as u64).contains(&plain_seq),
        "expected records from 0 on, and plain ones from {ENCODED} or later, found {} from {:?} \
         to {:?}, plain from {plain_seq}",
        numbers.len(),
        numbers.first(),
        numbers.last()
    );

    // The first record makes no sample.
    let expected = &numbers[1..];
    let output = resmon(&["log", "--since", "23h", "--csv"])?;
    // No day has passed, so it says from when on there is something.
    must_contain(&String::from_utf8(output.stderr)?, "there are samples from")?;
    let csv = String::from_utf8(output.stdout)?;
    let mut rows = csv.lines().map(|row| row.split(',').collect::<Vec<_>>());
    let names = rows.next().context("no names of columns")?;
    let column = names.iter().position(|name| *name == "seq");
    let column = column.context("no column seq")?;
    let found: Vec<u64> = rows
        .map(|row| Ok(row.get(column).context("no seq")?.parse()?))
        .collect::<Result<_>>()?;
    ensure!(
        found == expected,
        "resmon log --since 23h has {} rows, {:?} to {:?}, expected each from 1 to {:?} once",
        found.len(),
        found.first(),
        found.last(),
        expected.last()
    );

    // The picture is that of a recording of the same records.
    let (file, live, recorded) = ("/tmp/series.rec", "/tmp/live.svg", "/tmp/recorded.svg");
    let count = numbers.len().to_string();
    printed(&["record", file, "--history", "--count", &count])?;
    printed(&["plot", "--title", "series", "--out", live])?;
    printed(&[
        "plot", "--title", "series", "--from", file, "--out", recorded,
    ])?;
    let [live_bytes, recorded_bytes] = [fs::read(live)?, fs::read(recorded)?];
    ensure!(
        live_bytes == recorded_bytes,
        "the picture of the device has {} bytes, expected the {} of its records",
        live_bytes.len(),
        recorded_bytes.len()
    );
    for file in [file, live, recorded] {
        fs::remove_file(file)?;
    }

    let status = printed(&["status"])?;
    must_contain(&status, &format!("{count} kept, "))?;
    must_contain(&status, ", which reach back ")?;

    // The past arrives after the newest.
    let mut top = Terminal::start(RESMON, &["top"], 80, 24)?;
    top.wait_for("live")?;
    let oldest = format!(" {} back", expected.len() - 1);
    let deadline = Instant::now() + PATIENCE;
    loop {
        top.press(HOME)?;
        top.wait_for(" back")?;
        let screen = top.contents()?;
        if screen.contains(&oldest) {
            break;
        }
        ensure!(
            Instant::now() < deadline,
            "expected {oldest:?} on the screen of resmon top within {PATIENCE:?}, found:\n\
             {screen}"
        );
    }
    top.press("q")?;
    top.wait_end()?;
    drop(device);
    module.unload().map(drop)
}

/// What the key that goes to the begin sends.
const HOME: &str = "\x1b[H";

/// The live screen, by what its keys do to the module and what it writes.
fn keys(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=100 log_every=0")?;
    let mut top = Terminal::start(RESMON, &["top"], 80, 24)?;
    top.wait_for("q quit")?;
    let wait_interval = |interval_ms: u64| -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = module::read("interval_ms")?;
            if found == interval_ms {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "interval_ms is {found} after {PATIENCE:?}, expected {interval_ms}"
            );
            sleep_ms(10);
        }
    };
    for (key, interval_ms) in [("+", 200), ("+", 500), ("-", 200)] {
        top.press(key)?;
        wait_interval(interval_ms).with_context(|| format!("after {key}"))?;
    }
    // The screen goes on with samples of the new interval.
    top.wait_for("every 200 ms")?;
    top.press("?")?;
    top.wait_for("Keys of resmon top")?;
    // Which leaves the help alone.
    top.press("q")?;
    top.wait_until("the help is gone", |screen| {
        !screen.contents().contains("Keys of resmon top")
    })?;
    // A pause before the first sample is ignored, and one more sample turns "paused" into "1 back".
    top.wait_for("live")?;
    top.press(" ")?;
    top.wait_until("paused, or some samples back", |screen| {
        let text = screen.contents();
        text.contains("paused") || text.contains(" back")
    })?;
    top.resize(120, 40)?;
    top.wait_until("the keys are in the last row", |screen| {
        let rows: Vec<String> = screen.rows(0, 120).collect();
        rows.len() == 40 && rows[39].contains("q quit")
    })?;
    top.press("q")?;
    top.wait_end()?;
    module.unload().map(drop)
}

/// The value of a metric.
fn metric(text: &str, name: &str) -> Result<f64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = line.with_context(|| format!("expected {name}, found none in {text:?}"))?;
    value
        .parse()
        .with_context(|| format!("{name} is {value:?}, expected a number"))
}

/// Fetches the metrics until there are some.
pub fn scrape(address: &str) -> Result<String> {
    let deadline = Instant::now() + PATIENCE;
    let url = format!("http://{address}/metrics");
    loop {
        match tools::busybox(&["wget", "-q", "-O", "-", &url]) {
            Ok(text) => return Ok(text),
            Err(error) if Instant::now() > deadline => {
                return Err(error)
                    .with_context(|| format!("expected metrics at {url} within {PATIENCE:?}"))
            }
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}

fn export(guest: &Guest) -> Result<()> {
    const ADDRESS: &str = "127.0.0.1:9950";
    work(guest, 1)?;
    let module = load_idle(guest, "")?;
    let device = Device::open_writable()?;
    let export = Running::start(&["export", "--listen", ADDRESS])?;
    scrape(ADDRESS)?;
    let before = Proc::read()?;
    let record = take(&device)?;
    let after = Proc::read()?;
    let deadline = Instant::now() + PATIENCE;
    let samples = record.header().seq as f64 + 1.0;
    let text = loop {
        let text = scrape(ADDRESS)?;
        let shown = metric(&text, "resource_monitor_samples_total")?;
        if shown == samples {
            break text;
        }
        ensure!(
            Instant::now() < deadline,
            "resource_monitor_samples_total is {shown} after {PATIENCE:?}, expected {samples}"
        );
    };
    let disk = |proc: &Proc| proc.disks["vdb"].reads as f64;
    let net = |proc: &Proc| proc.nets["lo"].rx_bytes as f64;
    let cpu = |proc: &Proc| proc.stat[&0][0] as f64 / 100.0;
    let faults = |proc: &Proc| proc::vmstat(&proc.vmstat, "pgfault").unwrap_or(0) as f64;
    for (name, least, most) in [
        (
            "node_disk_reads_completed_total{device=\"vdb\"}",
            disk(&before),
            disk(&after),
        ),
        (
            "node_network_receive_bytes_total{device=\"lo\"}",
            net(&before),
            net(&after),
        ),
        (
            "node_cpu_seconds_total{cpu=\"0\",mode=\"user\"}",
            cpu(&before),
            cpu(&after) + 0.01,
        ),
        ("node_vmstat_pgfault", faults(&before), faults(&after)),
    ] {
        let value = metric(&text, name)?;
        ensure!(
            (least..=most).contains(&value),
            "{name} is {value}, expected {least} to {most}, as the kernel said before and after"
        );
    }
    let total = metric(&text, "node_memory_MemTotal_bytes")?;
    let expected = before.meminfo["MemTotal"] as f64 * 1024.0;
    ensure!(
        total == expected,
        "node_memory_MemTotal_bytes is {total}, expected {expected}"
    );
    let up = metric(&text, "resource_monitor_up")?;
    ensure!(up == 1.0, "resource_monitor_up is {up}, expected 1");
    ensure!(
        text.ends_with("\nresource_monitor_up 1\n"),
        "the last line of the metrics is {:?}, expected \"resource_monitor_up 1\" and a newline",
        text.lines().last()
    );
    // A second one cannot listen there.
    must_contain(&refused(&["export", "--listen", ADDRESS], 1)?, ADDRESS)?;
    drop((export, device));
    module.unload().map(drop)
}

/// The value that Prometheus has for a query, once it has one.
fn query(what: &str) -> Result<f64> {
    let deadline = Instant::now() + PATIENCE;
    let mut said = String::new();
    while Instant::now() < deadline {
        let url = format!("http://127.0.0.1:9090/api/v1/query?query={what}");
        if let Ok(text) = tools::busybox(&["wget", "-q", "-O", "-", &url]) {
            let answer: Value = serde_json::from_str(&text)
                .with_context(|| format!("expected an answer in JSON, found {text:?}"))?;
            let value = answer
                .pointer("/data/result/0/value/1")
                .and_then(Value::as_str);
            if let Some(value) = value {
                return value
                    .parse()
                    .with_context(|| format!("expected a number, found {value:?} in {text}"));
            }
            said = text;
        }
        sleep_ms(200);
    }
    bail!("expected a value for {what} within {PATIENCE:?}, found {said:?}")
}

/// Debian's Prometheus, with the configuration that comes with resmon.
fn prometheus(guest: &Guest) -> Result<()> {
    netlink::set_up("lo", true)?;
    let module = Module::load(&guest.log, "interval_ms=500 log_every=0 fs_paths=/")?;
    let export = Running::start(&["export"])?;
    let prometheus = tools::Running::start(&[
        "chroot",
        tools::PROGRAMS,
        "/prometheus",
        "--config.file=/prometheus.yml",
        "--storage.tsdb.path=/tmp",
        "--web.listen-address=127.0.0.1:9090",
    ])?;
    let up = query("up%7Bjob=%22resource_monitor%22%7D")?;
    ensure!(up == 1.0, "up is {up} in Prometheus, expected 1");
    let total = query("node_memory_MemTotal_bytes")?;
    let meminfo = proc::meminfo(&fs::read_to_string("/proc/meminfo")?)?;
    let expected = meminfo["MemTotal"] as f64 * 1024.0;
    ensure!(
        total == expected,
        "node_memory_MemTotal_bytes is {total} in Prometheus, expected {expected}"
    );
    let cpus = query("count(node_cpu_seconds_total%7Bmode=%22idle%22%7D)")?;
    ensure!(
        cpus == f64::from(guest.cpus),
        "Prometheus counts {cpus} CPUs, expected {}",
        guest.cpus
    );
    // A question of the kind that dashboards ask.
    let idle = query("100*avg(rate(node_cpu_seconds_total%7Bmode=%22idle%22%7D%5B10s%5D))")?;
    ensure!(
        (0.0..=101.0).contains(&idle),
        "Prometheus has the CPUs {idle} % idle, expected 0 % to 101 %"
    );
    // A sample is taken twice a second. Of a time that it has not seen all of, Prometheus gives less.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rate = query("rate(resource_monitor_samples_total%5B5s%5D)")?;
        if (1.5..=2.5).contains(&rate) {
            break;
        }
        ensure!(
            Instant::now() < deadline,
            "Prometheus has {rate} samples per second after {PATIENCE:?}, expected 1.5 to 2.5"
        );
        sleep_ms(500);
    }
    drop((prometheus, export));
    module.unload().map(drop)
}
