// SPDX-License-Identifier: GPL-2.0-or-later

//! Samples out of the lines that the module has written to the kernel's log, in any text that has them: what
//! pstore kept, what a serial console showed, the journal.

mod boots;
mod fields;
mod line;
mod merged;
mod panic;
mod piece;
mod samples;
mod wall;

use std::collections::VecDeque;
use std::io::{self, BufRead};

use crate::begin::Begin;
use crate::dump::is_dump;

pub use merged::{LogPanic, LogSamples};
pub use wall::Civil;
use wall::Wall;

use line::Line;
use piece::{is_part, pieces, printable, stamp_us, Piece};

/// The lines of the module in some texts.
///
/// ```
/// let text = "[   11.649258] resource_monitor: load 1m=0.23 5m=0.05 15m=0.02\n";
/// let mut log = resmon::KernelLog::default();
/// log.read(&mut text.as_bytes(), &|_| None)?;
/// let sample = log.into_samples().next().unwrap();
/// assert_eq!(sample.load.unwrap().one_minute, 0.23);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct KernelLog {
    /// In the order of reading.
    entries: VecDeque<Entry>,
    segments: Vec<Segment>,
    files: u32,
    /// Bytes that the entries take.
    bytes: usize,
    /// Lines of the module that have no time.
    timeless: u64,
    /// Lines that were dropped, as there were too many.
    dropped: u64,
}

/// A line of the module, with its times.
#[derive(Clone, Debug)]
struct Entry {
    segment: u32,
    stamp_us: Option<u64>,
    /// In seconds since 1970.
    wall_s: Option<f64>,
    /// Whether that has no part of a second.
    is_coarse: bool,
    text: Box<str>,
    is_whole: bool,
    /// Whether it comes after a line in the same text that the module prints at a panic alone.
    is_at_panic: bool,
}

/// A part of a text in which time goes on.
#[derive(Clone, Copy, Debug)]
struct Segment {
    file: u32,
    start: Start,
}

/// Why a segment begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// A file begins, or a part of what pstore kept: either may be of any boot.
    Anywhere,
    /// The time stamps have gone back, so this is another boot.
    Boot,
}

/// Where a text has got to.
#[derive(Debug, Default)]
struct Cursor {
    /// The last time stamp, and the one before that.
    last_us: Option<u64>,
    before_us: Option<u64>,
    /// A time stamp that has gone back, with the lines of the module that came since.
    back: Option<(u64, Vec<Entry>)>,
    /// How many entries came with the last time stamp.
    newest: usize,
    /// The time of day of the last line without a time stamp.
    last_wall_s: Option<f64>,
    /// Whether what the module prints at a panic has begun.
    is_at_panic: bool,
    /// When that was, in seconds since 1970.
    panic_s: Option<f64>,
}

/// What is read of a line at a time: the longest of the module has 1024 bytes.
const MAX_LINE_BYTES: usize = 1 << 16;

/// Most memory that the lines take.
const MAX_BYTES: usize = 128 << 20;

/// Time stamps of different CPUs may differ a little.
const SLACK_US: u64 = 1_000_000;

impl KernelLog {
    /// Whether a file that begins with `bytes` is a text, and neither a recording nor a dump.
    pub fn is_text(bytes: &[u8]) -> bool {
        if is_dump(bytes) {
            return false;
        }
        let is_text =
            |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t' | 0x1b | 0x80..);
        let has_record = Begin::ALL.into_iter().any(|begin| {
            // A block or a record may come later, but each of them has bytes that no text has.
            begin.next_in(bytes).is_some()
        });
        let has_record = has_record || Begin::of(bytes).is_some();
        let count = bytes.iter().filter(|byte| is_text(byte)).count();
        // A serial console has some noise.
        !bytes.is_empty() && !has_record && count >= bytes.len() - bytes.len() / 10
    }

    /// Adds what a text has. `time_s` gives seconds since 1970 for what a clock shows, if it can.
    ///
    /// # Errors
    ///
    /// Those of reading it.
    pub fn read(
        &mut self,
        source: &mut impl BufRead,
        time_s: &dyn Fn(&Civil) -> Option<f64>,
    ) -> io::Result<()> {
        self.begin_segment(Start::Anywhere);
        let mut cursor = Cursor::default();
        let mut line = Vec::new();
        while let Some(is_whole) = read_line(source, &mut line)? {
            self.add(&mut cursor, &line, is_whole, time_s);
        }
        self.settle(&mut cursor, None);
        self.files = self.files.saturating_add(1);
        Ok(())
    }

    /// How many lines of the module were found.
    pub fn lines(&self) -> usize {
        self.entries.len()
    }

    /// Whether no line of the module was found.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many of its lines had no time, so that they are left out.
    pub fn timeless(&self) -> u64 {
        self.timeless
    }

    /// How many of its lines were dropped, the first ones, since there were more than memory is used for.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The samples that they make, in order.
    pub fn into_samples(self) -> LogSamples {
        LogSamples::new(boots::sorted(self.entries.into(), &self.segments))
    }

    fn begin_segment(&mut self, start: Start) {
        self.segments.push(Segment {
            file: self.files,
            start,
        });
    }

