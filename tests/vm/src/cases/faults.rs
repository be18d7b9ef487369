// SPDX-License-Identifier: GPL-2.0

//! Allocations that fail while the module is loaded.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;

use anyhow::{bail, ensure, Context, Result};
use resmon::Device;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::system::finit_module;

use super::device::{load_idle, take};
use super::{Case, Clock, Guest, Needs};
use crate::module::{self, Module};

/// While these cases run, the kernel has reason to complain of failed allocations.
pub const NAMES: [&str; 3] = [
    "failing allocations at insmod",
    "failing allocations when the device is opened",
    "failing allocations when parameters are written",
];

pub const CASES: &[Case] = &[
    Case {
        name: NAMES[0],
        needs: Needs::FaultInjection,
        clock: Clock::Instructions,
        run: insmod,
    },
    Case {
        name: NAMES[1],
        needs: Needs::FaultInjection,
        clock: Clock::Instructions,
        run: open,
    },
    Case {
        name: NAMES[2],
        needs: Needs::FaultInjection,
        clock: Clock::Instructions,
        run: write,
    },
];

/// Lets one allocation of this thread fail, by its number.
struct FailNth {
    file: File,
    outcomes: BTreeMap<String, u32>,
}

impl FailNth {
    fn new() -> Result<Self> {
        for (file, value) in [
            // Allocations that may sleep count as well, also those of single pages.
            ("failslab/ignore-gfp-wait", "0"),
            ("fail_page_alloc/ignore-gfp-wait", "0"),
            ("fail_page_alloc/ignore-gfp-highmem", "0"),
            ("fail_page_alloc/min-order", "0"),
            // A stack trace for each failure would only take time.
            ("failslab/verbose", "0"),
            ("fail_page_alloc/verbose", "0"),
        ] {
            fs::write(format!("/sys/kernel/debug/{file}"), value)
                .with_context(|| file.to_string())?;
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/proc/thread-self/fail-nth")?;
        Ok(Self {
            file,
            outcomes: BTreeMap::new(),
        })
    }

    /// Does it with allocation `nth` failing, and says whether it came to that one.
    fn run<T>(
        &mut self,
        nth: u32,
        what: impl FnOnce() -> Result<T, Errno>,
    ) -> Result<(Result<T, Errno>, bool)> {
        self.file.write_at(nth.to_string().as_bytes(), 0)?;
        let result = what();
        // Reading and writing the open file allocates nothing.
        let mut left = [0; 16];
        let length = self.file.read_at(&mut left, 0)?;
        self.file.write_at(b"0", 0)?;
        let is_reached = &left[..length] == b"0\n";
        if is_reached {
            let outcome = match &result {
                Ok(_) => "done".to_string(),
                Err(error) => format!("{:?}", io::Error::from(*error).kind()),
            };
            *self.outcomes.entry(outcome).or_default() += 1;
        }
        Ok((result, is_reached))
    }

    /// Lets each allocation fail in turn, until there is none left to fail. `check` looks at what
    /// came of each.
    fn run_each<T>(
        &mut self,
        what: impl Fn() -> Result<T, Errno>,
        check: impl Fn(Result<T, Errno>) -> Result<()>,
    ) -> Result<()> {
        const MOST: u32 = 5000;
        for nth in 1..=MOST {
            let (result, is_reached) = self.run(nth, &what)?;
            if !is_reached && result.is_err() {
                let error = result.err();
                bail!("it failed with {error:?} and no allocation failing, expected success");
            }
            check(result).with_context(|| format!("allocation {nth} failed"))?;
            if !is_reached {
                return Ok(());
            }
        }
        bail!("there are still allocations after {MOST}, expected fewer")
    }

    /// Tells how often what came of it.
    fn report(&self, least: u32) -> Result<()> {
        let outcomes = &self.outcomes;
        let count: u32 = outcomes.values().sum();
        crate::report(&format!("# {count} allocations failed: {outcomes:?}"));
        ensure!(
            count >= least && outcomes.keys().any(|outcome| outcome == "OutOfMemory"),
            "{count} allocations failed with {outcomes:?}, expected {least} or more and \
             OutOfMemory among what came of them"
        );
        Ok(())
    }
}

fn insmod(guest: &Guest) -> Result<()> {
    let mut fail = FailNth::new()?;
    let parameters = CString::new("interval_ms=10 history_kB=1")?;
    let file = File::open(module::FILE)?;
    fail.run_each(
        || finit_module(&file, &parameters, 0),
        |result| {
            match result {
                // Some failures do not matter to the module loader.
                Ok(()) => module::rmmod_patiently().context("rmmod, expected success")?,
                Err(Errno::NOMEM | Errno::AGAIN) => (),
                Err(error) => {
                    bail!("insmod failed with {error:?}, expected success, NOMEM or AGAIN")
                }
            }
            ensure!(
                !module::is_loaded(),
                "the module is there, expected it to be gone"
            );
            Ok(())
        },
    )?;
    fail.report(20)?;
    let module = Module::load(&guest.log, "interval_ms=50")?;
    module.first(2, 50)?;
    module.unload().map(drop)
}

fn open(guest: &Guest) -> Result<()> {
    let module = load_idle(guest, "")?;
    let mut fail = FailNth::new()?;
    fail.run_each(
        || rustix::fs::open(Device::PATH, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()),
        |result| match result {
            Ok(_) | Err(Errno::NOMEM) => {
                // The next one can open it and gets a record.
                let device = Device::open_writable()?;
                take(&device).map(drop)
            }
            Err(error) => bail!("open failed with {error:?}, expected success or NOMEM"),
        },
    )?;
    // At the least the open file itself, and what the module knows of its reader.
    fail.report(2)?;
    // No file that could not be opened holds the module.
    module.unload().map(drop)
}

fn write(guest: &Guest) -> Result<()> {
    let module = load_idle(guest, "fs_paths=/")?;
    let mut fail = FailNth::new()?;
    for (name, values) in [
        ("fs_paths", ["/tmp,/proc,/nowhere", "/"]),
        ("interval_ms", ["3599999", "3600000"]),
        ("log_every", ["7", "0"]),
        ("per_cpu_max", ["5", "0"]),
        ("disk", ["N", "Y"]),
    ] {
        let file = OpenOptions::new()
            .write(true)
            .open(module::parameter_path(name))?;
        for value in values {
            let before = module::read_text(name)?;
            fail.run_each(
                || {
                    let written = rustix::io::pwrite(&file, value.as_bytes(), 0)?;
                    Ok(written)
                },
                |result| {
                    let now = module::read_text(name)?;
                    match result {
                        Ok(length) => ensure!(
                            length == value.len() && now == value,
                            "{length} bytes were written and {name} is '{now}', expected all of \
                             '{value}'"
                        ),
                        Err(Errno::NOMEM) => {
                            ensure!(
                                now == before,
                                "{name} is '{now}' after a write that failed, expected '{before}'"
                            );
                        }
                        Err(error) => {
                            bail!("the write failed with {error:?}, expected success or NOMEM")
                        }
                    }
                    // From what it was, each time.
                    Ok(module::write(name, &before)?)
                },
            )
            .with_context(|| format!("{name}={value}"))?;
            module::write(name, value)?;
        }
    }
    fail.report(2)?;
    module.unload().map(drop)
}
