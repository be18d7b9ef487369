// SPDX-License-Identifier: GPL-2.0-or-later

//! The man pages.

use std::fs;
use std::io;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::roff::{roman, Roff};

use crate::args::{Args, Man};
use crate::error::{Error, Result};

pub fn run(args: &Man) -> Result<()> {
    fs::create_dir_all(&args.folder).map_err(Error::file(&args.folder))?;
    let mut program = Args::command().disable_help_subcommand(true);
    program.build();
    for command in program.get_subcommands().chain([&program]) {
        write_page(command, &args.folder)?;
    }
    Ok(())
}

fn write_page(command: &Command, folder: &Path) -> Result<()> {
    // Without what follows the options, whose tables clap_mangen would fill as if they were
    // prose.
    let notes = command.get_after_long_help().map(ToString::to_string);
    let page = clap_mangen::Man::new(command.clone().after_long_help(None::<&str>));
    let path = folder.join(page.get_filename());
    let mut text = Vec::new();
    page.render(&mut text)
        .and_then(|()| notes.map_or(Ok(()), |notes| write_notes(&notes, &mut text)))
        .and_then(|()| fs::write(&path, &text))
        .map_err(Error::file(path))
}

/// Lines that begin with spaces stay lines, others are prose.
fn write_notes(notes: &str, page: &mut Vec<u8>) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", ["NOTES"]);
    let mut is_table = false;
    for line in notes.lines() {
        let was_table = std::mem::replace(&mut is_table, line.starts_with(' '));
        match (was_table, is_table) {
            (false, true) => _ = roff.control("nf", []),
            (true, false) => _ = roff.control("fi", []),
            _ => (),
        }
        if line.is_empty() {
            roff.control("PP", []);
        } else {
            roff.text([roman(line)]);
        }
    }
    if is_table {
        roff.control("fi", []);
    }
    roff.to_writer(page)
}
