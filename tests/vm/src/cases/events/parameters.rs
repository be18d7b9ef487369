// SPDX-License-Identifier: GPL-2.0

//! Thresholds that are changed, and a module that is unloaded among events.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use anyhow::{ensure, Context, Result};
use resmon::model::event::{Trigger, BEGIN, END};
use resmon::Device;

use super::watching::{Watching, INTERVAL_MS};
use crate::cases::{sleep_ms, Guest};
use crate::lines::{self, Line};
use crate::module::{self, ALERTS, PATIENCE};

/// Thresholds are changed while samples are taken, and what is no threshold is refused.
pub(super) fn thresholds(guest: &Guest) -> Result<()> {
    const LOW: &str = "off,mem_avail:100%";
    let mut watching = Watching::start(guest, "trouble_interval_ms=0 alerts=off")?;
    module::write(ALERTS, LOW)?;
    let event = watching.wait(Trigger::MemoryAvailable, BEGIN)?;
    ensure!(
        event.limit == 1000 && event.value < 1000,
        "{event:?}, expected a limit of 100 %"
    );
    for (bad, word, why) in [
        ("mem", "mem", "names no trigger"),
        (
            "steal:off,mem_full:20",
            "mem_full:20",
            "has no threshold such as 20% or 0.5%, up to 100%",
        ),
        (
            "steal:20%/1h",
            "steal:20%/1h",
            "has no time such as 500ms, 5s or 2min, of at most an hour",
        ),
    ] {
        let start = guest.log.mark(bad)?;
        let error = module::write(ALERTS, bad).err();
        let error = error.with_context(|| format!("alerts={bad} was taken"))?;
        ensure!(
            module::is_einval(&error),
            "alerts={bad} made {error}, expected EINVAL"
        );
        let said = guest.log.wait(start, PATIENCE, "the refusal", |records| {
            for record in records {
                if let Some(Line::BadParameter(said)) = lines::parse_record(record)? {
                    return Ok(Some(said));
                }
            }
            Ok(None)
        })?;
        ensure!(
            said.name == ALERTS && said.value == word && said.why == why,
            "alerts={bad} is refused with {said:?}, expected {word:?} and {why:?}"
        );
        let text = module::read_text(ALERTS)?;
        ensure!(
            text == LOW,
            "alerts is {text:?} after {bad:?}, expected {LOW:?}"
        );
    }
    // What is switched off ends.
    module::write(ALERTS, "off")?;
    watching.wait(Trigger::MemoryAvailable, END)?;
    let interval_ns = Device::history()?
        .last()
        .context("no record")?
        .header()
        .interval_ns;
    ensure!(
        interval_ns == INTERVAL_MS * 1_000_000,
        "the interval is {interval_ns} ns, expected no other with trouble_interval_ms=0"
    );
    watching.end()
}

/// A severe event begins and ends with nearly each sample, so that the reporter restarts the timer again
/// and again, and so do parameters and programs, while the module is unloaded.
pub(super) fn storm(_: &Guest) -> Result<()> {
    const CYCLES: u32 = 10;
    const ALWAYS: &str = "off,mem_avail:100%";
    let is_over = AtomicBool::new(false);
    let written = AtomicU32::new(0);
    let events = AtomicU32::new(0);
    let write = |parameter: &str, values: [&str; 2]| {
        while !is_over.load(Ordering::Relaxed) {
            for value in values {
                // There is no module at times.
                if module::write(parameter, value).is_ok() {
                    written.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| write("alerts", ["off", ALWAYS]));
        scope.spawn(|| write("interval_ms", ["5000", "6000"]));
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let Ok(device) = Device::open_writable() else {
                    sleep_ms(1);
                    continue;
                };
                if device.test_event().is_ok() {
                    events.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let cycle = |cycle: u32| -> Result<()> {
            let parameters = format!("interval_ms=5000 trouble_interval_ms=10 alerts={ALWAYS}");
            module::insmod(&parameters).with_context(|| format!("insmod {cycle}"))?;
            sleep_ms(60);
            module::rmmod_patiently().with_context(|| format!("rmmod {cycle}"))
        };
        let result = (0..CYCLES).try_for_each(cycle);
        is_over.store(true, Ordering::Relaxed);
        result
    })?;
    let (written, events) = (written.into_inner(), events.into_inner());
    crate::report(&format!("# {written} writes and {events} test events"));
    ensure!(
        written > CYCLES && events > CYCLES,
        "{written} writes and {events} test events, expected more than {CYCLES} of each"
    );
    Ok(())
}
