// SPDX-License-Identifier: GPL-2.0-or-later

//! What the tables have in common.

use ratatui::style::Style;
use resmon::{Sample, Source};

use super::super::draw::{width_of, Cells, Column, Look, Pane, Piece, Row};
use super::super::order::Sort;

/// The only row of a table that would be empty.
pub(super) fn nothing(sample: &Sample, kind: Source, text: &str, look: &Look) -> Vec<Row> {
    let text = if sample.incomplete.contains(&kind) {
        "no answer in time"
    } else if sample.from_log.is_some() {
        "not in the log"
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

/// A table in one row: a name and what is said of it, as many as fit, and how many more there are.
pub(super) fn one_row(pane: &mut Pane<'_>, look: &Look, title: &str, things: &[Vec<Piece>]) {
    const TITLE: u16 = 14;
    const GAP: u16 = 3;
    let more = |left: usize| format!("+{left} more");
    pane.text(0, 0, title, look.title());
    if things.is_empty() {
        pane.text(0, TITLE, "-", look.quiet());
    }
    let mut column = TITLE;
    for (at, thing) in things.iter().enumerate() {
        let texts = thing.iter().map(|piece| width_of(&piece.text) + 1);
        let width = texts.fold(0, u16::saturating_add);
        let after = things.len() - at - 1;
        // Unless it is the last one, what is said of the rest needs room, too.
        let rest = match after {
            0 => 0,
            _ => width_of(&more(after)) + GAP,
        };
        let end = column.saturating_add(width).saturating_sub(1);
        if at > 0 && end.saturating_add(rest) > pane.width() {
            pane.text(0, column, &more(after + 1), look.quiet());
            return;
        }
        for piece in thing {
            column = pane.text(0, column, &piece.text, piece.style);
            column = pane.text(0, column, " ", Style::new());
        }
        column = column.saturating_add(GAP - 1);
    }
}
