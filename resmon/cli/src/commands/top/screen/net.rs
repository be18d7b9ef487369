// SPDX-License-Identifier: GPL-2.0-or-later

//! The table of network interfaces.

use resmon::{Sample, Source};

use super::super::draw::{Cells, Column, Look, Pane, Piece, Row};
use super::super::format;
use super::super::state::State;
use super::table::{column, nothing, one_row, sorted, value};

pub(super) fn nets(mut pane: Pane<'_>, state: &State, sample: &Sample, look: &Look) {
    const COLUMNS: [Column; 6] = [
        column("in/s", 7),
        column("out/s", 8),
        column("packets in", 11),
        column("out", 7),
        column("errors", 8),
        column("drops", 8),
    ];
    if pane.height() == 1 {
        let nets = state.nets().into_iter().map(|net| {
            vec![
                Piece::plain(net.name.clone()),
                Piece::new("in", look.quiet()),
                value(format::bytes(net.received.bytes_per_second), look),
                Piece::new("out", look.quiet()),
                value(format::bytes(net.transmitted.bytes_per_second), look),
            ]
        });
        one_row(&mut pane, look, "Networks", &nets.collect::<Vec<_>>());
        return;
    }
    let rows = state.nets().into_iter().map(|net| {
        let (rx, tx) = (&net.received, &net.transmitted);
        let bad = |both: Option<(f64, f64)>| {
            let Some((received, transmitted)) = both else {
                return Piece::new("-", look.quiet());
            };
            let rate = received + transmitted;
            let style = if rate > 0.0 {
                look.warning()
            } else {
                look.quiet()
            };
            Piece::new(format::count(rate), style)
        };
        Row {
            name: net.name.clone(),
            cells: Cells::Values(vec![
                value(format::bytes(rx.bytes_per_second), look),
                value(format::bytes(tx.bytes_per_second), look),
                value(format::count(rx.packets_per_second), look),
                value(format::count(tx.packets_per_second), look),
                bad(rx.errors_per_second.zip(tx.errors_per_second)),
                bad(rx.drops_per_second.zip(tx.drops_per_second)),
            ]),
        }
    });
    let mut rows: Vec<Row> = rows.collect();
    if rows.is_empty() {
        rows = nothing(sample, Source::Net, "no network interface", look);
    }
    pane.table(look, &sorted("Networks", state.sort), &COLUMNS, &rows);
}
