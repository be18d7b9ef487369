// SPDX-License-Identifier: GPL-2.0-or-later

use crate::any;
use model::text::Text;
use proptest::prelude::*;

#[test]
fn texts_are_kept_and_what_is_longer_is_cut() {
    let table: &[(&[u8], &[u8])] = &[
        (b"", b""),
        (b"a", b"a"),
        (b"1234", b"1234"),
        (b"12345", b"1234"),
        (b"12345678901234567890", b"1234"),
        (b"\0a\0", b"\0a\0"),
        (b"\xff\xfe", b"\xff\xfe"),
        // It is cut between bytes, not between letters.
        ("aaaé".as_bytes(), b"aaa\xc3"),
    ];
    for (text, kept) in table {
        assert_eq!(Text::<4>::new(text).as_bytes(), *kept);
    }
    assert_eq!(Text::<4>::empty().as_bytes(), b"");
    assert_eq!(Text::<4>::empty(), Text::new(b""));
    assert_eq!(Text::<0>::new(b"a").as_bytes(), b"");
}

#[test]
fn a_text_is_replaced_by_a_shorter_one() {
    let mut text = Text::<8>::new(b"eth0.100");
    for other in [&b"eth1"[..], b"", b"wlp3s0", b"far too long", b"lo"] {
        text.set(other);
        assert_eq!(text.as_bytes(), &other[..other.len().min(8)]);
    }
}

proptest! {
    #[test]
    fn any_text_is_kept_up_to_its_size(first in any::bytes(0..=20), second in any::bytes(0..=20)) {
        let mut text = Text::<12>::new(&first);
        prop_assert_eq!(text.as_bytes(), &first[..first.len().min(12)]);
        text.set(&second);
        prop_assert_eq!(text.as_bytes(), &second[..second.len().min(12)]);
    }

    #[test]
    fn texts_are_equal_when_they_read_the_same(first in any::bytes(0..=6), second in any::bytes(0..=6)) {
        let mut text = Text::<4>::new(&first);
        let same = first[..first.len().min(4)] == second[..second.len().min(4)];
        prop_assert_eq!(text == Text::new(&second), same);
        text.set(&second);
        prop_assert_eq!(text, Text::new(&second));
    }
}
