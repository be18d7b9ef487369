// SPDX-License-Identifier: GPL-2.0-or-later

use crate::any;
use crate::logged::{unescaped, values, KIB_RATE, RATE, SECOND};
use model::line::{Line, CAPACITY};
use proptest::prelude::*;

/// The text that `make` adds to a line that was used before.
fn made(make: impl FnOnce(&mut Line)) -> String {
    let mut line = Line::new();
    line.start("cpu=all what was there before");
    make(&mut line);
    assert!(
        line.as_bytes().len() < CAPACITY,
        "expected fewer than {CAPACITY} bytes, found {}: {:?}",
        line.as_bytes().len(),
        line.as_str()
    );
    line.as_str().to_owned()
}

fn name(name: &[u8]) -> String {
    made(|line| {
        line.start("").name(name);
    })
}

#[test]
fn numbers_as_sysfs_shows_them() {
    for (number, expected) in [(0, "0"), (5000, "5000"), (u32::MAX, "4294967295")] {
        let mut line = Line::new();
        assert_eq!(
            line.number(u64::from(number)).as_bytes(),
            expected.as_bytes()
        );
    }
}

#[test]
fn numbers_of_every_length() {
    let number = |number: u64| {
        made(|line| {
            line.start("").number(number);
        })
    };
    for small in 0..=1_000 {
        assert_eq!(number(small), small.to_string());
    }
    for digits in 1..=19 {
        let power = 10u64.pow(digits);
        for near in [power - 1, power, power + 1] {
            assert_eq!(number(near), near.to_string());
        }
    }
    assert_eq!(number(u64::MAX), "18446744073709551615");
}

#[test]
fn every_share() {
    for share in 0..=1000 {
        let got = made(|line| {
            line.start("").percent(" use=", share);
        });
        assert_eq!(got, format!(" use={}.{}%", share / 10, share % 10));
    }
}

#[test]
fn names_as_proc_mounts_has_them() {
    let table: &[(&[u8], &str)] = &[
        (b"", ""),
        (b"/mnt/x", "/mnt/x"),
        (b"eth0.100@if3:1", "eth0.100@if3:1"),
        (b"a b", r"a\040b"),
        (b"\t", r"\011"),
        (b"\n", r"\012"),
        (b"\\", r"\134"),
        (br"\040", r"\134040"),
        (b"\0\x01\x07\x08\x1b\x1f", r"\000\001\007\010\033\037"),
        (
            b"!\"#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~",
            "!\"#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~",
        ),
        (b"\x7f\x80\xbf\xc0\xff", r"\177\200\277\300\377"),
        ("é".as_bytes(), r"\303\251"),
        (b" a ", r"\040a\040"),
    ];
    for (bytes, expected) in table {
        assert_eq!(name(bytes), *expected, "{bytes:?}");
    }
}

#[test]
fn every_byte_of_a_name_is_plain_or_octal() {
    for byte in 0..=u8::MAX {
        let plain = byte.is_ascii_graphic() && byte != b'\\';
        let expected = match plain {
            true => char::from(byte).to_string(),
            false => format!("\\{byte:03o}"),
        };
        assert_eq!(name(&[byte]), expected);
    }
}

#[test]
fn hundredths() {
    let table = [
        (0, "0.00"),
        (1, "0.01"),
        (9, "0.09"),
        (10, "0.10"),
        (99, "0.99"),
        (100, "1.00"),
        (105, "1.05"),
        (1_234, "12.34"),
        (99_999, "999.99"),
        (100_000, "1000.00"),
        (u64::MAX, "184467440737095516.15"),
    ];
    for (number, expected) in table {
        let got = made(|line| {
            line.start("").hundredths(number);
        });
        assert_eq!(got, expected);
    }
}

#[test]
fn rates() {
    let table: &[(u64, u64, &str)] = &[
        // What it grew by, in which time, and what the line says.
        (0, SECOND, " r=0.00/s"),
        (1, SECOND, " r=1.00/s"),
        (1, 5 * SECOND, " r=0.20/s"),
        (1, 3 * SECOND, " r=0.33/s"),
        (2, 3 * SECOND, " r=0.67/s"),
        (1, 199 * SECOND, " r=0.01/s"),
        (1, 201 * SECOND, " r=0.00/s"),
        (7, SECOND / 100, " r=700.00/s"),
        (7, 0, " r=0.00/s"),
        (7, 999, " r=0.00/s"),
        (7, 1_000, " r=7000000.00/s"),
        (u64::MAX, 1_000, " r=184467440737095516.15/s"),
    ];
    for (grown, elapsed_ns, expected) in table {
        let got = made(|line| {
            line.start("").rate(" r=", *grown, *elapsed_ns);
        });
        assert_eq!(got, *expected);
    }
}

