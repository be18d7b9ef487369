// SPDX-License-Identifier: GPL-2.0

//! What the module does while the system suspends.

use std::fs;
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use resmon::model::record::Content;
use resmon::model::source::cpu::Cpu;
use resmon::model::source::memory::Memory;
use resmon::{Device, Record};

use super::{clock, device, Case, Clock, Guest, Needs};
use crate::kmsg::monotonic;
use crate::lines::Line;
use crate::module::{Module, PATIENCE};

pub const CASES: &[Case] = &[
    Case {
        name: "no source is asked while devices are suspended",
        needs: Needs::SuspendTest,
        clock: Clock::Instructions,
        run: suspended,
    },
    Case {
        name: "time since boot over a suspend",
        needs: Needs::SuspendTest,
        clock: Clock::Instructions,
        run: time_since_boot,
    },
];

/// How far a suspend goes: `devices` stops when all devices are suspended, and waits; `core` stops
/// when nothing is left to suspend but the machine itself, so that `CLOCK_MONOTONIC` stands still.
pub const PM_TEST: &str = "/sys/power/pm_test";

/// For how many seconds.
const PM_TEST_DELAY: &str = "/sys/module/suspend/parameters/pm_test_delay";

pub const STATE: &str = "/sys/power/state";

/// What the kernel says when it begins to wait.
const WAITING: &str = "suspend debug: Waiting for ";

const DELAY_S: u64 = 4;
const INTERVAL_MS: u64 = 100;

/// The next suspend is a real one again when this goes out of scope.
pub struct PmTest;

impl PmTest {
    pub fn of(level: &str) -> Result<PmTest> {
        fs::write(PM_TEST_DELAY, DELAY_S.to_string()).context(PM_TEST_DELAY)?;
        fs::write(PM_TEST, level).context(PM_TEST)?;
        Ok(PmTest)
    }
}

impl Drop for PmTest {
    fn drop(&mut self) {
        let _ = fs::write(PM_TEST, "none");
    }
}

fn records(from: u64, to: u64) -> Result<Vec<Record>> {
    let mut device = Device::open()?;
    ensure!(device.seek(from)? == from, "the record {from} is gone");
    let mut records = device.into_records()?;
    let record = |_| Ok(records.next().context("no record")??);
    (from..to).map(record).collect()
}

/// Timers go on, and so do samples of CPU and memory. Who suspends stands still meanwhile, so all of
/// this is looked at afterwards.
fn suspended(guest: &Guest) -> Result<()> {
    let parameters = format!("interval_ms={INTERVAL_MS} per_cpu_max=0");
    let module = Module::load(&guest.log, &parameters)?;
    module.first(2, INTERVAL_MS)?;
    let first_seq = Device::open()?.info()?.next_seq;
    let mark = guest.log.mark("suspend")?;
    let test = PmTest::of("devices")?;
    let begin = monotonic();
    fs::write(STATE, "freeze").context(STATE)?;
    let end = monotonic();
    drop(test);
    guest.log.wait(mark, PATIENCE, WAITING, |records| {
        Ok(records
            .iter()
            .any(|r| r.text.contains(WAITING))
            .then_some(()))
    })?;
    // Whenever in that time the kernel has waited, these are moments at which it did. The clock of the
    // log would not do: that of a CPU that was offline may be seconds from that of another one.
    let delay = Duration::from_secs(DELAY_S);
    let (from, to) = (end.saturating_sub(delay), begin + delay);
    ensure!(
        from < to,
        "suspending took {:?}, expected less than twice the {delay:?} that the kernel waits",
        end - begin
    );
    let is_off = |mono_ns: u64| (from..to).contains(&Duration::from_nanos(mono_ns));

    // The samples that were taken meanwhile, and the first ones after that.
    let next_seq = Device::open()?.info()?.next_seq;
    device::wait_for(next_seq + 2)?;
    let records = records(first_seq, next_seq + 3)?;
    let off: Vec<&Record> = records
        .iter()
        .filter(|record| is_off(record.header().taken_mono_ns))
        .collect();
    ensure!(
        !off.is_empty(),
        "no sample was taken while devices were suspended"
    );
    // What was missed between two samples stands in the second one, so this goes from the last sample
    // before that time to the first one after it.
    let missed_ticks = |record: &Record| record.header().missed_ticks;
    let taken = |record: &&Record| Duration::from_nanos(record.header().taken_mono_ns);
    let before = records.iter().rfind(|record| taken(record) < from);
    let after = records.iter().find(|record| taken(record) >= to);
    let (Some(before), Some(after)) = (before, after) else {
        anyhow::bail!("no sample was taken before that time, or none after it");
    };
    let missed = missed_ticks(after) - missed_ticks(before);
    let due = (to - from).as_millis() as u64 / INTERVAL_MS;
    ensure!(
        off.len() as u64 + missed + 1 >= due,
        "{} samples were taken while devices were suspended, and {missed} missed, of {due}",
        off.len()
    );
    for record in &records {
        let raw = record.raw().context("no record")?;
        for section in raw.sections() {
            let header = section.header();
            let is_off = [header.first_mono_ns, header.last_mono_ns]
                .into_iter()
                .any(is_off);
            ensure!(
                [Memory::KIND, Cpu::KIND].contains(&header.kind) || !is_off,
                "the section {} of sample {} was taken while devices were suspended",
                header.kind,
                record.header().seq
            );
        }
    }
    let last = records.last().and_then(Record::raw).context("no record")?;
    ensure!(last.sections().count() > 2, "no source is asked after it");
    // The log has them, too. A sample that follows a late one may be passed over.
    let lines = module.lines(mark)?;
    let logged = lines
        .iter()
        .filter(|(_, line)| matches!(line, Line::CpuAll(_)));
    let logged = logged.count();
    ensure!(
        logged >= off.len(),
        "{logged} of {} samples are in the log, {} of them of devices that were suspended",
        records.len(),
        off.len()
    );
    module.unload().map(drop)
}

/// `CLOCK_BOOTTIME` counts the time in which the system is suspended, and `CLOCK_MONOTONIC` does not.
fn time_since_boot(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=60000")?;
    let device = Device::open_writable()?;
    let before = device::take(&device)?;
    clock::check_boot_time(&[before])?;
    let [_, before_ns] = clock::suspended_ns();
    let test = PmTest::of("core")?;
    fs::write(STATE, "mem").context(STATE)?;
    drop(test);
    let [after_ns, _] = clock::suspended_ns();
    ensure!(
        after_ns > before_ns,
        "CLOCK_BOOTTIME is {after_ns} ns ahead after a suspend, expected more than {before_ns} ns as before it"
    );
    clock::check_boot_time(&[device::take(&device)?])?;
    drop(device);
    module.unload().map(drop)
}
