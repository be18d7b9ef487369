// SPDX-License-Identifier: GPL-2.0

//! Time that jumps, and a guest that stands still.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use resmon::{Device, Record, Sample};
use rustix::time::{clock_gettime, clock_settime, ClockId, Timespec};

use super::{sleep_ms, Case, Clock, Guest, Needs};
use crate::module::{Module, PATIENCE};

pub const CASES: &[Case] = &[
    Case {
        name: "the clock is set",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: set,
    },
    Case {
        name: "a guest whose time goes on while it stands still",
        needs: Needs::Nothing,
        clock: Clock::Host,
        run: frozen,
    },
    Case {
        name: "a guest that is paused with its time",
        needs: Needs::RealTimeClock,
        clock: Clock::Host,
        run: paused,
    },
];

const INTERVAL_MS: u64 = 100;

/// How long the guest stands still.
const STILL_S: u64 = 3;

/// A clock that goes on while the guest does not.
pub const REAL_TIME_CLOCK: &str = "/sys/class/rtc/rtc0/since_epoch";

fn load(guest: &Guest) -> Result<Module<'_>> {
    Module::load(&guest.log, &format!("interval_ms={INTERVAL_MS}"))
}

/// What the module keeps, once it has so many records more.
fn records(more: u64) -> Result<Vec<Record>> {
    let device = Device::open()?;
    let until = device.info()?.next_seq + more;
    let deadline = Instant::now() + PATIENCE;
    while device.info()?.next_seq < until {
        ensure!(
            Instant::now() < deadline,
            "the next record is {} after {PATIENCE:?}, expected {until}",
            device.info()?.next_seq
        );
        sleep_ms(10);
    }
    Ok(Device::history()?)
}

/// How far `CLOCK_BOOTTIME` is ahead of `CLOCK_MONOTONIC`, in nanoseconds: at least and at most.
pub fn suspended_ns() -> [i128; 2] {
    let ns = |clock| {
        let time = clock_gettime(clock);
        i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
    };
    let before = ns(ClockId::Monotonic);
    let boot = ns(ClockId::Boottime);
    let after = ns(ClockId::Monotonic);
    [boot - after, boot - before]
}

/// Looks whether the times since boot of records can be true. The system was not suspended since.
pub fn check_boot_time(records: &[Record]) -> Result<()> {
    let [least, most] = suspended_ns();
    for record in records {
        let header = record.header();
        let boot_ns = header
            .taken_boot_ns
            .with_context(|| format!("expected a time since boot, found {header:?}"))?;
        let ahead = i128::from(boot_ns) - i128::from(header.taken_mono_ns);
        ensure!(
            (least..=most).contains(&ahead),
            "CLOCK_BOOTTIME is {ahead} ns ahead in {header:?}, expected {least} to {most} ns"
        );
    }
    Ok(())
}

/// Looks whether all that is made of two records can be true.
fn check(records: &[Record]) -> Result<()> {
    check_boot_time(records)?;
    for pair in records.windows(2) {
        let (before, after) = (pair[0].header(), pair[1].header());
        ensure!(
            after.seq == before.seq + 1,
            "seq is {} in {after:?}, expected {} after {before:?}",
            after.seq,
            before.seq + 1
        );
        ensure!(
            after.taken_mono_ns > before.taken_mono_ns,
            "taken_mono_ns is {} in {after:?}, expected more than {} after {before:?}",
            after.taken_mono_ns,
            before.taken_mono_ns
        );
        let sample = Sample::between(&pair[0], &pair[1])
            .with_context(|| format!("expected a sample of {before:?} and {after:?}"))?;
        check_sample(&sample).with_context(|| format!("{sample:?}"))?;
    }
    // Each tick that was due either ran, or is counted by the late one in whose time it was due.
    for three in records.windows(3) {
        let [before, late, after] = [&three[0], &three[1], &three[2]].map(Record::header);
        let ticks = 1 + late.missed_ticks - before.missed_ticks;
        ensure!(
            after.due_mono_ns - late.due_mono_ns == ticks * after.interval_ns,
            "{after:?} was due {} ns after {late:?}, expected {ticks} intervals of {} ns",
            after.due_mono_ns - late.due_mono_ns,
            after.interval_ns
        );
    }
    Ok(())
}

fn check_sample(sample: &Sample) -> Result<()> {
    for cpu in &sample.cpus {
        let times = &cpu.times;
        let sum = times.programs_percent()
            + times.kernel_percent()
            + times.idle_percent
            + times.iowait_percent
            + times.steal_percent;
        ensure!(
            sum == 0.0 || (99.0..101.0).contains(&sum),
            "the shares of CPU {} add up to {sum} %, expected 0 % or 99 % to 101 %",
            cpu.id
        );
        ensure!(
            times.idle_percent >= 0.0 && times.user_percent >= 0.0,
            "CPU {} has {} % idle and {} % user, expected 0 % or more",
            cpu.id,
            times.idle_percent,
            times.user_percent
        );
    }
    let mut rates = Vec::new();
    for disk in &sample.disks {
        ensure!(
            (0.0..=100.5).contains(&disk.busy_percent),
            "{} is {} % busy, expected 0 % to 100.5 %",
            disk.name,
            disk.busy_percent
        );
        rates.extend([disk.read_bytes_per_second, disk.written_bytes_per_second]);
    }
    for net in &sample.nets {
        rates.extend([
            net.received.bytes_per_second,
            net.transmitted.bytes_per_second,
        ]);
    }
    if let Some(activity) = &sample.activity {
        rates.extend([activity.faults_per_second, activity.interrupts_per_second]);
    }
    if let Some(pressure) = &sample.pressure {
        ensure!(
            (0.0..=100.5).contains(&pressure.cpu_some_percent),
            "cpu_some is {} %, expected 0 % to 100.5 %",
            pressure.cpu_some_percent
        );
    }
    // Nothing in this guest can do more than that.
    ensure!(
        rates.iter().all(|rate| (0.0..1e10).contains(rate)),
        "the rates are {rates:?}, expected each to be 0 or more and below 1e10"
    );
    Ok(())
}

