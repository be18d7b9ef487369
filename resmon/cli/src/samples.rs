// SPDX-License-Identifier: GPL-2.0-or-later

//! Where samples come from: records of the module, or the lines that it has written to the kernel's log.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Once;

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::Timestamp;
use resmon::{Civil, Device, KernelLog, LogSamples, Recording, Records, Sample, Samples};

use crate::args::FromAny;
use crate::error::{Error, Result};
use crate::input::{next_sample, Input, Opened};
use crate::recordings::{files_in, has_recordings};

/// What gives samples.
#[derive(Debug)]
pub enum Source {
    Records {
        /// Those of earlier loads of the module in this boot, which come first.
        earlier: Option<Box<Samples<Input>>>,
        samples: Box<Samples<Input>>,
        from: Option<PathBuf>,
    },
    Log(Box<LogSamples>),
}

impl Source {
    /// The recordings or the texts `from`, or else the device, without waiting. Of what the module keeps of
    /// this boot, only so many records as `newest` are read, if it is given.
    pub fn open(from: &FromAny, newest: Option<u64>) -> Result<Self> {
        let (paths, boot) = (from.from.as_slice(), from.of.boot.as_ref());
        let texts = texts_of(paths)?;
        if boot.is_some() && !matches!(texts, Texts::None) {
            return Err(Error::Usage(format!(
                "--boot: {}: only recordings say which boot they are of, and they are looked through first, as a \
                 file can be and a pipe cannot",
                names(paths)
            )));
        }
        let opened = match texts {
            Texts::Log(log) => return Ok(Self::Log(Box::new(log.into_samples()))),
            Texts::Stream(stream) => Opened {
                earlier: None,
                records: Records::new(Input::Stream(stream)),
            },
            Texts::None => Input::open(paths, boot, newest)?,
        };
        let samples = |records| Box::new(Input::samples(records));
        Ok(Self::Records {
            earlier: opened.earlier.map(samples),
            samples: samples(opened.records),
            from: match paths {
                [path] => Some(path.clone()),
                _ => None,
            },
        })
    }

    /// The next sample; none when there is none now.
    pub fn try_next(&mut self) -> Result<Option<Sample>> {
        match self {
            Self::Records {
                earlier,
                samples,
                from,
            } => {
                if let Some(before) = earlier {
                    match next_sample(before, None)? {
                        Some(sample) => return Ok(Some(sample)),
                        None => *earlier = None,
                    }
                }
                next_sample(samples, from.as_deref())
            }
            Self::Log(samples) => Ok(samples.next()),
        }
    }

    /// Whether there are samples of earlier loads of the module in this boot.
    pub fn has_earlier(&self) -> bool {
        match self {
            Self::Records { earlier, .. } => earlier.is_some(),
            Self::Log(_) => false,
        }
    }

    /// Where the records come from; none when there are none.
    pub fn input(&self) -> Option<&Input> {
        match self {
            Self::Records { samples, .. } => Some(samples.records().get_ref()),
            Self::Log(_) => None,
        }
    }

    pub fn device(&self) -> Option<&Device> {
        match self.input()? {
            Input::Device(device) => Some(device),
            Input::Recording(_) | Input::Stream(_) => None,
        }
    }

    pub fn log(&self) -> Option<&LogSamples> {
        match self {
            Self::Records { .. } => None,
            Self::Log(samples) => Some(samples),
        }
    }
}

/// What was given, in words.
pub fn names(from: &[PathBuf]) -> String {
    let names = from.iter().map(|path| path.display().to_string());
    names.collect::<Vec<_>>().join(", ")
}

/// What was found where texts may be.
enum Texts {
    Log(KernelLog),
    /// No text, of which the begin was read already, and cannot be read again.
    Stream(BufReader<File>),
    None,
}

