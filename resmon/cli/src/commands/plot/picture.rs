// SPDX-License-Identifier: GPL-2.0-or-later

//! The picture: a panel for CPU, pressure, memory, disks and network each.

use std::error::Error as AnyError;
use std::ops::Range;
use std::path::Path;

use jiff::tz::TimeZone;
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

use super::history::{Drawn, History, Point, Values, CPU_MODES};
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

/// What the picture looks like.
#[derive(Clone, Debug)]
pub struct Look {
    pub format: Format,
    /// Pixels of the whole picture.
    pub size: (u32, u32),
    pub is_dark: bool,
    /// What stands above it.
    pub title: Option<String>,
}

/// The space around the panels, above the first one for the title, and in each of them.
const MARGIN: u32 = 16;
const HEAD: u32 = 56;
const TITLE: u32 = 34;
const LEFT: u32 = 74;
const RIGHT: u32 = 28;

impl Look {
    /// Pixels from the left end to the right end of a panel.
    pub fn columns(&self) -> u32 {
        let sides = MARGIN + LEFT + RIGHT;
        self.size.0.saturating_sub(sides).max(1)
    }
}

/// The font of the picture. Whoever shows an SVG has one of this name; DejaVu, with which places
/// are computed, is wider than most of them.
const FONT: &str = "sans-serif";

/// Colours. Those of what is shown are told apart by those who do not see all (Okabe and Ito), with
/// others for what is rare.
#[derive(Clone, Copy)]
struct Palette {
    paper: RGBColor,
    ink: RGBColor,
    grid: RGBColor,
    axis: RGBColor,
    blue: RGBColor,
    sky: RGBColor,
    orange: RGBColor,
    green: RGBColor,
    red: RGBColor,
    pink: RGBColor,
    grey: RGBColor,
}

const LIGHT: Palette = Palette {
    paper: WHITE,
    ink: RGBColor(40, 40, 40),
    grid: RGBColor(225, 225, 225),
    axis: RGBColor(150, 150, 150),
    blue: RGBColor(0, 114, 178),
    sky: RGBColor(86, 180, 233),
    orange: RGBColor(230, 159, 0),
    green: RGBColor(0, 158, 115),
    red: RGBColor(213, 94, 0),
    pink: RGBColor(204, 121, 167),
    grey: RGBColor(120, 120, 120),
};

/// Those that would be too dark are lighter.
const DARK: Palette = Palette {
    paper: RGBColor(24, 26, 31),
    ink: RGBColor(222, 222, 222),
    grid: RGBColor(52, 55, 62),
    axis: RGBColor(110, 113, 120),
    blue: RGBColor(61, 155, 220),
    sky: RGBColor(140, 208, 246),
    green: RGBColor(38, 190, 145),
    red: RGBColor(233, 120, 40),
    pink: RGBColor(222, 150, 190),
    grey: RGBColor(150, 150, 150),
    ..LIGHT
};

/// How much of the colour of a value its band has, and the space below it.
const BAND: f64 = 0.5;
const SPACE: f64 = 0.2;

type Result<T> = std::result::Result<T, Box<dyn AnyError>>;

/// Draws `history` into the file at `path`.
pub fn draw(history: &History, look: &Look, path: &Path) -> Result<()> {
    register_font(FONT, FontStyle::Normal, dejavu::sans::regular())
        .and_then(|()| register_font(FONT, FontStyle::Bold, dejavu::sans::bold()))
        .map_err(|_| "the font cannot be used")?;
    let (width, height) = look.size;
    match look.format {
        Format::Svg => {
            // The backend would say nothing of a full disk when it writes to a file itself.
            let mut text = String::new();
            draw_on(history, look, SVGBackend::with_string(&mut text, look.size))?;
            std::fs::write(path, text)?;
        }
        Format::Png => {
            const CHANNELS: usize = 3;
            let mut pixels = vec![0; width as usize * height as usize * CHANNELS];
            let backend = BitMapBackend::with_buffer(&mut pixels, look.size);
            draw_on(history, look, backend)?;
            let colour = image::ColorType::Rgb8;
            let format = image::ImageFormat::Png;
            image::save_buffer_with_format(path, &pixels, width, height, colour, format)?;
        }
    }
    Ok(())
}

