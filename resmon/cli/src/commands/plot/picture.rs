// SPDX-License-Identifier: GPL-2.0-or-later

//! The picture: a panel for CPU, memory, disks and network each.

use std::error::Error as AnyError;
use std::ops::Range;
use std::path::Path;

use plotters::chart::{ChartBuilder, ChartContext, LabelAreaPosition};
use plotters::coord::types::RangedCoordf64;
use plotters::coord::Shift;
use plotters::prelude::{
    BitMapBackend, Cartesian2d, DrawingArea, DrawingBackend, IntoDrawingArea, IntoFont,
    PathElement, Polygon, Rectangle, SVGBackend, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{register_font, Color, FontStyle, RGBColor, TextStyle, WHITE};

use crate::error::{Error, Result as CommandResult};

use super::history::{History, Point, CPU_MODES};
use super::time_axis::TimeAxis;

/// A kind of picture, by the end of the file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Svg,
    Png,
}

impl Format {
    pub fn of(path: &Path) -> CommandResult<Self> {
        let suffix = path.extension().and_then(|suffix| suffix.to_str());
        match suffix.map(str::to_ascii_lowercase).as_deref() {
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            _ => Err(Error::Usage(format!(
                "--out: '{}' ends neither with .svg nor with .png",
                path.display()
            ))),
        }
    }
}

/// Pixels of the whole picture.
pub const SIZE: (u32, u32) = (1200, 1240);

/// The space around the panels, and below the last one for the title of the time axis.
const MARGIN: u32 = 16;
const FOOT: u32 = 26;
const TITLE: u32 = 34;
const LEFT: u32 = 74;

/// The font of the picture. Whoever shows an SVG has one of this name; DejaVu, with which places
/// are computed, is wider than most of them.
const FONT: &str = "sans-serif";

/// Colours that are told apart by those who do not see all (Okabe and Ito), with others for what
/// is rare.
const BLUE: RGBColor = RGBColor(0, 114, 178);
const SKY: RGBColor = RGBColor(86, 180, 233);
const ORANGE: RGBColor = RGBColor(230, 159, 0);
const GREEN: RGBColor = RGBColor(0, 158, 115);
const RED: RGBColor = RGBColor(213, 94, 0);
const PINK: RGBColor = RGBColor(204, 121, 167);
const GREY: RGBColor = RGBColor(120, 120, 120);
const INK: RGBColor = RGBColor(40, 40, 40);

const CPU_COLOURS: [RGBColor; 6] = [BLUE, SKY, ORANGE, PINK, RED, GREY];

type Result<T> = std::result::Result<T, Box<dyn AnyError>>;

/// Draws `history` into the file at `path`.
pub fn draw(history: &History, format: Format, path: &Path) -> Result<()> {
    register_font(FONT, FontStyle::Normal, dejavu::sans::regular())
        .and_then(|()| register_font(FONT, FontStyle::Bold, dejavu::sans::bold()))
        .map_err(|_| "the font cannot be used")?;
    match format {
        Format::Svg => {
            // The backend would say nothing of a full disk when it writes to a file itself.
            let mut text = String::new();
            draw_on(history, SVGBackend::with_string(&mut text, SIZE))?;
            std::fs::write(path, text)?;
        }
        Format::Png => {
            const CHANNELS: usize = 3;
            let mut pixels = vec![0; SIZE.0 as usize * SIZE.1 as usize * CHANNELS];
            draw_on(history, BitMapBackend::with_buffer(&mut pixels, SIZE))?;
            let colour = image::ColorType::Rgb8;
            let format = image::ImageFormat::Png;
            image::save_buffer_with_format(path, &pixels, SIZE.0, SIZE.1, colour, format)?;
        }
    }
    Ok(())
}

fn draw_on<B: DrawingBackend>(history: &History, backend: B) -> Result<()>
where
    B::ErrorType: 'static,
{
    let area = backend.into_drawing_area();
    area.fill(&WHITE)?;
    let area = area.margin(MARGIN / 2, MARGIN / 2, MARGIN, MARGIN);
    let (width, height) = area.dim_in_pixel();
    let (panels, foot) = area.split_vertically(height.saturating_sub(FOOT));
    let time = TimeAxis::new(history.span());
    let style = text(15.0).pos(Pos::new(HPos::Center, VPos::Top));
    // Below the middle of the axis, not of the picture.
    let middle = (LEFT + width) / 2;
    foot.draw(&Text::new(time.title(), (middle as i32, 6), style))?;

    let panels = panels.split_evenly((4, 1));
    let [cpu, memory, disks, nets] = panels.as_slice() else {
        return Err("there is no room for the panels".into());
    };
    draw_cpu(history, &time, cpu)?;
    draw_memory(history, &time, memory)?;
    draw_rates(
        history,
        &time,
        disks,
        "Disks",
        ["read (up)", "written (down)"],
        |point| Some(point.disks?.0),
    )?;
    draw_rates(
        history,
        &time,
        nets,
        "Network",
        ["received (up)", "sent (down)"],
        |point| Some(point.nets?.0),
    )?;
    area.present()?;
    Ok(())
}

