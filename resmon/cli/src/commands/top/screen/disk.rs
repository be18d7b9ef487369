// SPDX-License-Identifier: GPL-2.0-or-later

//! The table of disks.

use resmon::{Sample, Source};

use super::super::draw::{Cells, Column, Look, Pane, Piece, Row};
use super::super::format;
use super::super::state::State;
use super::table::{column, nothing, sorted, value};

pub(super) fn disks(mut pane: Pane<'_>, state: &State, sample: &Sample, look: &Look) {
    const COLUMNS: [Column; 7] = [
        column("busy", 6),
        column("read/s", 8),
        column("write/s", 8),
        column("reads", 7),
        column("writes", 7),
        column("await ms", 9),
        column("queue", 6),
    ];
    let rows = state.disks().into_iter().map(|disk| Row {
        name: disk.name.clone(),
        cells: Cells::Values(vec![
            Piece::new(
                format!("{}%", format::percent(disk.busy_percent)),
                look.level(disk.busy_percent),
            ),
            value(format::bytes(disk.read_bytes_per_second), look),
            value(format::bytes(disk.written_bytes_per_second), look),
            value(format::count(disk.reads_per_second), look),
            value(format::count(disk.writes_per_second), look),
            value(format::milliseconds(disk.await_ms), look),
            value(format::count(disk.in_flight as f64), look),
        ]),
    });
    let mut rows: Vec<Row> = rows.collect();
    if rows.is_empty() {
        rows = nothing(sample, Source::Disk, "no disk is in use", look);
    }
    pane.table(look, &sorted("Disks", state.sort), &COLUMNS, &rows);
}