fn draw_on<B: DrawingBackend>(history: &History, look: &Look, backend: B) -> Result<()>
where
    B::ErrorType: 'static,
{
    let palette = if look.is_dark { DARK } else { LIGHT };
    let area = backend.into_drawing_area();
    area.fill(&palette.paper)?;
    let area = area.margin(MARGIN / 2, MARGIN / 2, 0, MARGIN);
    let (head, panels) = area.split_vertically(HEAD);
    let drawing = Drawing {
        palette,
        time: TimeAxis::new(history.span(), TimeZone::system(), look.columns()),
        runs: history.runs(),
    };
    drawing.head(&head, look.title.as_deref())?;

    let panels = panels.split_evenly((5, 1));
    let [cpu, pressure, memory, disks, nets] = panels.as_slice() else {
        return Err("there is no room for the panels".into());
    };
    drawing.cpu(cpu)?;
    drawing.pressure(pressure)?;
    drawing.memory(memory, history.memory_bytes)?;
    drawing.rates(disks, "Disks", ["read (up)", "written (down)"], |drawn| {
        drawn.disks
    })?;
    drawing.rates(nets, "Network", ["received (up)", "sent (down)"], |drawn| {
        drawn.nets
    })?;
    area.present()?;
    Ok(())
}

type Area<B> = DrawingArea<B, Shift>;
type Panel<'a, B> = ChartContext<'a, B, Cartesian2d<TimeAxis, RangedCoordf64>>;

/// What a colour stands for, in the order of the legend.
type Legend<'l> = [(&'l str, RGBColor)];

/// A value over a time.
#[derive(Clone, Copy)]
struct Piece {
    from_s: f64,
    to_s: f64,
    low: f64,
    mean: f64,
    high: f64,
}

/// What all panels share.
struct Drawing {
    palette: Palette,
    time: TimeAxis,
    runs: Vec<Vec<Point>>,
}

