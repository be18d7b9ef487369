// SPDX-License-Identifier: GPL-2.0-or-later

//! A line per sample.

mod csv;
mod events;
mod since;
mod text;

use std::collections::VecDeque;
use std::io::{self, StdoutLock, Write};

use resmon::{Device, Sample, Samples};
use serde::Serialize;

use crate::args::{Log, LogOf};
use crate::error::{Error, Result};
use crate::input::{next_sample, report_lost, Input};
use crate::time::time;

use since::Since;

/// The lines that come before those that are followed.
const FOLLOWED_LINES: u64 = 10;

pub fn run(args: &Log) -> Result<()> {
    if args.of == Some(LogOf::Events) {
        return events::run(args);
    }
    let from = args.from.from.as_deref();
    let given = args.since.as_deref().map(Since::parse).transpose()?;
    let newest = match args.follow {
        true if given.is_none() => args.lines.or(Some(FOLLOWED_LINES)),
        _ => args.lines,
    };
    // A sample needs two records.
    let wanted = newest.filter(|_| given.is_none());
    let wanted = wanted.map(|lines| lines.saturating_add(1));
    let records = Input::records_without_waiting(from, wanted)?;
    let since = match (given, newest, from) {
        (Some(since), ..) => since,
        (None, None, None) => Since::RECENT,
        _ => Since::All,
    };
    let since_s = since.time_s(records.get_ref())?;
    let mut samples = Input::samples(records);
    let mut out = Output {
        out: io::stdout().lock(),
        format: Format::of(args),
        left: args.count.unwrap_or(u64::MAX),
    };

    // What there is.
    let mut kept = Kept::default();
    let mut last = VecDeque::new();
    while let Some(sample) = next_sample(&mut samples, from)? {
        kept.add(&sample);
        if sample.time_s < since_s {
            continue;
        }
        kept.shown = kept.shown.saturating_add(1);
        match newest {
            None => out.print(&sample)?,
            Some(newest) => {
                last.push_back(sample);
                if last.len() as u64 > newest {
                    last.pop_front();
                }
            }
        }
        if out.left == 0 {
            return Ok(());
        }
    }
    for sample in &last {
        out.print(sample)?;
    }
    let missing = match given {
        Some(since) => kept.missing(since, since_s, from.is_some()),
        None if kept.shown == 0 && !args.follow => Some(kept.nothing(from.is_some())),
        None => None,
    };
    tell_missing(missing, args)?;
    if !args.follow {
        return Ok(());
    }
    while out.left > 0 {
        let Some(sample) = next(&mut samples)? else {
            break;
        };
        out.print(&sample)?;
    }
    Ok(())
}

/// Says what is missing, which is an error unless there is more to come.
fn tell_missing(missing: Option<String>, args: &Log) -> Result<()> {
    let Some(text) = missing else {
        return Ok(());
    };
    let text = match &args.from.from {
        Some(path) => format!("{}: {text}", path.display()),
        None => text,
    };
    if !args.follow {
        return Err(Error::Other(text));
    }
    // When nobody listens, there is nobody to tell.
    let _ = writeln!(io::stderr(), "resmon: {text}");
    Ok(())
}

/// The next sample of the device, for which it waits; none when nobody reads standard output, or at
/// the end of a recording.
fn next(samples: &mut Samples<Input>) -> Result<Option<Sample>> {
    loop {
        let sample = next_sample(samples, None)?;
        if sample.is_some() || !samples.records().get_ref().wait()? {
            return Ok(sample);
        }
    }
}

/// Where lines go.
struct Output<'a> {
    out: StdoutLock<'a>,
    format: Format,
    /// How many there may be.
    left: u64,
}

impl Output<'_> {
    fn print(&mut self, sample: &Sample) -> Result<()> {
        if self.left == 0 {
            return Ok(());
        }
        report_lost(sample.lost_records);
        // Whoever reads this wants to see each sample when it comes.
        self.out.write_all(&self.format.line(sample)?)?;
        self.out.flush()?;
        self.left -= 1;
        Ok(())
    }
}

/// What there was to read.
#[derive(Debug, Default)]
struct Kept {
    /// When the first sample began and the last one ended, in seconds since 1970.
    span_s: Option<(f64, f64)>,
    /// How many samples are of the time that was asked for.
    shown: u64,
}

impl Kept {
    fn add(&mut self, sample: &Sample) {
        let (from_s, to_s) = (sample.time_s - sample.elapsed_s, sample.time_s);
        let (first_s, _) = self.span_s.unwrap_or((from_s, to_s));
        self.span_s = Some((first_s, to_s));
    }

    /// What is said when there is not all that was asked for.
    fn missing(&self, since: Since, since_s: f64, is_recording: bool) -> Option<String> {
        let Some((first_s, last_s)) = self.span_s else {
            return Some(self.nothing(is_recording));
        };
        let there = format!(
            "there are samples from {} to {}",
            time(first_s),
            time(last_s)
        );
        if self.shown == 0 {
            return Some(format!(
                "--since: nothing from {} on: {there}",
                time(since_s)
            ));
        }
        let is_before = since != Since::All && since_s < first_s;
        is_before.then(|| {
            format!(
                "--since: nothing from {} to {}: {there}",
                time(since_s),
                time(first_s)
            )
        })
    }

    /// What is said when nothing was asked for, and there is nothing.
    fn nothing(&self, is_recording: bool) -> String {
        match self.span_s {
            Some((_, last_s)) => format!(
                "no samples in the last 10 minutes: the newest is of {}; --since all shows all",
                time(last_s)
            ),
            None if is_recording => "there are not two records in it, as a sample needs".into(),
            None => "there are no samples yet: --follow waits for them".into(),
        }
    }
}

/// How a sample is shown.
enum Format {
    Text(text::Lines),
    Csv(csv::Lines),
    /// With the kernel's name of this boot, if the samples are of this machine.
    Json(Option<String>),
}

/// A line of JSON.
#[derive(Serialize)]
struct JsonLine<'a> {
    #[serde(flatten)]
    sample: &'a Sample,
    boot_id: Option<&'a str>,
}

impl Format {
    fn of(args: &Log) -> Self {
        if args.json {
            let is_live = args.from.from.is_none();
            Self::Json(is_live.then(Device::boot_id).flatten())
        } else if args.csv {
            Self::Csv(csv::Lines::new())
        } else {
            Self::Text(text::Lines::default())
        }
    }

    /// The line of a sample, with the header before it where it belongs.
    fn line(&mut self, sample: &Sample) -> Result<Vec<u8>> {
        match self {
            Self::Text(lines) => Ok(lines.line(sample).into_bytes()),
            Self::Csv(lines) => lines.line(sample),
            Self::Json(boot_id) => {
                let boot_id = boot_id.as_deref();
                let line = JsonLine { sample, boot_id };
                let mut line = serde_json::to_vec(&line).map_err(io::Error::from)?;
                line.push(b'\n');
                Ok(line)
            }
        }
    }
}
