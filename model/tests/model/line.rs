// SPDX-License-Identifier: GPL-2.0

use model::line::{cpu, memory, refusal, swap, value, Whose};
use model::rates::Shares;
use model::record::Memory;
use model::setting::{Refusal, Setting};
use proptest::prelude::*;

/// The longest text that the kernel's log keeps in one piece is longer than this.
const LONGEST: usize = 512;

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
        cpu(Whose::All, &shares).as_str(),
        "cpu=all user=12.3% nice=0.0% system=4.5% idle=83.2% iowait=0.1% irq=0.2% \
         softirq=0.3% steal=0.4% guest=100.0%"
    );
    assert!(cpu(Whose::Cpu(17), &shares)
        .as_str()
        .starts_with("cpu=17 user=12.3% "));
    let longest = cpu(Whose::Cpu(u32::MAX), &shares);
    assert!(longest.as_str().starts_with("cpu=4294967295 user="));
    assert!(longest.as_str().ends_with(" guest=100.0%"));
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
        swapped_in: 13,
        swapped_out: 14,
    };
    assert_eq!(
        memory(&counters, 10, 4).as_str(),
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
    let line = memory(&counters, 4, 4);
    assert!(line.as_str().contains(" used=0kB "), "{}", line.as_str());
    assert!(line.as_str().contains(" cached=0kB "), "{}", line.as_str());
}

#[test]
fn swap_line() {
    let before = Memory {
        swapped_in: 100,
        swapped_out: 1000,
        ..Memory::default()
    };
    let after = Memory {
        swap_free: 5,
        swapped_in: 350,
        swapped_out: 999,
        ..Memory::default()
    };
    assert_eq!(
        swap(&before, &after, 2_000_000_000, 4).as_str(),
        "swap free=20kB in=500kB/s out=0kB/s"
    );
    assert_eq!(
        swap(&before, &after, 0, 4).as_str(),
        "swap free=20kB in=0kB/s out=0kB/s"
    );
}

#[test]
fn refusals_name_the_parameter_the_value_and_the_range() {
    let setting = Setting {
        name: "interval_ms",
        unit: "ms",
        min: 10,
        max: 3_600_000,
    };
    let table: &[(&[u8], Refusal, &str)] = &[
        (b"5", Refusal::OutOfRange, "'5' is out of range"),
        (b"5\n", Refusal::OutOfRange, "'5' is out of range"),
        (b"abc", Refusal::NotANumber, "'abc' is not a whole number"),
        (b"", Refusal::Empty, "'' is empty"),
        (
            b"a\x1b[2J\xff\nb",
            Refusal::NotANumber,
            "'a?[2J??b' is not a whole number",
        ),
        (
            &[b'9'; 40],
            Refusal::OutOfRange,
            "'9999999999999999999999999999999999999999' is out of range",
        ),
        (
            &[b'9'; 41],
            Refusal::OutOfRange,
            "'9999999999999999999999999999999999999999...' is out of range",
        ),
    ];
    for (text, why, expected) in table {
        let line = refusal(&setting, text, *why);
        let expected = format!("parameter interval_ms: {expected}, allowed are 10 to 3600000 ms");
        assert_eq!(line.as_str(), expected);
    }
}

#[test]
fn values_as_sysfs_shows_them() {
    assert_eq!(value(0).as_bytes(), b"0\n");
    assert_eq!(value(5000).as_bytes(), b"5000\n");
    assert_eq!(value(u32::MAX).as_bytes(), b"4294967295\n");
}

proptest! {
    #[test]
    fn no_memory_line_is_cut(words in prop::array::uniform16(any::<u64>()), buffers: u64) {
        let counters = Memory::from_words(&words).expect("16 words");
        let line = memory(&counters, buffers, 64);
        let text = line.as_str();
        prop_assert!(text.len() < LONGEST);
        prop_assert_eq!(text.split(' ').count(), 14);
        let tail = format!(" pagetables={}kB", counters.page_tables.saturating_mul(64));
        prop_assert!(text.ends_with(&tail), "{}", text);
    }

    #[test]
    fn any_refused_value_makes_one_printable_line(text in prop::collection::vec(any::<u8>(), 0..100)) {
        let setting = Setting { name: "per_cpu_max", unit: "CPUs", min: 0, max: 8192 };
        let line = refusal(&setting, &text, Refusal::NotANumber);
        prop_assert!(line.as_str().bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        prop_assert!(line.as_str().ends_with(", allowed are 0 to 8192 CPUs"));
    }
}
