// SPDX-License-Identifier: GPL-2.0-or-later

//! A file that records are added to.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use resmon::model::record::Header;
use resmon::{FrameWriter, Record, Recording};

use crate::error::{Error, Result};
use crate::recordings::report_damage;

/// A file that records are added to, each once.
#[derive(Debug)]
pub struct Appended {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// What encodes records; none when they are written as they are.
    frames: Option<FrameWriter>,
    /// What it had before.
    before: Option<Recording>,
    /// What was added: by boot, load and the first number of a row, the last one.
    added: BTreeMap<(Option<u64>, Option<u64>, u64), u64>,
    /// How often what was written has to reach the disk.
    sync: Duration,
    /// Since when something was written that may not have.
    unsynced: Option<Instant>,
}

impl Appended {
    /// Adds to `file`, which is at `path`. If it has something, it is opened to be read by `reader`.
    pub fn new(
        path: &Path,
        file: File,
        reader: impl FnOnce() -> io::Result<File>,
        frames: Option<FrameWriter>,
        sync: Duration,
    ) -> Result<Self> {
        let bytes = file.metadata().map_err(Error::file(path))?.len();
        let before = match bytes {
            0 => None,
            _ => Some(recording(path, reader().map_err(Error::file(path))?)?),
        };
        Ok(Self {
            path: path.into(),
            file,
            bytes,
            frames,
            before,
            added: BTreeMap::new(),
            sync,
            unsynced: None,
        })
    }

    /// Whether the record is in the file. Records without an identity are not known again.
    pub fn has(&self, record: &Record) -> bool {
        let header = record.header();
        let before = self.before.as_ref();
        before.is_some_and(|before| before.has(&header))
            || header.boot_id.is_some() && self.row_before(&header) >= Some(header.seq)
    }

    /// The last number of the row that begins with this record or next before it.
    fn row_before(&self, header: &Header) -> Option<u64> {
        let life = |seq| (header.boot_id, header.load_id, seq);
        let rows = self.added.range(life(0)..=life(header.seq));
        rows.last().map(|(_, last)| *last)
    }

    pub fn write(&mut self, record: &Record) -> Result<()> {
        let bytes = match &mut self.frames {
            Some(frames) => frames.encode(record),
            None => record.to_bytes(),
        };
        // One call and no buffer, so that a signal ends the program between two records.
        if let Err(error) = self.file.write_all(&bytes) {
            // The whole records can still be read when what there is of this one goes, but the
            // reason to stop is the error above.
            let _ = self.file.set_len(self.bytes);
            return Err(Error::file(&self.path)(error));
        }
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        self.note(&record.header());
        self.unsynced.get_or_insert_with(Instant::now);
        if self.sync_in() == Some(Duration::ZERO) {
            self.sync()?;
        }
        Ok(())
    }

    /// Notes that the record was added.
    fn note(&mut self, header: &Header) {
        let life = |seq| (header.boot_id, header.load_id, seq);
        let row = self.added.range_mut(life(0)..=life(header.seq)).next_back();
        match row {
            Some((_, last)) if last.checked_add(1) == Some(header.seq) => *last = header.seq,
            _ => _ = self.added.insert(life(header.seq), header.seq),
        }
    }

    /// How long what was written may still wait to reach the disk; none when there is nothing.
    pub fn sync_in(&self) -> Option<Duration> {
        let age = self.unsynced?.elapsed();
        Some(self.sync.saturating_sub(age))
    }

    pub fn sync(&mut self) -> Result<()> {
        if self.unsynced.take().is_some() {
            match self.file.sync_data() {
                // A pipe or a terminal has nothing behind it.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => (),
                other => other.map_err(Error::file(&self.path))?,
            }
        }
        Ok(())
    }
}

/// What a file at `path` has to which something is added: what is no recording is not made one by that.
fn recording(path: &Path, mut file: File) -> Result<Recording> {
    let mut begin = Vec::new();
    let read = (&file).take(16).read_to_end(&mut begin);
    read.and_then(|_| file.rewind())
        .map_err(Error::file(path))?;
    if Recording::is_dump(&begin) {
        return Err(Error::Other(format!(
            "{}: it is a dump, to which no records are added",
            path.display()
        )));
    }
    let recording = Recording::of(file, &mut |_, _| ()).map_err(|source| Error::Recording {
        path: path.into(),
        source,
    })?;
    report_damage(path, recording.damage());
    Ok(recording)
}
