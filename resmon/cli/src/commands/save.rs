// SPDX-License-Identifier: GPL-2.0-or-later

//! What boots have left, in a file of each one's own.

mod once;

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::slice;
use std::time::Duration;

use resmon::{FrameWriter, Id, Record};
use rustix::fs::{fchmod, fsync, open, openat, Mode, OFlags};
use rustix::io::Errno;

use crate::appended::Appended;
use crate::args::Save;
use crate::error::{Error, Result};
use crate::input::{next_record, Input};
use crate::time::time;

/// What is in memory may have been put there by anybody, so this many files are made at most.
const MOST_BOOTS: usize = 64;

pub fn run(args: &Save) -> Result<()> {
    match &args.from {
        Some(from) => save_from(from, &args.folder),
        None => once::run(&args.folder),
    }
}

/// Adds what a dump or a recording has to the files.
fn save_from(from: &PathBuf, folder: &Path) -> Result<()> {
    // First, since it takes long to look through a dump.
    let mut saved = Saved {
        folder: Folder::open(folder)?,
        boots: Vec::new(),
        errors: Vec::new(),
        without_boot: 0,
        beyond_most: 0,
    };
    let mut records = Input::recorded(slice::from_ref(from), None)?;
    let clock = records.get_ref().clock();
    for number in 0.. {
        match next_record(&mut records, Some(from)) {
            Ok(Some(record)) => saved.add(&record, clock.time_s(number, &record.header())),
            Ok(None) => break,
            Err(error) => {
                saved.errors.push(error);
                break;
            }
        }
    }
    saved.end(from)
}

/// The file of a boot.
fn file_name(id: Id) -> String {
    format!("boot-{id}.rec")
}

/// Says all errors but the last one, which is what the program ends with.
fn end_with(mut errors: Vec<Error>) -> Result<()> {
    let last = errors.pop();
    for error in &errors {
        // When nobody listens, there is nobody to tell.
        let _ = writeln!(io::stderr(), "resmon: {error}");
    }
    last.map_or(Ok(()), Err)
}

/// Where the files are.
struct Folder {
    path: PathBuf,
    fd: OwnedFd,
}

/// What was saved so far.
struct Saved {
    folder: Folder,
    boots: Vec<Boot>,
    /// What went wrong: others are saved nevertheless.
    errors: Vec<Error>,
    /// Records that do not say of which boot they are.
    without_boot: u64,
    /// Records of more boots than are saved.
    beyond_most: u64,
}

/// The records of one boot.
struct Boot {
    id: u64,
    path: PathBuf,
    /// None when it cannot be written.
    file: Option<Appended>,
    added: u64,
    /// Those that were there already.
    known: u64,
    /// When the first and the last one were taken that were added, in seconds since 1970.
    span: Option<(f64, f64)>,
}

impl Folder {
    fn open(path: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = open(path, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::NOENT => Error::Other(format!(
                "{}: there is no such folder, and none is made",
                path.display()
            )),
            errno => Error::file(path)(errno.into()),
        })?;
        Ok(Self {
            path: path.into(),
            fd,
        })
    }

    /// Has the names of the files reach the disk.
    fn sync(&self) -> Result<()> {
        fsync(&self.fd).map_err(|errno| Error::file(&self.path)(errno.into()))
    }

    /// The file `name`, of which `path` is what others call it. What may be in its place is not trusted.
    fn append_to(&self, name: &str, path: &Path) -> Result<Appended> {
        // Nor is it waited for, where it is a pipe.
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let flags = flags | OFlags::CLOEXEC;
        let new = flags | OFlags::CREATE | OFlags::EXCL;
        let fd = match openat(&self.fd, name, new, Mode::RUSR | Mode::WUSR) {
            // Whatever the umask is.
            Ok(fd) => fchmod(&fd, Mode::RUSR | Mode::WUSR | Mode::RGRP).map(|()| fd),
            Err(Errno::EXIST) => openat(&self.fd, name, flags, Mode::empty()),
            Err(errno) => Err(errno),
        };
        let is_none = |what: &str| Error::Other(format!("{}: it is {what}", path.display()));
        let file = File::from(fd.map_err(|errno| match errno {
            Errno::LOOP => is_none("a symbolic link, which is not followed"),
            errno => Error::file(path)(errno.into()),
        })?);
        if !file.metadata().map_err(Error::file(path))?.is_file() {
            return Err(is_none("no file"));
        }
        let reader = file.try_clone();
        let frames = Some(FrameWriter::default());
        Appended::new(path, file, || reader, frames, Duration::MAX)
    }
}

