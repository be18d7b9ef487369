// SPDX-License-Identifier: GPL-2.0-or-later

//! Those of `resmon boots` and `resmon forget`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

#[derive(Debug, ClapArgs)]
#[command(after_long_help = BOOTS_HELP)]
pub struct Boots {
    /// Look at this recording or dump instead of the device, or at all recordings in a folder
    ///
    /// A dump is /proc/vmcore, or an ELF file that makedumpfile -E has written of it. Given more than once, all
    /// are looked at together.
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub from: Vec<PathBuf>,
    /// Print a JSON object per boot
    #[arg(long)]
    pub json: bool,
}

const BOOTS_HELP: &str = "\
A line per boot, the oldest first, as journalctl --list-boots has it. What the module has sampled outlives the \
boot where memory is reserved for it, by the kernel parameter reserve_mem=8M:256M:resmon; resmon status says whether \
it is. What is found there is of the boots before, as far as they fit.

The columns:
  IDX       the number for --boot: 0 is this boot, -1 the one before; of recordings 0 is the newest
  BOOT ID   the first half of what resmon log --json calls module_boot_id, for --boot as well
  KERNEL    its release
  FROM TO   local time from the first record to the last one that is known, by the clock as it was at the end
  ENDED     running: this boot; unloaded: the module was, and is not loaded again; restart, power-off:
            in order; panic: the kernel panicked; unknown: nothing was noted, as after a reset, when the
            power is lost, or when the machine hangs
  SAMPLES   how many there are
Recordings have neither KERNEL nor ENDED: \"-\" stands there, or null in JSON. A boot in which the module was \
loaded more than once has one line, with the end of the last one.

When there are no records of an earlier boot, a line on standard error says why. When the boot before ended more \
than 10 minutes before this one began, or after that by the clock, a line says so: there may have been others in \
between, of which there are no records.

Examples:
  resmon boots
  resmon log --boot -1
  resmon boots --json | jq -r 'select(.ended == \"panic\").module_boot_id'
  resmon boots --from /var/lib/resmon";

#[derive(Debug, ClapArgs)]
#[command(after_long_help = FORGET_HELP)]
pub struct Forget {}

const FORGET_HELP: &str = "\
Nothing is asked. What goes are the records of all boots but this one that the module has in reserved memory, with \
all that is in them: names of processes, of disks, interfaces and paths, and of kernels. They are overwritten there. \
The records of this boot stay, and so do files, as those that resmon-save-last.service has saved to /var/lib/resmon. \
Needs CAP_SYS_ADMIN.

Examples:
  sudo resmon forget";
