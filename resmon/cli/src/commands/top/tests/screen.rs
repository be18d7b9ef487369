// SPDX-License-Identifier: GPL-2.0-or-later

use ratatui::style::Modifier;

use super::*;

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
            draw(&mut buffer, &state, &look);
        }
    }
}

#[test]
fn any_state_can_be_drawn_at_any_size() {
    let mut states = [State::new(Origin::Device), bare(), large(), minute()];
    for state in &mut states {
        state.is_help_shown = state
            .sample()
            .is_some_and(|sample| sample.seq.is_some_and(|seq| seq % 2 == 0));
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

/// The minute with an event in some samples, the last of them included.
fn eventful(names: &[(&str, bool)]) -> State {
    use crate::events::tests::{events, raw};
    use resmon::model::event::{Trigger, ONGOING};

    let mut samples = samples();
    let last = samples.len() - 1;
    for at in [last - 9, last - 8, last - 7, last] {
        let raw = raw(1, Trigger::MemoryFull, ONGOING, "");
        let events = names.iter().flat_map(|(name, severe)| {
            let mut events = events(10, &[raw]);
            for event in &mut events {
                event.name = (*name).into();
                event.severe = *severe;
            }
            events
        });
        samples[at].events = events.collect();
    }
    state_of(&samples)
}

#[test]
fn events_are_a_word_in_the_header() {
    let (plain, one) = (minute(), eventful(&[("mem_full", true)]));
    for (width, height) in [(80, 24), (120, 40), (40, 10), (30, 10)] {
        let (before, after) = (text(&plain, width, height), text(&one, width, height));
        assert_shows(after.lines().next().unwrap(), "mem_full");
        assert_shows(after.lines().next().unwrap(), "2026-11-22 21:45:07");
        // No line moves, and all but the header and marks stay as they are.
        let lines = before.lines().zip(after.lines()).skip(1);
        for (before, after) in lines {
            let after = after.replace('!', "─");
            assert_eq!(before, after);
        }
    }
    let two = eventful(&[("steal", false), ("disk_stuck", false)]);
    assert_shows(
        text(&two, 80, 24).lines().next().unwrap(),
        "  2 events  live",
    );
    assert_hides(&text(&one, 20, 10), "mem_full");
    let style = |state: &State, word: &str| {
        let buffer = render(state, 80, 24, true);
        let text = text_of(&buffer);
        let at = text.lines().next().unwrap().find(word).unwrap();
        let cell = buffer.cell((u16::try_from(at).unwrap(), 0)).unwrap();
        cell.fg
    };
    assert_eq!(style(&one, "mem_full"), Color::Red);
    assert_eq!(style(&two, "2 events"), Color::Yellow);
}

#[test]
fn events_are_those_of_the_sample_that_is_looked_at() {
    let mut state = eventful(&[("mem_full", true)]);
    let header = |state: &State| text(state, 80, 24).lines().next().unwrap().to_owned();
    state.scroll(-1);
    assert_hides(&header(&state), "mem_full");
    state.scroll(-6);
    assert_shows(&header(&state), "mem_full");
    assert_shows(&header(&state), "7 back");
}

#[test]
fn events_are_marked_under_the_graphs() {
    let state = eventful(&[("mem_full", true)]);
    let plain = text(&state, 80, 24);
    let rule = plain.lines().nth(1).unwrap();
    assert_shows(rule, "History ─────────────!!!──────!──── 25 s");
    // With colours the graphs themselves are underlined, each in its last row.
    for (width, height, graphs) in [(80, 24, 4), (120, 40, 4)] {
        let buffer = render(&state, width, height, true);
        assert_hides(&text_of(&buffer), "!");
        let underlined: Vec<_> = buffer
            .content
            .iter()
            .filter(|cell| cell.modifier.contains(Modifier::UNDERLINED))
            .collect();
        assert_eq!(underlined.len(), 4 * graphs);
        for cell in underlined {
            assert_eq!(cell.fg, Color::Red);
        }
    }
    // Two graphs beside each other have marks of their own.
    let wide = text(&state, 120, 40);
    let rule = wide
        .lines()
        .find(|line| line.starts_with("History"))
        .unwrap();
    assert_eq!(rule.matches("!!!").count(), 2, "{rule}");
}
