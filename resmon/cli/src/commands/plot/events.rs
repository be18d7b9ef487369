// SPDX-License-Identifier: GPL-2.0-or-later

//! Events in the picture: from when to when each was open, and how it is marked.

use std::collections::BTreeMap;

use plotters::prelude::{DrawingBackend, PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::Color;
use resmon::{Event, EventState, Id, Sample};

use crate::events::title;

use super::drawing::{Area, Drawing};
use super::picture::Result;
use super::shapes::Panel;

/// How much of its colour the time has in which an event was open.
const SHADE: f64 = 0.15;

/// How much of the paper is behind a name.
pub const GROUND: f64 = 0.75;

/// Where something is written: the upper left and the lower right corner.
pub type Ground = [(i32, i32); 2];

/// Pixels of a row of names, and how many there are at most.
pub const ROW: i32 = 15;
const ROWS: usize = 4;

/// An event, from one time to another in seconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub from_s: f64,
    pub to_s: f64,
    /// What it was, and what it was about.
    pub title: String,
    pub severe: bool,
}

/// All events of a history, by the life that they are of, and their number.
#[derive(Debug, Default)]
pub struct Spans(BTreeMap<(Option<(u64, u64)>, u64), Span>);

impl Spans {
    /// Adds the events of a sample. One goes on from the sample in which it began to the last one that
    /// has it.
    pub fn add(&mut self, life: Option<(Id, Id)>, sample: &Sample) {
        let life = life.map(|(Id(boot), Id(load))| (boot, load));
        for event in &sample.events {
            let (from_s, to_s) = times(event, sample);
            let span = self.0.entry((life, event.number)).or_insert_with(|| Span {
                from_s,
                to_s,
                title: title(event),
                severe: event.severe,
            });
            span.from_s = span.from_s.min(from_s);
            span.to_s = span.to_s.max(to_s);
        }
    }

    /// From old to new.
    pub fn in_order(&self) -> Vec<&Span> {
        let mut spans: Vec<_> = self.0.values().collect();
        spans.sort_by(|one, other| one.from_s.total_cmp(&other.from_s));
        spans
    }
}

/// From when to when an event was open as far as a sample tells.
fn times(event: &Event, sample: &Sample) -> (f64, f64) {
    let (before_s, now_s) = (
        sample.time_s - sample.elapsed_s.unwrap_or(0.0),
        sample.time_s,
    );
    match event.state {
        EventState::Begin | EventState::Moment => (now_s, now_s),
        EventState::Ongoing | EventState::End => (before_s, now_s),
    }
}

/// The times of events in order, those that are closer together than `column_s` as one.
fn joined(times: impl Iterator<Item = (f64, f64)>, column_s: f64) -> Vec<(f64, f64)> {
    let mut joined: Vec<(f64, f64)> = Vec::new();
    for (from_s, to_s) in times {
        match joined.last_mut() {
            Some((_, last_s)) if from_s - *last_s < column_s => *last_s = last_s.max(to_s),
            _ => joined.push((from_s, to_s)),
        }
    }
    joined
}

/// Of times in order, those that are not closer than `column_s` to one before.
fn thinned(times: impl Iterator<Item = f64>, column_s: f64) -> Vec<f64> {
    let mut thinned: Vec<f64> = Vec::new();
    for time_s in times {
        if thinned
            .last()
            .is_none_or(|last_s| time_s - last_s >= column_s)
        {
            thinned.push(time_s);
        }
    }
    thinned
}

impl Drawing {
    /// Marks the events in a panel: a line at the begin, and a shade for as long as one was open. There
    /// are no more of them than the panel has columns.
    pub fn mark_events<B: DrawingBackend>(&self, panel: &mut Panel<'_, B>) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        let (times, values) = (panel.x_range(), panel.y_range());
        let (low, high) = (values.start, values.end);
        let width = panel.plotting_area().dim_in_pixel().0.max(1);
        let column_s = (times.end - times.start) / f64::from(width);
        let within = |time_s: f64| time_s.clamp(times.start, times.end);
        for (severe, colour) in [(false, self.palette.orange), (true, self.palette.red)] {
            let events = self.events.iter().filter(|event| event.severe == severe);
            let spans = events
                .clone()
                .map(|event| (within(event.from_s), within(event.to_s)));
            for (from_s, to_s) in joined(spans.filter(|(from_s, to_s)| to_s > from_s), column_s) {
                let shade = [(from_s, low), (to_s, high)];
                panel.draw_series([Rectangle::new(shade, colour.mix(SHADE).filled())])?;
            }
            let begins = events.map(|event| within(event.from_s));
            for begin_s in thinned(begins, column_s) {
                let line = vec![(begin_s, low), (begin_s, high)];
                panel.draw_series([PathElement::new(line, colour.stroke_width(1))])?;
            }
        }
        Ok(())
    }

    /// Names the events at the top of a panel, as far as there is room, and gives where.
    pub fn name_events<B: DrawingBackend>(&self, panel: &Panel<'_, B>) -> Result<Vec<Ground>>
    where
        B::ErrorType: 'static,
    {
        const GAP: i32 = 6;
        let times = panel.x_range();
        let area: Area<B> = panel.plotting_area().strip_coord_spec();
        let width = area.dim_in_pixel().0 as i32;
        let style = self.text(12.0).pos(Pos::new(HPos::Left, VPos::Top));
        // Where the last name of each row ends.
        let mut ends = [0; ROWS];
        let mut grounds = Vec::new();
        for event in &self.events {
            let share = (event.from_s - times.start) / (times.end - times.start);
            let at = (share.clamp(0.0, 1.0) * f64::from(width)) as i32 + GAP;
            let room = area.estimate_text_size(&event.title, &style)?.0 as i32 + GAP;
            // What would be beyond the right end moves to the left.
            let at = at.min(width - room).max(0);
            let row = (0..).zip(&mut ends).find(|(_, end)| **end <= at);
            if let Some((row, end)) = row.filter(|_| room <= width) {
                *end = at + room;
                let top = GAP + row * ROW;
                // The values below may be of any colour.
                let ground = [(at - 2, top - 1), (at + room - GAP + 2, top + ROW - 2)];
                let paper = self.palette.paper.mix(GROUND);
                area.draw(&Rectangle::new(ground, paper.filled()))?;
                let name = event.title.clone();
                area.draw(&Text::new(name, (at, top), style.clone()))?;
                grounds.push(ground);
            }
        }
        Ok(grounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_events_become_as_many_as_can_be_seen() {
        let times = (0..10_000).map(f64::from);
        assert_eq!(thinned(times.clone(), 100.0).len(), 100);
        assert_eq!(thinned(times, 1.0).len(), 10_000);
        let apart = [(0.0, 1.0), (1.2, 5.0), (2.0, 3.0), (9.0, 9.0)];
        let expected = [(0.0, 5.0), (9.0, 9.0)];
        assert_eq!(joined(apart.into_iter(), 0.5), expected);
    }
}
