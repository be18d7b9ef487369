// SPDX-License-Identifier: GPL-2.0-or-later

use super::*;

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
fn the_past_comes_before_what_is_there() {
    let samples = samples();
    let all = state_of(&samples);
    let (past, newest) = samples.split_at(40);
    let (older, old) = past.split_at(10);
    let mut state = state_of(newest);
    press(&mut state, KeyCode::Left);
    let held = seq(&state);
    state.push_past(old.to_vec());
    state.push_past(older.to_vec());
    // Whoever looks at a sample still does, and the rest is as if all had come in order.
    assert_eq!((seq(&state), state.behind()), (held, 1));
    state.go_to_newest();
    let graph = |state: &State| state.graph(100, |point| point.cpu_percent);
    assert_eq!(graph(&state), graph(&all));
    assert_eq!(text(&state, 80, 24), text(&all, 80, 24));
    state.go_to_oldest();
    assert_eq!(seq(&state), 2);
}

#[test]
fn the_past_is_bounded() {
    let newest = samples().pop().unwrap();
    let numbered = |seq| {
        let mut sample = newest.clone();
        sample.seq = Some(seq);
        sample
    };
    let mut state = state_of(&[numbered(6_000)]);
    for first in [4_000, 2_000, 0] {
        state.push_past((first..first + 2_000).map(numbered).collect());
    }
    assert_eq!(state.graph(10_000, |point| point.cpu_percent).len(), 6_001);
    state.go_to_oldest();
    assert_eq!(state.behind(), 3_599);
}

#[test]
fn what_is_kept_is_bounded() {
    let mut sample = samples().pop().unwrap();
    let mut state = State::new(Origin::Device);
    for seq in 0..5_000 {
        sample.seq = Some(seq);
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
