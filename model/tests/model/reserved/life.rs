// SPDX-License-Identifier: GPL-2.0-or-later

//! What is noted of lives.

use crate::util::words_of;
use model::ioctl::{PANIC, POWER_OFF, RESTART, RUNS, UNLOADED};
use model::reserved::life::{Life, State, LIFE_WORDS, STATE_AT, STATE_WORDS};
use model::text::Text;
use model::words::Words;

fn life() -> Life {
    Life {
        number: 9,
        boot_id: 5,
        load_id: 6,
        kernel: Text::new(b"7.3.4 \xff\n"),
        begin_boot_ns: 1_000,
        checksum: 0,
    }
    .sealed()
}

fn state(version: u64, ended: u64) -> State {
    State {
        version,
        wall_ahead_ns: 1_790_000_000_000_000_000 + version,
        ended,
        end_boot_ns: ended,
    }
}

/// A place with a life, and the two copies of its state.
fn place(states: [State; 2]) -> [u64; LIFE_WORDS] {
    let mut words = [u64::MAX; LIFE_WORDS];
    words[..Life::LEN].copy_from_slice(&words_of(&life()));
    for (at, state) in STATE_AT.into_iter().zip(states) {
        words[at..at + STATE_WORDS].copy_from_slice(&state.copy());
    }
    words
}

#[test]
fn a_life_is_read_as_it_was_noted() {
    let words = place([state(4, RUNS), state(5, PANIC)]);
    assert_eq!(Life::read(&words), Some(life()));
    assert_eq!(State::read(&words), Some(state(5, PANIC)));
    // Whichever was written last.
    let words = place([state(6, UNLOADED), state(5, RUNS)]);
    assert_eq!(State::read(&words), Some(state(6, UNLOADED)));
}

#[test]
fn a_life_is_believed_only_whole() {
    let good = place([state(4, RUNS), state(5, RESTART)]);
    for bit in 0..64 * LIFE_WORDS {
        let mut words = good;
        words[bit / 64] ^= 1 << (bit % 64);
        let word = bit / 64;
        let is_of = |from: usize, len: usize| (from..from + len).contains(&word);
        let expected = (!is_of(0, Life::LEN)).then(life);
        assert_eq!(Life::read(&words), expected, "bit {bit}");
        let expected = match is_of(STATE_AT[1], STATE_WORDS) {
            true => state(4, RUNS),
            false => state(5, RESTART),
        };
        assert_eq!(State::read(&words), Some(expected), "bit {bit}");
    }
}

#[test]
fn what_is_no_life_is_none() {
    for word in [0, u64::MAX] {
        assert_eq!(Life::read(&[word; LIFE_WORDS]), None);
        assert_eq!(State::read(&[word; LIFE_WORDS]), None);
    }
    assert_eq!(Life::read(&[]), None);
    assert_eq!(State::read(&[0; 20]), None);
    // Sealed, but with a number that none has.
    for number in [0, 1 << 62, u64::MAX] {
        let words = words_of(&Life { number, ..life() }.sealed());
        assert_eq!(Life::read(&words), None, "{number}");
    }
}

#[test]
fn an_end_that_nobody_notes_is_none() {
    for ended in [RUNS, UNLOADED, RESTART, POWER_OFF, PANIC] {
        let words = place([state(4, ended); 2]);
        assert_eq!(State::read(&words), Some(state(4, ended)));
    }
    for ended in [PANIC + 1, u64::MAX] {
        assert_eq!(State::read(&place([state(4, ended); 2])), None, "{ended}");
    }
}
