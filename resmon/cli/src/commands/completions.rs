// SPDX-License-Identifier: GPL-2.0-or-later

//! What shells need to complete arguments.

use std::io::{self, Write};

use clap::CommandFactory;

use crate::args::{Args, Completions};
use crate::error::Result;

pub fn run(args: &Completions) -> Result<()> {
    // clap panics when it cannot write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "resmon", &mut script);
    io::stdout().write_all(&script)?;
    Ok(())
}
