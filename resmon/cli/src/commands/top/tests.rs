// SPDX-License-Identifier: GPL-2.0-or-later

//! Tests of the state, the keys and the screen, with the recording and with what is made of it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use resmon::{FileSystemState, Sample, Source};

use super::draw::{Look, Pane};
use super::interval::{longer, shorter};
use super::reader::{kept, Message, Reader};
use super::state::{Origin, Sort, State};
use super::{act, action, parse_size, screen, text_of, Action, Outcome};

fn testdata(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "testdata", name]
        .iter()
        .collect()
}

fn recording() -> PathBuf {
    testdata("minute.rec")
}

fn samples_of(recording: &Path) -> Vec<Sample> {
    let samples = kept(Some(recording)).unwrap();
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
    screen::draw(&mut buffer, state, &look);
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
    state.sample().unwrap().seq
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
        disk.in_flight = u64::MAX;
        sample.disks.push(disk);
        let mut net = net.clone();
        net.name = format!("eth{number}");
        net.received.bytes_per_second = f64::MAX;
        net.received.errors_per_second = 1e-9;
        sample.nets.push(net);
    }
    for errno in [0, 13, u32::MAX] {
        let mut fs = sample.file_systems.first().unwrap().clone();
        fs.path = "/a/path/that/is/far/longer/than/any/table/has/room/for".into();
        fs.state = FileSystemState::Failed { errno };
        sample.file_systems.push(fs);
    }
    sample.time_s = f64::MAX;
    sample.interval_s = 0.01;
    sample.incomplete = Source::ALL.to_vec();
    sample.late_samples = u64::MAX;
    sample.missed_ticks = u64::MAX;
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
fn graphs_count_what_lies_on_others_once() {
    let samples = samples_of(&testdata("layers.rec"));
    let busy = samples.iter().max_by(|one, other| {
        let written = |sample: &Sample| -> f64 {
            let disks = sample.disks.iter();
            disks.map(|disk| disk.written_bytes_per_second).sum()
        };
        written(one).total_cmp(&written(other))
    });
    let busy = busy.unwrap();
    let state = state_of(std::slice::from_ref(busy));
    let point = state.sample_point().unwrap();
    let check = |what: &str, shown: f32, sum: f64| {
        let is_near = (f64::from(shown) - sum).abs() <= sum * 1e-6;
        assert!(
            is_near && sum > 0.0,
            "{what} have {shown} bytes per second, expected {sum} and more than 0"
        );
    };
    let disks = busy.disks.iter().filter(|disk| disk.name.starts_with("vd"));
    let bytes = disks.map(|disk| disk.read_bytes_per_second + disk.written_bytes_per_second);
    check("disks", point.disk_bytes_per_second, bytes.sum());
    let lowest = ["eth0", "lay0", "lay1", "bonded0", "bonded1"];
    let nets = busy.nets.iter();
    let nets = nets.filter(|net| lowest.contains(&net.name.as_str()));
    let bytes = nets.map(|net| net.received.bytes_per_second + net.transmitted.bytes_per_second);
    check("interfaces", point.net_bytes_per_second, bytes.sum());
    // Others did something, too.
    assert_eq!((busy.disks.len(), busy.nets.len()), (4, 9));
}

#[test]
fn any_size_can_be_drawn() {
    let state = minute();
    let look = Look {
        has_colour: true,
        zone: TimeZone::UTC,
    };
    // One buffer, of a size that changes by one: thousands of new ones would take a minute.
    let mut buffer = Buffer::empty(Rect::ZERO);
    for width in 1..=200 {
        for height in 1..=100 {
            let height = if width % 2 == 0 { height } else { 101 - height };
            buffer.resize(Rect::new(0, 0, width, height));
            screen::draw(&mut buffer, &state, &look);
        }
    }
}

#[test]
fn any_state_can_be_drawn_at_any_size() {
    let mut states = [State::new(Origin::Device), bare(), large(), minute()];
    for state in &mut states {
        state.is_help_shown = state.sample().is_some_and(|sample| sample.seq % 2 == 0);
        state.note = state.sample().is_none().then(|| "Something. ".repeat(40));
        for width in (1..=40).chain([75, 76, 79, 80, 99, 100, 120, 200, 1000]) {
            for height in (1..=30).chain([40, 100, 500]) {
                if u32::from(width) * u32::from(height) <= 40_000 {
                    render(state, width, height, false);
                }
            }
        }
    }
}

#[test]
fn nothing_else_than_the_time_fits_into_little() {
    assert_eq!(text(&minute(), 1, 1), "2\n");
    assert_eq!(text(&minute(), 10, 1), "2026-11-22\n");
}

