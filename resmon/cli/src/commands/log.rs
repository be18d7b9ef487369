// SPDX-License-Identifier: GPL-2.0-or-later

//! A line per sample.

mod csv;
mod since;
mod text;

use std::io::{self, Write};
use std::path::Path;

use resmon::{Device, Sample, Samples};
use serde::Serialize;

use crate::args::Log;
use crate::error::{Error, Result};
use crate::source::{next_sample, report_lost, Source};

use since::Since;
pub use text::local_time;

pub fn run(args: &Log) -> Result<()> {
    let from = args.from.from.as_deref();
    let since = match args.since.as_deref().map(Since::parse).transpose()? {
        Some(since) => Some(since.time_s(from)?),
        None => None,
    };
    let mut samples = Samples::new(Source::records_without_waiting(from, since.is_some())?);
    let mut format = Format::of(args);
    let mut out = io::stdout().lock();
    let (mut read, mut left) = (0_u64, args.count.unwrap_or(u64::MAX));
    while left > 0 {
        let Some(sample) = next(&mut samples, from)? else {
            break;
        };
        read = read.saturating_add(1);
        if since.is_some_and(|since| sample.time_s < since) {
            continue;
        }
        report_lost(sample.lost_records);
        // Whoever reads this wants to see each sample when it comes.
        out.write_all(&format.line(&sample)?)?;
        out.flush()?;
        left -= 1;
    }
    match from {
        Some(path) if read == 0 => Err(Error::Other(format!(
            "{}: there are not two records in it, as a sample needs",
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// The next sample, for which it waits; none at the end of the recording `from`, or when nobody reads
/// standard output.
fn next(samples: &mut Samples<Source>, from: Option<&Path>) -> Result<Option<Sample>> {
    loop {
        let sample = next_sample(samples, from)?;
        if sample.is_some() || !samples.records().get_ref().wait()? {
            return Ok(sample);
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
            Self::Csv(csv::Lines::default())
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
