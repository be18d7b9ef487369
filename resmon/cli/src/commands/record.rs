// SPDX-License-Identifier: GPL-2.0-or-later

//! Records in a file, as the module makes them.

use std::fs::OpenOptions;
use std::io::{self, Write};

use crate::args::Record;
use crate::error::{Error, Result};
use crate::source::{next_record, report_lost, Source};

pub fn run(args: &Record) -> Result<()> {
    let from = args.from.from.as_deref();
    // First, since no empty file shall be left where there is no module.
    let mut records = Source::records(from, args.history)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&args.file)
        .map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::Other(format!(
                "{}: it is there already, and records go to a new file",
                args.file.display()
            )),
            _ => Error::file(&args.file)(error),
        })?;
    let mut written_bytes = 0;
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0 {
        let Some(record) = next_record(&mut records, from)? else {
            break;
        };
        report_lost(record.header().lost_records);
        let bytes = record.to_bytes();
        // One call and no buffer, so that a signal ends the program between two records.
        if let Err(error) = file.write_all(&bytes) {
            // The whole records can still be read when what there is of this one goes, but the
            // reason to stop is the error above.
            let _ = file.set_len(written_bytes);
            return Err(Error::file(&args.file)(error));
        }
        written_bytes = written_bytes.saturating_add(bytes.len() as u64);
        left -= 1;
    }
    Ok(())
}
