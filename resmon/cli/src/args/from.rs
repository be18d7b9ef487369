// SPDX-License-Identifier: GPL-2.0-or-later

//! What is read instead of the device.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::OfBoot;

/// Where records come from.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct From {
    /// Read this recording instead of the device, or a dump of memory that has the module's history
    ///
    /// A dump is /proc/vmcore, or an ELF file that makedumpfile -E has written of it.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub from: Option<PathBuf>,
}

/// Where samples come from.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct FromAny {
    /// Read this recording instead of the device, or a text or a dump that a crash has left
    ///
    /// A text has the module's lines of the kernel log: what pstore kept of a crash, what a serial console
    /// showed, or what journalctl or dmesg print. Of a folder, such as /sys/fs/pstore, all texts are read or, where
    /// there are none, all recordings. Given more than once, all that there is is put in order. A dump is /proc/vmcore, or an ELF file that
    /// makedumpfile -E has written of it.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub from: Vec<PathBuf>,
    #[command(flatten)]
    pub of: OfBoot,
}
