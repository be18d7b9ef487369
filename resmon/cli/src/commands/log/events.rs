// SPDX-License-Identifier: GPL-2.0-or-later

//! A line for each event that begins, ends, or is over at once.

use std::collections::VecDeque;
use std::io::{self, StdoutLock, Write};

use crate::args::Log;
use crate::error::{Error, Result};
use crate::events::{printable, News, Row};
use crate::input::{next_sample, report_lost, Input};
use crate::time::{exact_time, time};

use super::since::Since;
use super::{next, tell_missing, Kept, FOLLOWED_LINES};

pub fn run(args: &Log) -> Result<()> {
    let from = args.from.from.as_deref();
    let given = args.since.as_deref().map(Since::parse).transpose()?;
    let newest = match args.follow {
        true if given.is_none() => args.lines.or(Some(FOLLOWED_LINES)),
        _ => args.lines,
    };
    let records = Input::records_without_waiting(from, None)?;
    let since = given.unwrap_or(Since::All);
    let since_s = since.time_s(records.get_ref())?;
    let mut samples = Input::samples(records);
    let mut out = Output::new(args);

    // What there is.
    let mut kept = Kept::default();
    let mut news = News::default();
    let mut last = VecDeque::new();
    let mut count = 0_u64;
    while let Some(sample) = next_sample(&mut samples, from)? {
        kept.add(&sample);
        if sample.time_s < since_s {
            continue;
        }
        kept.shown = kept.shown.saturating_add(1);
        report_lost(sample.lost_records);
        for row in Row::of_sample(&mut news, &sample) {
            count = count.saturating_add(1);
            match newest {
                None => out.print(&row)?,
                Some(newest) => {
                    last.push_back(row);
                    if last.len() as u64 > newest {
                        last.pop_front();
                    }
                }
            }
        }
        if out.left == 0 {
            return Ok(());
        }
    }
    for row in &last {
        out.print(row)?;
    }
    let missing = kept.missing(since, since_s, from.is_some());
    let missing = missing.or_else(|| {
        let (first_s, last_s) = kept.span_s?;
        let from_s = first_s.max(since_s);
        let none = format!("no events from {} to {}", time(from_s), time(last_s));
        (count == 0).then_some(none)
    });
    tell_missing(missing, args)?;
    while args.follow && out.left > 0 {
        let Some(sample) = next(&mut samples)? else {
            break;
        };
        report_lost(sample.lost_records);
        for row in Row::of_sample(&mut news, &sample) {
            out.print(&row)?;
        }
    }
    Ok(())
}

/// The values as text, the subject last.
fn values(row: &Row) -> [String; 8] {
    let event = &row.event;
    let text = |value| event.unit.text(value);
    [
        time(row.time_s),
        event.name.clone(),
        event.state.name().into(),
        text(event.value),
        text(event.worst),
        text(event.limit),
        format!("{:.1}s", event.since_s),
        printable(event.subject.as_deref().unwrap_or_default()),
    ]
}

/// The columns of the table, and how wide they are: to the left where that is negative.
const COLUMNS: [(&str, i32); 8] = [
    ("TIME", -19),
    ("EVENT", -11),
    ("STATE", -7),
    ("VALUE", 9),
    ("WORST", 9),
    ("LIMIT", 9),
    ("LASTED", 10),
    ("SUBJECT", -1),
];

/// A line of the table.
fn line(values: &[String]) -> String {
    let columns = values.iter().zip(COLUMNS).map(|(value, (_, width))| {
        let room = width.unsigned_abs() as usize;
        match width < 0 {
            true => format!("{value:room$}"),
            false => format!("{value:>room$}"),
        }
    });
    let line = columns.collect::<Vec<_>>().join("  ");
    format!("{}\n", line.trim_end())
}

/// Where lines go.
struct Output<'a> {
    out: StdoutLock<'a>,
    is_json: bool,
    is_csv: bool,
    has_header: bool,
    /// How many there may be.
    left: u64,
}

impl Output<'_> {
    fn new(args: &Log) -> Self {
        Self {
            out: io::stdout().lock(),
            is_json: args.json,
            is_csv: args.csv,
            has_header: false,
            left: args.count.unwrap_or(u64::MAX),
        }
    }

    fn print(&mut self, row: &Row) -> Result<()> {
        if self.left == 0 {
            return Ok(());
        }
        let is_first = !std::mem::replace(&mut self.has_header, true);
        let line = if self.is_json {
            row.json()?
        } else if self.is_csv {
            csv(row, is_first)?
        } else {
            let head = is_first.then(|| line(&COLUMNS.map(|(name, _)| name.to_owned())));
            (head.unwrap_or_default() + &line(&values(row))).into_bytes()
        };
        self.out.write_all(&line)?;
        self.out.flush()?;
        self.left -= 1;
        Ok(())
    }
}

/// A line of CSV, with the names of the columns before the first one.
fn csv(row: &Row, is_first: bool) -> Result<Vec<u8>> {
    const NAMES: [&str; 13] = [
        "time",
        "time_s",
        "seq",
        "number",
        "event",
        "state",
        "unit",
        "value",
        "worst",
        "limit",
        "lasting_s",
        "since_s",
        "subject",
    ];
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    let event = &row.event;
    let names = is_first.then_some(NAMES);
    // Writing to memory does not fail.
    names
        .map_or(Ok(()), |names| writer.write_record(names))
        .and_then(|()| {
            let sample = (exact_time(row.time_s), row.time_s, row.seq);
            let what = (event.number, &event.name, event.state, event.unit);
            let values = (event.value, event.worst, event.limit);
            let rest = (
                event.lasting_s,
                event.since_s,
                event.subject.as_deref().map(printable),
            );
            writer.serialize((sample, what, values, rest))
        })
        .map_err(|error| error.to_string())
        .and_then(|()| writer.into_inner().map_err(|error| error.to_string()))
        .map_err(|error| Error::Other(format!("no CSV: {error}")))
}
