// SPDX-License-Identifier: GPL-2.0

//! The man pages.

use std::fs;

use clap::CommandFactory;

use crate::args::{Args, Man};
use crate::error::{Error, Result};

pub fn run(args: &Man) -> Result<()> {
    fs::create_dir_all(&args.folder).map_err(Error::file(&args.folder))?;
    clap_mangen::generate_to(Args::command(), &args.folder).map_err(Error::file(&args.folder))
}
