// SPDX-License-Identifier: GPL-2.0-or-later

//! The graphs.

use std::ops::Range;

use ratatui::style::{Color, Modifier, Style};

use super::super::draw::{width_of, Look, Pane};
use super::super::format;
use super::super::point::Point;
use super::super::state::State;

/// A graph of the history.
struct Graph {
    label: &'static str,
    of: fn(&Point) -> f32,
    /// The unit of the value, and how high the graph is; rates have no limit.
    unit: &'static str,
    top: Option<f32>,
    colour: Color,
}

const GRAPHS: [Graph; 4] = [
    Graph {
        label: "cpu",
        of: |point| point.cpu_percent,
        unit: "%",
        top: Some(100.0),
        colour: Color::Green,
    },
    Graph {
        label: "mem",
        of: |point| point.memory_percent,
        unit: "%",
        top: Some(100.0),
        colour: Color::Blue,
    },
    Graph {
        label: "disk",
        of: |point| point.disk_bytes_per_second,
        unit: "/s",
        top: None,
        colour: Color::Yellow,
    },
    Graph {
        label: "net",
        of: |point| point.net_bytes_per_second,
        unit: "/s",
        top: None,
        colour: Color::Magenta,
    },
];

const TITLE: &str = "History";
const GRAPH_LABEL: u16 = 5;
const GRAPH_VALUE: u16 = 8;

pub(super) fn history(mut pane: Pane<'_>, state: &State, look: &Look) {
    let (width, rows) = (pane.width(), pane.height().saturating_sub(1));
    // Four graphs of two rows say less than two times two of four.
    let is_grid = width >= 100 && rows >= 6;
    let columns = if is_grid { 2 } else { 1 };
    let graph_width = (width / columns).saturating_sub(if is_grid { 1 } else { 0 });
    let height = (rows * columns / 4).max(1);
    let plot = graph_width.saturating_sub(GRAPH_LABEL + GRAPH_VALUE + 1);
    let note = match state.span_s(usize::from(plot)) {
        Some(span) if state.samples_per_column() > 1 => {
            format!("{} ({}×)", span_text(span), state.samples_per_column())
        }
        Some(span) => span_text(span),
        None => String::new(),
    };
    pane.rule(look, TITLE, &note);
    let events = state.graph(usize::from(plot), |point| point.event);
    if !look.has_colour {
        // Right of the title, and left of the note with its blank.
        let room = width_of(TITLE) + 1..width.saturating_sub(width_of(&note) + 1);
        for graph in 0..columns {
            let end = graph * (graph_width + 2) + GRAPH_LABEL + plot;
            mark(&mut pane, look, &events, end, &room);
        }
    }
    for (at, graph) in (0_u16..).zip(&GRAPHS) {
        let (row, column) = (at / columns * height, at % columns * (graph_width + 2));
        let pane = pane.part(1 + row, column, graph_width, height);
        // Rows below the last graph stay blank.
        if row + height <= rows {
            draw_graph(pane, state, look, graph, &events);
        }
    }
}

/// Underlines the columns of a graph in which there was an event.
fn underline(mut plot: Pane<'_>, look: &Look, events: &[Option<f32>]) {
    let row = plot.height().saturating_sub(1);
    for (column, badness) in (0..plot.width()).rev().zip(events.iter().rev()) {
        let badness = badness.unwrap_or_default();
        if badness > 0.0 {
            let style = look.event(badness).add_modifier(Modifier::UNDERLINED);
            plot.part(row, column, 1, 1).set_style(style);
        }
    }
}

/// Marks the columns of graphs that end before the column `end` in the rule above, where there is room:
/// those in which there was an event.
fn mark(pane: &mut Pane<'_>, look: &Look, events: &[Option<f32>], end: u16, room: &Range<u16>) {
    for (column, badness) in (0..end).rev().zip(events.iter().rev()) {
        let badness = badness.unwrap_or_default();
        if badness > 0.0 && room.contains(&column) {
            pane.text(0, column, "!", look.event(badness));
        }
    }
}

fn span_text(span_s: f64) -> String {
    let whole = span_s.round();
    if span_s < 10.0 {
        format!("{span_s:.1} s")
    } else if whole < 120.0 {
        format!("{whole:.0} s")
    } else if whole < 7200.0 {
        format!("{:.0} min", whole / 60.0)
    } else {
        format!("{:.0} h", whole / 3600.0)
    }
}

fn draw_graph(
    mut pane: Pane<'_>,
    state: &State,
    look: &Look,
    graph: &Graph,
    events: &[Option<f32>],
) {
    let width = pane.width().saturating_sub(GRAPH_LABEL + GRAPH_VALUE + 1);
    let values = state.graph(usize::from(width), graph.of);
    let known = values.iter().copied().flatten();
    let largest = known.fold(0.0, f32::max);
    let number = |value: f32| match graph.top {
        Some(_) => format!("{}{}", format::percent(value.into()), graph.unit),
        None => format!("{}{}", format::bytes(value.into()), graph.unit),
    };
    // With several samples per column the last column is not the sample that is shown.
    let now = state.sample_point().map(graph.of);
    let now = now.filter(|value| value.is_finite());
    let style = look.colour(graph.colour);
    pane.text(0, 0, graph.label, Style::new());
    let mut plot = pane.part(0, GRAPH_LABEL, width, pane.height());
    plot.graph(&values, graph.top.unwrap_or(largest), style);
    underline(plot, look, events);
    let end = pane.width();
    if width > 0 {
        pane.text_until(0, end, &now.map_or("-".into(), number), Style::new());
    }
    if pane.height() >= 3 && width > 0 {
        pane.text_until(1, end, "peak", look.quiet());
        pane.text_until(2, end, &number(largest), look.quiet());
    }
}
