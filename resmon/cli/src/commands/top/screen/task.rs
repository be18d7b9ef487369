// SPDX-License-Identifier: GPL-2.0-or-later

//! The table of tasks.

use resmon::{Sample, Source, Task};

use super::super::draw::{Cells, Column, Look, Pane, Piece, Row};
use super::super::format;
use super::super::order::TaskOrder;
use super::super::state::State;
use super::table::{column, nothing, value};
use crate::events::printable;

/// The width of PID and name, so that columns stay where they are.
const NAME: usize = 24;

/// An age of the census that is worth to be told, in seconds.
const OLD_S: f64 = 0.95;

/// Those that use most, and below all others what came and went. With fewer of them rows stay blank.
pub(super) fn tasks(mut pane: Pane<'_>, state: &State, sample: &Sample, look: &Look) {
    const COLUMNS: [Column; 10] = [
        column("% of 1 CPU", 10),
        column("rss", 6),
        column("swap", 6),
        column("major/s", 7),
        column("read/s", 7),
        column("write/s", 7),
        column("thr", 4),
        column("S", 2),
        column("uid", 6),
        column("cpu time", 9),
    ];
    let order = match state.task_order {
        TaskOrder::Cpu => "↓cpu",
        TaskOrder::Memory => "↓memory",
    };
    let Some(totals) = sample.tasks else {
        let rows = nothing(sample, Source::Task, "not sampled", look);
        pane.table(look, &format!("Tasks {order}"), &COLUMNS, &rows);
        return;
    };
    let age = match totals.census_age_s {
        Some(age) if age >= OLD_S => format!(" {} ago", format::interval(age.round())),
        _ => String::new(),
    };
    let title = format!("Tasks {} {order}{age}", totals.processes);
    let room = usize::from(pane.height().saturating_sub(2));
    let tasks = state.tasks().into_iter().take(room);
    let mut rows: Vec<Row> = tasks.map(|task| row(task, look)).collect();
    rows.resize_with(room, || Row {
        name: String::new(),
        cells: Cells::Values(Vec::new()),
    });
    let ended = totals.ended_percent.map_or("-".into(), format::percent);
    rows.push(Row {
        name: format!("{:8}{:width$}", "", "came and went", width = NAME - 8),
        cells: Cells::Values(vec![value(ended, look)]),
    });
    pane.table(look, &title, &COLUMNS, &rows);
}

fn row(task: &Task, look: &Look) -> Row {
    let name = printable(task.comm.as_deref().unwrap_or_default());
    let rate =
        |rate: Option<f64>, text: fn(f64) -> String| value(rate.map_or("-".into(), text), look);
    // Whole seconds would be 0 for most.
    let seconds = |seconds: f64| match seconds {
        ..600.0 => format!("{seconds:.1} s"),
        _ => format!("{:.0} min", seconds / 60.0),
    };
    Row {
        name: format!("{:>7} {name:width$}", task.pid, width = NAME - 8),
        cells: Cells::Values(vec![
            rate(task.cpu_percent, format::percent),
            value(format::bytes(task.rss_bytes as f64), look),
            rate(task.swap_bytes.map(|bytes| bytes as f64), format::bytes),
            rate(task.major_faults_per_second, format::count),
            rate(task.read_bytes_per_second, format::bytes),
            rate(task.written_bytes_per_second, format::bytes),
            rate(task.threads.map(|threads| threads as f64), |threads| {
                threads.to_string()
            }),
            Piece::plain(task.state),
            Piece::plain(task.uid.map_or("-".into(), |uid| uid.to_string())),
            Piece::plain(task.cpu_s.map_or("-".into(), seconds)),
        ]),
    }
}
