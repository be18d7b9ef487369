// SPDX-License-Identifier: GPL-2.0-or-later

//! A line per sample.

mod csv;
mod events;
mod panic;
mod since;
mod tasks;
mod text;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{self, StdoutLock, Write};

use resmon::{Device, Sample};
use serde::Serialize;

use crate::args::{Log, LogOf};
use crate::error::{Error, Result};
use crate::input::{report_lost, Input};
use crate::json;
use crate::samples::{names, tell_log, Source};
use crate::time::When;

use since::Since;

/// The lines that come before those that are followed.
const FOLLOWED_LINES: u64 = 10;

/// The same of tasks, of which each census has many.
const FOLLOWED_CENSUSES: u64 = 1;

pub fn run(args: &Log) -> Result<()> {
    if args.of == Some(LogOf::Events) {
        return events::run(args);
    }
    let given = args.since.as_deref().map(Since::parse).transpose()?;
    let of_tasks = args.of == Some(LogOf::Tasks);
    let followed = match of_tasks {
        true => FOLLOWED_CENSUSES,
        false => FOLLOWED_LINES,
    };
    let newest = match args.follow {
        true if given.is_none() => args.lines.or(Some(followed)),
        _ => args.lines,
    };
    // A sample needs two records, and not each has a census.
    let wanted = newest.filter(|_| given.is_none() && !of_tasks);
    let wanted = wanted.map(|lines| lines.saturating_add(1));
    let mut samples = open(args, wanted)?;
    let is_live = samples.device().is_some();
    let since = match (given, newest) {
        (Some(since), _) => since,
        (None, None) if is_live && args.from.of.boot.is_none() => Since::RECENT,
        _ => Since::All,
    };
    let since_s = since.time_s(&samples)?;
    if samples.log().is_some() && !args.json {
        tell_log(&args.from.from);
    }
    let mut out = Output {
        out: io::stdout().lock(),
        format: Format::of(args, is_live),
        left: args.count.unwrap_or(u64::MAX),
    };

    // What there is.
    let mut kept = Kept::default();
    let mut last = VecDeque::new();
    while let Some(sample) = samples.try_next()? {
        kept.add(&sample);
        let has_lines = !of_tasks || tasks::has_lines(&sample);
        if sample.time_s < since_s || !has_lines {
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
    panic::tell(&samples, args)?;
    let has_panic = samples.log().is_some_and(|log| !log.panics().is_empty());
    let missing = match given {
        _ if of_tasks && kept.shown == 0 && !args.follow => Some(kept.no_tasks(since_s)),
        Some(since) => kept.missing(since, since_s, !is_live),
        None if kept.shown == 0 && !args.follow && !has_panic => Some(kept.nothing(!is_live)),
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
        if !of_tasks || tasks::has_lines(&sample) {
            out.print(&sample)?;
        }
    }
    Ok(())
}

/// What samples are read from.
fn open(args: &Log, newest: Option<u64>) -> Result<Source> {
    let samples = Source::open(&args.from, newest)?;
    if args.follow && samples.device().is_none() {
        return Err(Error::Usage(
            "--follow: no samples are to come of another boot than this one".into(),
        ));
    }
    Ok(samples)
}

/// Says what is missing, which is an error unless there is more to come.
fn tell_missing(missing: Option<String>, args: &Log) -> Result<()> {
    let Some(text) = missing else {
        return Ok(());
    };
    if !args.follow {
        return Err(Error::Other(of_recording(&text, args)));
    }
    say(&text, args);
    Ok(())
}

/// Says on standard error what is no error.
fn say(text: &str, args: &Log) {
    // When nobody listens, there is nobody to tell.
    let _ = writeln!(io::stderr(), "resmon: {}", of_recording(text, args));
}

/// With the name of the recording that it is about, if there is one.
fn of_recording(text: &str, args: &Log) -> String {
    match args.from.from.as_slice() {
        [] => text.to_owned(),
        from => format!("{}: {text}", names(from)),
    }
}

/// The next sample of the device, for which it waits; none when nobody reads standard output, or at
/// the end of a recording.
fn next(samples: &mut Source) -> Result<Option<Sample>> {
    loop {
        let sample = samples.try_next()?;
        let must_wait = sample.is_none();
        if !must_wait || !samples.input().map_or(Ok(false), Input::wait)? {
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
    /// When the first sample began and the last one ended.
    span: Option<(When, When)>,
    /// How many samples are of the time that was asked for.
    shown: u64,
}

impl Kept {
    fn add(&mut self, sample: &Sample) {
        let to = When::of(sample);
        let from = to.earlier(sample.elapsed_s.unwrap_or(0.0));
        let (first, _) = self.span.unwrap_or((from, to));
        self.span = Some((first, to));
    }

    /// What is said when there is not all that was asked for.
    fn missing(&self, since: Since, since_s: f64, is_recording: bool) -> Option<String> {
        let Some((first, last)) = self.span else {
            return Some(self.nothing(is_recording));
        };
        let there = format!("there are samples from {} to {}", first.text(), last.text());
        let since_text = last.at(since_s).text();
        if self.shown == 0 {
            return Some(format!("--since: nothing from {since_text} on: {there}"));
        }
        let is_before = since != Since::All && since_s < first.time_s;
        is_before.then(|| {
            format!(
                "--since: nothing from {since_text} to {}: {there}",
                first.text()
            )
        })
    }

    /// What is said when there is no census.
    fn no_tasks(&self, since_s: f64) -> String {
        match self.span {
            Some((first, last)) if last.time_s >= since_s => format!(
                "no tasks from {} to {}: the parameter tasks of the module says when it looks at them",
                first.at(first.time_s.max(since_s)).text(),
                last.text()
            ),
            _ => self.nothing(false),
        }
    }

    /// What is said when nothing was asked for, and there is nothing.
    fn nothing(&self, is_recording: bool) -> String {
        match self.span {
            Some((_, last)) => format!(
                "no samples in the last 10 minutes: the newest is of {}; --since all shows all",
                last.text()
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
    Tasks(tasks::Lines),
}

/// A sample for programs: without a time that is none of the day. What is no number is null in JSON.
fn as_data(sample: &Sample) -> Cow<'_, Sample> {
    if When::of(sample).is_of_day {
        return Cow::Borrowed(sample);
    }
    let mut sample = sample.clone();
    sample.set_time(f64::NAN);
    Cow::Owned(sample)
}

/// A line of JSON.
#[derive(Serialize)]
struct JsonLine<'a> {
    #[serde(flatten)]
    sample: &'a Sample,
    boot_id: Option<&'a str>,
}

impl Format {
    fn of(args: &Log, is_live: bool) -> Self {
        if args.of == Some(LogOf::Tasks) {
            Self::Tasks(tasks::Lines::new(args))
        } else if args.json {
            Self::Json(is_live.then(Device::boot_id).flatten())
        } else if args.csv {
            Self::Csv(csv::Lines::new())
        } else {
            Self::Text(text::Lines::default())
        }
    }

    /// The lines of a sample, with the header before them where it belongs.
    fn line(&mut self, sample: &Sample) -> Result<Vec<u8>> {
        match self {
            Self::Text(lines) => Ok(lines.line(sample).into_bytes()),
            Self::Csv(lines) => lines.line(sample),
            Self::Tasks(lines) => lines.lines(sample),
            Self::Json(boot_id) => {
                let boot_id = boot_id.as_deref();
                let sample = &as_data(sample);
                Ok(json::line(&JsonLine { sample, boot_id })?)
            }
        }
    }
}
