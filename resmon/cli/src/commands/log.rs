// SPDX-License-Identifier: GPL-2.0-or-later

//! A line per sample.

mod csv;
mod since;
mod text;

use std::io::{self, Write};

use resmon::{Record, Records, Sample};

use crate::args::Log;
use crate::error::{Error, Result};
use crate::source::{next_record, report_lost, Source};

use since::Since;
pub use text::local_time;

pub fn run(args: &Log) -> Result<()> {
    let from = args.from.from.as_deref();
    let since = match args.since.as_deref().map(Since::parse).transpose()? {
        Some(since) => Some(since.time_s(from)?),
        None => None,
    };
    let mut reader = Reader {
        records: Source::records_without_waiting(from, since.is_some())?,
        before: None,
        is_over: false,
    };
    let mut format = Format::of(args);
    let mut out = io::stdout().lock();
    let (mut read, mut left) = (0_u64, args.count.unwrap_or(u64::MAX));
    while left > 0 {
        let Some(sample) = reader.next(args)? else {
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

/// Makes samples of records.
struct Reader {
    records: Records<Source>,
    before: Option<Record>,
    is_over: bool,
}

impl Reader {
    /// The next sample, for which it waits; none at the end of a recording, or when nobody reads
    /// standard output.
    fn next(&mut self, args: &Log) -> Result<Option<Sample>> {
        while !self.is_over {
            let Some(record) = next_record(&mut self.records, args.from.from.as_deref())? else {
                self.is_over = !self.records.get_ref().wait()?;
                continue;
            };
            let before = self.before.replace(record);
            // There is no sample of two records that the module made before and after it was
            // loaded anew.
            let sample = before
                .zip(self.before.as_ref())
                .and_then(|(before, now)| Sample::between(&before, now));
            if sample.is_some() {
                return Ok(sample);
            }
        }
        Ok(None)
    }
}

/// How a sample is shown.
enum Format {
    Text(text::Lines),
    Csv(csv::Lines),
    Json,
}

impl Format {
    fn of(args: &Log) -> Self {
        if args.json {
            Self::Json
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
            Self::Json => {
                let mut line = serde_json::to_vec(sample).map_err(io::Error::from)?;
                line.push(b'\n');
                Ok(line)
            }
        }
    }
}
