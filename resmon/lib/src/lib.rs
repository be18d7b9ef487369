// SPDX-License-Identifier: GPL-2.0-or-later

//! What a machine does, sample by sample, from the kernel module `resource_monitor`.
//!
//! [`Device`] is the module's device; its [`Records`] hold raw counters, and two of them make a
//! [`Sample`] with rates and shares. [`Records`] reads recordings as well.
//!
//! ```no_run
//! # fn main() -> resmon::Result<()> {
//! for sample in resmon::Samples::new(resmon::Device::open()?.into_records()?) {
//!     let sample = sample?;
//!     if let Some(cpu) = sample.cpu {
//!         println!("{:5.1} % busy", 100.0 - cpu.idle_percent - cpu.iowait_percent);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! To wait for records and for other things at once, use [`Device::set_nonblocking`], `poll` on
//! the file descriptor, and [`Records::try_next`].

mod begin;
mod boots;
mod damage;
mod device;
mod dump;
mod error;
mod frames;
mod life;
mod log;
mod record;
mod recording;
mod records;
mod sample;
mod source;
mod sys;
mod version_1;

pub use boots::{Boot, Ended, Life};
pub use damage::{Damage, Why};
pub use device::{Blocks, Device};
pub use error::{Error, Result};
pub use frames::FrameWriter;
pub use life::WallClock;
pub use log::{Civil, KernelLog, LogPanic, LogSamples};
pub use model;
pub use model::ioctl::Info;
pub use record::Record;
pub use recording::Recording;
pub use records::Records;
pub use sample::{
    columns, Activity, Cpu, CpuTimes, Disk, Event, EventState, EventUnit, FileSystem,
    FileSystemState, FromLog, Id, Load, Memory, Net, NetDirection, OomKill, OomOutcome, Pressure,
    Running, Sample, Samples, Swap, Task, TaskTotals, Tcp, Usage,
};
pub use source::Source;
#[doc(hidden)]
pub use sys::seek_blocks;
