// SPDX-License-Identifier: GPL-2.0-or-later

//! A recording that is read from its start to its end more than once: its records in order.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use model::record::Header;

use crate::damage::Damage;
use crate::dump::{is_dump, Dump};
use crate::life::{boot_ns, is_next, is_one_life, WallClock};
use crate::records::{open, Records};
use crate::Result;

/// A recording that was looked through once: read from here, its records are in order, whichever
/// way they were put together, and what is damaged is left out.
///
/// The lives of the module come one after the other, ordered by when their newest record was taken,
/// and the records of each by the time since boot.
#[derive(Debug)]
pub struct Recording {
    source: Source,
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
}

/// Records of one life, one after the other in the file.
#[derive(Clone, Debug)]
struct Part {
    offset: u64,
    bytes: u64,
    records: u64,
    first: Header,
    newest: Header,
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
        let (mut source, mut damage) = match Dump::of(&file, progress)? {
            Some((dump, damage)) => (Source::Dump(dump), damage),
            None => (Source::File(file), Vec::new()),
        };
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
        let lives = lives(parts);
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
        let parts: VecDeque<Part> = lives.into_iter().flatten().collect();
        let time_s = |number: u64, header: &Header| clock.time_s(number, header);
        let span = parts.front().zip(parts.back()).map(|(first, last)| {
            let last_number = number.saturating_sub(1);
            (time_s(0, &first.first), time_s(last_number, &last.newest))
        });
        let mut recording = Self {
            source,
            parts,
            clock,
            span,
            damage,
        };
        recording.seek_to_part()?;
        Ok(recording)
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
        header.boot_id.is_some() && self.parts.iter().any(is_in)
    }

    fn seek_to_part(&mut self) -> Result<()> {
        if let Some(part) = self.parts.front() {
            let place = SeekFrom::Start(part.offset);
            self.source.seek(place).map_err(crate::Error::Read)?;
        }
        Ok(())
    }
}

impl Read for Recording {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(part) = self.parts.front_mut() {
            if part.bytes == 0 {
                self.parts.pop_front();
                if let Some(next) = self.parts.front() {
                    self.source.seek(SeekFrom::Start(next.offset))?;
                }
                continue;
            }
            let room = usize::try_from(part.bytes).unwrap_or(usize::MAX);
            let room = room.min(buffer.len());
            let read = self
                .source
                .read(buffer.get_mut(..room).unwrap_or_default())?;
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
            Self::File(_) => damage,
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
        }
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::File(file) => file.seek(to),
            Self::Dump(dump) => dump.seek(to),
        }
    }
}

impl Part {
    /// Whether a record belongs to this part when it follows in the file.
    fn goes_on(&self, next: &Header) -> bool {
        is_next(&self.newest, next)
    }

    /// Whether another part, which comes later in the file, is of the same life.
    fn is_of_life(&self, next: &Self) -> bool {
        is_one_life(&self.newest, &next.first)
    }
}

/// The record of a life that was taken last.
fn newest(life: &[Part]) -> Option<&Header> {
    let headers = life.iter().map(|part| &part.newest);
    headers.max_by_key(|header| (boot_ns(header), header.seq))
}

/// The parts by life, all in order.
fn lives(parts: Vec<Part>) -> Vec<Vec<Part>> {
    let mut lives: Vec<Vec<Part>> = Vec::new();
    // By identity, as there may be any number of lives; those without one follow each other.
    let mut known: HashMap<_, usize> = HashMap::new();
    for part in parts {
        let id = (part.first.boot_id, part.first.load_id);
        let at = known.get(&id).copied();
        let life = at.and_then(|at| lives.get_mut(at));
        match life.filter(|life| life.last().is_some_and(|last| last.is_of_life(&part))) {
            Some(life) => life.push(part),
            None => {
                known.insert(id, lives.len());
                lives.push(vec![part]);
            }
        }
    }
    for life in &mut lives {
        life.sort_by_key(|part| (boot_ns(&part.first), part.first.seq));
        // What is there more than once as a whole, as where a dump has a copy of it.
        let mut newest = None;
        life.retain(|part| {
            let seq = part.newest.seq;
            let is_new = part.first.boot_id.is_none() || newest.is_none_or(|newest| seq > newest);
            newest = newest.max(is_new.then_some(seq));
            is_new
        });
    }
    lives.sort_by_key(|life| newest(life).map_or(0, |header| header.taken_wall_ns));
    lives
}
