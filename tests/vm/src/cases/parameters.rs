// SPDX-License-Identifier: GPL-2.0

//! Parameter values, good and bad.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::thread;

use anyhow::{anyhow, bail, ensure, Context, Result};
use resmon::Device;
use rustix::io::Errno;
use rustix::thread::{set_thread_res_gid, set_thread_res_uid, Gid, Uid};

use super::interval::next_tick_ns;
use super::{ms, sleep_ms, Case, Clock, Guest, Needs};
use crate::blockdev;
use crate::lines::BadParameter;
use crate::module::{self, Module, Parameter, HISTORY, PARAMETERS};

pub const CASES: &[Case] = &[
    Case {
        name: "bad parameters at insmod",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: bad_at_insmod,
    },
    Case {
        name: "parameter without a value at insmod",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: no_value,
    },
    Case {
        name: "bad parameters at run time",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: bad_at_run_time,
    },
    Case {
        name: "smallest and largest parameters",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: edges,
    },
    Case {
        name: "parameter given twice",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: twice,
    },
    Case {
        name: "unknown parameter",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: unknown,
    },
    Case {
        name: "parameters written as they are",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: unchanged,
    },
    Case {
        name: "parameters belong to root",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: root_only,
    },
];

/// Values that must be refused, each with what is wrong with it.
fn bad_values(parameter: &Parameter) -> Vec<(&'static str, String)> {
    let Parameter {
        default, min, max, ..
    } = parameter;
    let mut values = vec![
        ("too large", format!("{}", max + 1)),
        ("negative", "-1".into()),
        ("negative", format!("-{default}")),
        ("not a number", "abc".into()),
        ("trailing garbage", format!("{default}x")),
        ("with a unit", format!("{default}ms")),
        ("a fraction", format!("{default}.0")),
        ("hexadecimal", "0x10".into()),
        ("with a leading blank", format!(" {default}")),
        ("with a trailing blank", format!("{default} ")),
        ("blank", " ".into()),
        ("empty", String::new()),
        // Truncated to 32 or 64 bits, these are the default.
        (
            "above 32 bits",
            format!("{}", (1_u128 << 32) + u128::from(*default)),
        ),
        (
            "above 64 bits",
            format!("{}", (1_u128 << 64) + u128::from(*default)),
        ),
        ("largest of 64 bits", u64::MAX.to_string()),
        ("long number", "9".repeat(100)),
        ("very long number", "9".repeat(3000)),
        ("very long text", "a".repeat(3000)),
    ];
    if *min > 0 {
        values.push(("too small", (min - 1).to_string()));
        values.push(("zero", "0".into()));
    }
    values
}

/// The one line that a refused value must have got.
fn check_error(errors: &[BadParameter], parameter: &Parameter, value: &str) -> Result<()> {
    let [error] = errors else {
        bail!(
            "there are {} error lines, expected one: {errors:?}",
            errors.len()
        )
    };
    // A long value may be cut, but not so much that one would not know it again.
    let named = if value.len() <= 32 {
        error.value == value
    } else {
        error.value.starts_with(&value[..32])
    };
    ensure!(
        error.name == parameter.name && named && error.allowed == parameter.allowed(),
        "the error line says {error:?}, expected {} with '{value:.32}' and {:?} as allowed",
        parameter.name,
        parameter.allowed()
    );
    let why = if value.is_empty() {
        error.why == "is empty"
    } else {
        error.why != "is empty"
    };
    ensure!(
        why,
        "the error line says {:?} of '{value:.32}', expected \"is empty\" of an empty value alone",
        error.why
    );
    Ok(())
}

fn check_insmod_fails(guest: &Guest, parameter: &Parameter, text: &str, value: &str) -> Result<()> {
    let mark = guest.log.mark("insmod with a bad parameter")?;
    let result = module::insmod(text);
    ensure!(
        !module::is_loaded(),
        "the module is loaded and insmod returned {result:?}, expected it not to be"
    );
    ensure!(
        result == Err(Errno::INVAL),
        "insmod returned {result:?}, expected EINVAL"
    );
    guest.log.mark("end of it")?;
    check_error(
        &module::parameter_errors(&guest.log, mark)?,
        parameter,
        value,
    )
}

/// All failures at once, since they tend to have something in common.
fn collect(failures: Vec<String>) -> Result<()> {
    ensure!(
        failures.is_empty(),
        "{} values were not refused as expected: {}",
        failures.len(),
        failures.join("; ")
    );
    Ok(())
}

fn failure(parameter: &Parameter, what: &str, result: Result<()>) -> Option<String> {
    result
        .err()
        .map(|error| format!("{} {what}: {error:#}", parameter.name))
}