#[test]
fn without_colours_the_modes_have_symbols() {
    let mut state = minute();
    // Most of the modes are in use here.
    while seq(&state) != 33 {
        state.scroll(-1);
    }
    let plain = render(&state, 80, 24, false);
    for cell in &plain.content {
        assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
    }
    let text = text_of(&plain);
    assert_shows(&text, "█ user 97.6");
    assert_shows(&text, "▓ system 1.9");
    assert_shows(text.lines().nth(2).unwrap(), "█▓");

    let coloured = render(&state, 80, 24, true);
    let bar = (4..32).filter_map(|x| coloured.cell((x, 2)));
    let colours: Vec<Color> = bar.map(|cell| cell.fg).collect();
    assert!(
        colours.contains(&Color::Green) && colours.contains(&Color::Red),
        "expected green and red in the bar, found {colours:?}"
    );
    assert_hides(&text_of(&coloured), "▓");
}

#[test]
fn scrolling_stays_within_what_is_kept() {
    let mut state = minute();
    assert_follows(&state);
    assert_eq!(seq(&state), 62);
    press(&mut state, KeyCode::Left);
    assert_eq!((seq(&state), state.behind()), (61, 1));
    press(&mut state, KeyCode::Right);
    press(&mut state, KeyCode::Right);
    assert_eq!((seq(&state), state.behind()), (62, 0));
    press(&mut state, KeyCode::PageUp);
    // The first record has none before it, so the first sample is that of the second.
    assert_eq!(seq(&state), 2);
    press(&mut state, KeyCode::Left);
    assert_eq!(seq(&state), 2);
    press(&mut state, KeyCode::PageDown);
    assert_eq!(seq(&state), 62);
    press(&mut state, KeyCode::Home);
    assert_eq!(seq(&state), 2);
    assert_shows(&text(&state, 80, 24), "60 back");
    press(&mut state, KeyCode::End);
    assert_follows(&state);
}

#[test]
fn a_paused_screen_holds_its_sample() {
    let samples = samples();
    let (first, rest) = samples.split_at(20);
    let mut state = state_of(first);
    press(&mut state, KeyCode::Char(' '));
    assert_shows(&text(&state, 80, 24), "paused");
    let held = seq(&state);
    for sample in rest {
        state.push(sample.clone());
    }
    assert_eq!(seq(&state), held);
    assert_eq!(state.behind(), 41);
    press(&mut state, KeyCode::Char(' '));
    assert_eq!(seq(&state), 62);
}

#[test]
fn nothing_can_be_paused_or_scrolled_before_the_first_sample() {
    let mut state = State::new(Origin::Device);
    for code in [KeyCode::Char(' '), KeyCode::Left, KeyCode::Home] {
        press(&mut state, code);
        assert_follows(&state);
    }
    assert_shows(&text(&state, 80, 24), "Waiting for the first sample");
}

#[test]
fn what_is_kept_is_bounded() {
    let mut sample = samples().pop().unwrap();
    let mut state = State::new(Origin::Device);
    for seq in 0..5_000 {
        sample.seq = seq;
        state.push(sample.clone());
        if seq == 0 {
            press(&mut state, KeyCode::Char(' '));
        }
    }
    // Whoever looks at the oldest one is carried along.
    assert_eq!(seq(&state), 5_000 - 3_600);
    state.go_to_newest();
    assert_eq!(seq(&state), 4_999);
    // The graphs remember more.
    assert_eq!(state.graph(10_000, |point| point.cpu_percent).len(), 5_000);

    // Large samples have to be fewer.
    let mut state = large();
    let large = state.sample().unwrap().clone();
    for _ in 0..300 {
        state.push(large.clone());
    }
    state.go_to_oldest();
    assert!(
        state.behind() < 300,
        "the oldest sample is {} back, expected less than 300",
        state.behind()
    );
}

#[test]
fn columns_of_several_samples_keep_the_peak() {
    let mut state = minute();
    let every = state.graph(1_000, |point| point.cpu_percent);
    assert_eq!(every.len(), 61);
    press(&mut state, KeyCode::Char('z'));
    press(&mut state, KeyCode::Char('z'));
    assert_eq!(state.samples_per_column(), 5);
    let fewer = state.graph(1_000, |point| point.cpu_percent);
    assert_eq!(fewer.len(), 13);
    let peak = |values: &[Option<f32>]| values.iter().flatten().copied().fold(0.0, f32::max);
    assert_eq!(peak(&every), peak(&fewer));
    for _ in 0..5 {
        press(&mut state, KeyCode::Char('z'));
    }
    assert_eq!(state.samples_per_column(), 1);
    assert_eq!(state.graph(7, |point| point.cpu_percent), every[54..]);
    assert_eq!(state.graph(0, |point| point.cpu_percent), []);
    assert_eq!(state.span_s(7).map(f64::round), Some(6.0));
}

