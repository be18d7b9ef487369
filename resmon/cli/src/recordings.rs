// SPDX-License-Identifier: GPL-2.0-or-later

//! Recordings: where they are, and what is said of them.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::{Duration, Instant};

use resmon::{Damage, KernelLog, Recording};

use crate::error::{Error, Result};

/// The recordings `from` as one; of a folder, all that are in it. What is damaged is told on standard error.
pub fn open(from: &[PathBuf]) -> Result<Recording> {
    let mut recordings = Vec::new();
    for path in from {
        let files = match path.is_dir() {
            true => recordings_in(path)?,
            false => vec![path.clone()],
        };
        for path in files {
            recordings.push((open_one(&path)?, path));
        }
    }
    // Not again when they are read again, as there may be a screen by then.
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        for (recording, path) in &recordings {
            report_damage(path, recording.damage());
        }
    });
    let recordings = recordings.into_iter().map(|(recording, _)| recording);
    Ok(Recording::joined(recordings)?)
}

fn open_one(path: &Path) -> Result<Recording> {
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(Error::Usage(format!(
            "{}: it has to be read twice, as a file can be and a pipe cannot",
            path.display()
        )));
    }
    if is_text(path) {
        return Err(Error::Other(format!(
            "{}: a text has no records; log, top and plot read lines of the module in it",
            path.display()
        )));
    }
    let mut progress = Progress::of(path);
    let recording = Recording::open_with(path, &mut |done, all| progress.tell(done, all));
    progress.end();
    named(recording, Some(path))
}

/// The recordings in a folder, by their names. What else there is is somebody else's.
fn recordings_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = files_in(folder)?;
    files.retain(|path| Recording::is_recording(&begin_of(path, 16).unwrap_or_default()));
    if files.is_empty() {
        let folder = folder.display();
        return Err(Error::Other(format!(
            "{folder}: there is no recording in it, and no text"
        )));
    }
    Ok(files)
}

/// Whether there are recordings in a folder.
pub fn has_recordings(folder: &Path) -> bool {
    folder.is_dir() && recordings_in(folder).is_ok()
}

/// The files in a folder, by their names.
pub fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(Error::file(folder))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    Ok(files)
}

/// What a file begins with.
fn begin_of(path: &Path, bytes: u64) -> io::Result<Vec<u8>> {
    let mut begin = Vec::new();
    File::open(path)?.take(bytes).read_to_end(&mut begin)?;
    Ok(begin)
}

/// How far a dump was looked through, for whoever waits at a terminal.
struct Progress<'p> {
    path: &'p Path,
    next: Instant,
    is_shown: bool,
}

impl<'p> Progress<'p> {
    const EVERY: Duration = Duration::from_millis(500);

    fn of(path: &'p Path) -> Self {
        Self {
            path,
            next: Instant::now() + Self::EVERY,
            is_shown: false,
        }
    }

    fn tell(&mut self, done: u64, all: u64) {
        if Instant::now() < self.next || !io::stderr().is_terminal() {
            return;
        }
        self.next = Instant::now() + Self::EVERY;
        self.is_shown = true;
        let percent = done.saturating_mul(100).checked_div(all).unwrap_or(0);
        let path = self.path.display();
        // When nobody listens, there is nobody to tell.
        let _ = write!(
            io::stderr(),
            "\rresmon: {path}: looked through {percent}% of the dump"
        );
    }

    /// Clears the line.
    fn end(&self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// Whether a file is a text. What cannot be read says so better when it is read as a recording.
fn is_text(path: &Path) -> bool {
    const BYTES: u64 = 1 << 16;
    begin_of(path, BYTES).is_ok_and(|begin| KernelLog::is_text(&begin))
}

/// An error names the recording that it is about.
pub fn named<T>(result: resmon::Result<T>, from: Option<&Path>) -> Result<T> {
    result.map_err(|source| match from {
        Some(path) => Error::Recording {
            path: path.into(),
            source,
        },
        None => source.into(),
    })
}

/// Says what of the recording `path` was left out, if anything was.
pub fn report_damage(path: &Path, damage: &[Damage]) {
    const SHOWN: usize = 10;
    let path = path.display();
    let say = |text: String| {
        // When nobody listens, there is nobody to tell.
        let _ = writeln!(io::stderr(), "resmon: {path}: {text}");
    };
    let bytes_of = |damage: &Damage| damage.bytes;
    for place in damage.iter().take(SHOWN) {
        let why = place
            .why
            .map_or(resmon::Error::Truncated, resmon::Error::from);
        let (offset, bytes) = (place.offset, bytes_of(place));
        say(format!(
            "damaged: {bytes} bytes at byte {offset} are left out: {why}"
        ));
    }
    if let Some(rest) = damage.get(SHOWN..).filter(|rest| !rest.is_empty()) {
        let bytes: u64 = rest.iter().map(bytes_of).sum();
        let count = rest.len();
        say(format!(
            "damaged: {bytes} bytes at {count} more places are left out"
        ));
    }
}
