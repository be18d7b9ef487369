// SPDX-License-Identifier: GPL-2.0-or-later

//! The screen of a state: a file per part. Nothing here changes anything but the buffer of the screen.

mod cpu;
mod disk;
mod fs;
mod header;
mod history;
mod memory;
mod net;
mod pressure;
mod status;
mod system;
mod table;
mod task;

use ratatui::buffer::Buffer;
use ratatui::style::Style;

use super::draw::{width_of, Look, Pane, Piece, Portion};
use super::layout::{layout, Counts, Part};
use super::state::State;

/// Draws all of it.
pub(super) fn draw(buffer: &mut Buffer, state: &State, look: &Look) {
    let area = buffer.area;
    let sample = state.sample();
    let counts = sample.map_or(Counts::default(), |sample| Counts {
        cpus: sample.cpus.len(),
        disks: sample.disks.len(),
        nets: sample.nets.len(),
        file_systems: sample.file_systems.len(),
        tasks: state.task_places(),
    });
    for (part, at) in layout(area, counts) {
        if at.is_empty() {
            continue;
        }
        let pane = Pane::new(buffer, at);
        match (part, sample) {
            (Part::Header, _) => header::header(pane, state, look),
            (Part::Status, _) => status::status(pane, state, look),
            (Part::Cpu, sample) => cpu::cpu(pane, sample, look),
            (Part::History, _) => history::history(pane, state, look),
            (Part::System, Some(sample)) => system::system(pane, sample, look),
            (Part::Memory, Some(sample)) => memory::memory(pane, sample, look),
            (Part::Pressure, Some(sample)) => pressure::pressure(pane, sample, look),
            (Part::Tasks, Some(sample)) => task::tasks(pane, state, sample, look),
            (Part::Disks, Some(sample)) => disk::disks(pane, state, sample, look),
            (Part::Nets, Some(sample)) => net::nets(pane, state, sample, look),
            (Part::FileSystems, Some(sample)) => fs::file_systems(pane, sample, look),
            (_, None) => (),
        }
    }
    if state.is_help_shown {
        status::help(Pane::new(buffer, area), look);
    }
}

/// A labelled bar with a value at its end.
fn gauge(mut pane: Pane<'_>, look: &Look, label: &str, parts: &[Portion], value: &Piece) {
    const LABEL: u16 = 4;
    const VALUE: u16 = 6;
    let width = pane.width();
    pane.text(0, 0, label, Style::new());
    let label = LABEL.max(width_of(label).saturating_add(1));
    let bar = width.saturating_sub(label + VALUE + 1);
    pane.part(0, label, bar, 1).bar(look, parts);
    if bar > 0 {
        pane.text_until(0, width, &value.text, value.style);
    }
}
