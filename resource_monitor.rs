// SPDX-License-Identifier: GPL-2.0

//! Resource monitor: samples the kernel's counters from a kernel timer and logs what the machine
//! does.
//!
//! One sample's way: `driver/sampler.rs` (the timer callback takes it) → `driver/pending.rs` (it
//! waits there) → `driver/reporter.rs` (a kernel thread makes rates of it and logs them, and a record for
//! `driver/device.rs`), with the
//! arithmetic and the text in `model/`. All but CPU and memory is sampled by that thread, see
//! `driver/source/`. Everything that touches the kernel's C side is in `sys/`.

use kernel::prelude::*;

mod driver;
// Public, since other crates share it: the tests on the host, and programs in user space.
pub mod model;
mod sys;

module! {
    type: ResourceMonitor,
    name: "resource_monitor",
    authors: ["The resource_monitor authors"],
    description: "Samples what the machine does from a kernel timer and logs rates",
    license: "GPL v2",
}

/// The version, as a literal so that `modinfo` can show it.
macro_rules! version {
    () => {
        "0.1.0"
    };
}
const VERSION: &str = version!();
sys::param::modinfo!("version", version!());

/// The loaded module. Dropping it ends sampling and logs what was done.
struct ResourceMonitor;

impl kernel::Module for ResourceMonitor {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        driver::start()?;
        Ok(Self)
    }
}

impl Drop for ResourceMonitor {
    fn drop(&mut self) {
        driver::stop();
    }
}
