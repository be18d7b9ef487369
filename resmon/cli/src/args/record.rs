// SPDX-License-Identifier: GPL-2.0-or-later

//! Those of `resmon record`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{value_parser, Args as ClapArgs};

use super::{parse_duration, From, OfBoot};

#[derive(Debug, ClapArgs)]
#[command(after_long_help = RECORD_HELP)]
pub struct Record {
    #[command(flatten)]
    pub from: From,
    #[command(flatten)]
    pub of: OfBoot,
    /// The file; it must not be there yet, unless it is appended to
    pub file: PathBuf,
    /// Begin with what the module keeps
    #[arg(long)]
    pub history: bool,
    /// Add to the file, if it is there; with --history only what is not in it yet
    #[arg(long)]
    pub append: bool,
    /// Write records as the module makes them, ten times as long as encoded ones
    #[arg(long)]
    pub raw: bool,
    /// Have what was written reach the disk at least this often, as 1s or 1min
    #[arg(long, value_name = "SPAN", default_value = "1s", value_parser = parse_duration)]
    pub sync: Duration,
    /// End after this many records
    #[arg(long, short = 'n', value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub count: Option<u64>,
}

const RECORD_HELP: &str = "\
Ends with --count or Ctrl-C. The file holds whole records at any time, each encoded by what is \
different from the one before; a sample needs two of them. Damage costs at most the rest of 60 records. What was written within --sync of the machine's end may be missing \
or damaged; programs that read a recording leave out what is damaged, and say so.

With --boot, all records of a boot that has ended are written.

Recordings may be joined with cat, in any order: each record says which boot and which load of the \
module it is of.

Examples:
  resmon record load.rec
  resmon record load.rec --history --count 1000
  resmon record load.rec --append --history
  resmon record begin.rec --from load.rec --count 10
  resmon record last.rec --boot -1";
