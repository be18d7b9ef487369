// SPDX-License-Identifier: GPL-2.0

//! The parameters that switch sources on and off.

use std::time::Duration;

use anyhow::{ensure, Context, Result};
use rustix::io::Errno;

use super::{fs_paths, ms, percentages, pressure, sleep_ms, Case, Clock, Guest, Needs, LATE};
use crate::cgroup::Cgroup;
use crate::lines::{Part, Sample};
use crate::module::{self, Module, SWITCHES};

pub const CASES: &[Case] = &[
    Case {
        name: "sources by default",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: default,
    },
    Case {
        name: "all sources off",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: all_off,
    },
    Case {
        name: "sources switched at insmod",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: at_insmod,
    },
    Case {
        name: "sources switched at run time",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: at_run_time,
    },
    Case {
        name: "values of switches",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: values,
    },
    Case {
        name: "bad switches at insmod",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: bad_at_insmod,
    },
    Case {
        name: "bad switches at run time",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: bad_at_run_time,
    },
    Case {
        name: "page faults while their source was off",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: faults_after_a_pause,
    },
    Case {
        name: "pressure while its source was off",
        needs: Needs::Pressure,
        clock: Clock::Instructions,
        run: pressure::after_a_pause,
    },
];

/// Whether a sample has anything from the source of a switch.
fn has(sample: &Sample, switch: &str) -> bool {
    match switch {
        "load" => sample.load != Part::Missing,
        "running" => sample.running != Part::Missing,
        "activity" => sample.activity != Part::Missing,
        "pressure" => sample.pressure != Part::Missing,
        "disk" => sample.disks != Part::Missing,
        "net" => sample.nets != Part::Missing,
        "tcp" => sample.tcp != Part::Missing,
        "fs" => !sample.fs.is_empty(),
        other => panic!("the switch is {other:?}, expected one of {SWITCHES:?}"),
    }
}

/// Whether a source shows what happened between two samples.
fn has_rates(switch: &str) -> bool {
    !matches!(switch, "load" | "running" | "fs")
}

/// The switches whose sources have something to show in this guest. For pressure there must be a
/// cgroup.
fn visible(guest: &Guest) -> Vec<&'static str> {
    let is_visible = |switch: &&str| match *switch {
        "pressure" | "running" => guest.has(Needs::Pressure),
        "disk" | "net" => guest.has(Needs::Drivers),
        _ => true,
    };
    SWITCHES.into_iter().filter(is_visible).collect()
}

/// Makes pressure visible where it can be.
fn cgroup(guest: &Guest) -> Result<Option<Cgroup>> {
    guest
        .has(Needs::Pressure)
        .then(|| Cgroup::create("sources"))
        .transpose()
}

fn default(guest: &Guest) -> Result<()> {
    let _cgroup = cgroup(guest)?;
    let module = Module::load(&guest.log, "interval_ms=200")?;
    let samples = module.first(4, 200)?;
    for (n, sample) in samples.iter().enumerate() {
        for switch in visible(guest) {
            // The first one may be the first snapshot of all.
            ensure!(
                has(sample, switch) || (n == 0 && has_rates(switch)),
                "sample {n} has nothing of {switch}, expected it, as it is on by default"
            );
        }
        let paths: Vec<&str> = sample.fs.iter().map(|fs| fs.path.as_str()).collect();
        ensure!(
            paths == [module::FS_PATHS_DEFAULT],
            "there are file systems at {paths:?}, expected {:?}",
            module::FS_PATHS_DEFAULT
        );
    }
    let (_, unloaded, _) = module.unload()?;
    ensure!(
        unloaded.sources_avg_ns > 0 && unloaded.sources_max_ns > 0,
        "expected sources_avg and sources_max above 0 ns, found {unloaded:?}"
    );
    Ok(())
}

/// What there was before there were further sources must still be there.
fn all_off(guest: &Guest) -> Result<()> {
    let _cgroup = cgroup(guest)?;
    let parameters = format!("interval_ms=100 {}", module::only(&[]));
    let module = Module::load(&guest.log, &parameters)?;
    for switch in SWITCHES {
        ensure!(
            !module::read_switch(switch)?,
            "{switch} is on, expected it to be off"
        );
    }
    module.first(10, 100)?;
    let (samples, unloaded, _) = module.unload()?;
    for sample in samples {
        let found = SWITCHES.iter().find(|switch| has(&sample, switch));
        ensure!(
            found.is_none(),
            "a sample has something of {found:?}, expected nothing, as it is off"
        );
        ensure!(
            sample.cpus.len() == guest.cpus as usize,
            "there are lines of {} CPUs, expected {}",
            sample.cpus.len(),
            guest.cpus
        );
    }
    ensure!(
        unloaded.samples + unloaded.missed >= 10 && unloaded.sources_max_ns == 0,
        "expected 10 samples or more to be due and sources_max=0ns, found {unloaded:?}"
    );
    Ok(())
}

