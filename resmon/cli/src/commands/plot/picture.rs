// SPDX-License-Identifier: GPL-2.0-or-later

//! The picture: a panel for CPU, pressure, memory, disks and network each.

use std::error::Error as AnyError;
use std::path::Path;

use jiff::tz::TimeZone;
use plotters::prelude::{BitMapBackend, DrawingBackend, IntoDrawingArea, SVGBackend};
use plotters::style::{register_font, FontStyle};

use crate::error::{Error, Result as CommandResult};

use super::drawing::Drawing;
use super::history::History;
use super::palette::{DARK, LIGHT};
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
pub const TITLE: u32 = 34;
pub const LEFT: u32 = 74;
pub const RIGHT: u32 = 28;

impl Look {
    /// Pixels from the left end to the right end of a panel.
    pub fn columns(&self) -> u32 {
        let sides = MARGIN + LEFT + RIGHT;
        self.size.0.saturating_sub(sides).max(1)
    }
}

/// The font of the picture. Whoever shows an SVG has one of this name; DejaVu, with which places
/// are computed, is wider than most of them.
pub const FONT: &str = "sans-serif";

pub type Result<T> = std::result::Result<T, Box<dyn AnyError>>;

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
        events: history.events.in_order().into_iter().cloned().collect(),
        peaks: history.peaks.in_order(),
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
}
