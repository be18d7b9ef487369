// SPDX-License-Identifier: GPL-2.0-or-later

//! Comma-separated values, whose columns are always the same.

use std::iter;

use resmon::columns::{SampleColumn, Value};
use resmon::Sample;

use crate::error::{Error, Result};
use crate::events::{escaped, word};
use crate::tasks::by_cpu;
use crate::time::When;

/// Of the task that uses most of the CPUs.
const TOP_TASK: [&str; 3] = ["top_task_pid", "top_task_comm", "top_task_cpu_percent"];

fn top_task(sample: &Sample) -> (Option<u32>, Option<String>, Option<f64>) {
    let top = by_cpu(&sample.top_tasks).into_iter().next();
    top.map_or((None, None, None), |task| {
        (
            Some(task.pid),
            task.comm.as_deref().map(escaped),
            task.cpu_percent,
        )
    })
}

/// Writes lines, the first one with the names of the columns.
pub struct Lines {
    columns: Vec<SampleColumn>,
    has_header: bool,
}

impl Lines {
    pub fn new() -> Self {
        Self {
            columns: Sample::columns(),
            has_header: false,
        }
    }

    /// The line of a sample, in which what was not sampled is empty.
    pub fn line(&mut self, sample: &Sample) -> Result<Vec<u8>> {
        let mut writer = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(Vec::new());
        // Writing to memory does not fail.
        let failed = |error: &dyn std::error::Error| Error::Other(format!("no CSV: {error}"));
        if !std::mem::replace(&mut self.has_header, true) {
            let names = self.columns.iter().map(|column| column.name.as_str());
            let names = iter::once("time").chain(names);
            let names = names.chain(TOP_TASK).chain(["since_boot_s", "events"]);
            writer.write_record(names).map_err(|error| failed(&error))?;
        }
        let time = When::of(sample).exact();
        let values = self.columns.iter().map(|column| column.value(sample));
        let values: Vec<Option<Value>> = values.collect();
        writer
            .serialize((
                time,
                values,
                top_task(sample),
                sample.since_boot_s,
                word(&sample.events),
            ))
            .map_err(|error| failed(&error))?;
        writer.into_inner().map_err(|error| failed(&error))
    }
}
