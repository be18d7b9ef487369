// SPDX-License-Identifier: GPL-2.0-or-later

#![allow(clippy::unwrap_used)]

use super::*;

const S: u64 = 1_000_000_000;

fn bin(from_ns: u64, to_ns: u64, read: f64) -> Bin {
    let seconds = (to_ns - from_ns) as f64 / S as f64;
    let drawn = Drawn {
        cpu: None,
        pressure: None,
        memory: None,
        disks: Some(Values::new([read, 1.0], seconds)),
        nets: None,
    };
    Bin {
        from_ns,
        to_ns,
        drawn,
    }
}

fn history(columns: u32, bins: impl IntoIterator<Item = Bin>) -> History {
    let mut history = History::new(columns);
    let mut life = Life::new(None);
    for bin in bins {
        life.add(bin, history.most);
    }
    history.lives.push(life);
    history
}

#[test]
fn means_count_time_and_peaks_stay() {
    let one = Values::new([40.0, 1.0], 1.0);
    let other = Values::new([0.0, 5.0], 3.0);
    let together = |mut one, other| {
        Values::join(&mut one, other);
        one
    };
    let both = together(Some(one), Some(other)).unwrap();
    assert_eq!(both.mean(), [10.0, 4.0]);
    assert_eq!((both.low, both.high), ([0.0, 1.0], [40.0, 5.0]));
    assert_eq!(together(Some(one), None), Some(one));
    assert_eq!(together(None, Some(one)), Some(one));
    assert_eq!(together(None, None), None);
}

/// Samples each second, of which one has a peak.
#[test]
fn many_samples_become_few_with_their_peak() {
    const COUNT: u64 = 20_000;
    let read = |at| if at == 11_000 { 64.0 } else { 1.0 };
    let bins = (0..COUNT).map(|at| bin(at * S, (at + 1) * S, read(at)));
    let history = history(1000, bins);
    let [life] = history.lives.as_slice() else {
        unreachable!("there is one life");
    };
    let found = life.bins.len();
    assert!(
        found <= 4000,
        "{found} bins are kept, expected at most 4000"
    );
    assert_eq!(history.span(), (0.0, COUNT as f64));
    let runs = history.runs();
    let [run] = runs.as_slice() else {
        unreachable!("there is no gap, expected one run, found {}", runs.len());
    };
    let found = run.len();
    assert!(
        (900..=1001).contains(&found),
        "{found} points are drawn, expected about 1000"
    );
    let disks: Vec<_> = run.iter().map(|point| point.drawn.disks.unwrap()).collect();
    let high: Vec<f64> = disks.iter().map(|disks| disks.high[0]).collect();
    assert_eq!(high.iter().filter(|high| **high == 64.0).count(), 1);
    assert_eq!(high.iter().filter(|high| **high == 1.0).count(), found - 1);
    let all: f64 = disks.iter().map(|disks| disks.sums[0]).sum();
    assert_eq!(all, COUNT as f64 + 63.0);
    // Without gaps, also where bins of another width meet.
    for (one, other) in run.iter().zip(run.iter().skip(1)) {
        assert_eq!(one.to_s, other.from_s);
    }
}

#[test]
fn order_does_not_matter() {
    let bins: Vec<Bin> = (0..5000)
        .map(|at| bin(at * S, (at + 1) * S, at as f64))
        .collect();
    let turned = bins.iter().rev().copied();
    let one = history(100, bins.iter().copied()).runs();
    assert_eq!(one, history(100, turned).runs());
}

#[test]
fn a_gap_is_what_can_be_seen() {
    // 1000 s in 100 columns of 10 s.
    let without = |from: u64, to: u64| {
        let kept = (0..1000).filter(move |at| !(from..to).contains(at));
        let bins = kept.map(|at| bin(at * S, (at + 1) * S, 1.0));
        history(100, bins).runs().len()
    };
    assert_eq!(without(0, 0), 1);
    assert_eq!(without(500, 505), 1);
    assert_eq!(without(500, 520), 2);
}

#[test]
fn an_event_is_open_from_its_begin_to_the_last_sample_that_has_it() {
    use crate::events::tests::{raw, record};
    use resmon::model::event::{Trigger, BEGIN, END, MOMENT, ONGOING};

    let (full, test) = (Trigger::MemoryFull, Trigger::Test);
    let of = |second, load, events: &[_]| record(second, load, events);
    let records = [
        of(1, 1, &[]),
        of(2, 1, &[raw(1, full, BEGIN, "")]),
        of(3, 1, &[raw(1, full, ONGOING, ""), raw(2, test, MOMENT, "")]),
        of(4, 1, &[]),
        of(5, 1, &[raw(1, full, END, "")]),
        of(6, 2, &[]),
        of(7, 2, &[raw(1, test, ONGOING, "a\x1bb")]),
    ];
    let mut history = History::new(1000);
    for pair in records.windows(2) {
        if let Some(sample) = Sample::between(&pair[0], &pair[1]) {
            history.add(&sample);
        }
    }
    let base_s = 1_700_000_000.0;
    let spans = history.events.in_order().into_iter();
    let spans = spans.map(|span| {
        let (from_s, to_s) = (span.from_s - base_s, span.to_s - base_s);
        (span.title.as_str(), from_s, to_s, span.severe)
    });
    assert_eq!(
        spans.collect::<Vec<_>>(),
        [
            ("mem_full", 2.0, 5.0, true),
            ("test", 3.0, 3.0, false),
            ("test a\u{fffd}b", 6.0, 7.0, false),
        ]
    );
}
