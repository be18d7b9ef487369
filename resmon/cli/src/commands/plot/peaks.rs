// SPDX-License-Identifier: GPL-2.0-or-later

//! Who was busy at the peaks of the CPUs.

use std::collections::BTreeMap;

use plotters::prelude::{DrawingBackend, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::Color;
use resmon::{Sample, Task};

use crate::events::printable;
use crate::tasks::by_cpu;

use super::drawing::{Area, Drawing};
use super::events::{Ground, GROUND, ROW};
use super::picture::Result;
use super::shapes::Panel;

/// How many of them have a name, at most.
const NAMED: usize = 3;

/// How high others are at least, as a part of the highest one.
const LEAST: f64 = 0.5;

/// A census at a time in seconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub struct Peak {
    pub time_s: f64,
    /// Share of the time in which the CPUs did not idle.
    pub busy_percent: f64,
    /// Who used most of them.
    pub name: String,
}

/// The highest ones of a history, in bins of time.
#[derive(Debug, Default)]
pub struct Peaks {
    bins: BTreeMap<u64, Peak>,
    /// In a power of two of seconds.
    width: u32,
}

impl Peaks {
    /// Most bins, far more than there is room for names.
    const MOST: usize = 256;

    /// Adds the census of a sample, if it has one of its own: another one need not be of this time.
    pub fn add(&mut self, sample: &Sample) {
        let is_new = sample.tasks.is_some_and(|tasks| tasks.is_new);
        let top = by_cpu(&sample.top_tasks).into_iter().next();
        let (Some(cpu), Some(top)) = (sample.cpu.filter(|_| is_new), top) else {
            return;
        };
        if top.cpu_percent.is_none_or(|percent| percent <= 0.0) {
            return;
        }
        self.put(Peak {
            time_s: sample.time_s - sample.elapsed_s.unwrap_or(0.0) / 2.0,
            busy_percent: 100.0 - cpu.idle_percent,
            name: name(top),
        });
    }

    fn put(&mut self, peak: Peak) {
        // Casts of floats saturate.
        let bin = (peak.time_s as u64) >> self.width.min(u64::BITS - 1);
        let there = self.bins.entry(bin).or_insert_with(|| peak.clone());
        if peak.busy_percent > there.busy_percent {
            *there = peak;
        }
        while self.bins.len() > Self::MOST {
            self.width += 1;
            for (_, peak) in std::mem::take(&mut self.bins) {
                self.put(peak);
            }
        }
    }

    /// From the highest one down.
    pub fn in_order(&self) -> Vec<Peak> {
        let mut peaks: Vec<_> = self.bins.values().cloned().collect();
        peaks.sort_by(|one, other| other.busy_percent.total_cmp(&one.busy_percent));
        peaks
    }
}

/// A task in few letters.
fn name(task: &Task) -> String {
    match &task.comm {
        Some(comm) => format!("{} ({})", printable(comm), task.pid),
        None => format!("pid {}", task.pid),
    }
}

impl Drawing {
    /// Names who was busy under the highest peaks of a panel, where nothing else is written.
    pub fn name_peaks<B: DrawingBackend>(
        &self,
        panel: &Panel<'_, B>,
        mut taken: Vec<Ground>,
    ) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        const GAP: i32 = 4;
        let times = panel.x_range();
        let area: Area<B> = panel.plotting_area().strip_coord_spec();
        let (width, height) = area.dim_in_pixel();
        let (width, height) = (width as i32, height as i32);
        let style = self.text(11.0).pos(Pos::new(HPos::Left, VPos::Top));
        let highest = self.peaks.first().map_or(0.0, |peak| peak.busy_percent);
        let mut named: Vec<Ground> = Vec::new();
        for peak in &self.peaks {
            if named.len() == NAMED || peak.busy_percent < highest * LEAST {
                break;
            }
            let share = (peak.time_s - times.start) / (times.end - times.start);
            let middle = (share.clamp(0.0, 1.0) * f64::from(width)) as i32;
            let room = area.estimate_text_size(&peak.name, &style)?.0 as i32;
            let left = (middle - room / 2).min(width - room - GAP).max(GAP);
            let depth = 1.0 - (peak.busy_percent / 100.0).clamp(0.0, 1.0);
            let mut top = (depth * f64::from(height)) as i32 + GAP;
            let ground = |top: i32| [(left - 2, top - 1), (left + room + 2, top + ROW - 3)];
            // Those of one peak would be below one another.
            let is_near =
                |[(from, _), (to, _)]: &Ground| left - room < *to && *from < left + 2 * room;
            if named.iter().any(is_near) {
                continue;
            }
            while taken.iter().any(|other| overlap(other, &ground(top))) {
                top += ROW;
            }
            if room > width || top + ROW > height {
                continue;
            }
            let paper = self.palette.paper.mix(GROUND);
            area.draw(&Rectangle::new(ground(top), paper.filled()))?;
            area.draw(&Text::new(peak.name.clone(), (left, top), style.clone()))?;
            named.push(ground(top));
            taken.push(ground(top));
        }
        Ok(())
    }
}

fn overlap(one: &Ground, other: &Ground) -> bool {
    let [(one_left, one_top), (one_right, one_bottom)] = *one;
    let [(left, top), (right, bottom)] = *other;
    one_left < right && left < one_right && one_top < bottom && top < one_bottom
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_of_many_stay() {
        let mut peaks = Peaks::default();
        for second in 0..100_000_u32 {
            let busy_percent = match second {
                70_000 => 99.0,
                _ => f64::from(second % 50),
            };
            peaks.put(Peak {
                time_s: f64::from(second),
                busy_percent,
                name: second.to_string(),
            });
        }
        let found = peaks.in_order();
        assert!(found.len() <= Peaks::MOST, "there are {}", found.len());
        let names: Vec<_> = found.iter().map(|peak| peak.name.as_str()).collect();
        assert_eq!(names.first(), Some(&"70000"));
        assert_eq!(found.get(1).map(|peak| peak.busy_percent), Some(49.0));
    }
}
