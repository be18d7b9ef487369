// SPDX-License-Identifier: GPL-2.0-or-later

//! The panels.

use plotters::prelude::DrawingBackend;
use plotters::style::Color;

use super::drawing::{Area, Drawing};
use super::history::{Drawn, Values, CPU_MODES};
use super::picture::Result;
use super::shapes::{band, fill, highest, line};
use super::unit::Unit;

/// How much of the colour of a value its band has, and the space below it.
const BAND: f64 = 0.5;
const SPACE: f64 = 0.2;

impl Drawing {
    pub fn cpu<B: DrawingBackend>(&self, area: &Area<B>) -> Result<()>
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
        self.mark_events(&mut panel)?;
        let taken = self.name_events(&panel)?;
        self.name_peaks(&panel, taken)?;
        self.say_if_empty(&panel, &all)
    }

    pub fn pressure<B: DrawingBackend>(&self, area: &Area<B>) -> Result<()>
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
        self.mark_events(&mut panel)?;
        self.say_if_empty(&panel, first)
    }

    pub fn memory<B: DrawingBackend>(&self, area: &Area<B>, all_bytes: f64) -> Result<()>
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
        self.mark_events(&mut panel)?;
        self.say_if_empty(&panel, &used)
    }

    /// Draws two directions: one upwards, and one downwards, so that neither hides the other.
    pub fn rates<B: DrawingBackend>(
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
        self.mark_events(&mut panel)?;
        self.say_if_empty(&panel, first)
    }
}
