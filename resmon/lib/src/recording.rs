// SPDX-License-Identifier: GPL-2.0-or-later

//! A recording that is read from its start to its end more than once: its records in order.

mod parts;

use std::collections::{HashSet, VecDeque};
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use model::record::Header;

use crate::begin::Begin;
use crate::boots::{boots, Boot, Life};
use crate::damage::Damage;
use crate::dump::{is_dump, Dump};
use crate::life::WallClock;
use crate::records::{open, Records};
use crate::{Id, Result};

use parts::{lives_of, newest, summary, Part};

/// A recording that was looked through once: read from here, its records are in order, whichever
/// way they were put together, and what is damaged is left out.
///
/// The lives of the module come one after the other, ordered by when their newest record was taken,
/// and the records of each by the time since boot.
#[derive(Debug)]
pub struct Recording {
    sources: Vec<Source>,
    /// All of it, by life.
    lives: Vec<Vec<Part>>,
    /// What is still to be read, the first of them from `offset` on.
    parts: VecDeque<Part>,
    clock: WallClock,
    span: Option<(f64, f64)>,
    damage: Vec<Damage>,
}

/// What has the bytes of a recording.
#[derive(Debug)]
enum Source {
    File(File),
    Dump(Dump),
    Memory(Cursor<Vec<u8>>),
}