impl Drawing {
    fn text(&self, size: f64) -> TextStyle<'static> {
        (FONT, size).into_font().color(&self.palette.ink)
    }

    fn bold(&self, size: f64) -> TextStyle<'static> {
        let font = (FONT, size, FontStyle::Bold).into_font();
        font.color(&self.palette.ink)
    }

    /// The title, the time, and how to read the panels.
    fn head<B: DrawingBackend>(&self, area: &Area<B>, title: Option<&str>) -> Result<()>
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
        area.draw(&Text::new(NOTE, (right, 40), note))?;
        Ok(())
    }

    /// A panel with its axes.
    fn panel<'a, B: DrawingBackend>(
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
    fn pieces<const N: usize>(
        &self,
        values: impl Fn(&Drawn) -> Option<Values<N>>,
        value: impl Fn([f64; N]) -> f64,
    ) -> Vec<Vec<Piece>> {
        let mut runs = Vec::new();
        for run in &self.runs {
            let mut pieces = Vec::new();
            for point in run {
                match values(&point.drawn) {
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
    fn say_if_empty<B: DrawingBackend>(
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

    fn cpu<B: DrawingBackend>(&self, area: &Area<B>) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        let colours = &self.palette;
        let colours = [
            colours.blue,
            colours.sky,
            colours.orange,
            colours.pink,
            colours.red,
            colours.grey,
        ];
        let legend: Vec<_> = CPU_MODES.into_iter().zip(colours).collect();
        let label = |percent: &f64| format!("{percent:.0} %");
        let mut panel = self.panel(area, "CPU", &legend, 0.0..100.0, &label)?;
        // Each over those above it in the stack, of which it leaves what is its own.
        for (mode, colour) in colours.into_iter().enumerate().rev() {
            let stack = self.pieces(
                |drawn| drawn.cpu,
                |shares| shares.iter().take(mode + 1).sum::<f64>().min(100.0),
            );
            fill(&mut panel, &stack, colour)?;
        }
        let all = self.pieces(|drawn| drawn.cpu, |[.., all]| all.min(100.0));
        band(&mut panel, &all, self.palette.ink.mix(BAND / 2.0))?;
        self.say_if_empty(&panel, &all)
    }

    fn pressure<B: DrawingBackend>(&self, area: &Area<B>) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        let colours = &self.palette;
        let legend = [
            ("CPU some", colours.blue),
            ("memory some", colours.orange),
            ("memory full", colours.red),
            ("I/O some", colours.sky),
            ("I/O full", colours.green),
        ];
        let part = |at: usize| {
            self.pieces(
                |drawn| drawn.pressure,
                |shares| shares.get(at).copied().unwrap_or_default(),
            )
        };
        let parts = [0, 1, 2, 3, 4].map(part);
        // An axis to 100 would hide what most machines have.
        let max = (highest(parts.iter().flatten()) * 1.05).clamp(10.0, 100.0);
        let label = |percent: &f64| format!("{percent:.0} %");
        let mut panel = self.panel(area, "Pressure", &legend, 0.0..max, &label)?;
        for (part, (_, colour)) in parts.iter().zip(legend) {
            band(&mut panel, part, colour.mix(BAND))?;
        }
        for (part, (_, colour)) in parts.iter().zip(legend) {
            line(&mut panel, part, colour)?;
        }
        let [first, ..] = &parts;
        self.say_if_empty(&panel, first)
    }

    fn memory<B: DrawingBackend>(&self, area: &Area<B>, all_bytes: f64) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        let colours = &self.palette;
        let legend = [
            ("used", colours.blue),
            ("available", colours.green),
            ("page cache", colours.orange),
        ];
        let unit = Unit::of(all_bytes);
        let max = (all_bytes / unit.bytes).max(1.0);
        let title = format!("Memory, of {}", unit.text(all_bytes));
        let label = |value: &f64| unit.label(*value, "");
        let mut panel = self.panel(area, &title, &legend, 0.0..max, &label)?;
        let part = |of: fn([f64; 3]) -> f64| {
            self.pieces(|drawn| drawn.memory, |bytes| of(bytes) / unit.bytes)
        };
        let used = part(|[used, _, _]| used);
        fill(&mut panel, &used, colours.blue.mix(SPACE))?;
        let others = [
            (part(|[_, available, _]| available), colours.green),
            (part(|[_, _, cached]| cached), colours.orange),
        ];
        for (runs, colour) in &others {
            band(&mut panel, runs, colour.mix(BAND))?;
            line(&mut panel, runs, *colour)?;
        }
        band(&mut panel, &used, colours.blue.mix(BAND))?;
        line(&mut panel, &used, colours.blue)?;
        self.say_if_empty(&panel, &used)
    }

    /// Draws two directions: one upwards, and one downwards, so that neither hides the other.
    fn rates<B: DrawingBackend>(
        &self,
        area: &Area<B>,
        title: &str,
        names: [&str; 2],
        values: impl Fn(&Drawn) -> Option<Values<2>>,
    ) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        let all = [
            self.pieces(&values, |[one, _]| one),
            self.pieces(&values, |[_, two]| two),
        ];
        // An idle machine has an axis as well.
        let largest = highest(all.iter().flatten()).max(1024.0);
        let unit = Unit::of(largest);
        let colours = [self.palette.blue, self.palette.red];
        let legend: Vec<_> = names.into_iter().zip(colours).collect();
        let label = |value: &f64| unit.label(*value, "/s");
        let max = largest / unit.bytes * 1.05;
        let mut panel = self.panel(area, title, &legend, -max..max, &label)?;
        let parts = [
            self.pieces(&values, |[one, _]| one / unit.bytes),
            self.pieces(&values, |[_, two]| -two / unit.bytes),
        ];
        for (part, colour) in parts.iter().zip(colours) {
            fill(&mut panel, part, colour.mix(SPACE))?;
            band(&mut panel, part, colour.mix(BAND))?;
        }
        for (part, colour) in parts.iter().zip(colours) {
            line(&mut panel, part, colour)?;
        }
        let [first, _] = &parts;
        self.say_if_empty(&panel, first)
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

fn highest<'p>(runs: impl Iterator<Item = &'p Vec<Piece>>) -> f64 {
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
fn fill<B: DrawingBackend>(
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
fn band<B: DrawingBackend>(
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
fn line<B: DrawingBackend>(
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