fn bad_at_insmod(guest: &Guest) -> Result<()> {
    let mut failures = Vec::new();
    for parameter in PARAMETERS.iter().chain([&HISTORY]) {
        for (what, value) in bad_values(parameter) {
            // The kernel takes the quotes off, as they are there to allow blanks.
            let quote = if value.contains(' ') { "\"" } else { "" };
            let text = format!("{}={quote}{value}{quote}", parameter.name);
            failures.extend(failure(
                parameter,
                what,
                check_insmod_fails(guest, parameter, &text, &value),
            ));
        }
    }
    collect(failures)
}

fn no_value(guest: &Guest) -> Result<()> {
    let fails = |parameter: &Parameter| {
        failure(
            parameter,
            "without =",
            check_insmod_fails(guest, parameter, parameter.name, ""),
        )
    };
    collect(PARAMETERS.iter().filter_map(fails).collect())
}

fn bad_at_run_time(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=100 per_cpu_max=0")?;
    let mut failures = Vec::new();
    for parameter in &PARAMETERS {
        let before = module::read(parameter.name)?;
        for (what, value) in bad_values(parameter) {
            for end in ["", "\n"] {
                // A write of nothing does not reach the module.
                let written = format!("{value}{end}");
                if written.is_empty() {
                    continue;
                }
                let check = || {
                    let mark = guest.log.mark("write of a bad value")?;
                    let result = module::write(parameter.name, &written);
                    let refused = result.as_ref().is_err_and(module::is_einval);
                    ensure!(refused, "the write returned {result:?}, expected EINVAL");
                    let now = module::read(parameter.name)?;
                    ensure!(now == before, "the value became {now}, expected {before}");
                    guest.log.mark("end of it")?;
                    check_error(
                        &module::parameter_errors(&guest.log, mark)?,
                        parameter,
                        &value,
                    )
                };
                failures.extend(failure(parameter, what, check()));
            }
        }
    }
    collect(failures)?;
    let mark = guest.log.mark("all bad values written")?;
    module
        .wait(mark, 3, ms(300))
        .context("expected sampling to go on")?;
    module.unload().map(drop)
}

fn edges(guest: &Guest) -> Result<()> {
    for parameter in &PARAMETERS {
        for value in [parameter.min, parameter.max] {
            let text = format!("{}={value}", parameter.name);
            let module = Module::load(&guest.log, &text)?;
            let now = module::read(parameter.name)?;
            ensure!(
                now == value,
                "with {text} it reads as {now}, expected {value}"
            );
            module.unload()?;
        }
        let module = Module::load(&guest.log, "")?;
        for value in [parameter.min, parameter.max] {
            for end in ["", "\n"] {
                let written = format!("{value}{end}");
                module::write(parameter.name, &written).with_context(|| {
                    let name = parameter.name;
                    format!("write of {written:?} to {name}, expected success")
                })?;
                let now = module::read(parameter.name)?;
                ensure!(
                    now == value,
                    "{} reads as {now} after {written:?} was written, expected {value}",
                    parameter.name
                );
            }
        }
        let errors = module::parameter_errors(&guest.log, module.start)?;
        ensure!(
            errors.is_empty(),
            "good values got the error lines {errors:?}, expected none"
        );
        module.unload()?;
    }
    Ok(())
}

/// The last one counts, as with the kernel's own parameters.
fn twice(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=1000 log_every=2 interval_ms=2000")?;
    let (loaded, _) = module.loaded_line()?;
    let interval_ms = module::read("interval_ms")?;
    ensure!(
        (loaded.interval_ms, interval_ms) == (2000, 2000),
        "interval_ms is {interval_ms} and the log has {loaded:?}, expected 2000 ms in both"
    );
    let errors = module::parameter_errors(&guest.log, module.start)?;
    ensure!(
        errors.is_empty(),
        "a parameter that was given twice got {errors:?}, expected no error lines"
    );
    module.unload().map(drop)
}

/// The kernel ignores it with a warning of its own.
fn unknown(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "nosuch=1 interval_ms=1000")?;
    let (loaded, _) = module.loaded_line()?;
    ensure!(
        loaded.interval_ms == 1000,
        "expected interval=1000ms, found {loaded:?}"
    );
    module.unload().map(drop)
}

