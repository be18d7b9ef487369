// SPDX-License-Identifier: GPL-2.0-or-later

//! Where samples come from: records of the module, or the lines that it has written to the kernel's log.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Once;

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::Timestamp;
use resmon::{Civil, Device, KernelLog, LogSamples, Recording, Records, Sample, Samples};

use crate::error::{Error, Result};
use crate::input::{next_sample, Input};

/// What gives samples.
#[derive(Debug)]
pub enum Source {
    Records {
        samples: Box<Samples<Input>>,
        from: Option<PathBuf>,
    },
    Log(Box<LogSamples>),
}

impl Source {
    /// The recording or the texts `from`, or else the device, without waiting. Of what the module keeps, only
    /// so many records as `newest` are read, if it is given.
    pub fn open(from: &[PathBuf], newest: Option<u64>) -> Result<Self> {
        let records = match texts_of(from)? {
            Texts::Log(log) => return Ok(Self::Log(Box::new(log.into_samples()))),
            Texts::Stream(stream) => Records::new(Input::Stream(stream)),
            Texts::None => Input::records_without_waiting(one(from)?, newest)?,
        };
        let from = one(from)?;
        Ok(Self::Records {
            samples: Box::new(Input::samples(records)),
            from: from.map(Path::to_path_buf),
        })
    }

    /// The next sample; none when there is none now.
    pub fn try_next(&mut self) -> Result<Option<Sample>> {
        match self {
            Self::Records { samples, from } => next_sample(samples, from.as_deref()),
            Self::Log(samples) => Ok(samples.next()),
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

/// The one recording, if there is one.
fn one(from: &[PathBuf]) -> Result<Option<&Path>> {
    match from {
        [] => Ok(None),
        [path] => Ok(Some(path)),
        _ => Err(Error::Usage(
            "--from: only texts can be more than one; recordings can be joined with cat".into(),
        )),
    }
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
    for path in from {
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
                Some(stream) if !path.is_file() => return Ok(Texts::Stream(stream)),
                Some(_) => return Ok(Texts::None),
            }
        }
        if is_folder && texts == 0 {
            let path = path.display();
            return Err(Error::Other(format!("{path}: there is no text in it")));
        }
    }
    if from.is_empty() {
        return Ok(Texts::None);
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

/// The files in a folder, by their names.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(Error::file(folder))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    Ok(files)
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