/// Moves the wall clock.
fn shift_clock(seconds: i64) -> Result<()> {
    let now = clock_gettime(ClockId::Realtime);
    let time = Timespec {
        tv_sec: now.tv_sec + seconds,
        tv_nsec: now.tv_nsec,
    };
    Ok(clock_settime(ClockId::Realtime, time)?)
}

fn set(guest: &Guest) -> Result<()> {
    const HOUR_S: i64 = 3600;
    const SHIFTS_S: [i64; 3] = [HOUR_S, -2 * HOUR_S, HOUR_S];
    let module = load(guest)?;
    records(2)?;
    for shift_s in SHIFTS_S {
        shift_clock(shift_s)?;
        records(2)?;
    }
    let records = records(1)?;
    check(&records)?;
    // Each time the wall clock moved, and only that.
    let mut shifts_s = Vec::new();
    for pair in records.windows(2) {
        let (before, after) = (pair[0].header(), pair[1].header());
        let wall_ns = i128::from(after.taken_wall_ns) - i128::from(before.taken_wall_ns);
        let mono_ns = i128::from(after.taken_mono_ns) - i128::from(before.taken_mono_ns);
        let shift_s = (wall_ns - mono_ns) as f64 / 1e9;
        if shift_s.abs() > 1.0 {
            shifts_s.push(shift_s.round() as i64);
        }
        ensure!(
            after.missed_ticks == 0 || mono_ns > 0,
            "{after:?} was taken {mono_ns} ns after the one before, expected more with missed ticks"
        );
    }
    ensure!(
        shifts_s == SHIFTS_S,
        "the records show that the clock was set by {shifts_s:?} s, expected {SHIFTS_S:?}"
    );
    // The log is as it should be, too.
    let (samples, ..) = module.unload()?;
    ensure!(
        samples.len() + 1 >= records.len() / 2,
        "{} samples are in the log, expected {} or more, half of the records",
        samples.len(),
        (records.len() / 2).saturating_sub(1)
    );
    Ok(())
}

fn frozen(guest: &Guest) -> Result<()> {
    let module = load(guest)?;
    let before = records(3)?;
    let last_seq = before
        .last()
        .context("expected a record, found none")?
        .header()
        .seq;
    crate::report(&format!("freeze {STILL_S}"));
    let deadline = Instant::now() + PATIENCE + Duration::from_secs(STILL_S);
    let least_ns = (STILL_S - 1) * 1_000_000_000;
    let records = loop {
        let records = records(1)?;
        let is_gap = |pair: &[Record]| {
            pair[1].header().taken_mono_ns - pair[0].header().taken_mono_ns > least_ns
        };
        if records.windows(2).any(is_gap) {
            break records;
        }
        ensure!(
            Instant::now() < deadline,
            "no two of {} records are more than {least_ns} ns apart after {:?}, expected such a gap, \
             as the guest was to stand still for {STILL_S} s",
            records.len(),
            PATIENCE + Duration::from_secs(STILL_S)
        );
    };
    check(&records)?;
    let missed = |records: &[Record]| {
        records
            .last()
            .map_or(0, |record| record.header().missed_ticks)
    };
    let missed = missed(&records) - missed(&before);
    let least = (STILL_S - 1) * 1000 / INTERVAL_MS;
    ensure!(
        missed >= least,
        "{missed} ticks were missed since record {last_seq}, expected {least} or more"
    );
    // And it goes on as before.
    self::records(3)?;
    module.unload().map(drop)
}

fn paused(guest: &Guest) -> Result<()> {
    let real_time_s =
        || -> Result<u64> { Ok(fs::read_to_string(REAL_TIME_CLOCK)?.trim().parse()?) };
    let module = load(guest)?;
    records(3)?;
    let (begin, begin_real_s) = (Instant::now(), real_time_s()?);
    crate::report(&format!("pause {STILL_S}"));
    let deadline = begin + PATIENCE;
    while real_time_s()? - begin_real_s < begin.elapsed().as_secs() + STILL_S - 1 {
        ensure!(
            Instant::now() < deadline,
            "real time went on by {} s and the guest's by {:?}, expected the former to be {} s \
             ahead within {PATIENCE:?}, as the guest was to be paused",
            real_time_s()? - begin_real_s,
            begin.elapsed(),
            STILL_S - 1
        );
        sleep_ms(50);
    }
    // Nothing of that is to be seen in time that stood still as well.
    check(&records(3)?)?;
    module.unload().map(drop)
}
