// SPDX-License-Identifier: GPL-2.0-or-later

use crate::any;
use crate::logged::{lines, one_line, unescaped, values, KIB, PERCENT, SECOND};
use model::source::fs::{Fs, State, Usage, MAX_PATH, MAX_PATHS, MAX_TYPE};
use model::text::Text;
use proptest::prelude::*;

fn fs(path: &str, state: State) -> Fs {
    Fs {
        path: Text::new(path.as_bytes()),
        state,
    }
}

/// An ext4 without inodes.
fn ext4(block_bytes: u64, blocks: u64, free: u64, available: u64) -> Usage {
    Usage {
        kind: Text::new(b"ext4"),
        block_bytes,
        blocks,
        free,
        available,
        inodes: 0,
        free_inodes: 0,
        flags: None,
    }
}

fn shown(usage: Usage) -> String {
    one_line(None, (SECOND, &[fs("/", State::Mounted(usage))]))
}

#[test]
fn what_df_would_say() {
    let inodes = |inodes, free_inodes| Usage {
        inodes,
        free_inodes,
        ..ext4(4096, 0, 0, 0)
    };
    let table: &[(&str, Usage, &str)] = &[
        (
            "nothing is reserved",
            ext4(1024, 1000, 990, 990),
            "size=1000kB used=10kB avail=990kB use=1.0% inodes=0.0%",
        ),
        (
            // 10 of 910, not of 1000: `df` leaves out what only root may use.
            "blocks are reserved for root",
            ext4(1024, 1000, 990, 900),
            "size=1000kB used=10kB avail=900kB use=1.1% inodes=0.0%",
        ),
        (
            "full for all but root",
            ext4(4096, 1000, 50, 0),
            "size=4000kB used=3800kB avail=0kB use=100.0% inodes=0.0%",
        ),
        (
            "full",
            ext4(4096, 1000, 0, 0),
            "size=4000kB used=4000kB avail=0kB use=100.0% inodes=0.0%",
        ),
        (
            "empty",
            ext4(4096, 1000, 1000, 1000),
            "size=4000kB used=0kB avail=4000kB use=0.0% inodes=0.0%",
        ),
        (
            // 700 of 950.
            "rounded to the nearest",
            ext4(4096, 1000, 300, 250),
            "size=4000kB used=2800kB avail=1000kB use=73.7% inodes=0.0%",
        ),
        (
            "no blocks, as of /proc",
            ext4(4096, 0, 0, 0),
            "size=0kB used=0kB avail=0kB use=0.0% inodes=0.0%",
        ),
        (
            "more is free than there is",
            ext4(1024, 10, 11, 11),
            "size=10kB used=0kB avail=11kB use=0.0% inodes=0.0%",
        ),
        (
            "more is available than is free",
            ext4(1024, 100, 10, 90),
            "size=100kB used=90kB avail=90kB use=50.0% inodes=0.0%",
        ),
        (
            "inodes",
            inodes(1000, 996),
            "size=0kB used=0kB avail=0kB use=0.0% inodes=0.4%",
        ),
        (
            "all inodes are used",
            inodes(1000, 0),
            "size=0kB used=0kB avail=0kB use=0.0% inodes=100.0%",
        ),
        (
            "two thirds of the inodes are used",
            inodes(3, 1),
            "size=0kB used=0kB avail=0kB use=0.0% inodes=66.7%",
        ),
        (
            "no limit of inodes",
            inodes(0, 0),
            "size=0kB used=0kB avail=0kB use=0.0% inodes=0.0%",
        ),
        (
            "no limit of inodes, but some are free",
            inodes(0, 12345),
            "size=0kB used=0kB avail=0kB use=0.0% inodes=0.0%",
        ),
        (
            "more inodes are free than there are",
            inodes(10, 11),
            "size=0kB used=0kB avail=0kB use=0.0% inodes=0.0%",
        ),
        (
            "blocks of 512 bytes",
            ext4(512, 2048, 1024, 512),
            "size=1024kB used=512kB avail=256kB use=66.7% inodes=0.0%",
        ),
        (
            "blocks of 64 KiB",
            ext4(65_536, 3, 2, 1),
            "size=192kB used=64kB avail=64kB use=50.0% inodes=0.0%",
        ),
        (
            "blocks of 1 MiB, as of NFS",
            ext4(1 << 20, 1_000_000, 750_000, 750_000),
            "size=1024000000kB used=256000000kB avail=768000000kB use=25.0% inodes=0.0%",
        ),
        (
            "blocks of one and a half KiB",
            ext4(1536, 200, 100, 50),
            "size=300kB used=150kB avail=75kB use=66.7% inodes=0.0%",
        ),
        (
            "blocks of a byte",
            ext4(1, 10_240, 5_120, 2_048),
            "size=10kB used=5kB avail=2kB use=71.4% inodes=0.0%",
        ),
        (
            "blocks of nothing",
            ext4(0, 1000, 500, 500),
            "size=0kB used=0kB avail=0kB use=50.0% inodes=0.0%",
        ),
    ];
    for (what, usage, expected) in table {
        assert_eq!(
            shown(*usage),
            format!("fs=/ type=ext4 {expected}"),
            "{what}"
        );
    }
}

