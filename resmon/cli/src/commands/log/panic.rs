// SPDX-License-Identifier: GPL-2.0-or-later

//! What a kernel log says of the panic that it ends in.

use std::io::{self, Write};

use resmon::LogPanic;

use crate::args::Log;
use crate::error::Result;
use crate::events::sentence;
use crate::samples::Source;
use crate::tasks::{busiest, largest};
use crate::time::When;

use super::say;

/// Tells of each panic: in the text that is shown or, where that is for programs, on standard error.
pub fn tell(samples: &Source, args: &Log) -> Result<()> {
    let panics = samples.log().map_or(&[][..], |log| log.panics());
    for line in panics.iter().flat_map(lines) {
        match args.json || args.csv {
            true => say(&line, args),
            false => writeln!(io::stdout(), "{line}")?,
        }
    }
    Ok(())
}

fn lines(panic: &LogPanic) -> Vec<String> {
    let when = When {
        time_s: panic.time_s,
        is_of_day: panic.has_wall_clock,
    };
    let mut lines = vec![format!("The kernel panicked at {}.", when.text())];
    lines.extend(panic.events.iter().map(sentence));
    if !panic.tasks.is_empty() {
        lines.push(format!("most CPU: {}", busiest(&panic.tasks)));
        lines.push(format!("most memory: {}", largest(&panic.tasks)));
    }
    lines
}
