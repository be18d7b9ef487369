// SPDX-License-Identifier: GPL-2.0-or-later

//! Records in a file, encoded, or as the module makes them.

use std::fs::{File, OpenOptions};
use std::io;

use resmon::FrameWriter;

use crate::appended::Appended;
use crate::args::Record;
use crate::error::{Error, Result};
use crate::input::{report_lost, Input};

pub fn run(args: &Record) -> Result<()> {
    let from = args.from.from.as_slice();
    // First, since no empty file shall be left where there is no module.
    let newest = if args.history { None } else { Some(0) };
    let mut opened = Input::open(from, args.of.boot.as_ref(), newest)?;
    let mut file = open(args)?;
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0 {
        if let Some(record) = opened.try_next(from)? {
            if file.has(&record) {
                continue;
            }
            report_lost(record.header().lost_records);
            file.write(&record)?;
            left -= 1;
        } else if !opened.records.get_ref().is_live() {
            break;
        } else if !opened.records.get_ref().wait_at_most(file.sync_in())? {
            file.sync()?;
        }
    }
    file.sync()
}

/// The file, to which records are added.
fn open(args: &Record) -> Result<Appended> {
    let path = args.file.as_path();
    let mut options = OpenOptions::new();
    if args.append {
        options.append(true).create(true);
    } else {
        options.write(true).create_new(true);
    }
    let file = options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Error::Other(format!(
            "{}: it is there already: --append adds to it",
            path.display()
        )),
        _ => Error::file(path)(error),
    })?;
    let frames = (!args.raw).then(FrameWriter::default);
    Appended::new(path, file, || File::open(path), frames, args.sync)
}