#[test]
fn what_is_not_mounted_and_what_cannot_be_asked() {
    let table = [
        (State::Absent, "fs=/mnt/x absent"),
        (State::Failed(107), "fs=/mnt/x error=107"),
        (State::Failed(0), "fs=/mnt/x error=0"),
        (State::Failed(u32::MAX), "fs=/mnt/x error=4294967295"),
    ];
    for (state, expected) in table {
        assert_eq!(one_line(None, (0, &[fs("/mnt/x", state)])), expected);
    }
}

#[test]
fn paths_and_types_as_proc_mounts_has_them() {
    let usage = Usage {
        kind: Text::new(b"fuse.a b"),
        ..ext4(1024, 0, 0, 0)
    };
    let got = one_line(None, (0, &[fs("/mnt/a b\\\té", State::Mounted(usage))]));
    assert_eq!(
        got,
        r"fs=/mnt/a\040b\134\011\303\251 type=fuse.a\040b size=0kB used=0kB avail=0kB use=0.0% inodes=0.0%"
    );
    assert_eq!(
        one_line(None, (0, &[fs("/a b", State::Absent)])),
        r"fs=/a\040b absent"
    );
    // A line is read by its blanks, so a path cannot pass for what follows it.
    assert_eq!(
        one_line(None, (0, &[fs("/x absent", State::Failed(5))])),
        r"fs=/x\040absent error=5"
    );
}

#[test]
fn paths_keep_their_order_and_need_nothing_before() {
    let mounted = State::Mounted(ext4(1024, 4, 2, 2));
    let now = [
        fs("/z", State::Absent),
        fs("/", mounted),
        fs("/a", State::Failed(116)),
        fs("/z2", mounted),
    ];
    let expected = [
        "fs=/z absent",
        "fs=/ type=ext4 size=4kB used=2kB avail=2kB use=50.0% inodes=0.0%",
        "fs=/a error=116",
        "fs=/z2 type=ext4 size=4kB used=2kB avail=2kB use=50.0% inodes=0.0%",
    ];
    assert_eq!(lines(None, (SECOND, &now[..])), expected);
    // What was before makes no difference.
    let before = [fs("/a", mounted), fs("/gone", mounted)];
    let got = lines(Some((0, &before[..])), (SECOND, &now[..]));
    assert_eq!(got, expected);
    let none: [&str; 0] = [];
    assert_eq!(lines::<Fs>(Some((0, &before[..])), (SECOND, &[])), none);
    // However many there are, each has its line.
    let many = [fs("/", State::Absent); MAX_PATHS];
    assert_eq!(lines(None, (SECOND, &many[..])), ["fs=/ absent"; 16]);
}

