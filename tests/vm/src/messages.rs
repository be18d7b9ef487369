// SPDX-License-Identifier: GPL-2.0

//! What the programs of a case write to their standard output and error, unless the case takes it.
//!
//! It goes to the console, as it would without this, and is kept until the case has ended, so that a
//! failure can show it.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::io::{fcntl_dupfd_cloexec, Errno};
use rustix::pipe::{pipe_with, PipeFlags};
use rustix::stdio::{dup2_stderr, dup2_stdout, stderr};

/// Lines that were written since [`take`] was last called.
static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// More than this of one case is not kept.
const MAX_LINES: usize = 200;

/// From here on, what this program and its children write is kept.
pub fn keep() -> Result<()> {
    let console = match fcntl_dupfd_cloexec(stderr(), 3) {
        // The kernel found no console to open for its first program.
        Err(Errno::BADF) => None,
        console => Some(File::from(console.context("standard error")?)),
    };
    let (read, write) = pipe_with(PipeFlags::CLOEXEC).context("pipe")?;
    dup2_stdout(&write).context("standard output")?;
    dup2_stderr(&write).context("standard error")?;
    thread::Builder::new()
        .name("messages".into())
        .spawn(move || copy(File::from(read), console))?;
    Ok(())
}

fn copy(read: File, mut console: Option<File>) {
    for line in BufReader::new(read).split(b'\n') {
        let Ok(line) = line else {
            return;
        };
        let line = String::from_utf8_lossy(&line).into_owned();
        if let Some(console) = &mut console {
            // The kept line is what counts.
            let _ = writeln!(console, "{line}");
        }
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < MAX_LINES {
            lines.push(line);
        }
    }
}

/// The lines that were written since the last call.
pub fn take() -> Vec<String> {
    // What was written last may still be on its way.
    thread::sleep(Duration::from_millis(20));
    std::mem::take(&mut LINES.lock().unwrap_or_else(PoisonError::into_inner))
}
