// SPDX-License-Identifier: GPL-2.0-or-later

//! A line for each task that a census lists, as `pidstat` has them.

use resmon::{Id, Sample, Task};
use serde::Serialize;

use crate::args::Log;
use crate::error::{Error, Result};
use crate::events::{escaped, printable};
use crate::json;
use crate::tasks::by_cpu;
use crate::time::When;

use super::text::{column, lines_of_screen, scaled};

/// The second line of the header; the first column of the first one is the date.
const COLUMNS: &str =
    "TIME          UID     PID   %CPU     RSS    SWAP majflt/s kB_rd/s kB_wr/s  thr S Command";

/// Whether a sample has lines: each census once.
pub fn has_lines(sample: &Sample) -> bool {
    match sample.tasks {
        Some(tasks) => tasks.is_new,
        // What was printed at a panic has the tasks alone.
        None => !sample.top_tasks.is_empty(),
    }
}

/// Writes lines, and the header where it belongs.
pub struct Lines {
    kind: Kind,
    has_header: bool,
    /// Lines of text that there may be before the header comes again.
    left: usize,
    date: String,
}

enum Kind {
    Text,
    Csv,
    Json,
}

/// A line of JSON.
#[derive(Serialize)]
struct JsonLine<'a> {
    time_s: Option<f64>,
    seq: Option<u64>,
    module_boot_id: Option<Id>,
    module_load_id: Option<Id>,
    #[serde(flatten)]
    task: &'a Task,
}

impl Lines {
    pub fn new(args: &Log) -> Self {
        Self {
            kind: match (args.json, args.csv) {
                (true, _) => Kind::Json,
                (_, true) => Kind::Csv,
                _ => Kind::Text,
            },
            has_header: false,
            left: 0,
            date: String::new(),
        }
    }

    /// The lines of the tasks of a sample, those that use most of the CPUs first.
    pub fn lines(&mut self, sample: &Sample) -> Result<Vec<u8>> {
        match self.kind {
            Kind::Text => Ok(self.text(sample).into_bytes()),
            Kind::Csv => self.csv(sample),
            Kind::Json => {
                let mut lines = Vec::new();
                for task in by_cpu(&sample.top_tasks) {
                    let line = JsonLine {
                        time_s: sample.wall_s(),
                        seq: sample.seq,
                        module_boot_id: sample.module_boot_id,
                        module_load_id: sample.module_load_id,
                        task,
                    };
                    lines.extend(json::line(&line)?);
                }
                Ok(lines)
            }
        }
    }

    fn text(&mut self, sample: &Sample) -> String {
        let (date, time) = When::of(sample).columns(sample.interval_s);
        let mut text = String::new();
        // All lines of a census together.
        if self.left == 0 || date != self.date {
            text.push_str(&format!("{date}\n{COLUMNS}\n"));
            self.left = lines_of_screen();
            self.date = date;
        }
        let mut add = |line: String| {
            text.push_str(&format!("{time:10}{line}\n"));
            self.left = self.left.saturating_sub(1);
        };
        for task in by_cpu(&sample.top_tasks) {
            add(line(task));
        }
        if let Some(ended) = sample.tasks.and_then(|tasks| tasks.ended_percent) {
            add(line_of_ended(ended));
        }
        text
    }

    fn csv(&mut self, sample: &Sample) -> Result<Vec<u8>> {
        let mut names = vec!["time", "time_s", "seq", "pid", "comm", "uid", "state"];
        names.extend(Task::COLUMNS.iter().map(|column| column.name));
        names.extend(["cgroup_id", "started_s"]);
        let mut writer = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(Vec::new());
        // Writing to memory does not fail.
        let failed = |error: &dyn std::error::Error| Error::Other(format!("no CSV: {error}"));
        if !std::mem::replace(&mut self.has_header, true) {
            writer.write_record(names).map_err(|error| failed(&error))?;
        }
        for task in by_cpu(&sample.top_tasks) {
            let when = When::of(sample);
            let when = (when.exact(), sample.wall_s(), sample.seq);
            let comm = task.comm.as_deref().map(escaped);
            let who = (task.pid, comm, task.uid, task.state);
            let values = Task::COLUMNS.iter();
            let values: Vec<_> = values.map(|column| column.field.value(task)).collect();
            let rest = (task.cgroup_id, task.started_s);
            writer
                .serialize((when, who, values, rest))
                .map_err(|error| failed(&error))?;
        }
        writer.into_inner().map_err(|error| failed(&error))
    }
}

/// A line without its time.
fn line(task: &Task) -> String {
    const KIB: f64 = 1024.0;
    let uid = task.uid.map_or("-".into(), |uid| uid.to_string());
    let mut line = format!("{uid:>7}{:>8}", task.pid);
    let kib = |bytes: Option<f64>, width: usize, line: &mut String| {
        scaled(bytes.map(|bytes| bytes / KIB), KIB, "MGT", width, line);
    };
    column(
        task.cpu_percent.map(|percent| format!("{percent:.1}")),
        7,
        &mut line,
    );
    kib(Some(task.rss_bytes as f64), 8, &mut line);
    kib(task.swap_bytes.map(|bytes| bytes as f64), 8, &mut line);
    scaled(task.major_faults_per_second, 1000.0, "kMG", 9, &mut line);
    kib(task.read_bytes_per_second, 8, &mut line);
    kib(task.written_bytes_per_second, 8, &mut line);
    let threads = task.threads.map(|threads| threads as f64);
    scaled(threads, 1000.0, "kMG", 5, &mut line);
    let name = printable(task.comm.as_deref().unwrap_or_default());
    let line = format!("{line} {} {name}", task.state);
    line.trim_end().to_owned()
}

/// That of processes that have ended.
fn line_of_ended(percent: f64) -> String {
    format!(
        "{:>7}{:>8}{percent:>7.1}{:>48} (came and went)",
        "-", "-", ""
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_columns_of_the_header() {
        let ended = format!("{:10}{}", "", line_of_ended(12.5));
        let command = COLUMNS.find("Command");
        assert_eq!(ended.find("(came and went)"), command);
        assert_eq!(
            ended.find(" 12.5").map(|at| at + 5),
            COLUMNS.find("%CPU").map(|at| at + 4)
        );
        assert!(
            COLUMNS.len() <= 100,
            "the header has {} bytes",
            COLUMNS.len()
        );
    }
}
