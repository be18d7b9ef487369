// SPDX-License-Identifier: GPL-2.0-or-later

//! `resmon`: what a machine does, from the kernel module `resource_monitor`.

mod appended;
mod args;
mod boots;
mod commands;
mod error;
mod events;
mod input;
mod json;
mod recordings;
mod samples;
mod tasks;
mod time;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;

use args::Args;
use error::Error;

fn main() -> ExitCode {
    // clap itself ends the program with 2 when it was used in a wrong way.
    match commands::run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            // There is nowhere to say that standard error is closed.
            let _ = writeln!(std::io::stderr(), "resmon: {error}");
            match error {
                Error::Usage(_) => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            }
        }
    }
}
