// SPDX-License-Identifier: GPL-2.0

//! Allocations that fail while the module is loaded.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;

use anyhow::{bail, ensure, Context, Result};
use rustix::io::Errno;
use rustix::system::finit_module;

use super::{Case, Guest, Needs};
use crate::module::{self, Module};

/// While this case runs, the kernel has reason to complain of failed allocations.
pub const NAME: &str = "failing allocations at insmod";

pub const CASES: &[Case] = &[Case {
    name: NAME,
    needs: Needs::FaultInjection,
    run: insmod,
}];

/// Lets each allocation fail in turn, until there is none left to fail.
fn insmod(guest: &Guest) -> Result<()> {
    const MOST: u32 = 5000;
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
        fs::write(format!("/sys/kernel/debug/{file}"), value).with_context(|| file.to_string())?;
    }
    let nth = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/proc/thread-self/fail-nth")?;
    let parameters = CString::new("interval_ms=10 history=1")?;
    let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
    for n in 1..=MOST {
        let file = File::open("/resource_monitor.ko")?;
        nth.write_at(n.to_string().as_bytes(), 0)?;
        let result = finit_module(&file, &parameters, 0);
        // Reading and writing the open file allocates nothing.
        let mut left = [0; 16];
        let length = nth.read_at(&mut left, 0)?;
        nth.write_at(b"0", 0)?;
        let reached = &left[..length] == b"0\n";
        *outcomes.entry(format!("{result:?}")).or_default() += u32::from(reached);
        match result {
            // Some failures do not matter to the module loader.
            Ok(()) => module::rmmod_patiently().context("rmmod")?,
            Err(Errno::NOMEM | Errno::AGAIN) => (),
            Err(error) => bail!("with allocation {n} failing, insmod returned {error:?}: {error}"),
        }
        ensure!(
            !module::is_loaded(),
            "with allocation {n} failing, the module is half loaded"
        );
        if !reached {
            crate::report(&format!("# {} allocations failed: {outcomes:?}", n - 1));
            ensure!(
                n > 20,
                "only {} allocations failed, which proves nothing",
                n - 1
            );
            result.context("insmod without a failure")?;
            let module = Module::load(&guest.log, "interval_ms=50")?;
            module.first(2, 50)?;
            return module.unload().map(drop);
        }
    }
    bail!("insmod still fails with allocation {MOST} failing")
}