    fn add(
        &mut self,
        cursor: &mut Cursor,
        line: &[u8],
        is_whole: bool,
        time_s: &dyn Fn(&Civil) -> Option<f64>,
    ) {
        let line = printable(line);
        if is_part(&line) {
            self.settle(cursor, None);
            *cursor = Cursor::default();
            self.begin_segment(Start::Anywhere);
            return;
        }
        let stamp_us = stamp_us(&line);
        if let Some(now_us) = stamp_us {
            self.settle(cursor, Some(now_us));
            match cursor.last_us {
                Some(last_us) if now_us.saturating_add(SLACK_US) < last_us => {
                    cursor.back = Some((now_us, Vec::new()));
                    cursor.end_panic();
                }
                _ => {
                    cursor.before_us = cursor.last_us;
                    cursor.last_us = Some(now_us);
                    cursor.newest = 0;
                }
            }
        }
        for piece in pieces(&line, is_whole) {
            let Some(line) = Line::parse(piece.text, piece.is_whole) else {
                continue;
            };
            cursor.note(&line);
            let Some(entry) = Entry::of(&piece, cursor, time_s) else {
                self.timeless = self.timeless.saturating_add(1);
                continue;
            };
            match &mut cursor.back {
                Some((_, entries)) => entries.push(entry),
                None => {
                    cursor.newest += 1;
                    if cursor.goes_back(&entry) {
                        self.begin_segment(Start::Anywhere);
                    }
                    self.push(entry);
                }
            }
        }
    }

    /// Decides about a time stamp that has gone back, now that the next one is known: either it was the first
    /// of another boot, or a digit was lost in one of them.
    fn settle(&mut self, cursor: &mut Cursor, now_us: Option<u64>) {
        let Some((back_us, entries)) = cursor.back.take() else {
            return;
        };
        let last_us = cursor.last_us.unwrap_or(0);
        if now_us.is_some_and(|now_us| now_us >= last_us) {
            // It was the only one.
            self.timeless = self.timeless.saturating_add(entries.len() as u64);
            return;
        }
        const FAR_US: u64 = 60_000_000;
        let before_us = cursor.before_us.filter(|before_us| *before_us <= back_us);
        let is_last_wrong = before_us.is_some_and(|before_us| {
            let (jump, step) = (last_us - before_us, back_us - before_us);
            jump > step.saturating_mul(10).saturating_add(FAR_US)
        });
        if is_last_wrong {
            for _ in 0..cursor.newest {
                let entry = self.entries.pop_back();
                self.bytes -= entry.map_or(0, |entry| entry.bytes());
                self.timeless = self.timeless.saturating_add(1);
            }
        } else {
            self.begin_segment(Start::Boot);
        }
        cursor.before_us = before_us.filter(|_| is_last_wrong);
        cursor.last_us = Some(back_us);
        cursor.newest = entries.len();
        for entry in entries {
            self.push(entry);
        }
    }

    fn push(&mut self, entry: Entry) {
        let segment = self.segments.len().saturating_sub(1);
        let entry = Entry {
            segment: u32::try_from(segment).unwrap_or(u32::MAX),
            ..entry
        };
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
        while self.bytes > MAX_BYTES {
            let first = self.entries.pop_front();
            self.bytes -= first.map_or(0, |first| first.bytes());
            self.dropped = self.dropped.saturating_add(1);
        }
    }
}

impl Cursor {
    /// Notes whether a line is of a panic.
    fn note(&mut self, line: &Line) {
        match line {
            Line::Loaded(_) => self.end_panic(),
            Line::Panic(wall_s) => self.panic_s = Some(*wall_s),
            _ => (),
        }
        self.is_at_panic |= panic::is_at_panic(line);
    }

    /// Whether the time of day goes back where there are no time stamps: then lines may come again, as in two
    /// outputs of journalctl that were put together.
    fn goes_back(&mut self, entry: &Entry) -> bool {
        const SLACK_S: f64 = 1.0;
        let Some(wall_s) = entry.wall_s.filter(|_| entry.stamp_us.is_none()) else {
            return false;
        };
        let last_s = self.last_wall_s.replace(wall_s);
        last_s.is_some_and(|last_s| wall_s + SLACK_S < last_s)
    }

    /// What follows is of another boot.
    fn end_panic(&mut self) {
        self.is_at_panic = false;
        self.panic_s = None;
    }
}

impl Entry {
    /// None when the line has no time.
    fn of(
        piece: &Piece<'_>,
        cursor: &Cursor,
        time_s: &dyn Fn(&Civil) -> Option<f64>,
    ) -> Option<Self> {
        let wall_s = piece.wall.and_then(|wall| match wall {
            Wall::Unix(seconds) => Some(seconds),
            Wall::Civil(civil) => time_s(&civil),
        });
        // A console without time stamps has the time of a panic alone.
        let wall_s = wall_s.or(cursor.panic_s.filter(|_| piece.stamp_us.is_none()));
        let is_there = piece.stamp_us.is_some() || wall_s.is_some();
        is_there.then(|| Self {
            segment: 0,
            stamp_us: piece.stamp_us,
            wall_s,
            is_coarse: piece.wall.is_some_and(|wall| wall.is_coarse()),
            text: piece.text.into(),
            is_whole: piece.is_whole,
            is_at_panic: cursor.is_at_panic,
        })
    }

    /// About as much memory as it takes.
    fn bytes(&self) -> usize {
        const PLACE: usize = 16;
        size_of::<Self>() + self.text.len() + PLACE
    }
}

/// Reads the next line, or as much of it as is read at a time. Returns whether it was read to its end; none
/// at the end of the text.
fn read_line(source: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    loop {
        let there = match source.fill_buf() {
            Ok(there) => there,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if there.is_empty() {
            return Ok((!line.is_empty()).then_some(false));
        }
        let room = MAX_LINE_BYTES - line.len();
        let part = there.get(..room).unwrap_or(there);
        let end = memchr::memchr2(b'\n', b'\r', part);
        let bytes = end.unwrap_or(part.len());
        line.extend_from_slice(part.get(..bytes).unwrap_or_default());
        source.consume(bytes + usize::from(end.is_some()));
        if end.is_some() {
            return Ok(Some(true));
        }
        if line.len() >= MAX_LINE_BYTES {
            return Ok(Some(false));
        }
    }
}