#[test]
fn the_longest_lines_are_whole() {
    let path = [0xff; MAX_PATH];
    let most = Usage {
        kind: Text::new(&[b' '; MAX_TYPE]),
        block_bytes: u64::MAX,
        blocks: u64::MAX,
        free: 0,
        available: u64::MAX,
        inodes: u64::MAX,
        free_inodes: 0,
        flags: None,
    };
    let line = |state| {
        let path = Text::new(&path);
        one_line(None, (0, &[Fs { path, state }]))
    };
    let head = format!("fs={}", r"\377".repeat(200));
    // 16 EiB.
    let all = "18014398509481983kB";
    assert_eq!(
        line(State::Mounted(most)),
        format!(
            "{head} type={} size={all} used={all} avail={all} use=100.0% inodes=100.0%",
            r"\040".repeat(15)
        )
    );
    assert_eq!(line(State::Absent), format!("{head} absent"));
    assert_eq!(
        line(State::Failed(u32::MAX)),
        format!("{head} error=4294967295")
    );
}

fn any_usage() -> impl Strategy<Value = Usage> {
    let block_bytes = prop_oneof![
        Just(512u64),
        Just(1024),
        Just(4096),
        0u64..10_000,
        any::counter()
    ];
    (
        block_bytes,
        prop::array::uniform5(any::counter()),
        any::bytes(0..=20),
    )
        .prop_map(
            |(block_bytes, [blocks, free, available, inodes, free_inodes], kind)| Usage {
                kind: Text::new(&kind),
                block_bytes,
                blocks,
                free,
                available,
                inodes,
                free_inodes,
                flags: None,
            },
        )
}

const KEYS: [&str; 5] = ["size", "used", "avail", "use", "inodes"];

fn usage_values(line: &str, head: &str) -> Vec<u128> {
    let keys = KEYS.map(|key| match key {
        "use" | "inodes" => (key, PERCENT),
        _ => (key, KIB),
    });
    values(line, head, &keys)
}

proptest! {
    #[test]
    fn any_line_is_whole(path in any::bytes(0..=210), usage in any_usage()) {
        let fs = Fs { path: Text::new(&path), state: State::Mounted(usage) };
        let got = one_line(None, (0, &[fs]));
        let no = |what| panic!("expected a {} in {:?}", what, got);
        let (name, _) = got.split_once(" type=").unwrap_or_else(|| no("type"));
        let (kind, _) = got[name.len() + 6..].split_once(' ').unwrap_or_else(|| no("size"));
        prop_assert_eq!(unescaped(&name[3..]), &path[..path.len().min(200)]);
        prop_assert_eq!(unescaped(kind), usage.kind.as_bytes());
        let got = usage_values(&got, &format!("{name} type={kind}"));
        prop_assert!(got[3] <= 1000 && got[4] <= 1000,
            "use and inodes are {:?}, expected at most 1000", &got[3..5]);
    }

    #[test]
    fn lines_agree_with_exact_arithmetic(
        block_bytes in prop_oneof![Just(512u64), Just(1024), Just(4096), 1u64..100_000],
        blocks in 0u64..1 << 40, free in 0u64..1 << 40, available in 0u64..1 << 40,
        inodes in 0u64..1 << 40, free_inodes in 0u64..1 << 40,
    ) {
        let usage = Usage { inodes, free_inodes, ..ext4(block_bytes, blocks, free, available) };
        let got = usage_values(&shown(usage), "fs=/ type=ext4");
        let used = u128::from(blocks.saturating_sub(free));
        for (kib, blocks) in [(got[0], blocks.into()), (got[1], used), (got[2], available.into())] {
            let bytes: u128 = blocks * u128::from(block_bytes);
            prop_assert!((kib * 1024).abs_diff(bytes) < 1024,
                "{} kB, expected {} bytes, give or take one kB", kib, bytes);
        }
        let share = |part: u128, whole: u128| (part * 1000 + whole / 2).checked_div(whole).unwrap_or(0);
        prop_assert_eq!(got[3], share(used, used + u128::from(available)));
        prop_assert_eq!(got[4], share(inodes.saturating_sub(free_inodes).into(), inodes.into()));
    }
}
