// SPDX-License-Identifier: GPL-2.0-or-later

//! Those of `resmon save`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

#[derive(Debug, ClapArgs)]
#[command(after_long_help = SAVE_HELP)]
pub struct Save {
    /// The folder; with --from it must be there
    pub folder: PathBuf,
    /// Save what this dump of memory, or this recording, has, instead of what other boots have left to the device
    ///
    /// A dump is /proc/vmcore, or an ELF file that makedumpfile -E has written of it.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub from: Option<PathBuf>,
}

const SAVE_HELP: &str = "\
The records of each boot go to boot-ID.rec in the folder, ID being what resmon log --json calls module_boot_id. A new \
file can be read by its owner and its group, and is written by its owner alone. A line per file says how many \
records were saved, and of which time.

Without --from, these are the records that the module has of other boots, in memory that is reserved for them. A \
file that is there stays as it is. A new one has its name only when it is whole and on the disk, and the folder is made \
when there is something to be saved. That there is nothing is no error. resmon-save-last.service does this at boot. \
Files stay until somebody deletes them; systemd-tmpfiles does so with a line in /etc/tmpfiles.d/resmon.conf, such as \
\"e /var/lib/resmon - - - 30d\".

With --from, records are added to the files. Those that are there already are not written again, so that the same may \
be saved twice. Ends with 1 when there is nothing to be saved, or when a file cannot be written: what else there is is saved then \
nevertheless. A file of that name that is no recording stays as it is.

Where a crash kernel runs (kdump), resmon-save-vmcore.service does this with /proc/vmcore.

Examples:
  resmon save /var/lib/resmon
  resmon save /var/lib/resmon --from /proc/vmcore
  resmon log --from /var/lib/resmon/boot-0123456789abcdef.rec";