#[test]
fn two_lives_have_a_gap_between_them() {
    let known = |state: &State| {
        let graph = state.graph(1_000, |point| point.cpu_percent);
        graph.iter().map(Option::is_some).collect::<Vec<_>>()
    };
    let parts = |before: usize, after: usize| {
        let parts = [vec![true; before], vec![false], vec![true; after]];
        parts.concat()
    };
    // Of version 1, which has no identities: what nobody saw, and the module loaded anew.
    let all = samples();
    let (begin, end) = (&all[..10], &all[30..35]);
    assert_eq!(known(&state_of(&all)), vec![true; 61]);
    assert_eq!(known(&state_of(&[begin, end].concat())), parts(10, 5));
    assert_eq!(known(&state_of(&[end, begin].concat())), parts(5, 10));
    let mut state = state_of(&[begin, end].concat());
    // The time of both is in what the graph spans, and the gap takes a column of it.
    assert_eq!(state.span_s(1_000).map(f64::round), Some(34.0));
    assert_eq!(state.span_s(6).map(f64::round), Some(4.0));
    press(&mut state, KeyCode::Char('z'));
    assert_eq!(state.samples_per_column(), 2);
    assert_eq!(known(&state), parts(5, 3));

    // Of version 2, however near they are.
    let mut all = samples_of(&testdata("layers.rec"));
    assert_eq!(known(&state_of(&all)), vec![true; all.len()]);
    for sample in &mut all[8..] {
        sample.module_load_id = Some(resmon::Id(7));
    }
    assert_eq!(known(&state_of(&all)), parts(8, all.len() - 8));
    for sample in &mut all[20..] {
        sample.module_boot_id = Some(resmon::Id(7));
    }
    let three = [parts(8, 12), vec![false], vec![true; all.len() - 20]].concat();
    assert_eq!(known(&state_of(&all)), three);
}

#[test]
fn a_recording_opens_at_the_last_sample_that_is_not_idle() {
    let all = samples();
    let mut state = state_of(&all);
    state.end();
    assert_eq!((seq(&state), state.behind()), (38, 24));
    state.go_to_newest();
    assert_follows(&state);
    state.end();
    // That is where the user has gone.
    assert_follows(&state);

    // A machine that is busy to the end, and one that does nothing.
    let mut state = state_of(&all[..32]);
    state.end();
    assert_follows(&state);
    let mut idle = all[3].clone();
    idle.disks.clear();
    let mut state = state_of(&vec![idle; 5]);
    state.end();
    assert_follows(&state);
}

#[test]
fn text_that_ends_somewhere_keeps_its_end() {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 1));
    for (text, expected) in [
        ("ab写真", "  ab写真"),
        ("abcd写真", "abcd写真"),
        ("日本写真x写", " 写真x写"),
        ("日本語写真", "本語写真"),
    ] {
        buffer.reset();
        let mut pane = Pane::new(&mut buffer, Rect::new(0, 0, 8, 1));
        pane.text_until(0, 8, text, Style::new());
        assert_eq!(text_of(&buffer), format!("{expected}\n"));
    }
}

#[test]
fn disks_and_networks_are_sorted() {
    let mut sample = samples().pop().unwrap();
    let disk = sample.disks.first().unwrap().clone();
    sample.disks = [("sda10", 1.0), ("sda2", 50.0), ("nvme0n1", 7.0)]
        .map(|(name, busy)| {
            let mut disk = disk.clone();
            disk.name = name.into();
            disk.busy_percent = busy;
            disk
        })
        .into();
    let net = sample.nets.first().unwrap().clone();
    sample.nets = [("lo", 1.0), ("eth10", 3.0), ("eth9", 2.0)]
        .map(|(name, bytes)| {
            let mut net = net.clone();
            net.name = name.into();
            net.transmitted.bytes_per_second = bytes;
            net
        })
        .into();
    let mut state = state_of(&[sample]);
    let names = |state: &State| {
        let disks = state.disks().into_iter().map(|disk| disk.name.clone());
        let nets = state.nets().into_iter().map(|net| net.name.clone());
        disks.chain(nets).collect::<Vec<_>>()
    };
    let busiest = ["sda2", "nvme0n1", "sda10", "eth10", "eth9", "lo"];
    assert_eq!(names(&state), busiest);
    press(&mut state, KeyCode::Char('s'));
    assert_eq!(state.sort, Sort::Name);
    let by_name = ["nvme0n1", "sda2", "sda10", "eth9", "eth10", "lo"];
    assert_eq!(names(&state), by_name);
    press(&mut state, KeyCode::Char('s'));
    assert_eq!(names(&state), busiest);
}

