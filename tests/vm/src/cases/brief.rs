// SPDX-License-Identifier: GPL-2.0

//! The one line of a sample, which the log has by default, against what the library makes of the same
//! records. That is compared with `/proc` elsewhere.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Context, Result};
use resmon::{Device, Sample};
use rustix::fs::OFlags;

use super::device::{take, wait_for, work};
use super::{sleep_ms, Case, Clock, Guest, Needs};
use crate::kmsg::Mark;
use crate::lines::{self, Allowed, Brief, Line, PREFIX};
use crate::module::{self, Module, PATIENCE};
use crate::tools::busybox;

pub const CASES: &[Case] = &[
    Case {
        name: "brief lines",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: against_records,
    },
    Case {
        name: "brief lines of what is off",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: off,
    },
    Case {
        name: "brief lines and full ones",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: both,
    },
    Case {
        name: "the boot log stays for half an hour",
        needs: Needs::SmallLog,
        clock: Clock::Instructions,
        run: boot_log_stays,
    },
];

/// The bytes of a line in the kernel's log on test machines, and at most.
const USUAL_BYTES: usize = 230;

const IDLE: &str = "interval_ms=3600000";

/// The lines that a sample makes, once there is one that `is_last`.
fn lines_since(guest: &Guest, from: Mark, is_last: impl Fn(&Line) -> bool) -> Result<Vec<Line>> {
    guest
        .log
        .wait(from, PATIENCE, "the lines of a sample", |records| {
            let mut lines = Vec::new();
            for record in records {
                lines.extend(lines::parse_record(record)?);
            }
            Ok(lines.iter().any(&is_last).then_some(lines))
        })
}

/// Takes a sample, whose one line this is.
fn take_brief(guest: &Guest, device: &Device) -> Result<(resmon::Record, Brief)> {
    let start = guest.log.mark("brief")?;
    let record = take(device)?;
    let lines = lines_since(guest, start, |line| matches!(line, Line::Brief(_)))?;
    let [Line::Brief(brief)] = &lines[..] else {
        bail!("a sample made the lines {lines:?}, expected one that sums it up");
    };
    Ok((record, brief.clone()))
}

/// Whether a number with one decimal, or as many as `scale` has zeros, is that of the library.
fn check(what: &str, shown: u64, scale: f64, expected: f64, off_by: f64) -> Result<()> {
    let shown = shown as f64 / scale;
    ensure!(
        (shown - expected).abs() <= off_by + expected * 1e-6,
        "{what} is {shown}, expected {expected}"
    );
    Ok(())
}

fn check_line(brief: &Brief, sample: &Sample) -> Result<()> {
    let cpu = sample.cpu.context("no CPU")?;
    let expected = [
        cpu.programs_percent(),
        cpu.kernel_percent(),
        cpu.idle_percent,
        cpu.iowait_percent,
        cpu.steal_percent,
    ];
    for (shown, expected) in brief.shares.iter().zip(expected) {
        check("a share", u64::from(*shown), 10.0, expected, 0.101)?;
    }
    let memory = sample.memory.context("no memory")?;
    check(
        "used",
        brief.used_kb,
        1.0,
        memory.used_bytes as f64 / 1024.0,
        0.0,
    )?;
    let available_kb = memory.available_bytes as f64 / 1024.0;
    check("avail", brief.available_kb, 1.0, available_kb, 0.0)?;
    if let Some(swap) = sample.swap {
        check(
            "swap_free",
            brief.swap_free_kb,
            1.0,
            swap.free_bytes as f64 / 1024.0,
            0.0,
        )?;
    }
    let load = sample.load.context("no load")?;
    check(
        "load",
        brief.load.context("no load=")?,
        100.0,
        load.one_minute,
        0.01,
    )?;
    let running = sample.running.map(|running| running.tasks);
    ensure!(
        brief.running == running,
        "run is {:?}, expected {running:?}",
        brief.running
    );
    ensure!(
        brief.pressure.is_some() == sample.pressure.is_some(),
        "psi= is {:?}, expected {:?}",
        brief.pressure,
        sample.pressure
    );
    if let (Some(shown), Some(pressure)) = (brief.pressure, sample.pressure) {
        let expected = [
            pressure.cpu_some_percent,
            pressure.memory_some_percent,
            pressure.io_some_percent,
        ];
        for (shown, expected) in shown.iter().zip(expected) {
            check("psi", u64::from(*shown), 10.0, expected, 0.051)?;
        }
    }
    let flows = [
        ("rkB", sample.disk_total(|disk| disk.read_bytes_per_second)),
        (
            "wkB",
            sample.disk_total(|disk| disk.written_bytes_per_second),
        ),
        (
            "rxkB",
            sample.net_total(|net| net.received.bytes_per_second),
        ),
        (
            "txkB",
            sample.net_total(|net| net.transmitted.bytes_per_second),
        ),
    ];
    for (shown, (key, expected)) in brief.flows.iter().zip(flows) {
        let shown = shown.with_context(|| format!("{key} is not known"))?;
        let expected = expected.with_context(|| format!("no {key} in the record"))?;
        // Each device is rounded by itself.
        check(key, shown, 10.0, expected / 1024.0, 0.3)?;
    }
    Ok(())
}