#[test]
fn rates_in_kib() {
    let bytes: &[(u64, u64, &str)] = &[
        // How many more they are, after which time.
        (0, SECOND, " rx=0.00kB/s"),
        (1024, SECOND, " rx=1.00kB/s"),
        (1024, 4 * SECOND, " rx=0.25kB/s"),
        (1000, SECOND, " rx=0.98kB/s"),
        (5, SECOND, " rx=0.00kB/s"),
        (6, SECOND, " rx=0.01kB/s"),
        (10 << 30, SECOND, " rx=10485760.00kB/s"),
        (5_000, 0, " rx=0.00kB/s"),
    ];
    for (grown, elapsed_ns, expected) in bytes {
        let got = made(|line| {
            line.start("").kib_rate(" rx=", *grown, *elapsed_ns);
        });
        assert_eq!(got, *expected);
    }
    let sectors: &[(u64, u64, &str)] = &[
        (1, SECOND, " pgin=0.50kB/s"),
        (3, 2 * SECOND, " pgin=0.75kB/s"),
        (2, SECOND, " pgin=1.00kB/s"),
        (1, 99 * SECOND, " pgin=0.01kB/s"),
        (1, 101 * SECOND, " pgin=0.00kB/s"),
        (5_000, 0, " pgin=0.00kB/s"),
    ];
    for (grown, elapsed_ns, expected) in sectors {
        let got = made(|line| {
            line.start("")
                .sector_rate(" pgin=", *grown, "kB/s", *elapsed_ns);
        });
        assert_eq!(got, *expected);
    }
}

#[test]
fn what_does_not_fit_is_left_out() {
    let mut line = Line::new();
    assert_eq!(line.as_str(), "");
    let nearly = "x".repeat(CAPACITY - 3);
    assert_eq!(line.start(&nearly).text("four").as_str(), nearly);
    assert_eq!(line.name(b" ").number(1000).as_str(), nearly);
    let full = format!("{nearly}123");
    assert_eq!(line.number(123).as_str(), full);
    assert_eq!(line.text("4").text("").name(b"5").as_str(), full);
    assert_eq!(line.as_bytes(), full.as_bytes());
    let too_long = "y".repeat(CAPACITY + 1);
    assert_eq!(line.start(&too_long).as_str(), "");
    assert_eq!(line.start("begun anew").as_str(), "begun anew");
    // With the module's name in front and a newline it is one record of the kernel's log.
    let most = "resource_monitor: \n".len() + CAPACITY;
    assert!(
        most <= 1024,
        "the longest line has {most} bytes, expected at most 1024"
    );
}

proptest! {
    #[test]
    fn any_name_can_be_read_back(bytes in any::bytes(0..=200)) {
        let name = name(&bytes);
        prop_assert!(name.bytes().all(|byte| byte.is_ascii_graphic()),
            "expected graphic ASCII, found {:?}", name);
        prop_assert_eq!(unescaped(&name), bytes);
    }

    #[test]
    fn any_number_is_written_as_it_is(number in any::counter(), share in 0u32..=1000) {
        let got = made(|line| {
            line.start("")
                .number(number)
                .text(" ")
                .hundredths(number)
                .kib(" free=", number)
                .percent(" use=", share);
        });
        let expected = format!(
            "{number} {}.{:02} free={number}kB use={}.{}%",
            number / 100, number % 100, share / 10, share % 10,
        );
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn a_rate_in_kib_is_off_by_less_than_a_hundredth(
        grown in 0u64..1 << 50,
        elapsed_us in 1u64..1 << 36,
    ) {
        let line = made(|line| {
            line.start("net").kib_rate(" rx=", grown, elapsed_us * 1000);
        });
        let got = values(&line, "net", &[("rx", KIB_RATE)])[0];
        let (exact, unit) = (u128::from(grown) * 100_000_000, u128::from(1024 * elapsed_us));
        prop_assert!((got * unit).abs_diff(exact) < unit,
            "expected {} hundredths, give or take one, found {:?}", exact / unit, line);
    }

    #[test]
    fn any_rate_is_whole(grown in any::counter(), elapsed_ns in any::elapsed_ns()) {
        let line = made(|line| {
            line.start("net")
                .kib_rate(" rx=", grown, elapsed_ns)
                .rate(" rxp=", grown, elapsed_ns);
        });
        values(&line, "net", &[("rx", KIB_RATE), ("rxp", RATE)]);
    }

    #[test]
    fn a_line_is_the_texts_that_fit(texts in prop::collection::vec(".{0,120}", 0..40)) {
        let mut line = Line::new();
        let mut expected = String::new();
        for text in &texts {
            line.text(text);
            if expected.len() + text.len() <= CAPACITY {
                expected.push_str(text);
            }
            prop_assert_eq!(line.as_str(), &expected);
        }
    }
}
