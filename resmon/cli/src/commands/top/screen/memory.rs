// SPDX-License-Identifier: GPL-2.0-or-later

//! Memory and swap.

use ratatui::style::{Color, Style};
use resmon::Sample;

use super::super::draw::{Look, Pane, Piece, Portion};
use super::super::format;
use super::gauge;

pub(super) fn memory(mut pane: Pane<'_>, sample: &Sample, look: &Look) {
    let width = pane.width();
    let total = sample.memory.map(|memory| memory.total_bytes);
    let note = total.map_or(String::new(), |total| {
        format!("{} in all", format::bytes(total as f64))
    });
    // A single row is for the bar.
    let top = u16::from(pane.height() > 1);
    if top > 0 {
        pane.rule(look, "Memory", &note);
    }
    match &sample.memory {
        Some(memory) => {
            let share = |bytes: u64| {
                let total = memory.total_bytes.max(1);
                bytes as f64 / total as f64 * 100.0
            };
            // What is available and not free can be had back from caches.
            let free = memory.free_bytes;
            let cache = free.map(|free| memory.available_bytes.saturating_sub(free));
            let parts = [
                Portion {
                    percent: memory.used_percent(),
                    symbol: '█',
                    colour: Color::Blue,
                },
                Portion {
                    percent: cache.map_or(0.0, share),
                    symbol: '░',
                    colour: Color::Cyan,
                },
            ];
            let used = memory.used_percent();
            let value = Piece::new(format!("{}%", format::percent(used)), look.level(used));
            gauge(pane.part(top, 0, width, 1), look, "mem", &parts, &value);
            let piece = |symbol, colour, name: &str, bytes: Option<u64>| {
                let symbol = if look.has_colour && symbol == '░' {
                    '█'
                } else {
                    symbol
                };
                vec![
                    Piece::new(symbol, look.colour(colour)),
                    Piece::new(format!(" {name} "), look.quiet()),
                    Piece::plain(bytes.map_or("-".into(), |bytes| format::bytes(bytes as f64))),
                ]
            };
            let pieces = [
                piece('█', Color::Blue, "used", Some(memory.used_bytes)),
                piece('░', Color::Cyan, "cache", cache),
                piece('·', Color::DarkGray, "free", free),
            ];
            pane.part(top + 1, 0, width, 1).flow(&pieces, 2);
        }
        None => {
            pane.text(top, 0, "mem -", look.quiet());
        }
    }
    let rate = |bytes: Option<f64>| {
        bytes.map_or("-".into(), |bytes| format!("{}/s", format::bytes(bytes)))
    };
    let swap = match &sample.swap {
        Some(swap) if swap.free_bytes == 0 => "none free, or no swap".into(),
        Some(swap) => format!(
            "{} free  in {}  out {}",
            format::bytes(swap.free_bytes as f64),
            rate(swap.in_bytes_per_second),
            rate(swap.out_bytes_per_second)
        ),
        None => "-".into(),
    };
    let end = pane.text(top + 2, 0, "swap ", Style::new());
    pane.text(top + 2, end, &swap, look.quiet());
}
