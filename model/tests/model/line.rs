// SPDX-License-Identifier: GPL-2.0-or-later

use crate::any;
use crate::logged::{
    self, assert_contains, assert_ends_with, assert_starts_with, unescaped, values, KIB_RATE, RATE,
    SECOND,
};
use crate::util::value_of;
use model::line::{cpu, memory, swap, Line, Swapped, Whose, CAPACITY};
use model::rates::Shares;
use model::record::Memory;
use model::words::Words;
use proptest::prelude::*;

/// The longest text that the kernel's log keeps in one piece is longer than this.
const LONGEST: usize = 512;

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
fn cpu_lines() {
    let shares = Shares {
        user: 123,
        nice: 0,
        system: 45,
        idle: 832,
        iowait: 1,
        irq: 2,
        softirq: 3,
        steal: 4,
        guest: 1000,
    };
    assert_eq!(
        made(|line| cpu(line, Whose::All, &shares)),
        "cpu=all user=12.3% nice=0.0% system=4.5% idle=83.2% iowait=0.1% irq=0.2% \
         softirq=0.3% steal=0.4% guest=100.0%"
    );
    let with_number = made(|line| cpu(line, Whose::Cpu(17), &shares));
    assert_starts_with(&with_number, "cpu=17 user=12.3% ");
    let longest = made(|line| cpu(line, Whose::Cpu(u32::MAX), &shares));
    assert_starts_with(&longest, "cpu=4294967295 user=");
    assert_ends_with(&longest, " guest=100.0%");
}

#[test]
fn memory_line() {
    let counters = Memory {
        total: 1000,
        free: 100,
        available: 400,
        file: 300,
        swap_cache: 20,
        shmem: 30,
        slab_reclaimable: 40,
        slab_unreclaimable: 50,
        dirty: 6,
        writeback: 7,
        anon: 80,
        mapped: 90,
        page_tables: 11,
        swap_free: 12,
        page_bytes: 4096,
    };
    assert_eq!(
        made(|line| memory(line, &counters, 10, 4)),
        "mem total=4000kB used=2400kB free=400kB available=1600kB buffers=40kB cached=1080kB \
         shmem=120kB slab=360kB dirty=24kB writeback=28kB anon=320kB mapped=360kB pagetables=44kB"
    );
}

#[test]
fn memory_that_does_not_add_up_is_clamped() {
    // The counters are not read at one moment: available may pass total, and buffers file.
    let counters = Memory {
        total: 10,
        available: 11,
        file: 5,
        swap_cache: 2,
        ..Memory::default()
    };
    let line = made(|line| memory(line, &counters, 4, 4));
    assert_contains(&line, " used=0kB ");
    assert_contains(&line, " cached=0kB ");
}

#[test]
fn swap_line() {
    let memory = Memory {
        swap_free: 5,
        ..Memory::default()
    };
    let swapped = |elapsed_ns| Swapped {
        in_pages: 250,
        out_pages: 3,
        elapsed_ns,
    };
    assert_eq!(
        made(|line| swap(line, &memory, Some(swapped(2_000_000_000)), 4)),
        "swap free=20kB in=500kB/s out=6kB/s"
    );
    assert_eq!(
        made(|line| swap(line, &memory, Some(swapped(0)), 4)),
        "swap free=20kB in=0kB/s out=0kB/s"
    );
    assert_eq!(made(|line| swap(line, &memory, None, 4)), "swap free=20kB");
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

#[test]
fn the_longest_lines_of_cpus_memory_and_swap_are_whole() {
    let shares = Shares {
        user: u32::MAX,
        nice: u32::MAX,
        system: u32::MAX,
        idle: u32::MAX,
        iowait: u32::MAX,
        irq: u32::MAX,
        softirq: u32::MAX,
        steal: u32::MAX,
        guest: u32::MAX,
    };
    let line = made(|line| cpu(line, Whose::Cpu(u32::MAX), &shares));
    let keys = "user nice system idle iowait irq softirq steal guest".split(' ');
    let keys: Vec<_> = keys.map(|key| (key, logged::PERCENT)).collect();
    let got = values(&line, "cpu=4294967295", &keys);
    assert_eq!(got, [u128::from(u32::MAX); 9]);

    let most = value_of::<Memory>([u64::MAX; Memory::LEN]);
    let line = made(|line| memory(line, &most, u64::MAX, 64));
    assert_ends_with(&line, " pagetables=18446744073709551615kB");

    let swapped = Swapped {
        in_pages: u64::MAX,
        out_pages: u64::MAX,
        elapsed_ns: 1_000,
    };
    let line = made(|line| swap(line, &most, Some(swapped), 64));
    assert_eq!(
        line,
        "swap free=18446744073709551615kB in=18446744073709551615kB/s \
         out=18446744073709551615kB/s"
    );
}

proptest! {
    #[test]
    fn no_memory_line_is_cut(words in prop::array::uniform15(any::<u64>()), buffers: u64) {
        let counters = value_of::<Memory>(words);
        let text = made(|line| memory(line, &counters, buffers, 64));
        prop_assert!(text.len() < LONGEST,
            "{} bytes, expected fewer than {}: {:?}", text.len(), LONGEST, text);
        prop_assert_eq!(text.split(' ').count(), 14);
        let tail = format!(" pagetables={}kB", counters.page_tables.saturating_mul(64));
        prop_assert!(text.ends_with(&tail), "expected {:?} at the end of {:?}", tail, text);
    }

    #[test]
    fn no_swap_line_is_cut(now in prop::array::uniform15(any::counter()), in_pages in any::counter(),
                           out_pages in any::counter(), elapsed_ns in any::elapsed_ns()) {
        let after = value_of::<Memory>(now);
        let swapped = Swapped { in_pages, out_pages, elapsed_ns };
        let text = made(|line| swap(line, &after, Some(swapped), 64));
        let keys = [("free", logged::KIB), ("in", logged::shape(0, "kB/s")), ("out", logged::shape(0, "kB/s"))];
        let got = values(&text, "swap", &keys);
        prop_assert_eq!(got[0], u128::from(after.swap_free.saturating_mul(64)));
    }

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
