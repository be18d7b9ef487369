// SPDX-License-Identifier: GPL-2.0-or-later

//! The last row, and the help.

use ratatui::style::{Modifier, Style};

use super::super::draw::{Look, Pane, Piece};
use super::super::state::State;

/// What the keys do, or what there is to tell.
pub(super) fn status(mut pane: Pane<'_>, state: &State, look: &Look) {
    let mut left = Vec::new();
    if let Some(note) = &state.note {
        pane.text(0, 0, note, look.warning());
        return;
    }
    match state.sample() {
        Some(sample) if !sample.incomplete.is_empty() => {
            let names: Vec<_> = sample
                .incomplete
                .iter()
                .map(|source| source.name())
                .collect();
            let names = names.join(", ");
            left.push((0, Piece::new(format!("stale: {names}"), look.warning())));
        }
        Some(_) => (),
        None => {
            let text = if state.has_ended || state.is_once {
                "There is no sample: one needs two records."
            } else {
                "Waiting for the first sample, which needs two records."
            };
            left.push((0, Piece::new(text, look.warning())));
        }
    }
    let keys: [(u8, &str, &str); 8] = [
        (1, "q", "quit"),
        (2, "?", "help"),
        (3, "space", "pause"),
        (4, "←→", "time"),
        (5, "s", "sort"),
        (6, "+-", "interval"),
        (7, "z", "zoom"),
        (8, "r", "reread"),
    ];
    let tasks = (5, "t m", "tasks");
    let tasks = Some(tasks).filter(|_| state.task_places() > 0);
    for (rank, key, what) in keys.into_iter().chain(tasks) {
        left.push((rank, Piece::new(format!("{key} {what}"), look.quiet())));
    }
    pane.ends(left, Vec::new());
}

/// What the keys do, over all the rest.
pub(super) fn help(mut pane: Pane<'_>, look: &Look) {
    const LINES: [(&str, &str); 20] = [
        ("q  Esc  Ctrl-C", "quit"),
        ("space", "hold this sample, or follow the newest"),
        ("←  →", "the sample before, the one after"),
        ("PgUp  PgDn", "60 samples back, forward"),
        ("Home  End", "the oldest sample, the newest"),
        ("s", "order disks and networks: busiest, name"),
        ("t  m", "order tasks: by CPU time, by memory"),
        ("z", "more samples in a column of the graphs"),
        ("+  -", "longer or shorter interval, for all"),
        ("r", "read again all that is kept"),
        ("?", "this help"),
        ("Ctrl-Z", "stop, until fg"),
        ("", ""),
        ("", "Sizes are in powers of 1024, rates per second."),
        ("", "A graph's column of several samples is their peak."),
        ("", "Tasks: since the census before; 400 % are four CPUs."),
        ("", "Pressure: tasks that wait, some or all of them."),
        ("", "The graph of networks leaves out lo."),
        ("", "Underlined, or ! above the graphs: an event was open."),
        ("", "Late and missed samples: since the module was loaded."),
    ];
    const WIDTH: u16 = 60;
    let height = u16::try_from(LINES.len() + 2).unwrap_or(u16::MAX);
    let row = pane.height().saturating_sub(height) / 2;
    let column = pane.width().saturating_sub(WIDTH) / 2;
    let mut pane = pane.part(row, column, WIDTH, height);
    pane.clear();
    pane.set_style(Style::new().add_modifier(Modifier::REVERSED));
    pane.text(
        0,
        2,
        "Keys of resmon top",
        Style::new().add_modifier(Modifier::BOLD),
    );
    for (row, (key, what)) in (1..).zip(LINES) {
        if key.is_empty() {
            pane.text(row, 2, what, Style::new());
        } else {
            pane.text(row, 2, key, look.title());
            pane.text(row, 18, what, Style::new());
        }
    }
}