impl Saved {
    /// Saves a record, which was taken at a time, in seconds since 1970.
    fn add(&mut self, record: &Record, time_s: f64) {
        let Some(id) = record.header().boot_id else {
            self.without_boot += 1;
            return;
        };
        let errors = &mut self.errors;
        let known = self.boots.iter().position(|boot| boot.id == id);
        if known.is_none() {
            if self.boots.len() >= MOST_BOOTS {
                self.beyond_most += 1;
                return;
            }
            let name = file_name(Id(id));
            let path = self.folder.path.join(&name);
            let file = self.folder.append_to(&name, &path);
            self.boots.push(Boot {
                id,
                path,
                file: file.map_err(|error| errors.push(error)).ok(),
                added: 0,
                known: 0,
                span: None,
            });
        }
        let boot = match known {
            Some(at) => self.boots.get_mut(at),
            None => self.boots.last_mut(),
        };
        if let Some(Err(error)) = boot.map(|boot| boot.add(record, time_s)) {
            errors.push(error);
        }
    }

    /// Has all of it reach the disk, and says what was saved.
    fn end(mut self, from: &Path) -> Result<()> {
        for boot in &mut self.boots {
            if let Some(Err(error)) = boot.file.as_mut().map(Appended::sync) {
                boot.file = None;
                self.errors.push(error);
            }
        }
        if let Err(error) = self.folder.sync() {
            self.errors.push(error);
        }
        let from = from.display();
        if self.beyond_most > 0 {
            self.errors.push(Error::Other(format!(
                "{from}: it has records of more than {MOST_BOOTS} boots: {} of them are not saved",
                self.beyond_most
            )));
        }
        if self.without_boot > 0 {
            self.errors.push(Error::Other(format!(
                "{from}: {} records do not say which boot they are of, and are not saved: they are of a module \
                 before version 2 of the record",
                self.without_boot
            )));
        }
        if self.boots.is_empty() && self.errors.is_empty() {
            self.errors.push(Error::Other(format!(
                "{from}: there is no record in it to be saved"
            )));
        }
        let mut stdout = io::stdout().lock();
        for line in self.boots.iter().filter_map(Boot::line) {
            writeln!(stdout, "{line}")?;
        }
        end_with(self.errors)
    }
}

impl Boot {
    fn add(&mut self, record: &Record, time_s: f64) -> Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        if file.has(record) {
            self.known += 1;
            return Ok(());
        }
        if let Err(error) = file.write(record) {
            // What was written is whole, and still has to reach the disk, but the reason to stop is the
            // error above.
            let _ = file.sync();
            self.file = None;
            return Err(error);
        }
        self.added += 1;
        let (first_s, last_s) = self.span.unwrap_or((time_s, time_s));
        self.span = Some((first_s.min(time_s), last_s.max(time_s)));
        Ok(())
    }

    /// What was saved of it, in one line; none when that is nothing, as there was an error.
    fn line(&self) -> Option<String> {
        let (path, added, known) = (self.path.display(), self.added, self.known);
        if let Some((first_s, last_s)) = self.span {
            let (first, last) = (time(first_s), time(last_s));
            return Some(format!(
                "{path}: records added: {added}, from {first} to {last}"
            ));
        }
        let is_whole = self.file.is_some();
        is_whole.then(|| format!("{path}: no records added, all {known} were there already"))
    }
}
