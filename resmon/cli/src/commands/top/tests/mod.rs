// SPDX-License-Identifier: GPL-2.0-or-later

//! Tests of the state, the keys and the screen, with the recording and with what is made of it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod keys;
mod screen;
mod state;
mod tasks;

use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use resmon::{FileSystemState, Sample, Source};

use crate::args::FromAny;

use super::draw::{Look, Pane};
use super::interval::{longer, shorter};
use super::order::{Sort, TaskOrder};
use super::reader::{kept, Message, Reader};
use super::screen::draw;
use super::state::{Origin, State};
use super::{act, action, parse_size, text_of, Action, Outcome};

fn testdata(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "testdata", name]
        .iter()
        .collect()
}

fn recording() -> PathBuf {
    testdata("minute.rec")
}

/// That recording alone.
fn from(recording: &Path) -> FromAny {
    FromAny {
        from: vec![recording.to_path_buf()],
        ..FromAny::default()
    }
}

fn samples_of(recording: &Path) -> Vec<Sample> {
    let samples = kept(&from(recording), 0).unwrap().1;
    samples.map(|sample| sample.unwrap()).collect()
}

fn samples() -> Vec<Sample> {
    samples_of(&recording())
}

fn state_of(samples: &[Sample]) -> State {
    let mut state = State::new(Origin::Device);
    for sample in samples {
        state.push(sample.clone());
    }
    state
}

fn minute() -> State {
    state_of(&samples())
}

fn render(state: &State, width: u16, height: u16, has_colour: bool) -> Buffer {
    let look = Look {
        has_colour,
        zone: TimeZone::UTC,
    };
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    draw(&mut buffer, state, &look);
    buffer
}

fn text(state: &State, width: u16, height: u16) -> String {
    text_of(&render(state, width, height, false))
}

#[track_caller]
fn assert_shows(screen: &str, text: &str) {
    assert!(screen.contains(text), "expected {text:?}, found:\n{screen}");
}

#[track_caller]
fn assert_hides(screen: &str, text: &str) {
    assert!(
        !screen.contains(text),
        "expected no {text:?}, found:\n{screen}"
    );
}

#[track_caller]
fn assert_follows(state: &State) {
    assert!(
        state.is_following(),
        "the screen stays {} samples back, expected it to follow",
        state.behind()
    );
}

fn press(state: &mut State, code: KeyCode) -> Outcome {
    act(state, action(KeyEvent::new(code, KeyModifiers::NONE)))
}

fn seq(state: &State) -> u64 {
    state.sample().unwrap().seq.unwrap()
}

/// A machine with many of everything, and with names and values as bad as can be.
fn large() -> State {
    let samples = samples();
    let mut sample = samples.last().unwrap().clone();
    let cpu = *sample.cpus.first().unwrap();
    sample.cpus = (0..4096)
        .map(|id| {
            let mut cpu = cpu;
            cpu.id = id;
            cpu
        })
        .collect();
    let disk = sample.disks.first().unwrap().clone();
    let net = sample.nets.first().unwrap().clone();
    for number in 0..64 {
        let mut disk = disk.clone();
        disk.name = format!("nvme{number}n1-日本\u{1b}[31m");
        disk.busy_percent = f64::NAN;
        disk.read_bytes_per_second = f64::INFINITY;
        disk.await_ms = -1.0;
        disk.in_flight = Some(u64::MAX);
        sample.disks.push(disk);
        let mut net = net.clone();
        net.name = format!("eth{number}");
        net.received.bytes_per_second = f64::MAX;
        net.received.errors_per_second = Some(1e-9);
        sample.nets.push(net);
    }
    for errno in [0, 13, u32::MAX] {
        let mut fs = sample.file_systems.first().unwrap().clone();
        fs.path = "/a/path/that/is/far/longer/than/any/table/has/room/for".into();
        fs.state = FileSystemState::Failed { errno };
        sample.file_systems.push(fs);
    }
    sample.time_s = f64::MAX;
    sample.interval_s = Some(0.01);
    sample.incomplete = Source::ALL.to_vec();
    sample.late_samples = Some(u64::MAX);
    sample.missed_ticks = Some(u64::MAX);
    let mut state = state_of(&samples);
    state.push(sample);
    state
}

/// A sample that has nothing at all.
fn bare() -> State {
    let mut sample = samples().last().unwrap().clone();
    sample.cpu = None;
    sample.cpus.clear();
    sample.memory = None;
    sample.swap = None;
    sample.load = None;
    sample.activity = None;
    sample.pressure = None;
    sample.disks.clear();
    sample.nets.clear();
    sample.file_systems.clear();
    state_of(&[sample])
}

#[test]
fn reading_ends_with_the_recording_or_its_reader() {
    let (sender, messages) = sync_channel(1);
    let reader = Reader::start(&from(&recording()), sender).unwrap();
    let mut count = 0;
    loop {
        match messages.recv_timeout(Duration::from_secs(20)).unwrap() {
            Message::Sample { reader: of, .. } if reader.is(of) => count += 1,
            Message::End { reader: of } if reader.is(of) => break,
            other => panic!("expected a sample or the end of the reader, found {other:?}"),
        }
    }
    assert_eq!(count, 61);

    let (sender, messages) = sync_channel(1);
    drop(Reader::start(&from(&recording()), sender).unwrap());
    // The thread gives up, and with it goes the sender.
    let left = messages.iter().count();
    assert!(left < 61, "{left} messages came, expected fewer than 61");
}

#[test]
fn sizes_are_read() {
    assert_eq!(parse_size("80x24").unwrap(), (80, 24));
    assert_eq!(parse_size("10x3").unwrap(), (10, 3));
    assert_eq!(parse_size("1000x500").unwrap(), (1000, 500));
    for text in ["", "x", "80", "9x3", "10x2", "1001x5", "10x501", "80x24x1"] {
        let found = parse_size(text);
        assert!(
            found.is_err(),
            "{text:?} gives {found:?}, expected an error"
        );
    }
}
