// SPDX-License-Identifier: GPL-2.0-or-later

//! The table of file systems.

use ratatui::style::Color;
use resmon::{FileSystemState, Sample, Source};

use super::super::draw::{Cells, Column, Look, Pane, Piece, Row};
use super::super::format;
use super::table::{column, nothing, one_row, value};

pub(super) fn file_systems(mut pane: Pane<'_>, sample: &Sample, look: &Look) {
    const BAR: u16 = 14;
    const COLUMNS: [Column; 7] = [
        column("full", 6),
        column("", BAR),
        column("used", 6),
        column("size", 6),
        column("free", 6),
        column("inodes", 7),
        column("type", 8),
    ];
    if pane.height() == 1 {
        let file_systems = sample.file_systems.iter().map(|fs| {
            let full = match &fs.state {
                FileSystemState::Mounted(usage) => {
                    let percent = usage.used_percent;
                    Piece::new(format!("{percent:.0}%"), look.level(percent))
                }
                FileSystemState::Absent => Piece::new("-", look.quiet()),
                FileSystemState::Stale => Piece::new("no answer", look.warning()),
                _ => Piece::new("failed", look.warning()),
            };
            vec![Piece::plain(fs.path.clone()), full]
        });
        let file_systems: Vec<_> = file_systems.collect();
        one_row(&mut pane, look, "File systems", &file_systems);
        return;
    }
    let rows = sample.file_systems.iter().map(|fs| {
        let note = |text: String, style| Cells::Note(Piece::new(text, style));
        let cells = match &fs.state {
            FileSystemState::Mounted(usage) => {
                let style = look.level(usage.used_percent);
                let full = usage.used_percent / 100.0 * f64::from(BAR);
                let full = usize::from((full.round() as u16).min(BAR));
                let bar = "█".repeat(full) + &"·".repeat(usize::from(BAR) - full);
                let percent = |percent: f64| format!("{percent:.0}%");
                let inodes = if usage.inodes == Some(0) {
                    // Some file systems make inodes as they need them.
                    "-".into()
                } else {
                    percent(usage.inodes_used_percent)
                };
                Cells::Values(vec![
                    Piece::new(percent(usage.used_percent), style),
                    Piece::new(bar, style.patch(look.colour(Color::Blue))),
                    value(format::bytes(usage.used_bytes as f64), look),
                    value(format::bytes(usage.size_bytes as f64), look),
                    value(format::bytes(usage.available_bytes as f64), look),
                    value(inodes, look),
                    Piece::new(usage.kind.clone(), look.quiet()),
                ])
            }
            FileSystemState::Absent => note("-  nothing is there".into(), look.quiet()),
            FileSystemState::Failed { errno } => {
                let errno = i32::try_from(*errno).unwrap_or(0);
                let error = std::io::Error::from_raw_os_error(errno);
                note(format!("-  {error}"), look.warning())
            }
            FileSystemState::Stale => note("-  no answer in time".into(), look.warning()),
            _ => note("-".into(), look.quiet()),
        };
        Row {
            name: fs.path.clone(),
            cells,
        }
    });
    let mut rows: Vec<Row> = rows.collect();
    if rows.is_empty() {
        rows = nothing(sample, Source::Fs, "no path is watched", look);
    }
    pane.table(look, "File systems", &COLUMNS, &rows);
}