type Panel<'a, B> = ChartContext<'a, B, Cartesian2d<TimeAxis, RangedCoordf64>>;

fn text(size: f64) -> TextStyle<'static> {
    (FONT, size).into_font().color(&INK)
}

/// What a colour stands for, in the order of the legend.
type Legend<'l> = [(&'l str, RGBColor)];

/// A panel with its axes.
fn panel<'a, B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    time: &TimeAxis,
    title: &str,
    legend: &Legend<'_>,
    values: Range<f64>,
    label: &dyn Fn(&f64) -> String,
) -> Result<Panel<'a, B>>
where
    B::ErrorType: 'static,
{
    const RIGHT: u32 = 28;
    let bold = (FONT, 17.0, FontStyle::Bold).into_font().color(&INK);
    let middle = (TITLE / 2) as i32;
    let bold = bold.pos(Pos::new(HPos::Left, VPos::Center));
    area.draw(&Text::new(title.to_string(), (LEFT as i32, middle), bold))?;

    // From the right end to the left, since that is where it has to fit.
    let style = text(14.0).pos(Pos::new(HPos::Right, VPos::Center));
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
        .build_cartesian_2d(time.clone(), values)?;
    panel
        .configure_mesh()
        .x_labels(usize::MAX)
        .y_labels(6)
        .x_max_light_lines(0)
        .y_max_light_lines(0)
        .bold_line_style(RGBColor(225, 225, 225))
        .axis_style(RGBColor(150, 150, 150))
        .label_style(text(13.0))
        .y_label_formatter(label)
        .draw()?;
    Ok(panel)
}

