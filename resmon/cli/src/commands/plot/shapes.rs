// SPDX-License-Identifier: GPL-2.0-or-later

//! What is drawn in a panel: lines, bands and filled spaces.

use plotters::chart::ChartContext;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{Cartesian2d, DrawingBackend, PathElement, Polygon};
use plotters::style::{Color, RGBColor};

use super::picture::Result;
use super::time_axis::TimeAxis;

pub type Panel<'a, B> = ChartContext<'a, B, Cartesian2d<TimeAxis, RangedCoordf64>>;

/// A value over a time.
#[derive(Clone, Copy)]
pub struct Piece {
    pub from_s: f64,
    pub to_s: f64,
    pub low: f64,
    pub mean: f64,
    pub high: f64,
}

pub fn highest<'p>(runs: impl Iterator<Item = &'p Vec<Piece>>) -> f64 {
    runs.flatten().map(|piece| piece.high).fold(0.0, f64::max)
}

/// A run of a value as places. It is the same from the one time to the other, as nobody knows what
/// happened in between.
fn steps(run: &[Piece], value: fn(&Piece) -> f64) -> Vec<(f64, f64)> {
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for piece in run {
        let value = value(piece);
        match steps.last_mut() {
            // What stays the same needs no more places.
            Some(last) if last.1 == value => last.0 = piece.to_s,
            _ => steps.extend([(piece.from_s, value), (piece.to_s, value)]),
        }
    }
    steps
}

/// Fills the space below a value.
pub fn fill<B: DrawingBackend>(
    panel: &mut Panel<'_, B>,
    runs: &[Vec<Piece>],
    colour: impl Color,
) -> Result<()>
where
    B::ErrorType: 'static,
{
    for run in runs {
        let steps = steps(run, |piece| piece.mean);
        let ends = [steps.first(), steps.last()].map(|end| end.map(|(time, _)| (*time, 0.0)));
        let [first, last] = ends;
        let outline = first.into_iter().chain(steps.iter().copied()).chain(last);
        let outline: Vec<_> = outline.collect();
        panel.draw_series([Polygon::new(outline, colour.filled())])?;
    }
    Ok(())
}

/// Fills the space from the lowest to the highest of a value, where these differ.
pub fn band<B: DrawingBackend>(
    panel: &mut Panel<'_, B>,
    runs: &[Vec<Piece>],
    colour: impl Color,
) -> Result<()>
where
    B::ErrorType: 'static,
{
    for run in runs {
        for part in run.chunk_by(|one, other| (one.high > one.low) == (other.high > other.low)) {
            if part.iter().all(|piece| piece.high > piece.low) {
                let low = steps(part, |piece| piece.low);
                let high = steps(part, |piece| piece.high);
                let outline: Vec<_> = high.into_iter().chain(low.into_iter().rev()).collect();
                panel.draw_series([Polygon::new(outline, colour.filled())])?;
            }
        }
    }
    Ok(())
}

/// Draws the mean of a value as a line.
pub fn line<B: DrawingBackend>(
    panel: &mut Panel<'_, B>,
    runs: &[Vec<Piece>],
    colour: RGBColor,
) -> Result<()>
where
    B::ErrorType: 'static,
{
    let lines = runs.iter().map(|run| {
        let steps = steps(run, |piece| piece.mean);
        PathElement::new(steps, colour.stroke_width(2))
    });
    panel.draw_series(lines)?;
    Ok(())
}
