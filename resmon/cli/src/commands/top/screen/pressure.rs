// SPDX-License-Identifier: GPL-2.0-or-later

//! Pressure.

use ratatui::style::Color;
use resmon::{Sample, Source};

use super::super::draw::{Look, Pane, Piece, Portion};
use super::super::format;
use super::gauge;

pub(super) fn pressure(mut pane: Pane<'_>, sample: &Sample, look: &Look) {
    let width = pane.width();
    const VALUE: u16 = 7;
    if let (1, Some(pressure)) = (pane.height(), &sample.pressure) {
        let piece = |name, some| {
            let percent = format!("{name} {}%", format::percent(some));
            vec![Piece::new(percent, look.level(some))]
        };
        let pieces = [
            vec![Piece::new("pressure", look.quiet())],
            piece("cpu", pressure.cpu_some_percent),
            piece("mem", pressure.memory_some_percent),
            piece("io", pressure.io_some_percent),
        ];
        pane.flow(&pieces, 1);
        return;
    }
    pane.rule(look, "Pressure", "");
    let Some(pressure) = &sample.pressure else {
        let note = if sample.from_log.is_some() {
            "-  not in the log"
        } else if sample.incomplete.contains(&Source::Pressure) {
            "no answer in time"
        } else {
            "-  this kernel does not measure it"
        };
        pane.text(1, 0, note, look.quiet());
        return;
    };
    pane.text_until(0, width, " full", look.title());
    pane.text_until(0, width.saturating_sub(VALUE), " some", look.title());
    let rows = [
        ("cpu", pressure.cpu_some_percent, None),
        (
            "mem",
            pressure.memory_some_percent,
            pressure.memory_full_percent,
        ),
        ("io", pressure.io_some_percent, pressure.io_full_percent),
    ];
    for (row, (name, some, full)) in (1..).zip(rows) {
        // Where all are held up, some are.
        let full_percent = full.unwrap_or(0.0);
        let parts = [
            Portion {
                percent: full_percent,
                symbol: '█',
                colour: Color::Red,
            },
            Portion {
                percent: some - full_percent,
                symbol: '▒',
                colour: Color::Yellow,
            },
        ];
        let value = Piece::new(format!("{}%", format::percent(some)), look.level(some));
        let line = pane.part(row, 0, width.saturating_sub(VALUE), 1);
        gauge(line, look, name, &parts, &value);
        let text = full.map_or("-".into(), |full| format!("{}%", format::percent(full)));
        pane.text_until(row, width, &text, look.level(full_percent));
    }
}