fn against_records(guest: &Guest) -> Result<()> {
    let module = Module::load_just(&guest.log, IDLE)?;
    let log = module::read_text("log")?;
    ensure!(log == "brief", "log is {log:?} by default, expected brief");
    let mut before = wait_for(0)?;
    let device = Device::open_writable()?;
    let mut has_read = false;
    for round in 0..5 {
        work(guest, round)?;
        let start = guest.log.mark("line")?;
        let (now, brief) = take_brief(guest, &device)?;
        let sample = Sample::between(&before, &now).context("no sample")?;
        check_line(&brief, &sample).with_context(|| format!("{brief:?}"))?;
        for record in guest.log.since(start)? {
            ensure!(
                !record.text.starts_with(PREFIX) || record.text.len() < USUAL_BYTES,
                "{:?} has {} bytes, expected fewer than {USUAL_BYTES}",
                record.text,
                record.text.len()
            );
        }
        has_read |= brief.flows[0] > Some(0) && brief.flows[1] > Some(0);
        before = now;
    }
    ensure!(has_read, "expected disks to have read and written");
    drop(device);
    module.unload().map(drop)
}

fn off(guest: &Guest) -> Result<()> {
    let off = module::only(&[]);
    let module = Module::load_just(&guest.log, &format!("{IDLE} {off}"))?;
    wait_for(0)?;
    let device = Device::open_writable()?;
    sleep_ms(100);
    let (_, brief) = take_brief(guest, &device)?;
    ensure!(
        brief.load.is_none()
            && brief.running.is_none()
            && brief.pressure.is_none()
            && brief.flows == [None; 4]
            && brief.available_kb != 0,
        "expected dashes for what is off, found {brief:?}"
    );
    drop(device);
    module.unload().map(drop)
}

/// The parameter is changed while samples are taken.
fn both(guest: &Guest) -> Result<()> {
    let module = Module::load_just(&guest.log, IDLE)?;
    wait_for(0)?;
    let device = Device::open_writable()?;
    for (log, is_full) in [("full", true), ("brief", false), ("full", true)] {
        module::write("log", log)?;
        sleep_ms(100);
        let start = guest.log.mark(log)?;
        take(&device)?;
        let is_last = |line: &Line| match line {
            Line::Brief(_) => true,
            Line::Fs(_) => is_full,
            _ => false,
        };
        let lines = lines_since(guest, start, is_last)?;
        let has = |wanted: fn(&Line) -> bool| lines.iter().any(wanted);
        ensure!(
            has(|line| matches!(line, Line::Brief(_))) != is_full
                && has(|line| matches!(line, Line::CpuAll(_))) == is_full
                && has(|line| matches!(line, Line::Memory(_))) == is_full,
            "log={log} made the lines {lines:?}"
        );
    }
    let start = guest.log.mark("loud")?;
    let error = module::write("log", "loud")
        .err()
        .context("log=loud was taken")?;
    ensure!(
        module::is_einval(&error),
        "log=loud made {error}, expected EINVAL"
    );
    let lines = lines_since(guest, start, |line| matches!(line, Line::BadParameter(_)))?;
    let [Line::BadParameter(said)] = &lines[..] else {
        bail!("log=loud made the lines {lines:?}, expected one about the parameter");
    };
    ensure!(
        said.name == "log" && said.value == "loud" && said.allowed == Allowed::Words,
        "the line says {said:?}"
    );
    let log = module::read_text("log")?;
    ensure!(
        log == "full",
        "log is {log:?} after a bad value, expected full"
    );
    drop(device);
    module.unload().map(drop)
}

