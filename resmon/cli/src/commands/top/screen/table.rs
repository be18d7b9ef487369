// SPDX-License-Identifier: GPL-2.0-or-later

//! What the tables have in common.

use resmon::{Sample, Source};

use super::super::draw::{Cells, Column, Look, Piece, Row};
use super::super::state::Sort;

/// The only row of a table that would be empty.
pub(super) fn nothing(sample: &Sample, kind: Source, text: &str, look: &Look) -> Vec<Row> {
    let text = if sample.incomplete.contains(&kind) {
        "no answer in time"
    } else {
        text
    };
    vec![Row {
        name: "-".into(),
        cells: Cells::Note(Piece::new(text, look.quiet())),
    }]
}

/// Zero is quiet, so that what happens stands out.
pub(super) fn value(text: String, look: &Look) -> Piece {
    if text == "0" || text == "-" || text == "0.0" {
        Piece::new(text, look.quiet())
    } else {
        Piece::plain(text)
    }
}

pub(super) fn sorted(title: &str, sort: Sort) -> String {
    match sort {
        Sort::Busiest => format!("{title} ↓busiest"),
        Sort::Name => format!("{title} ↓name"),
    }
}

pub(super) const fn column(head: &'static str, width: u16) -> Column {
    Column { head, width }
}