/// What texts have of the module.
fn texts_of(from: &[PathBuf]) -> Result<Texts> {
    let mut log = KernelLog::default();
    let mut texts = 0;
    let mut without = None;
    for path in from {
        let before = texts;
        let is_folder = path.is_dir();
        let files = match is_folder {
            true => files_in(path)?,
            false => vec![path.clone()],
        };
        for path in files {
            match add_text(&mut log, &path)? {
                None => texts += 1,
                // What is no text in a folder is somebody else's.
                Some(_) if is_folder => (),
                Some(_) if texts > 0 => {
                    return Err(Error::Other(format!(
                        "{}: this is no text, as what was given before it",
                        path.display()
                    )));
                }
                Some(stream) if !path.is_file() && from.len() == 1 => {
                    return Ok(Texts::Stream(stream));
                }
                Some(_) => return Ok(Texts::None),
            }
        }
        if is_folder && texts == before {
            without = without.or(Some(path));
        }
    }
    // Where there are recordings in a folder, another text there is somebody else's.
    let has_recordings = || from.iter().any(|path| has_recordings(path));
    if texts == 0 || log.is_empty() && log.timeless() == 0 && has_recordings() {
        return Ok(Texts::None);
    }
    if let Some(folder) = without {
        let folder = folder.display();
        return Err(Error::Other(format!("{folder}: there is no text in it")));
    }
    if log.is_empty() {
        let timed = match log.timeless() {
            0 => "no recording, and no line",
            _ => "no line with a time",
        };
        return Err(Error::Other(format!(
            "{}: {timed} of resource_monitor in the text: looked for lines of the kernel's log such as \
             \"[   11.649258] resource_monitor: sum user=13.1% …\"",
            names(from)
        )));
    }
    warn(&log, from);
    Ok(Texts::Log(log))
}

/// Says what of the texts is left out.
fn warn(log: &KernelLog, from: &[PathBuf]) {
    // Not again when they are read again, as there may be a screen by then.
    static TOLD: Once = Once::new();
    TOLD.call_once(|| tell_left_out(log, from));
}

fn tell_left_out(log: &KernelLog, from: &[PathBuf]) {
    let say = |count: u64, why: &str| {
        if count > 0 {
            // When nobody listens, there is nobody to tell.
            let names = names(from);
            let _ = writeln!(io::stderr(), "resmon: {names}: {count} {why}");
        }
    };
    say(log.timeless(), "lines without a right time are left out");
    say(
        log.dropped(),
        "lines are left out, the first ones: there are too many",
    );
}

/// Says that samples are of a kernel log, which has less than records.
pub fn tell_log(from: &[PathBuf]) {
    let names = names(from);
    // When nobody listens, there is nobody to tell.
    let _ = writeln!(
        io::stderr(),
        "resmon: {names}: from the lines of a kernel log, which have less than records"
    );
}

/// Adds a file if it is a text. Returns what is none.
fn add_text(log: &mut KernelLog, path: &Path) -> Result<Option<BufReader<File>>> {
    let file = File::open(path).map_err(|source| resmon::Error::Open {
        path: path.into(),
        source,
    })?;
    const CAPACITY: usize = 1 << 16;
    let mut reader = BufReader::with_capacity(CAPACITY, file);
    let begin = reader.fill_buf().map_err(Error::file(path))?;
    if Recording::is_dump(begin) && !path.is_file() {
        let path = path.display();
        return Err(Error::Other(format!(
            "{path}: a dump is not read from a pipe, as most of it is passed over: give its file"
        )));
    }
    if !KernelLog::is_text(begin) {
        return Ok(Some(reader));
    }
    log.read(&mut reader, &time_s).map_err(Error::file(path))?;
    Ok(None)
}

/// The time that a clock shows, in seconds since 1970. Without an offset it is in the zone of this machine,
/// and without a year not later than tomorrow.
fn time_s(civil: &Civil) -> Option<f64> {
    let zone = match civil.offset_s {
        Some(offset_s) => TimeZone::fixed(Offset::from_seconds(offset_s).ok()?),
        None => TimeZone::system(),
    };
    let seconds = |year: i16| -> Option<f64> {
        let small = |number: u8| i8::try_from(number).ok();
        let (month, day) = (small(civil.month)?, small(civil.day)?);
        let (hour, minute) = (small(civil.hour)?, small(civil.minute)?);
        // A leap second is the one after it.
        let second = small(civil.second.min(59))?;
        let time = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
        let time = time.to_zoned_datetime(zone.clone()).ok()?.timestamp();
        Some(time.as_second() as f64 + civil.fraction)
    };
    if let Some(year) = civil.year {
        return seconds(i16::try_from(year).ok()?);
    }
    const DAY_S: f64 = 86_400.0;
    let now = Timestamp::now();
    let now_s = now.as_second() as f64;
    let this_year = now.to_zoned_datetime(TimeZone::UTC).year();
    // The 29th of February is not in each year.
    let years = (0..8).map(|back| this_year + 1 - back);
    let mut times = years.filter_map(seconds);
    times.find(|time_s| *time_s <= now_s + DAY_S)
}
