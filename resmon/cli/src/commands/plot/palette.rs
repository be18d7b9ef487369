// SPDX-License-Identifier: GPL-2.0-or-later

//! The colours of the picture.

use plotters::style::{RGBColor, WHITE};

/// Colours. Those of what is shown are told apart by those who do not see all (Okabe and Ito), with
/// others for what is rare.
#[derive(Clone, Copy)]
pub struct Palette {
    pub paper: RGBColor,
    pub ink: RGBColor,
    pub grid: RGBColor,
    pub axis: RGBColor,
    pub blue: RGBColor,
    pub sky: RGBColor,
    pub orange: RGBColor,
    pub green: RGBColor,
    pub red: RGBColor,
    pub pink: RGBColor,
    pub grey: RGBColor,
}

pub const LIGHT: Palette = Palette {
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
pub const DARK: Palette = Palette {
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
