// SPDX-License-Identifier: GPL-2.0

//! Samples that are gone before the module's thread gets to look at them.

use std::time::Duration;

use anyhow::{ensure, Context, Result};
use resmon::Device;

use super::{device, ms, Case, Clock, Guest, Needs};
use crate::lines::{self, Line};
use crate::load;
use crate::module::{self, Module};
use crate::realtime::{self, NoFairServer, Spinner};

pub const CASES: &[Case] = &[Case {
    name: "a log that is behind does not say so again and again",
    needs: Needs::RealTime,
    clock: Clock::Instructions,
    run: behind,
}];

const INTERVAL_MS: u64 = 10;

/// There is room for 512 samples at most before they are looked at.
const SPIN: Duration = ms(6500);

const ROUNDS: usize = 3;

/// A real-time task keeps the module's thread off its CPU, again and again. The log has one line of the
/// first time; the others come too early for another, which is left to when the module is unloaded.
fn behind(guest: &Guest) -> Result<()> {
    let parameters = format!(
        "interval_ms={INTERVAL_MS} log_every=0 history_kB=65536 {}",
        module::only(&[])
    );
    let module = Module::load(&guest.log, &parameters)?;
    device::wait_for(0)?;
    let main = rustix::thread::sched_getaffinity(None)?;
    let result = hold_up(guest);
    rustix::thread::sched_setaffinity(None, &main)?;
    result?;

    // What has a record was looked at.
    let mut device = Device::open()?;
    let end = device.info()?.next_seq;
    ensure!(device.seek(0)? == 0, "the first record is gone");
    let mut records = device.into_records()?;
    let (mut gaps, mut next_seq) = (Vec::new(), 0);
    while next_seq < end {
        let seq = records.next().context("no record")??.header().seq;
        if seq != next_seq {
            gaps.push((seq - next_seq, seq - 1));
        }
        next_seq = seq + 1;
    }
    drop(records);
    let [first, rest @ ..] = &gaps[..] else {
        anyhow::bail!("the log was never behind, expected {ROUNDS} times");
    };
    let (.., last) = *rest
        .last()
        .context("the log was behind once, expected more often")?;
    let rest = (rest.iter().map(|(count, _)| count).sum(), last);

    let start = module.start;
    module.unload()?;
    let mut said = Vec::new();
    for record in guest.log.since(start)? {
        if let Some(Line::Behind(count, last_seq)) = lines::parse_record(&record)? {
            said.push((count, last_seq));
        }
    }
    ensure!(
        said == [*first, rest],
        "the log said {said:?}, expected [{first:?}, {rest:?}], as these records are missing: {gaps:?}"
    );
    Ok(())
}

fn hold_up(guest: &Guest) -> Result<()> {
    let cpu = guest.last_cpu();
    realtime::pin_reporter(cpu)?;
    load::pin(0)?;
    let _taken = NoFairServer::of(cpu..=cpu)?;
    for _ in 0..ROUNDS {
        let spinner = Spinner::start(cpu)?;
        spinner.go(SPIN)?;
        spinner.join()?;
        // Once there is a record of this one, the thread is up to date.
        device::wait_for(Device::open_writable()?.sample_now()?)?;
    }
    Ok(())
}