/// Who writes the value that there is changes nothing, however often. In the kernel's list of timers
/// the next tick then moves on by whole intervals and by nothing else. Lines still begin where those
/// before them have ended: of two intervals they have what happened in the first one, too.
fn unchanged(guest: &Guest) -> Result<()> {
    const INTERVAL_MS: u64 = 1000;
    const WRITES: u32 = 20;
    let parameters = format!("interval_ms={INTERVAL_MS} log_every=2 per_cpu_max=0");
    let module = Module::load(&guest.log, &parameters)?;
    let device = Device::open_writable()?;
    let write_all = || -> Result<()> {
        for parameter in module::parameter_names() {
            module::write(parameter, &module::read_text(parameter)?)
                .with_context(|| parameter.to_string())?;
        }
        Ok(device.set_interval(ms(INTERVAL_MS))?)
    };
    let mut disk = blockdev::Disk::open("vdb")?;
    module.wait_begun(module.start, 1, ms(2 * INTERVAL_MS))?;
    let first_ns = next_tick_ns()?;
    for _ in 0..WRITES {
        write_all()?;
        sleep_ms(INTERVAL_MS / 2);
    }
    let passed_ns = next_tick_ns()?.saturating_sub(first_ns);
    let interval_ns = INTERVAL_MS * 1_000_000;
    ensure!(
        passed_ns % interval_ns == 0 && passed_ns / interval_ns >= u64::from(WRITES) / 2,
        "the ticks are off by {} ns after {passed_ns} ns",
        passed_ns % interval_ns
    );

    let mark = guest.log.mark("lines of two intervals")?;
    module.wait_begun(mark, 1, ms(2 * INTERVAL_MS))?;
    let before = next_tick_ns()?;
    disk.write(0, &[1; 4096])?;
    write_all()?;
    // Else the write may have come later than it should, which proves nothing, but is not wrong.
    let is_early = next_tick_ns()? == before;
    let mark = guest.log.mark("a disk was written")?;
    let samples = module.wait(mark, 1, ms(2 * INTERVAL_MS))?;
    let disks = &samples[0].disks.taken()?.shown;
    let vdb = disks.iter().find(|disk| disk.name == "vdb");
    ensure!(
        vdb.is_some_and(|disk| disk.w > 0),
        "vdb was written to (in the first of two intervals: {is_early}), but the lines have {vdb:?}"
    );
    drop(device);
    module.unload().map(drop)
}

fn root_only(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=1000")?;
    let values =
        || -> Result<Vec<String>> { module::parameter_names().map(module::read_text).collect() };
    for parameter in module::parameter_names() {
        let mode = fs::metadata(module::parameter_path(parameter))?.mode() & 0o7777;
        ensure!(
            mode == 0o644,
            "{parameter} has the mode {mode:o}, expected 644"
        );
    }
    let before = values()?;
    // User and group belong to a thread as far as the kernel is concerned.
    let unprivileged = thread::spawn(|| -> Result<()> {
        let (user, group) = (Uid::from_raw(1000), Gid::from_raw(1000));
        set_thread_res_gid(group, group, group)?;
        set_thread_res_uid(user, user, user)?;
        for parameter in module::parameter_names() {
            for value in ["100", "0", "/tmp"] {
                let result = module::write(parameter, value);
                let error = result
                    .err()
                    .with_context(|| format!("{parameter} was written, expected EACCES"))?;
                ensure!(
                    Errno::from_io_error(&error) == Some(Errno::ACCESS),
                    "a write of {parameter} failed with {error}, expected EACCES"
                );
            }
            module::read_text(parameter)?;
        }
        Ok(())
    });
    unprivileged
        .join()
        .map_err(|_| anyhow!("the thread panicked"))??;
    let after = values()?;
    ensure!(
        before == after,
        "the values are {after:?}, expected {before:?} as before"
    );
    module.unload().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::Allowed;

    #[test]
    fn the_error_line_must_name_everything() {
        let error = |name: &str, value: &str, why: &str, max| BadParameter {
            name: name.into(),
            value: value.into(),
            why: why.into(),
            allowed: Allowed::Range { min: 10, max },
        };
        let interval = &PARAMETERS[0];
        let good = error("interval_ms", "5", "is out of range", 3_600_000);
        check_error(std::slice::from_ref(&good), interval, "5").unwrap();
        for bad in [
            vec![],
            vec![good.clone(), good.clone()],
            vec![error("log_every", "5", "is out of range", 3_600_000)],
            vec![error("interval_ms", "6", "is out of range", 3_600_000)],
            vec![error("interval_ms", "5", "is empty", 3_600_000)],
            vec![error("interval_ms", "5", "is out of range", 3_600)],
        ] {
            let found = check_error(&bad, interval, "5");
            assert!(found.is_err(), "{bad:?} gives {found:?}, expected an error");
        }
    }
}