/// All visible sources but `off` must be in each of the `samples`.
fn check_only_off(guest: &Guest, samples: &[Sample], off: &str) -> Result<()> {
    for sample in samples {
        for switch in visible(guest) {
            ensure!(
                has(sample, switch) == (switch != off),
                "with {off} off, a sample has {switch}: {}, expected {}",
                has(sample, switch),
                switch != off
            );
        }
    }
    Ok(())
}

fn at_insmod(guest: &Guest) -> Result<()> {
    let _cgroup = cgroup(guest)?;
    for (switch, value) in SWITCHES
        .into_iter()
        .zip(["0", "N", "off"].into_iter().cycle())
    {
        let module = Module::load(&guest.log, &format!("interval_ms=100 {switch}={value}"))?;
        ensure!(
            !module::read_switch(switch)?,
            "{switch} is on with {switch}={value}, expected it to be off"
        );
        check_only_off(guest, &module.first(4, 100)?[1..], switch)?;
        module.unload()?;
    }
    Ok(())
}

fn at_run_time(guest: &Guest) -> Result<()> {
    const INTERVAL_MS: u64 = 100;
    const INTERVAL: Duration = ms(INTERVAL_MS);
    let _cgroup = cgroup(guest)?;
    let module = Module::load(&guest.log, &format!("interval_ms={INTERVAL_MS}"))?;
    let baseline = module.first(3, INTERVAL_MS)?;
    for switch in visible(guest) {
        ensure!(
            has(&baseline[2], switch),
            "the third sample has nothing of {switch}, expected it, as it is on to begin with"
        );
    }
    let values = [("N", "Y"), ("0", "1"), ("off", "on")].into_iter().cycle();
    for (switch, (off, on)) in visible(guest).into_iter().zip(values) {
        module::write(switch, off)?;
        let mark = guest.log.mark(&format!("{switch} {off}"))?;
        // One sample may have been on its way.
        let samples = module.wait(mark, 3, 3 * INTERVAL)?;
        check_only_off(guest, &samples[1..], switch)?;

        let before = guest.log.mark(&format!("before {switch} {on}"))?;
        module::write(switch, on)?;
        let after = guest.log.mark(&format!("{switch} {on}"))?;
        let samples = module.wait(before, 4, 4 * INTERVAL)?;
        let first = samples
            .iter()
            .find(|sample| has(sample, switch))
            .with_context(|| {
                let count = samples.len();
                format!("expected {switch} to come back, found it in none of {count} samples")
            })?;
        // Rates need two snapshots, and so a whole interval at least.
        let (least, most) = if has_rates(switch) {
            (INTERVAL.mul_f64(0.98), 2 * INTERVAL)
        } else {
            (Duration::ZERO, INTERVAL)
        };
        let waited = (
            first.first.at.saturating_sub(after.at),
            first.first.at.saturating_sub(before.at),
        );
        ensure!(
            waited.1 >= least && waited.0 <= most + LATE,
            "{switch} came back {:?} to {:?} after it was switched on, expected {least:?} to {:?}",
            waited.0,
            waited.1,
            most + LATE
        );
        let samples = module.wait(after, 5, 5 * INTERVAL)?;
        check_only_off(guest, &samples[3..], "nothing")?;
    }
    module.unload().map(drop)
}

fn values(guest: &Guest) -> Result<()> {
    const VALUES: [(&str, bool); 6] = [
        ("N", false),
        ("Y", true),
        ("0", false),
        ("1", true),
        ("off", false),
        ("on", true),
    ];
    let module = Module::load(&guest.log, "interval_ms=1000")?;
    for switch in SWITCHES {
        for (value, expected) in VALUES {
            for end in ["", "\n"] {
                let written = format!("{value}{end}");
                module::write(switch, &written).with_context(|| {
                    format!("write of {written:?} to {switch}, expected success")
                })?;
                let now = module::read_switch(switch)?;
                ensure!(
                    now == expected,
                    "{switch} reads as {now} after {written:?} was written, expected {expected}"
                );
            }
        }
    }
    module.unload()?;
    // The name alone is enough, as with the kernel's own switches.
    let at_insmod = VALUES.map(|(value, expected)| (format!("={value}"), expected));
    for (value, expected) in at_insmod.into_iter().chain([(String::new(), true)]) {
        let all = SWITCHES.map(|switch| format!("{switch}=0 {switch}{value}"));
        let module = Module::load(&guest.log, &format!("interval_ms=1000 {}", all.join(" ")))?;
        for switch in SWITCHES {
            let now = module::read_switch(switch)?;
            ensure!(
                now == expected,
                "{switch} reads as {now} with {switch}{value} at insmod, expected {expected}"
            );
        }
        module.unload()?;
    }
    Ok(())
}

