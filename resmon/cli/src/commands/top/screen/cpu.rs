// SPDX-License-Identifier: GPL-2.0-or-later

//! The bars of the CPUs.

use ratatui::style::Color;
use resmon::{CpuTimes, Sample};

use super::super::draw::{Look, Pane, Piece, Portion};
use super::super::format;
use super::super::layout::{legend_rows, CpuGrid};
use super::gauge;

/// A mode that a CPU spends time in, as it is drawn.
struct Mode {
    name: &'static str,
    symbol: char,
    colour: Color,
    percent: fn(&CpuTimes) -> f64,
}

/// The modes in the order of the bars; waiting comes last, since a CPU that waits is not busy.
#[rustfmt::skip]
const MODES: [Mode; 7] = [
    Mode { name: "user", symbol: '█', colour: Color::Green, percent: |times| times.user_percent },
    Mode { name: "nice", symbol: '▚', colour: Color::Blue, percent: |times| times.nice_percent.unwrap_or(f64::NAN) },
    Mode { name: "system", symbol: '▓', colour: Color::Red, percent: |times| times.system_percent },
    Mode { name: "irq", symbol: '▒', colour: Color::Magenta, percent: |times| times.irq_percent.zip(times.softirq_percent).map_or(f64::NAN, |(irq, soft)| irq + soft) },
    Mode { name: "guest", symbol: '■', colour: Color::LightBlue, percent: |times| times.guest_percent.unwrap_or(0.0) },
    Mode { name: "steal", symbol: '×', colour: Color::Cyan, percent: |times| times.steal_percent },
    Mode { name: "iowait", symbol: '░', colour: Color::Yellow, percent: |times| times.iowait_percent },
];

fn portions(times: &CpuTimes) -> Vec<Portion> {
    // What is not known is part of another one.
    let modes = MODES.iter();
    let modes = modes.filter(|mode| (mode.percent)(times).is_finite());
    modes
        .map(|mode| Portion {
            percent: (mode.percent)(times),
            symbol: mode.symbol,
            colour: mode.colour,
        })
        .collect()
}

fn cpu_gauge(pane: Pane<'_>, look: &Look, label: &str, times: &CpuTimes) {
    let busy = times.busy_percent();
    let value = Piece::new(format!("{}%", format::percent(busy)), look.level(busy));
    gauge(pane, look, label, &portions(times), &value);
}

pub(super) fn cpu(mut pane: Pane<'_>, sample: Option<&Sample>, look: &Look) {
    let cpus = sample.map_or(0, |sample| sample.cpus.len());
    let note = match cpus {
        0 => String::new(),
        1 => "1 online".into(),
        cpus => format!("{cpus} online"),
    };
    let width = pane.width();
    let all = sample.and_then(|sample| sample.cpu);
    if let (1, Some(times)) = (pane.height(), &all) {
        cpu_gauge(pane, look, "cpu", times);
        return;
    }
    pane.rule(look, "CPU", &note);
    let Some(sample) = sample else {
        return;
    };
    match &all {
        Some(times) => cpu_gauge(pane.part(1, 0, width, 1), look, "all", times),
        None => {
            pane.text(1, 0, "all -", look.quiet());
        }
    }

    // At least one row of CPUs before the legend, and no gap between them.
    let rest = pane.height().saturating_sub(2);
    let legend_height = legend_rows(width).min(rest.saturating_sub(1));
    let grid = CpuGrid::fitting(cpus, width, rest - legend_height);
    let column_width = width / grid.columns;
    for (at, cpu) in sample.cpus.iter().take(grid.shown).enumerate() {
        let (Some(row), Some(column)) = (place(at, grid.rows, true), place(at, grid.rows, false))
        else {
            break;
        };
        // A blank column keeps the bars apart; the last one goes to the edge.
        let is_last = column + 1 == grid.columns;
        let gap = if is_last { 0 } else { 2 };
        let room = if is_last {
            width - column_width * column
        } else {
            column_width
        };
        let pane = pane.part(2 + row, column_width * column, room.saturating_sub(gap), 1);
        cpu_gauge(pane, look, &format!("{:>3}", cpu.id), &cpu.times);
    }
    if grid.shown < cpus {
        let more = format!("and {} more", cpus - grid.shown);
        match (
            place(grid.shown, grid.rows, true),
            place(grid.shown, grid.rows, false),
        ) {
            (Some(row), Some(column)) => {
                pane.text(2 + row, column_width * column, &more, look.quiet());
            }
            // Without a row for them, the rule has to say it.
            _ => pane.rule(look, "CPU", &format!("all together, and {cpus} more")),
        }
    }
    let used_rows = if grid.columns > 1 {
        grid.rows
    } else {
        u16::try_from(cpus).unwrap_or(u16::MAX).min(grid.rows)
    };
    if let Some(times) = &all {
        let pieces: Vec<Vec<Piece>> = MODES
            .iter()
            .filter(|mode| {
                // Few machines have guests.
                mode.name != "guest" || (mode.percent)(times) > 0.0
            })
            .map(|mode| {
                let symbol = if look.has_colour { '█' } else { mode.symbol };
                vec![
                    Piece::new(symbol, look.colour(mode.colour)),
                    Piece::new(format!(" {} ", mode.name), look.quiet()),
                    Piece::plain(format::percent((mode.percent)(times))),
                ]
            })
            .collect();
        pane.part(2 + used_rows, 0, width, legend_height)
            .flow(&pieces, 2);
    }
}

/// The row, or the column, of the thing number `at` when columns are filled one after the other.
fn place(at: usize, rows: u16, is_row: bool) -> Option<u16> {
    let rows = usize::from(rows);
    let place = if is_row {
        at.checked_rem(rows)
    } else {
        at.checked_div(rows)
    };
    u16::try_from(place?).ok()
}