impl Recording {
    /// Opens the recording at `path`, which is a file that can be read more than once, and looks
    /// through it. It may be an ELF core of a machine that has crashed, such as `/proc/vmcore`: what of
    /// the module's history lies in it is the recording then.
    ///
    /// # Errors
    ///
    /// [`Error::Open`](crate::Error::Open), [`Error::Dump`](crate::Error::Dump), and those of
    /// [`Records::try_next`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, &mut |_, _| ())
    }

    /// The same. While a dump is looked through, `progress` is called with how many bytes were looked
    /// at and how many there are.
    ///
    /// # Errors
    ///
    /// Those of [`Self::open`].
    pub fn open_with(path: impl AsRef<Path>, progress: &mut dyn FnMut(u64, u64)) -> Result<Self> {
        Self::of(open(path.as_ref())?, progress)
    }

    /// The recording or the dump that `file` is, from where it is read next.
    ///
    /// # Errors
    ///
    /// Those of [`Self::open`], but for [`Error::Open`](crate::Error::Open).
    pub fn of(file: File, progress: &mut dyn FnMut(u64, u64)) -> Result<Self> {
        let (source, damage) = match Dump::of(&file, progress)? {
            Some((dump, damage)) => (Source::Dump(dump), damage),
            None => (Source::File(file), Vec::new()),
        };
        Self::of_source(source, damage)
    }

    /// The recording that some bytes are.
    pub(crate) fn of_bytes(bytes: Vec<u8>) -> Result<Self> {
        Self::of_source(Source::Memory(Cursor::new(bytes)), Vec::new())
    }

    fn of_source(mut source: Source, mut damage: Vec<Damage>) -> Result<Self> {
        let mut records = Records::new(BufReader::new(&mut source));
        let mut parts: Vec<Part> = Vec::new();
        while let Some(record) = records.try_next()? {
            let header = record.header();
            let (offset, bytes) = records.place();
            match parts.last_mut() {
                Some(part) if part.offset + part.bytes == offset && part.goes_on(&header) => {
                    part.bytes += bytes;
                    part.records += 1;
                    part.newest = header;
                }
                _ => parts.push(Part {
                    source: 0,
                    offset,
                    bytes,
                    records: 1,
                    first: header,
                    newest: header,
                }),
            }
        }
        let found = records.into_damage();
        damage.extend(found.into_iter().map(|damage| source.placed(damage)));
        Self::of_lives(vec![source], lives_of(parts), damage)
    }

    fn of_lives(sources: Vec<Source>, lives: Vec<Vec<Part>>, damage: Vec<Damage>) -> Result<Self> {
        let mut number = 0;
        let firsts: Vec<u64> = lives
            .iter()
            .map(|life| {
                let first = number;
                number += life.iter().map(|part| part.records).sum::<u64>();
                first
            })
            .collect();
        let newest = lives.iter().filter_map(|life| newest(life));
        let clock = WallClock::of_lives(firsts.iter().copied().zip(newest));
        let parts: VecDeque<Part> = lives.iter().flatten().copied().collect();
        let time_s = |number: u64, header: &Header| clock.time_s(number, header);
        let span = parts.front().zip(parts.back()).map(|(first, last)| {
            let last_number = number.saturating_sub(1);
            (time_s(0, &first.first), time_s(last_number, &last.newest))
        });
        let mut recording = Self {
            sources,
            lives,
            parts,
            clock,
            span,
            damage,
        };
        recording.seek_to_part().map_err(crate::Error::Read)?;
        Ok(recording)
    }

    /// These recordings as one.
    ///
    /// # Errors
    ///
    /// [`Error::Read`](crate::Error::Read).
    pub fn joined(recordings: impl IntoIterator<Item = Self>) -> Result<Self> {
        let (mut sources, mut parts, mut damage) = (Vec::new(), Vec::new(), Vec::new());
        for recording in recordings {
            let before = sources.len();
            parts.extend(recording.lives.into_iter().flatten().map(|part| Part {
                source: part.source + before,
                ..part
            }));
            sources.extend(recording.sources);
            damage.extend(recording.damage);
        }
        Self::of_lives(sources, lives_of(parts), damage)
    }

    /// The boots that there are records of, ordered by when the newest record of each was taken.
    pub fn boots(&self) -> Vec<Boot> {
        boots(self.lives.iter().filter_map(|life| summary(life)).collect())
    }

    /// The records of one boot of [`Self::boots`]; all of them are read from the start again.
    ///
    /// # Errors
    ///
    /// [`Error::Read`](crate::Error::Read).
    pub fn of_boot(self, boot: &Boot) -> Result<Self> {
        let lives: HashSet<_> = boot.lives.iter().collect();
        self.retaining(|life| lives.contains(life))
    }

    /// Those of the lives with some identities.
    pub(crate) fn only(self, is_wanted: impl Fn(Option<Id>, Option<Id>) -> bool) -> Result<Self> {
        self.retaining(|life| is_wanted(life.boot_id, life.load_id))
    }

    fn retaining(mut self, is_wanted: impl Fn(&Life) -> bool) -> Result<Self> {
        self.lives
            .retain(|life| summary(life).is_some_and(|life| is_wanted(&life)));
        Self::of_lives(self.sources, self.lives, self.damage)
    }

    /// Whether a file that begins with `bytes` may be a recording.
    pub fn is_recording(bytes: &[u8]) -> bool {
        const SHORTEST: usize = 4;
        bytes.len() >= SHORTEST && Begin::of(bytes).is_some()
    }

    /// Whether a file that begins with `bytes` is a dump. That is read from a file alone, and not from a
    /// pipe.
    pub fn is_dump(bytes: &[u8]) -> bool {
        is_dump(bytes)
    }

    /// When its records were taken.
    pub fn clock(&self) -> &WallClock {
        &self.clock
    }

    /// When the first record was taken and the last one, in seconds since 1970; none when there is
    /// no record.
    pub fn span(&self) -> Option<(f64, f64)> {
        self.span
    }

    /// Whether there is no record in it.
    pub fn is_empty(&self) -> bool {
        self.lives.is_empty()
    }

    /// Where it is damaged.
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// Whether the record with this header is in it. Records without an identity are not known
    /// again.
    pub fn has(&self, header: &Header) -> bool {
        let is_in = |part: &Part| {
            let (first, newest) = (&part.first, &part.newest);
            (first.boot_id, first.load_id) == (header.boot_id, header.load_id)
                && (first.seq..=newest.seq).contains(&header.seq)
        };
        header.boot_id.is_some() && self.lives.iter().flatten().any(is_in)
    }

    fn seek_to_part(&mut self) -> io::Result<()> {
        let part = self.parts.front();
        let source = part.and_then(|part| self.sources.get_mut(part.source));
        if let Some((part, source)) = part.zip(source) {
            source.seek(SeekFrom::Start(part.offset))?;
        }
        Ok(())
    }
}

impl Read for Recording {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(part) = self.parts.front_mut() {
            if part.bytes == 0 {
                self.parts.pop_front();
                self.seek_to_part()?;
                continue;
            }
            let room = usize::try_from(part.bytes).unwrap_or(usize::MAX);
            let room = room.min(buffer.len());
            let read = match self.sources.get_mut(part.source) {
                Some(source) => source.read(buffer.get_mut(..room).unwrap_or_default())?,
                None => 0,
            };
            if read == 0 && room != 0 {
                // The file has become shorter since it was looked through.
                self.parts.clear();
                return Ok(0);
            }
            part.bytes -= read as u64;
            return Ok(read);
        }
        Ok(0)
    }
}

impl Source {
    /// Damage where it is in the file.
    fn placed(&self, damage: Damage) -> Damage {
        match self {
            Self::File(_) | Self::Memory(_) => damage,
            Self::Dump(dump) => Damage {
                offset: dump.place(damage.offset),
                ..damage
            },
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Dump(dump) => dump.read(buffer),
            Self::Memory(bytes) => bytes.read(buffer),
        }
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::File(file) => file.seek(to),
            Self::Dump(dump) => dump.seek(to),
            Self::Memory(bytes) => bytes.seek(to),
        }
    }
}