/// The runs of a value that all points in them have. It is the same from one record to the other,
/// as nobody knows what happened in between.
fn runs(history: &History, value: impl Fn(&Point) -> Option<f64>) -> Vec<Vec<(f64, f64)>> {
    let mut runs = Vec::new();
    for run in &history.runs {
        let mut steps = Vec::new();
        for point in run {
            match value(point) {
                Some(value) => steps.extend([(point.from_s, value), (point.to_s, value)]),
                None => runs.push(std::mem::take(&mut steps)),
            }
        }
        runs.push(steps);
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// Fills the space below a value.
fn fill<B: DrawingBackend>(
    panel: &mut Panel<'_, B>,
    runs: &[Vec<(f64, f64)>],
    colour: impl Color,
) -> Result<()>
where
    B::ErrorType: 'static,
{
    for run in runs {
        let ends = [run.first(), run.last()].map(|end| end.map(|(time, _)| (*time, 0.0)));
        let [first, last] = ends;
        let outline = first.into_iter().chain(run.iter().copied()).chain(last);
        let outline: Vec<_> = outline.collect();
        panel.draw_series([Polygon::new(outline, colour.filled())])?;
    }
    Ok(())
}

/// Draws a value as a line.
fn line<B: DrawingBackend>(
    panel: &mut Panel<'_, B>,
    runs: Vec<Vec<(f64, f64)>>,
    colour: RGBColor,
) -> Result<()>
where
    B::ErrorType: 'static,
{
    let lines = runs
        .into_iter()
        .map(|run| PathElement::new(run, colour.stroke_width(2)));
    panel.draw_series(lines)?;
    Ok(())
}

fn draw_cpu<B: DrawingBackend>(
    history: &History,
    time: &TimeAxis,
    area: &DrawingArea<B, Shift>,
) -> Result<()>
where
    B::ErrorType: 'static,
{
    let legend: Vec<_> = CPU_MODES.into_iter().zip(CPU_COLOURS).collect();
    let label = |percent: &f64| format!("{percent:.0} %");
    let mut panel = panel(area, time, "CPU", &legend, 0.0..100.0, &label)?;
    // Each over those above it in the stack, of which it leaves what is its own.
    for (mode, colour) in CPU_COLOURS.into_iter().enumerate().rev() {
        let stack = runs(history, |point| {
            Some(
                point
                    .cpu?
                    .0
                    .into_iter()
                    .take(mode + 1)
                    .sum::<f64>()
                    .min(100.0),
            )
        });
        fill(&mut panel, &stack, colour)?;
    }
    Ok(())
}

fn draw_memory<B: DrawingBackend>(
    history: &History,
    time: &TimeAxis,
    area: &DrawingArea<B, Shift>,
) -> Result<()>
where
    B::ErrorType: 'static,
{
    let legend = [("used", BLUE), ("available", GREEN), ("page cache", ORANGE)];
    let unit = Unit::of(history.memory_bytes);
    let max = (history.memory_bytes / unit.bytes).max(1.0);
    let title = format!("Memory, of {}", unit.text(history.memory_bytes));
    let label = |value: &f64| unit.label(*value, "");
    let mut panel = panel(area, time, &title, &legend, 0.0..max, &label)?;
    let part =
        |of: fn([f64; 3]) -> f64| runs(history, |point| Some(of(point.memory?.0) / unit.bytes));
    let used = part(|[used, _, _]| used);
    fill(&mut panel, &used, BLUE.mix(0.25))?;
    line(&mut panel, part(|[_, available, _]| available), GREEN)?;
    line(&mut panel, part(|[_, _, cached]| cached), ORANGE)?;
    line(&mut panel, used, BLUE)
}

/// Draws two directions: one upwards, and one downwards, so that neither hides the other.
fn draw_rates<B: DrawingBackend>(
    history: &History,
    time: &TimeAxis,
    area: &DrawingArea<B, Shift>,
    title: &str,
    names: [&str; 2],
    values: impl Fn(&Point) -> Option<[f64; 2]>,
) -> Result<()>
where
    B::ErrorType: 'static,
{
    let all = history.runs.iter().flatten().filter_map(&values).flatten();
    // An idle machine has an axis as well.
    let largest = all.fold(1024.0, f64::max);
    let unit = Unit::of(largest);
    let [one, two] = names;
    let legend = [(one, BLUE), (two, RED)];
    let label = |value: &f64| unit.label(*value, "/s");
    let max = largest / unit.bytes * 1.05;
    let mut panel = panel(area, time, title, &legend, -max..max, &label)?;
    let part =
        |of: fn([f64; 2]) -> f64| runs(history, |point| Some(of(values(point)?) / unit.bytes));
    let (one, two) = (part(|[one, _]| one), part(|[_, two]| -two));
    fill(&mut panel, &one, BLUE.mix(0.25))?;
    fill(&mut panel, &two, RED.mix(0.25))?;
    line(&mut panel, one, BLUE)?;
    line(&mut panel, two, RED)
}

/// A unit of bytes.
#[derive(Clone, Copy)]
struct Unit {
    bytes: f64,
    name: &'static str,
}

impl Unit {
    /// The largest one of which there is at least one.
    fn of(bytes: f64) -> Self {
        const NAMES: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        let mut unit = Self {
            bytes: 1.0,
            name: "B",
        };
        for name in NAMES.into_iter().skip(1) {
            if bytes < unit.bytes * 1024.0 {
                break;
            }
            unit = Self {
                bytes: unit.bytes * 1024.0,
                name,
            };
        }
        unit
    }

    fn text(&self, bytes: f64) -> String {
        format!("{:.1} {}", bytes / self.bytes, self.name)
    }

    /// A mark of an axis.
    fn label(&self, value: f64, per: &str) -> String {
        // The axis rounds its marks, but not to the last bit; downwards is not less than nothing.
        let value = (value * 1e3).round().abs() / 1e3;
        format!("{value} {}{per}", self.name)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_says_what_is_drawn() {
        assert_eq!(Format::of(Path::new("a.svg")).unwrap(), Format::Svg);
        assert_eq!(Format::of(Path::new("/tmp/a.b.PNG")).unwrap(), Format::Png);
        for path in ["a.jpg", "svg", ".svg", "", "png/a"] {
            let error = Format::of(Path::new(path)).unwrap_err().to_string();
            assert!(
                error.contains(".svg") && error.contains(".png"),
                "expected .svg and .png in {error:?}"
            );
        }
    }

    #[test]
    fn units_have_at_least_one() {
        assert_eq!(Unit::of(0.0).text(0.0), "0.0 B");
        assert_eq!(Unit::of(1023.0).name, "B");
        assert_eq!(Unit::of(1024.0).name, "KiB");
        assert_eq!(Unit::of(1e9).name, "MiB");
        assert_eq!(Unit::of(1e30).name, "PiB");
        assert_eq!(Unit::of(2048.0).label(0.1 + 0.2, "/s"), "0.3 KiB/s");
        assert_eq!(Unit::of(2048.0).label(-5.0, "/s"), "5 KiB/s");
    }
}
