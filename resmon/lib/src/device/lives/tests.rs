// SPDX-License-Identifier: GPL-2.0-or-later

#![allow(clippy::unwrap_used)]

use std::cell::RefCell;

use model::record::Header;
use model::text::Text;
use proptest::prelude::*;

use super::*;
use crate::{FrameWriter, Record};

fn raw(load_id: u64) -> ioctl::Life {
    ioctl::Life {
        boot_id: 7,
        load_id,
        kernel: Text::new(b"7.3.4+deb13-amd64"),
        begin_boot_ns: 5,
        wall_ahead_ns: 1_000,
        ended: ioctl::PANIC,
        end_boot_ns: 90,
        records: 17,
        ..ioctl::Life::default()
    }
}

const NOW: Now = Now {
    boot_ns: 500,
    wall_ahead_ns: 3_000,
};

/// Asks somebody who has these lives, and loses the oldest one before some of the questions.
fn asked(loads: &[u64], lost_before: &[usize]) -> Vec<u64> {
    let lives = RefCell::new(loads.to_vec());
    let asked = RefCell::new(0);
    let found = ask_all(|index| {
        let question = asked.replace_with(|asked| *asked + 1);
        let mut lives = lives.borrow_mut();
        if lost_before.contains(&question) {
            lives.remove(0);
        }
        let load = lives.get(index as usize).copied();
        load.map(raw).ok_or(Errno::NOENT)
    });
    found.unwrap().iter().map(|life| life.load_id).collect()
}

#[test]
fn lives_are_asked_for_up_to_the_last_one() {
    assert_eq!(asked(&[3, 1, 2], &[]), [3, 1, 2]);
    assert_eq!(asked(&[3], &[]), [3]);
    assert_eq!(asked(&[], &[]), [0; 0]);
}

#[test]
fn lives_that_move_up_meanwhile_are_asked_for_again() {
    // Without asking again, life 2 is passed over.
    assert_eq!(asked(&[1, 2, 3, 4], &[1]), [2, 3, 4]);
    assert_eq!(asked(&[1, 2, 3, 4], &[2]), [2, 3, 4]);
    assert_eq!(asked(&[1, 2, 3, 4, 5], &[1, 6]), [3, 4, 5]);
}

#[test]
fn an_error_is_no_end() {
    for errno in [Errno::NOTTY, Errno::FAULT, Errno::INVAL] {
        let found = ask_all(|index| match index {
            0 => Ok(raw(0)),
            _ => Err(errno),
        });
        assert_eq!(found, Err(errno));
    }
}

#[test]
fn asking_has_an_end() {
    let found = ask_all(|_| Ok(raw(1))).unwrap();
    assert_eq!(found.len(), 1 << 16);
}

#[test]
fn what_has_ended_is_as_it_was() {
    let life = Life::of(&raw(9), &NOW);
    let expected = Life {
        boot_id: Some(Id(7)),
        load_id: Some(Id(9)),
        kernel: Some("7.3.4+deb13-amd64".into()),
        first_boot_ns: 5,
        last_boot_ns: 90,
        wall_ahead_ns: 1_000,
        ended: Some(Ended::Panic),
        records: 17,
    };
    assert_eq!(life, expected);
}

#[test]
fn a_kernel_may_be_unknown() {
    let unknown = ioctl::Life {
        kernel: Text::empty(),
        ..raw(9)
    };
    assert_eq!(Life::of(&unknown, &NOW).kernel, None);
}

/// A block of a life, with records of these times since boot and of a wall clock that is so far ahead.
fn block(load_id: u64, boot_ns: &[u64], ahead_ns: u64) -> Result<Vec<u8>> {
    let mut frames = FrameWriter::default();
    let records = boot_ns.iter().zip(0..).map(|(ns, seq)| {
        let header = Header {
            seq,
            taken_boot_ns: Some(*ns),
            taken_wall_ns: ns + ahead_ns,
            boot_id: Some(7),
            load_id: Some(load_id),
            ..Header::of(Header::LEN)
        };
        let mut words = Vec::new();
        header.put(&mut |word| words.push(word));
        Record::of_words(words).unwrap()
    });
    let frames: Vec<u8> = records.flat_map(|record| frames.encode(&record)).collect();
    let header = block::Header {
        boot_id: 7,
        load_id,
        first_boot_ns: *boot_ns.first().unwrap(),
        ..block::Header::default()
    };
    let mut bytes = Vec::new();
    let mut put = |word: u64| bytes.extend(word.to_le_bytes());
    header.sealed(frames.len() / WORD_BYTES).put(&mut put);
    bytes.extend(frames);
    Ok(bytes)
}

#[test]
fn blocks_say_what_is_left_of_a_life() {
    let known = |load_id, wall_ahead_ns, ended| {
        let life = ioctl::Life {
            wall_ahead_ns,
            ended,
            ..raw(load_id)
        };
        Life::of(&life, &NOW)
    };
    let mut lives = vec![
        known(1, 1_000, ioctl::PANIC),
        known(2, 0, ioctl::UNKNOWN),
        known(3, 1_000, ioctl::RESTART),
        known(4, 1_000, ioctl::RUNS),
    ];
    let blocks = vec![
        block(1, &[30, 40], 9_000),
        Ok(b"RSRCBLK\0".to_vec()),
        block(1, &[50, 60], 9_000),
        block(2, &[7, 8], 4_000),
        block(2, &[9, 10], 5_000),
        block(4, &[70], 9_000),
        // One that is not listed.
        block(5, &[80], 9_000),
    ];
    complete(&mut lives, blocks.into_iter()).unwrap();
    let found: Vec<_> = lives
        .iter()
        .map(|life| (life.first_boot_ns, life.wall_ahead_ns))
        .collect();
    // The clock is that at the end, where nobody has noted another.
    assert_eq!(found, [(30, 1_000), (7, 5_000), (5, 1_000), (5, 3_000)]);
    let failed = || Error::Read(std::io::ErrorKind::Other.into());
    assert!(complete(&mut lives, [Err(failed())].into_iter()).is_err());
}

#[test]
fn what_runs_lasts_until_now() {
    let running = ioctl::Life {
        ended: ioctl::RUNS,
        end_boot_ns: 0,
        ..raw(9)
    };
    let life = Life::of(&running, &NOW);
    assert_eq!((life.last_boot_ns, life.wall_ahead_ns), (500, 3_000));
    assert_eq!(life.ended, Some(Ended::Running));
}

#[test]
fn a_clock_may_be_behind_the_boot() {
    let back = ioctl::Life {
        wall_ahead_ns: 40_u64.wrapping_neg(),
        ..raw(9)
    };
    assert_eq!(Life::of(&back, &NOW).wall_ahead_ns, -40);
}

proptest! {
    /// Whatever a module says of lives, as of what lay in memory.
    #[test]
    fn any_lives(words in proptest::collection::vec(
        prop_oneof![any::<u64>(), 0..6_u64, Just(u64::MAX), Just(1 << 63)], 4 * ioctl::Life::LEN,
    )) {
        let lives = words.chunks(ioctl::Life::LEN).map(|words| {
            let life = ioctl::Life::from_words(words).unwrap();
            Life::of(&life, &NOW)
        });
        let boots = boots(lives.collect());
        prop_assert!((1..=4).contains(&boots.len()));
        for boot in &boots {
            prop_assert!(boot.from_s.is_finite() && boot.to_s.is_finite() && boot.booted_s >= 0.0);
        }
    }

    /// Whatever a block begins with.
    #[test]
    fn any_block(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(header_of(&bytes), None);
    }
}
