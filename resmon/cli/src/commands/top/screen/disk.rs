// SPDX-License-Identifier: GPL-2.0-or-later

//! The table of disks.

use resmon::{Sample, Source};

use super::super::draw::{Cells, Column, Look, Pane, Piece, Row};
use super::super::format;
use super::super::state::State;
use super::table::{column, nothing, one_row, sorted, value};

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
    if pane.height() == 1 {
        let disks = state.disks().into_iter().map(|disk| {
            let (read, written) = (disk.read_bytes_per_second, disk.written_bytes_per_second);
            vec![
                Piece::plain(disk.name.clone()),
                Piece::new(
                    format!("{}%", format::percent(disk.busy_percent)),
                    look.level(disk.busy_percent),
                ),
                Piece::new("r", look.quiet()),
                value(format::bytes(read), look),
                Piece::new("w", look.quiet()),
                value(format::bytes(written), look),
            ]
        });
        one_row(&mut pane, look, "Disks", &disks.collect::<Vec<_>>());
        return;
    }
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
            value(
                disk.in_flight
                    .map_or("-".into(), |requests| format::count(requests as f64)),
                look,
            ),
        ]),
    });
    let mut rows: Vec<Row> = rows.collect();
    if rows.is_empty() {
        rows = nothing(sample, Source::Disk, "no disk is in use", look);
    }
    pane.table(look, &sorted("Disks", state.sort), &COLUMNS, &rows);
}
