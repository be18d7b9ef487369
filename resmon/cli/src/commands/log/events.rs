// SPDX-License-Identifier: GPL-2.0-or-later

//! A line for each event that begins, ends, or is over at once.

use std::collections::VecDeque;
use std::io::{self, StdoutLock, Write};

use resmon::model::event::Trigger;
use resmon::{OomKill, OomOutcome, Sample};

use crate::args::Log;
use crate::error::{Error, Result};
use crate::events::{escaped, printable, News, Row};
use crate::input::report_lost;
use crate::samples::tell_log;
use crate::tasks;
use crate::time::When;

use super::since::Since;
use super::{next, open, panic, say, tell_missing, Kept, FOLLOWED_LINES};

pub fn run(args: &Log) -> Result<()> {
    let given = args.since.as_deref().map(Since::parse).transpose()?;
    let newest = match args.follow {
        true if given.is_none() => args.lines.or(Some(FOLLOWED_LINES)),
        _ => args.lines,
    };
    let mut samples = open(args, None)?;
    let since = given.unwrap_or(Since::All);
    let since_s = since.time_s(&samples)?;
    if samples.log().is_some() && !args.json {
        tell_log(&args.from.from);
    }
    let mut out = Output::new(args);

    // What there is.
    let mut kept = Kept::default();
    let mut news = News::default();
    let mut last = VecDeque::new();
    let mut count = 0_u64;
    while let Some(sample) = samples.try_next()? {
        kept.add(&sample);
        if sample.time_s < since_s {
            continue;
        }
        kept.shown = kept.shown.saturating_add(1);
        report_lost(sample.lost_records);
        for entry in Entry::of_sample(&mut news, &sample) {
            count = count.saturating_add(1);
            match newest {
                None => out.print(&entry)?,
                Some(newest) => {
                    last.push_back(entry);
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
    for entry in &last {
        out.print(entry)?;
    }
    panic::tell(&samples, args)?;
    let missing = kept.missing(since, since_s, samples.device().is_none());
    if let (None, 0, Some((first, last))) = (&missing, count, kept.span) {
        let from = first.at(first.time_s.max(since_s));
        let none = format!("no events from {} to {}", from.text(), last.text());
        say(&none, args);
    }
    tell_missing(missing, args)?;
    while args.follow && out.left > 0 {
        let Some(sample) = next(&mut samples)? else {
            break;
        };
        report_lost(sample.lost_records);
        for entry in Entry::of_sample(&mut news, &sample) {
            out.print(&entry)?;
        }
    }
    Ok(())
}

/// What has lines.
enum Entry {
    Event(Row),
    /// Who was killed as memory ran out, of which there need not be an event.
    Kill(OomKill, When),
    /// How many more there were, and when.
    MoreKills(u64, When),
}

impl Entry {
    fn of_sample(news: &mut News, sample: &Sample) -> Vec<Self> {
        let events = Row::of_sample(news, sample).into_iter().map(Self::Event);
        let kills = sample.oom_kills.iter().cloned();
        let kills = kills.map(|kill| {
            let when = When::of(sample).at(kill.time_s);
            Self::Kill(kill, when)
        });
        let left_out = Some(sample.oom_kills_left_out).filter(|more| *more > 0);
        let more = left_out.map(|more| Self::MoreKills(more, When::of(sample)));
        events.chain(kills).chain(more).collect()
    }

    /// Its values as text, the subject last.
    fn values(&self) -> [String; 8] {
        let kill = |at: When, state: &str, subject: String| {
            let mut values = [const { String::new() }; 8];
            let [when, name, what, .., about] = &mut values;
            *when = at.short();
            *name = Trigger::OomKill.description().name.into();
            *what = state.into();
            *about = subject;
            values
        };
        match self {
            Self::Event(row) => values(row),
            Self::Kill(victim, at) => kill(*at, victim.outcome.name(), tasks::victim(victim)),
            Self::MoreKills(more, at) => {
                kill(*at, OomOutcome::Killed.name(), format!("and {more} more"))
            }
        }
    }
}

/// The values of an event.
fn values(row: &Row) -> [String; 8] {
    let event = &row.event;
    let text = |value| event.unit.text(value);
    [
        row.when.short(),
        event.name.clone(),
        event.state.name().into(),
        text(event.value),
        event.worst.map_or("-".into(), text),
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

    fn print(&mut self, entry: &Entry) -> Result<()> {
        if self.left == 0 {
            return Ok(());
        }
        let row = match entry {
            Entry::Event(row) => Some(row),
            Entry::Kill(..) | Entry::MoreKills(..) => None,
        };
        let is_data = self.is_json || self.is_csv;
        // The event has these.
        if is_data && row.is_none() {
            return Ok(());
        }
        let is_first = !std::mem::replace(&mut self.has_header, true);
        let line = match row.filter(|_| is_data) {
            Some(row) if self.is_json => row.json()?,
            Some(row) => csv(row, is_first)?,
            None => {
                let head = is_first.then(|| line(&COLUMNS.map(|(name, _)| name.to_owned())));
                (head.unwrap_or_default() + &line(&entry.values())).into_bytes()
            }
        };
        self.out.write_all(&line)?;
        self.out.flush()?;
        self.left -= 1;
        Ok(())
    }
}

/// Who was killed in a word, as `4712=stress-ng-vm;4713=sh`.
fn kills(kills: &[OomKill]) -> String {
    let each = kills.iter().map(|kill| match &kill.comm {
        Some(comm) => format!("{}={}", kill.pid, escaped(comm)),
        None => kill.pid.to_string(),
    });
    each.collect::<Vec<_>>().join(";")
}

/// A line of CSV, with the names of the columns before the first one.
fn csv(row: &Row, is_first: bool) -> Result<Vec<u8>> {
    const NAMES: [&str; 14] = [
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
        "oom_kills",
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
            let time_s = Some(row.time_s).filter(|time_s| time_s.is_finite());
            let sample = (row.when.exact(), time_s, row.seq);
            let what = (event.number, &event.name, event.state, event.unit);
            let values = (event.value, event.worst, event.limit);
            let rest = (
                event.lasting_s,
                event.since_s,
                event.subject.as_deref().map(printable),
                row.memory.as_ref().map(|memory| kills(&memory.oom_kills)),
            );
            writer.serialize((sample, what, values, rest))
        })
        .map_err(|error| error.to_string())
        .and_then(|()| writer.into_inner().map_err(|error| error.to_string()))
        .map_err(|error| Error::Other(format!("no CSV: {error}")))
}
