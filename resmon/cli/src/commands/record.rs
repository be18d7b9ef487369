// SPDX-License-Identifier: GPL-2.0-or-later

//! Records in a file, encoded, or as the module makes them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use resmon::{FrameWriter, Recording};

use crate::args::Record;
use crate::error::{Error, Result};
use crate::input::{next_record, report_damage, report_lost, Input};

pub fn run(args: &Record) -> Result<()> {
    let from = args.from.from.as_deref();
    // First, since no empty file shall be left where there is no module.
    let newest = if args.history { None } else { Some(0) };
    let mut records = Input::records_without_waiting(from, newest)?;
    let mut file = Appended::open(args)?;
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0 {
        if let Some(record) = next_record(&mut records, from)? {
            if file.has(&record) {
                continue;
            }
            report_lost(record.header().lost_records);
            file.write(&record)?;
            left -= 1;
        } else if !records.get_ref().wait_at_most(file.sync_in())? {
            match from {
                Some(_) => break,
                None => file.sync()?,
            }
        }
    }
    file.sync()
}

/// A file that records are added to.
struct Appended<'a> {
    path: &'a Path,
    file: File,
    bytes: u64,
    /// What encodes records; none when they are written as they are.
    frames: Option<FrameWriter>,
    /// What it had before.
    before: Option<Recording>,
    /// How often what was written has to reach the disk.
    sync: Duration,
    /// Since when something was written that may not have.
    unsynced: Option<Instant>,
}

impl<'a> Appended<'a> {
    fn open(args: &'a Record) -> Result<Self> {
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
        let bytes = file.metadata().map_err(Error::file(path))?.len();
        // What is no recording is not made one by adding to it.
        let before = match bytes {
            0 => None,
            _ => Some(Recording::open(path).map_err(|source| Error::Recording {
                path: path.into(),
                source,
            })?),
        };
        if let Some(before) = &before {
            report_damage(path, before.damage());
        }
        Ok(Self {
            path,
            file,
            bytes,
            frames: (!args.raw).then(FrameWriter::default),
            before,
            sync: args.sync,
            unsynced: None,
        })
    }

    /// Whether the record was there before.
    fn has(&self, record: &resmon::Record) -> bool {
        let before = self.before.as_ref();
        before.is_some_and(|before| before.has(&record.header()))
    }

    fn write(&mut self, record: &resmon::Record) -> Result<()> {
        let bytes = match &mut self.frames {
            Some(frames) => frames.encode(record),
            None => record.to_bytes(),
        };
        // One call and no buffer, so that a signal ends the program between two records.
        if let Err(error) = self.file.write_all(&bytes) {
            // The whole records can still be read when what there is of this one goes, but the
            // reason to stop is the error above.
            let _ = self.file.set_len(self.bytes);
            return Err(Error::file(self.path)(error));
        }
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        self.unsynced.get_or_insert_with(Instant::now);
        if self.sync_in() == Some(Duration::ZERO) {
            self.sync()?;
        }
        Ok(())
    }

    /// How long what was written may still wait to reach the disk; none when there is nothing.
    fn sync_in(&self) -> Option<Duration> {
        let age = self.unsynced?.elapsed();
        Some(self.sync.saturating_sub(age))
    }

    fn sync(&mut self) -> Result<()> {
        if self.unsynced.take().is_some() {
            match self.file.sync_data() {
                // A pipe or a terminal has nothing behind it.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => (),
                other => other.map_err(Error::file(self.path))?,
            }
        }
        Ok(())
    }
}