/// Values that must be refused.
fn bad_values() -> Vec<String> {
    let mut values: Vec<String> = [
        "", " ", "maybe", "2", "-1", "00", "10", "yy", "Y N", " Y", "Y ", "on,off", "onn", "o",
    ]
    .map(String::from)
    .into();
    values.push("a".repeat(3000));
    values.push("Y".repeat(41));
    values
}

const ALLOWED: &str = "Y and N, 1 and 0, on and off";

fn why(value: &str) -> &'static str {
    match value {
        "" => "is empty",
        _ => "is not a yes or no",
    }
}

fn bad_at_insmod(guest: &Guest) -> Result<()> {
    for switch in SWITCHES {
        for value in bad_values() {
            // The kernel takes the quotes off, as they are there to allow blanks.
            let quote = if value.contains(' ') { "\"" } else { "" };
            let text = format!("{switch}={quote}{value}{quote}");
            check_insmod_fails(guest, &text, switch, &value)?;
        }
    }
    Ok(())
}

fn check_insmod_fails(guest: &Guest, text: &str, switch: &str, value: &str) -> Result<()> {
    let mark = guest.log.mark("insmod with a bad switch")?;
    let result = module::insmod(text);
    ensure!(
        result == Err(Errno::INVAL) && !module::is_loaded(),
        "insmod {text:.50} returned {result:?}, expected EINVAL and no module"
    );
    fs_paths::check_refusal(guest, mark, switch, value, why(value), ALLOWED)
}

fn bad_at_run_time(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=100")?;
    for before in ["N", "Y"] {
        for switch in SWITCHES {
            module::write(switch, before)?;
            for value in bad_values() {
                for end in ["", "\n"] {
                    // A write of nothing does not reach the module.
                    let written = format!("{value}{end}");
                    if written.is_empty() {
                        continue;
                    }
                    let mark = guest.log.mark("write of a bad switch")?;
                    let result = module::write(switch, &written);
                    ensure!(
                        result.as_ref().is_err_and(module::is_einval),
                        "the write of {written:.50} to {switch} returned {result:?}, expected \
                         EINVAL"
                    );
                    fs_paths::check_refusal(guest, mark, switch, &value, why(&value), ALLOWED)?;
                }
            }
            let now = module::read_text(switch)?;
            ensure!(now == before, "{switch} became {now}, expected {before}");
        }
    }
    let mark = guest.log.mark("all bad values written")?;
    module
        .wait(mark, 3, ms(300))
        .context("expected sampling to go on")?;
    module.unload().map(drop)
}

/// What happened while a source was off must not be made up for later.
fn faults_after_a_pause(guest: &Guest) -> Result<()> {
    const INTERVAL_MS: u64 = 300;
    let module = Module::load(&guest.log, &format!("interval_ms={INTERVAL_MS}"))?;
    module.first(2, INTERVAL_MS)?;
    module::write("activity", "N")?;
    sleep_ms(2 * INTERVAL_MS);
    for _ in 0..500 {
        // Fresh memory for the stack of each thread.
        std::thread::spawn(|| ()).join().ok();
    }
    super::activity::touch_pages();
    percentages::settle()?;
    let mark = guest.log.mark("activity on")?;
    module::write("activity", "Y")?;
    let samples = module.wait(mark, 4, ms(4 * INTERVAL_MS))?;
    let shown: Vec<u64> = samples
        .iter()
        .filter_map(|sample| Some(sample.activity.taken().ok()?.faults / 100))
        .collect();
    // With the 10,000 faults before there would be thousands.
    ensure!(
        shown.len() >= 2 && shown.iter().all(|faults| *faults < 1000),
        "the samples after the switch have {shown:?} faults per second, expected two or more and \
         each below 1000"
    );
    module.unload().map(drop)
}