#[test]
fn intervals_go_in_steps() {
    let ms = Duration::from_millis;
    assert_eq!(longer(ms(10)), Some(ms(20)));
    assert_eq!(longer(ms(999)), Some(ms(1_000)));
    assert_eq!(shorter(ms(1_001)), Some(ms(1_000)));
    assert_eq!(shorter(ms(10)), None);
    assert_eq!(longer(ms(3_600_000)), None);
    // There and back again.
    let mut interval = ms(10);
    let mut steps = vec![interval];
    while let Some(next) = longer(interval) {
        interval = next;
        steps.push(interval);
    }
    assert_eq!(interval, ms(3_600_000));
    while let Some(next) = shorter(interval) {
        assert_eq!(steps.pop(), Some(interval));
        interval = next;
    }
    assert_eq!(steps, [ms(10)]);
}

#[test]
fn keys_do_what_they_say() {
    let mut state = minute();
    for code in ['x', 'Q', 'é', '1'].map(KeyCode::Char) {
        assert_eq!(press(&mut state, code), Outcome::Continue);
    }
    for code in [KeyCode::Enter, KeyCode::F(5), KeyCode::Up, KeyCode::Tab] {
        assert_eq!(press(&mut state, code), Outcome::Continue);
    }
    assert_eq!(text(&state, 80, 24), text(&minute(), 80, 24));
    assert_eq!(press(&mut state, KeyCode::Char('q')), Outcome::Quit);
    assert_eq!(press(&mut state, KeyCode::Esc), Outcome::Quit);
    assert_eq!(press(&mut state, KeyCode::Char('r')), Outcome::Reread);
    let control = |letter| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL);
    assert_eq!(action(control('c')), Action::Quit);
    assert_eq!(action(control('s')), Action::Nothing);
    // From the help, these lead back.
    press(&mut state, KeyCode::Char('?'));
    assert_shows(&text(&state, 80, 24), "Keys of resmon top");
    assert_eq!(press(&mut state, KeyCode::Esc), Outcome::Continue);
    assert_eq!(text(&state, 80, 24), text(&minute(), 80, 24));
}

#[test]
fn the_interval_of_a_recording_stays() {
    let mut state = State::new(Origin::Recording);
    press(&mut state, KeyCode::Char('+'));
    assert_shows(&text(&state, 80, 24), "cannot be changed");
    // The note is there until the next key that does something.
    press(&mut state, KeyCode::Char('x'));
    assert_ne!(state.note, None);
    press(&mut state, KeyCode::Char('s'));
    assert_eq!(state.note, None);
}

#[test]
fn what_is_missing_is_said() {
    let text = text(&bare(), 80, 24);
    for expected in [
        "all -",
        "mem -",
        "swap -",
        "load -",
        "this kernel does not measure it",
        "no disk is in use",
        "no network interface",
        "no path is watched",
    ] {
        assert_shows(&text, expected);
    }

    let mut sample = samples().pop().unwrap();
    sample.disks.clear();
    sample.pressure = None;
    sample.lost_records = 3;
    sample.incomplete = vec![Source::Pressure, Source::Disk];
    let states = [
        FileSystemState::Failed { errno: 13 },
        FileSystemState::Stale,
        FileSystemState::Absent,
    ];
    for (fs, state) in sample.file_systems.iter_mut().zip(states) {
        fs.state = state;
    }
    let text = self::text(&state_of(&[sample]), 80, 24);
    for expected in [
        "stale: pressure, disk",
        "-  Permission denied (os error 13)",
        "/mnt           -  no answer in time",
        "-  nothing is there",
        "lost 3",
    ] {
        assert_shows(&text, expected);
    }
    assert_eq!(text.matches("no answer in time").count(), 3);
    assert_hides(&text, "no disk is in use");
}

#[test]
fn many_cpus_go_into_columns_or_are_counted() {
    let mut sample = samples().pop().unwrap();
    let cpu = *sample.cpus.first().unwrap();
    sample.cpus = (0..64)
        .map(|id| {
            let mut cpu = cpu;
            cpu.id = id;
            cpu
        })
        .collect();
    let state = state_of(&[sample]);
    assert_shows(&text(&state, 200, 60), " 63 ");
    let few = text(&state, 80, 24);
    assert_shows(&few, "and ");
    assert_shows(&few, " more");
    let least = text(&state, 40, 10);
    assert_shows(&least, "all together, and 64 more");
}

#[test]
fn reading_ends_with_the_recording_or_its_reader() {
    let (sender, messages) = sync_channel(1);
    let reader = Reader::start(Some(&recording()), sender).unwrap();
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
    drop(Reader::start(Some(&recording()), sender).unwrap());
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