/// How large the kernel has made its log, as it says itself. Where CPUs are many, that is more than its
/// configuration says, and no parameter makes it smaller.
fn log_bytes() -> Result<usize> {
    let text = busybox(&["dmesg"])?;
    let (_, rest) = text
        .split_once("log buffer data + meta data: ")
        .context("the boot log does not say how large it is")?;
    let number = rest.split(' ').next().unwrap_or_default();
    number.parse().with_context(|| format!("{rest:.40?}"))
}

/// At the defaults, in a log as large as Debian's, with a boot log of 28 kB before the module. A log that is
/// larger is filled up, until as much is left.
fn boot_log_stays(guest: &Guest) -> Result<()> {
    const BOOT_LOG_BYTES: usize = 28 << 10;
    const DEBIAN_BYTES: usize = 128 << 10;
    /// What the kernel keeps with the text of a line, and what it rounds that up to.
    const LINE_BYTES: usize = 8;
    const FIRST: &str = "boot log: the first of its lines";
    {
        let mut kmsg = OpenOptions::new().write(true).open("/dev/kmsg")?;
        let log_bytes = log_bytes()?;
        let more_bytes = log_bytes
            .checked_sub(DEBIAN_BYTES)
            .context("the log is smaller than Debian's")?;
        crate::report(&format!("# a log of {} KiB", log_bytes >> 10));
        let mut written = 0;
        while written < BOOT_LOG_BYTES {
            let line = match written {
                0 => format!("<6>{FIRST}\n"),
                at => format!("<6>boot log: what the kernel says of a device, at byte {at:6}\n"),
            };
            kmsg.write_all(line.as_bytes())?;
            written += line.len();
        }
        let mut filled = 0;
        while filled < more_bytes {
            let text = format!("boot log: what is more than Debian's, at byte {filled:7}");
            kmsg.write_all(format!("<6>{text}\n").as_bytes())?;
            filled += LINE_BYTES + text.len().next_multiple_of(LINE_BYTES);
        }
    }
    let module = Module::load_just(&guest.log, "")?;
    let begin = Instant::now();
    let is_there = || -> Result<bool> {
        // It is read anew, from the oldest line that there still is.
        let mut kmsg = OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits() as i32)
            .open("/dev/kmsg")?;
        let mut record = [0; 2048];
        loop {
            match kmsg.read(&mut record) {
                Ok(len) if String::from_utf8_lossy(&record[..len]).contains(FIRST) => {
                    return Ok(true);
                }
                Ok(_) => (),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                // It was overwritten meanwhile.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => (),
                Err(error) => return Err(error.into()),
            }
        }
    };
    ensure!(is_there()?, "the first line is not even there at the start");
    let time = Duration::from_secs(32 * 60);
    while begin.elapsed() < time {
        sleep_ms(60_000);
        ensure!(
            is_there()?,
            "the boot log was gone after {:?}, expected it to stay for {time:?}",
            begin.elapsed()
        );
    }
    // All the time there was a line every 5 s.
    let lines = module.lines(module.start)?;
    let lines = lines
        .iter()
        .filter(|(_, line)| matches!(line, Line::Brief(_)));
    let (lines, expected) = (lines.count() as u64, time.as_secs() / 5 - 2);
    ensure!(
        lines >= expected,
        "there were {lines} lines, expected {expected} or more"
    );
    module.unload().map(drop)
}
