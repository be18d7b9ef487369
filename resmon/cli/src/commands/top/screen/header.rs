// SPDX-License-Identifier: GPL-2.0-or-later

//! The first row.

use ratatui::style::{Color, Modifier, Style};

use super::super::draw::{Look, Pane, Piece};
use super::super::format;
use super::super::point::shown_events;
use super::super::state::{Origin, State};
use crate::time::When;

/// When the sample was taken, and how well sampling goes.
pub(super) fn header(mut pane: Pane<'_>, state: &State, look: &Look) {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let is_log = state
        .sample()
        .is_some_and(|sample| sample.from_log.is_some());
    let kind = if is_log { "kernel log" } else { "recording" };
    let position = if state.sample().is_none() {
        Piece::new("waiting", look.warning())
    } else if !state.is_following() && state.behind() > 0 {
        Piece::new(format!("{} back", state.behind()), look.warning())
    } else if !state.is_following() && state.origin == Origin::Device {
        Piece::new("paused", look.warning())
    } else if state.origin == Origin::Device {
        Piece::new("live", look.colour(Color::Green).patch(bold))
    } else if state.has_ended || state.is_once {
        Piece::new(kind, look.colour(Color::Blue).patch(bold))
    } else {
        Piece::new("reading", look.colour(Color::Blue).patch(bold))
    };
    let mut left = vec![(9, Piece::new("resmon", look.title()))];
    let mut right = Vec::new();
    if let Some(sample) = state.sample() {
        let when = When::of(sample);
        let time = match when.is_of_day {
            true => format::time(sample.time_s, sample.interval_s.unwrap_or(1.0), &look.zone),
            false => when.text(),
        };
        let counter = |name: &str, count: u64| {
            let style = if count == 0 {
                look.quiet()
            } else {
                look.warning()
            };
            Piece::new(format!("{name} {count}"), style)
        };
        left.push((1, Piece::new(time, bold)));
        if let Some(seq) = sample.seq {
            left.push((5, Piece::plain(format!("#{seq}"))));
        }
        if let Some(interval_s) = sample.interval_s {
            let every = format!("every {}", format::interval(interval_s));
            left.push((2, Piece::plain(every)));
        }
        if let Some((late, missed)) = sample.late_samples.zip(sample.missed_ticks) {
            right.push((8, counter("late", late)));
            right.push((7, counter("missed", missed)));
            right.push((6, counter("lost", state.lost_records)));
        }
    }
    right.extend(events(state, look).map(|piece| (1, piece)));
    right.push((3, position));
    pane.ends(left, right);
}

/// The event of the sample that is looked at, or how many there are.
fn events(state: &State, look: &Look) -> Option<Piece> {
    let events: Vec<_> = shown_events(state.sample()?).collect();
    let text = match events.as_slice() {
        [] => return None,
        [event] => event.name.clone(),
        events => format!("{} events", events.len()),
    };
    let badness = state.sample_point()?.event;
    Some(Piece::new(text, look.event(badness)))
}
