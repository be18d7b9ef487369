// SPDX-License-Identifier: GPL-2.0-or-later

//! What other boots have left to the device, each once: a file has its name only when all of it is on the disk.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use resmon::{Boot, Device, FrameWriter, Id, Recording, Records};
use rustix::fs::{fchmod, mkdir, openat, renameat, statat, unlinkat, AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::time::time;

use super::{end_with, file_name, Folder, MOST_BOOTS};

pub fn run(folder: &Path) -> Result<()> {
    let mut boots = Device::boots()?;
    boots.retain(|boot| !boot.is_running());
    let read = |boot: &Boot| Ok(Device::ended_lives(boot)?);
    let (lines, errors) = save(folder, &boots, read);
    let mut stdout = io::stdout().lock();
    for line in lines {
        writeln!(stdout, "{line}")?;
    }
    end_with(errors)
}

/// Saves boots, whose records `read` gives. Returns what is said of them, and what went wrong: others are saved
/// nevertheless.
fn save(
    path: &Path,
    boots: &[Boot],
    read: impl Fn(&Boot) -> Result<Recording>,
) -> (Vec<String>, Vec<Error>) {
    let mut folder = None;
    let (mut lines, mut errors) = (Vec::new(), Vec::new());
    // The newest ones are those that somebody looks for.
    let left_out = boots.len().saturating_sub(MOST_BOOTS);
    for boot in boots.iter().skip(left_out) {
        let Some(id) = boot.id else { continue };
        match read(boot).and_then(|recording| save_one(&mut folder, path, id, recording)) {
            Ok(line) => lines.push(line),
            Err(error) => errors.push(error),
        }
    }
    if let Some(Err(error)) = folder.as_ref().map(Folder::sync) {
        errors.push(error);
    }
    if left_out > 0 {
        errors.push(Error::Other(format!(
            "there are records of more than {MOST_BOOTS} boots: the {left_out} oldest ones are not saved"
        )));
    }
    if boots.is_empty() {
        lines.push("there are no records of other boots".into());
    }
    (lines, errors)
}

/// Saves one boot, and says so in a line. The folder is opened, or made, when it is needed.
fn save_one(
    folder: &mut Option<Folder>,
    path: &Path,
    id: Id,
    recording: Recording,
) -> Result<String> {
    let Some((first_s, last_s)) = recording.span() else {
        return Ok(format!(
            "the records of boot {id} cannot be read any more, and are not saved"
        ));
    };
    let folder = match folder {
        Some(folder) => folder,
        None => folder.insert(opened(path)?),
    };
    let name = file_name(id);
    let path = folder.path.join(&name);
    match statat(&folder.fd, &name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => return Ok(format!("{}: it is there already", path.display())),
        Err(Errno::NOENT) => (),
        Err(errno) => return Err(Error::file(&path)(errno.into())),
    }
    let records = Unfinished::begin(folder, &name, &path)?.write(recording)?;
    let (first, last) = (time(first_s), time(last_s));
    Ok(format!(
        "{}: records saved: {records}, from {first} to {last}",
        path.display()
    ))
}

/// The folder, which is made if it is not there.
fn opened(path: &Path) -> Result<Folder> {
    match mkdir(path, Mode::RWXU | Mode::RGRP | Mode::XGRP) {
        Ok(()) => {
            // So that it outlives what its files have to.
            let parent = path.parent().filter(|parent| *parent != Path::new(""));
            Folder::open(parent.unwrap_or(Path::new(".")))?.sync()?;
            Folder::open(path)
        }
        Err(Errno::EXIST) => Folder::open(path),
        Err(errno) => Err(Error::file(path)(errno.into())),
    }
}

/// A file that goes unless it was finished.
struct Unfinished<'a> {
    folder: &'a Folder,
    /// What it is called until then.
    hidden: String,
    name: &'a str,
    path: &'a Path,
    file: File,
}

impl<'a> Unfinished<'a> {
    fn begin(folder: &'a Folder, name: &'a str, path: &'a PathBuf) -> Result<Self> {
        let hidden = format!(".{name}.new");
        // One of a run that was cut off.
        let _ = unlinkat(&folder.fd, &hidden, AtFlags::empty());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let flags = flags | OFlags::CLOEXEC;
        let fd = openat(&folder.fd, &hidden, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|errno| Error::file(path)(errno.into()))?;
        Ok(Self {
            folder,
            hidden,
            name,
            path,
            file: fd.into(),
        })
    }

    /// Writes the records, has them reach the disk and gives the file its name. Returns how many there are.
    fn write(self, recording: Recording) -> Result<u64> {
        let error = |error: io::Error| Error::file(self.path)(error);
        let mut frames = FrameWriter::default();
        let mut out = BufWriter::new(&self.file);
        let mut count = 0;
        for record in Records::new(recording) {
            out.write_all(&frames.encode(&record?)).map_err(error)?;
            count += 1;
        }
        out.flush().map_err(error)?;
        let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP;
        fchmod(&self.file, mode).map_err(|errno| error(errno.into()))?;
        self.file.sync_all().map_err(error)?;
        let fd = &self.folder.fd;
        renameat(fd, &self.hidden, fd, self.name).map_err(|errno| error(errno.into()))?;
        Ok(count)
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        // When it was finished, there is no such file.
        let _ = unlinkat(&self.folder.fd, &self.hidden, AtFlags::empty());
    }
}
