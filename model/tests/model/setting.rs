// SPDX-License-Identifier: GPL-2.0-or-later

use crate::any;
use crate::logged::assert_ends_with;
use model::line::Line;
use model::setting::{Choice, Number, Paths, Refused, Setting, Switch};
use model::source::fs::{MAX_PATH, MAX_PATHS};
use proptest::prelude::*;

const INTERVAL: Number = Number {
    unit: "ms",
    min: 10,
    max: 3_600_000,
};

fn refused<'a, T>(text: &'a [u8], why: &'static str) -> Result<T, Refused<'a>> {
    Err(Refused { text, why })
}

fn assert_printable(line: &str) {
    assert!(
        line.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
        "expected printable ASCII, found {line:?}"
    );
}

/// The line in the log when `setting` does not take `text`.
fn refusal<S: Setting>(name: &str, setting: &S, text: &[u8]) -> String {
    let mut line = Line::new();
    line.start("cpu=all what was there before");
    match setting.parse(text) {
        Ok(_) => panic!(
            "{:?} is allowed, expected it to be refused",
            String::from_utf8_lossy(text)
        ),
        Err(refused) => refused.log(&mut line, name, setting),
    }
    line.as_str().to_owned()
}

#[test]
fn numbers() {
    const EMPTY: &str = "is empty";
    const NOT_A_NUMBER: &str = "is not a whole number";
    const OUT_OF_RANGE: &str = "is out of range";
    let table: &[(&str, Result<u32, &'static str>)] = &[
        ("10", Ok(10)),
        ("3600000", Ok(3_600_000)),
        ("500", Ok(500)),
        ("+500", Ok(500)),
        ("00500", Ok(500)),
        ("", Err(EMPTY)),
        ("9", Err(OUT_OF_RANGE)),
        ("0", Err(OUT_OF_RANGE)),
        ("-0", Err(OUT_OF_RANGE)),
        ("3600001", Err(OUT_OF_RANGE)),
        ("-500", Err(OUT_OF_RANGE)),
        ("4294967296", Err(OUT_OF_RANGE)),
        ("4294967796", Err(OUT_OF_RANGE)),
        ("18446744073709551616", Err(OUT_OF_RANGE)),
        ("18446744073709552116", Err(OUT_OF_RANGE)),
        (
            "99999999999999999999999999999999999999999999",
            Err(OUT_OF_RANGE),
        ),
        ("abc", Err(NOT_A_NUMBER)),
        ("-", Err(NOT_A_NUMBER)),
        ("+", Err(NOT_A_NUMBER)),
        ("--500", Err(NOT_A_NUMBER)),
        ("500ms", Err(NOT_A_NUMBER)),
        ("5e2", Err(NOT_A_NUMBER)),
        ("500.0", Err(NOT_A_NUMBER)),
        ("0x1f4", Err(NOT_A_NUMBER)),
        (" 500", Err(NOT_A_NUMBER)),
        ("500 ", Err(NOT_A_NUMBER)),
        ("5 00", Err(NOT_A_NUMBER)),
        ("٥٠٠", Err(NOT_A_NUMBER)),
        // The one newline that `echo` adds is gone by now; others are not allowed.
        ("500\n", Err(NOT_A_NUMBER)),
        ("\n", Err(NOT_A_NUMBER)),
        ("\n500", Err(NOT_A_NUMBER)),
    ];
    for (text, expected) in table {
        let expected = expected.or_else(|why| refused(text.as_bytes(), why));
        assert_eq!(INTERVAL.parse(text.as_bytes()), expected, "{text:?}");
    }
}

#[test]
fn zero_is_a_value_where_the_range_has_it() {
    let zero_too = Number { min: 0, ..INTERVAL };
    assert_eq!(zero_too.parse(b"0"), Ok(0));
    assert_eq!(zero_too.parse(b"-0"), Ok(0));
    assert_eq!(zero_too.parse(b"-1"), refused(b"-1", "is out of range"));
}

#[test]
fn refusals_name_the_parameter_the_value_and_the_range() {
    let table: &[(&[u8], &str)] = &[
        (b"5", "'5' is out of range"),
        (b"abc", "'abc' is not a whole number"),
        (b"", "'' is empty"),
        (b"a\x1b[2J\xff\nb", "'a?[2J??b' is not a whole number"),
        (
            &[b'9'; 40],
            "'9999999999999999999999999999999999999999' is out of range",
        ),
        (
            &[b'9'; 41],
            "'9999999999999999999999999999999999999999...' is out of range",
        ),
        (b" ~", "' ~' is not a whole number"),
        (b"\x1f\x7f", "'??' is not a whole number"),
    ];
    for (text, expected) in table {
        assert_eq!(
            refusal("interval_ms", &INTERVAL, text),
            format!("parameter interval_ms: {expected}, allowed are 10 to 3600000 ms")
        );
    }
}

#[test]
fn switches() {
    let on = ["1", "y", "Y", "yes", "YES", "yEs", "on", "On", "oN"];
    let on_too = ["t", "T", "true", "TRUE", "True"];
    for text in on.into_iter().chain(on_too) {
        assert_eq!(Switch.parse(text.as_bytes()), Ok(true), "{text:?}");
    }
    let off = ["0", "n", "N", "no", "NO", "No", "off", "OFF", "oFf"];
    let off_too = ["f", "F", "false", "FALSE", "False"];
    for text in off.into_iter().chain(off_too) {
        assert_eq!(Switch.parse(text.as_bytes()), Ok(false), "{text:?}");
    }
    let neither = [
        "maybe", "2", "00", "01", "10", "11", "-1", "o", "O", "of", "offf", "onn", "ye", "yess",
        "yy", "nn", "nope", "tru", "truee", "fals", "falsee", " y", "y ", "y\n", "\n", "y\0", "\0",
        " ", "Y,N", "ÿ", "ｙ", "é",
    ];
    for text in neither {
        let text = text.as_bytes();
        assert_eq!(Switch.parse(text), refused(text, "is not a yes or no"));
    }
    assert_eq!(Switch.parse(b""), refused(b"", "is empty"));
    assert_eq!(
        Switch.parse(b"\xff"),
        refused(b"\xff", "is not a yes or no")
    );
}

#[test]
fn refused_switches_as_the_log_has_them() {
    let table: &[(&[u8], &str)] = &[
        (b"maybe", "'maybe' is not a yes or no"),
        (b"", "'' is empty"),
        (b"y\n\t\xc3\xbf", "'y????' is not a yes or no"),
        (
            &[b'y'; 300],
            "'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy...' is not a yes or no",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(
            refusal("disk", &Switch, text),
            format!("parameter disk: {expected}, allowed are Y and N, 1 and 0, on and off")
        );
    }
}

/// `count` paths, all different and each of `len` bytes.
fn paths(count: usize, len: usize) -> String {
    let width = len - 1;
    let paths: Vec<_> = (0..count).map(|n| format!("/{n:0>width$}")).collect();
    paths.join(",")
}

#[test]
fn lists_of_paths_that_are_allowed() {
    let all = paths(MAX_PATHS, MAX_PATH);
    let many = paths(16, 3);
    let table = [
        ("/", vec!["/"]),
        ("/,/home", vec!["/", "/home"]),
        ("/home,/", vec!["/home", "/"]),
        ("/mnt/with a blank", vec!["/mnt/with a blank"]),
        ("/mnt/ ,/mnt/", vec!["/mnt/ ", "/mnt/"]),
        // The kernel finds out whether these are one place.
        (
            "/mnt,/mnt/,//mnt,/./mnt",
            vec!["/mnt", "/mnt/", "//mnt", "/./mnt"],
        ),
        ("/a,/ab,/b", vec!["/a", "/ab", "/b"]),
        ("/é,/\u{1},/\\,/\n", vec!["/é", "/\u{1}", "/\\", "/\n"]),
        (many.as_str(), many.split(',').collect()),
        (all.as_str(), all.split(',').collect()),
    ];
    for (text, expected) in table {
        assert_eq!(Paths.parse(text.as_bytes()), Ok(text.as_bytes()), "{text}");
        let got: Vec<_> = Paths::of(text.as_bytes()).collect();
        let expected: Vec<_> = expected.into_iter().map(str::as_bytes).collect();
        assert_eq!(got, expected, "{text}");
    }
    assert_eq!((MAX_PATHS, MAX_PATH), (16, 200));
    assert_eq!(all.len(), Paths::MAX_TEXT);
    assert_eq!(Paths.parse(b"/\xff\xfe"), Ok(&b"/\xff\xfe"[..]));
}

#[test]
fn lists_of_paths_that_are_refused_and_the_part_that_is_wrong() {
    const NOT_ABSOLUTE: &str = "is not an absolute path";
    const TOO_LONG: &str = "is too long";
    const TOO_MANY: &str = "is one path too many";
    const TWICE: &str = "is there twice";
    const EMPTY: &str = "is empty";
    let fits = paths(1, 200);
    let long = paths(1, 201);
    let very_long = format!("/{}", "x".repeat(100_000));
    let (second_long, long_first) = (format!("/a,{long}"), format!("{long},/a,"));
    let relative_and_long = &very_long[1..300];
    let seventeen = paths(17, 200);
    let last = seventeen.rsplit(',').next().expect("expected a 17th path");
    let eighteen = paths(18, 3);
    let sixteen = paths(16, 4);
    let after_sixteen = |more: &str| format!("{sixteen},{more}");
    let (nothing, relative) = (after_sixteen(""), after_sixteen("mnt"));
    let (too_long, known) = (after_sixteen(&long), after_sixteen("/015"));
    let table: &[(&str, &str, &str)] = &[
        // A text, what is wrong in it, and why.
        ("", "", EMPTY),
        (",", "", EMPTY),
        (",/", "", EMPTY),
        ("/,", "", EMPTY),
        ("/,,/home", "", EMPTY),
        ("/,/home,", "", EMPTY),
        ("mnt/x", "mnt/x", NOT_ABSOLUTE),
        ("/mnt,x/y,z", "x/y", NOT_ABSOLUTE),
        ("/mnt, /home", " /home", NOT_ABSOLUTE),
        (" ", " ", NOT_ABSOLUTE),
        ("\n", "\n", NOT_ABSOLUTE),
        ("/,\n", "\n", NOT_ABSOLUTE),
        ("\\", "\\", NOT_ABSOLUTE),
        (".", ".", NOT_ABSOLUTE),
        (relative_and_long, relative_and_long, NOT_ABSOLUTE),
        (&long, &long, TOO_LONG),
        (&second_long, &long, TOO_LONG),
        (&long_first, &long, TOO_LONG),
        (&very_long, &very_long, TOO_LONG),
        (&seventeen, last, TOO_MANY),
        (&eighteen, "/16", TOO_MANY),
        ("/,/", "/", TWICE),
        ("/a,/b,/c,/b,/a", "/b", TWICE),
        ("/a,/a,", "/a", TWICE),
        ("/a,,/a", "", EMPTY),
        // Where more than one thing is wrong with a path.
        (&nothing, "", EMPTY),
        (&relative, "mnt", NOT_ABSOLUTE),
        (&too_long, &long, TOO_LONG),
        (&known, "/015", TOO_MANY),
    ];
    for (text, part, why) in table {
        let got = Paths.parse(text.as_bytes());
        assert_eq!(got, refused(part.as_bytes(), why), "{text:?}");
    }
    assert_eq!(Paths.parse(fits.as_bytes()), Ok(fits.as_bytes()));
}

#[test]
fn refused_paths_as_the_log_has_them() {
    let long = format!("/{}", "x".repeat(200));
    let seventeen = paths(17, 3);
    let table: &[(&[u8], &str)] = &[
        (b"mnt/x", "'mnt/x' is not an absolute path"),
        (b"/,mnt/x,/home", "'mnt/x' is not an absolute path"),
        (b"", "'' is empty"),
        (b"/,,", "'' is empty"),
        (
            long.as_bytes(),
            "'/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...' is too long",
        ),
        (seventeen.as_bytes(), "'/16' is one path too many"),
        (b"/home,/home", "'/home' is there twice"),
        (b"/a b\t\xff,/a b\t\xff", "'/a b??' is there twice"),
    ];
    for (text, expected) in table {
        assert_eq!(
            refusal("fs_paths", &Paths, text),
            format!(
                "parameter fs_paths: {expected}, allowed are up to 16 absolute paths of at most \
                 200 bytes, separated by commas"
            )
        );
    }
}

/// Lists that are nearly right, since those of any bytes are hardly ever.
fn any_paths() -> impl Strategy<Value = Vec<u8>> {
    let path = prop_oneof![
        8 => any::bytes(0..=6).prop_map(|rest| [b"/", rest.as_slice()].concat()),
        1 => (199usize..=202).prop_map(|len| paths(1, len).into_bytes()),
        1 => any::bytes(0..=3),
    ];
    prop::collection::vec(path, 0..=18).prop_map(|paths| paths.join(&b','))
}

proptest! {
    #[test]
    fn any_bytes_are_a_value_in_range_or_refused(text in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(value) = INTERVAL.parse(&text) {
            prop_assert!((INTERVAL.min..=INTERVAL.max).contains(&value),
                "{} is allowed, expected {} to {}", value, INTERVAL.min, INTERVAL.max);
        }
    }

    #[test]
    fn every_number_is_read_as_it_is_written(number: i64) {
        let text = number.to_string();
        let expected = u32::try_from(number)
            .ok()
            .filter(|value| (INTERVAL.min..=INTERVAL.max).contains(value))
            .ok_or(Refused { text: text.as_bytes(), why: "is out of range" });
        prop_assert_eq!(INTERVAL.parse(text.as_bytes()), expected);
    }

    #[test]
    fn numbers_in_the_range_are_read_as_they_are_written(number in 10u32..=3_600_000) {
        let text = number.to_string();
        prop_assert_eq!(INTERVAL.parse(text.as_bytes()), Ok(number));
    }

    #[test]
    fn any_refused_value_makes_one_printable_line(text in any::bytes(0..=100)) {
        let setting = Number { unit: "CPUs", min: 0, max: 8192 };
        let mut line = Line::new();
        let refused = Refused { text: &text, why: "is not a whole number" };
        refused.log(&mut line, "per_cpu_max", &setting);
        assert_printable(line.as_str());
        assert_ends_with(line.as_str(), " is not a whole number, allowed are 0 to 8192 CPUs");
    }

    #[test]
    fn any_bytes_are_a_switch_or_refused_as_a_whole(text in any::bytes(0..=6)) {
        if let Err(refused) = Switch.parse(&text) {
            prop_assert_eq!(refused.text, &text[..]);
            prop_assert_eq!(refused.why == "is empty", text.is_empty());
            let line = refusal("disk", &Switch, &text);
            assert_printable(&line);
        }
    }

    #[test]
    fn what_is_allowed_is_valid_paths(text in prop_oneof![any_paths(), any::bytes(0..=60)]) {
        let parts: Vec<_> = text.split(|byte| *byte == b',').collect();
        let mut different = parts.clone();
        different.sort_unstable();
        different.dedup();
        let valid = parts.len() <= 16
            && different.len() == parts.len()
            && parts.iter().all(|path| path.first() == Some(&b'/') && path.len() <= 200);
        match Paths.parse(&text) {
            Ok(allowed) => {
                prop_assert!(valid, "{:?} is allowed, expected it to be refused", text);
                prop_assert_eq!(allowed, &text[..]);
                prop_assert!(text.len() <= Paths::MAX_TEXT,
                    "{} bytes, expected at most {}", text.len(), Paths::MAX_TEXT);
                prop_assert_eq!(Paths::of(&text).collect::<Vec<_>>(), parts);
            }
            Err(refused) => {
                prop_assert!(!valid,
                    "{:?} is refused, expected it to be allowed: {:?}", text, refused);
                prop_assert!(parts.contains(&refused.text),
                    "expected one of {:?} to be refused, found {:?}", parts, refused);
                let line = refusal("fs_paths", &Paths, &text);
                assert_printable(&line);
                assert_ends_with(&line, " bytes, separated by commas");
            }
        }
    }
}

#[test]
fn the_words_of_a_choice() {
    let allowed = |words| {
        let mut line = Line::new();
        Choice { words }.allowed(&mut line);
        line.as_str().to_owned()
    };
    assert_eq!(allowed(&["brief", "full"]), "brief and full");
    assert_eq!(allowed(&["a", "b", "c", "d"]), "a, b, c and d");
    let choice = Choice {
        words: &["brief", "full"],
    };
    assert_eq!(choice.parse(b"full").ok(), Some(1));
    for (text, why) in [(&b""[..], "is empty"), (b"Full", "is not known")] {
        assert_eq!(choice.parse(text), refused(text, why));
    }
}
