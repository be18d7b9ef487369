// SPDX-License-Identifier: GPL-2.0-or-later

//! What all panels have: a title with a legend, axes, and the values over time.

use std::ops::Range;

use plotters::chart::{ChartBuilder, LabelAreaPosition};
use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, DrawingBackend, IntoFont, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, RGBColor, TextStyle};

use super::events::Span;
use super::history::{Drawn, Point, Values};
use super::palette::Palette;
use super::peaks::Peak;
use super::picture::{Result, FONT, LEFT, RIGHT, TITLE};
use super::shapes::{Panel, Piece};
use super::time_axis::TimeAxis;

pub type Area<B> = DrawingArea<B, Shift>;

/// What a colour stands for, in the order of the legend.
type Legend<'l> = [(&'l str, RGBColor)];

/// What all panels share.
pub struct Drawing {
    pub palette: Palette,
    pub time: TimeAxis,
    pub runs: Vec<Vec<Point>>,
    /// From old to new.
    pub events: Vec<Span>,
    /// From the highest down.
    pub peaks: Vec<Peak>,
}

impl Drawing {
    pub fn text(&self, size: f64) -> TextStyle<'static> {
        (FONT, size).into_font().color(&self.palette.ink)
    }

    fn bold(&self, size: f64) -> TextStyle<'static> {
        let font = (FONT, size, FontStyle::Bold).into_font();
        font.color(&self.palette.ink)
    }

    /// The title, the time, and how to read the panels.
    pub fn head<B: DrawingBackend>(&self, area: &Area<B>, title: Option<&str>) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        let right = area.dim_in_pixel().0.saturating_sub(RIGHT) as i32;
        let note = self.text(13.0).pos(Pos::new(HPos::Right, VPos::Center));
        let time = self.time.title();
        let left = Pos::new(HPos::Left, VPos::Center);
        let (first, second) = match title {
            Some(title) => (title, time.as_str()),
            None => (time.as_str(), ""),
        };
        let bold = self.bold(19.0).pos(left);
        let first = fitting(area, first, &bold, right - LEFT as i32)?;
        area.draw(&Text::new(first, (LEFT as i32, 16), bold))?;
        let style = self.text(14.0).pos(left);
        area.draw(&Text::new(second.to_string(), (LEFT as i32, 40), style))?;
        const NOTE: &str = "line: mean; band: lowest to highest";
        const NOTE_WITH_EVENTS: &str = "line: mean; band: lowest to highest; shade: an event";
        let text = match self.events.is_empty() {
            true => NOTE,
            false => NOTE_WITH_EVENTS,
        };
        area.draw(&Text::new(text, (right, 40), note))?;
        Ok(())
    }

    /// A panel with its axes.
    pub fn panel<'a, B: DrawingBackend>(
        &self,
        area: &Area<B>,
        title: &str,
        legend: &Legend<'_>,
        values: Range<f64>,
        label: &dyn Fn(&f64) -> String,
    ) -> Result<Panel<'a, B>>
    where
        B::ErrorType: 'static,
    {
        let middle = (TITLE / 2) as i32;
        let bold = self.bold(17.0).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(title.to_string(), (LEFT as i32, middle), bold))?;

        // From the right end to the left, since that is where it has to fit.
        let style = self.text(14.0).pos(Pos::new(HPos::Right, VPos::Center));
        let mut x = area.dim_in_pixel().0.saturating_sub(RIGHT) as i32;
        for (name, colour) in legend.iter().rev() {
            area.draw(&Text::new(name.to_string(), (x, middle), style.clone()))?;
            x -= area.estimate_text_size(name, &style)?.0 as i32 + 18;
            let square = [(x, middle - 6), (x + 12, middle + 6)];
            area.draw(&Rectangle::new(square, colour.filled()))?;
            x -= 16;
        }

        let mut panel = ChartBuilder::on(area)
            .margin_top(TITLE)
            .margin_right(RIGHT)
            .set_label_area_size(LabelAreaPosition::Left, LEFT)
            .set_label_area_size(LabelAreaPosition::Bottom, 30)
            .build_cartesian_2d(self.time.clone(), values)?;
        panel
            .configure_mesh()
            .x_labels(usize::MAX)
            .y_labels(6)
            .x_max_light_lines(0)
            .y_max_light_lines(0)
            .bold_line_style(self.palette.grid)
            .axis_style(self.palette.axis)
            .label_style(self.text(13.0))
            .y_label_formatter(label)
            .draw()?;
        Ok(panel)
    }

    /// The runs of a value that all points in them have: its lowest, its mean and its highest.
    pub fn pieces<const N: usize>(
        &self,
        values: impl Fn(&Drawn) -> Option<Values<N>>,
        value: impl Fn([f64; N]) -> f64,
    ) -> Vec<Vec<Piece>> {
        let mut runs = Vec::new();
        for run in &self.runs {
            let mut pieces = Vec::new();
            for point in run {
                let known = values(&point.drawn).filter(|values| value(values.mean()).is_finite());
                match known {
                    Some(values) => {
                        // A value that goes down is the highest where it is lowest.
                        let ends = [value(values.low), value(values.high)];
                        let [one, other] = ends;
                        pieces.push(Piece {
                            from_s: point.from_s,
                            to_s: point.to_s,
                            low: one.min(other),
                            mean: value(values.mean()),
                            high: one.max(other),
                        });
                    }
                    None => runs.push(std::mem::take(&mut pieces)),
                }
            }
            runs.push(pieces);
        }
        runs.retain(|run| !run.is_empty());
        runs
    }

    /// Says in a panel that it has nothing to show, if so.
    pub fn say_if_empty<B: DrawingBackend>(
        &self,
        panel: &Panel<'_, B>,
        runs: &[Vec<Piece>],
    ) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        if runs.is_empty() {
            let area = panel.plotting_area().strip_coord_spec();
            let (width, height) = area.dim_in_pixel();
            let style = self.text(14.0).pos(Pos::new(HPos::Center, VPos::Center));
            let middle = ((width / 2) as i32, (height / 2) as i32);
            area.draw(&Text::new("nothing was sampled", middle, style))?;
        }
        Ok(())
    }
}

/// The text as far as it fits into so many pixels.
fn fitting<B: DrawingBackend>(
    area: &Area<B>,
    text: &str,
    style: &TextStyle<'_>,
    room: i32,
) -> Result<String>
where
    B::ErrorType: 'static,
{
    // No file of SVG may have control characters in it.
    let mut text: String = text.chars().filter(|letter| !letter.is_control()).collect();
    let mut is_cut = false;
    loop {
        let shown = if is_cut {
            format!("{text}…")
        } else {
            text.clone()
        };
        if area.estimate_text_size(&shown, style)?.0 as i32 <= room || text.pop().is_none() {
            return Ok(shown);
        }
        is_cut = true;
    }
}
