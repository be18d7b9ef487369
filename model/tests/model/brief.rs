// SPDX-License-Identifier: GPL-2.0-or-later

//! The one line of a sample.

use crate::logged::{printed, SECOND};
use model::brief::Brief;
use model::source::cpu::{Mode, Spent};
use model::source::disk::{Completed, Disk, HAS_SLAVES};
use model::source::load::Load;
use model::source::memory::Memory;
use model::source::net::{Carried, Net, HAS_LOWER, LOOPBACK};
use model::source::pressure::Pressure;
use model::source::running::Running;
use model::source::{Entry, Taken};
use model::text::Text;
use proptest::prelude::*;

/// What the kernel's log has in front of each line, and the newline.
const AROUND: usize = "resource_monitor: \n".len();

/// Adds one thing that was so and then so, 5 s later, to the line.
fn sum<E: Entry>(brief: &mut Brief, before: &[E], after: &[E]) {
    let before = (!before.is_empty()).then(|| Taken {
        mono_ns: 0,
        entries: before.iter(),
    });
    let after = Taken {
        mono_ns: 5 * SECOND,
        entries: after.iter(),
    };
    E::sum(before, after, brief);
}

fn line(brief: &Brief, spent: &Spent, memory: &Memory) -> String {
    printed(|lines| brief.log(spent, memory, 4, lines))
}

fn disk(seq: u64, sectors: u64, flags: u64, major: u32) -> Disk {
    let completed = Completed {
        sectors,
        ..Completed::default()
    };
    let none = Completed::default();
    Disk {
        taken_mono_ns: if sectors == 0 { 0 } else { 5 * SECOND },
        seq,
        name: Text::new(b"sda"),
        reads: completed,
        writes: Completed {
            sectors: sectors.saturating_mul(2),
            ..none
        },
        discards: completed,
        flushes: none,
        busy_ns: 0,
        in_flight: 0,
        flags: Some(flags),
        major: Some(major),
        minor: Some(0),
    }
}

fn net(index: u32, bytes: u64, flags: u64) -> Net {
    let carried = |bytes| Carried {
        bytes,
        ..Carried::default()
    };
    Net {
        taken_mono_ns: if bytes == 0 { 0 } else { 5 * SECOND },
        index,
        name: Text::new(b"eth0"),
        rx: carried(bytes),
        tx: carried(bytes.saturating_mul(3)),
        flags: Some(flags),
        address: index as usize,
    }
}

#[test]
fn all_that_is_known() {
    let mut brief = Brief::default();
    let load = Load {
        one_minute: 2048 * 3 / 2,
        ..Load::default()
    };
    sum(&mut brief, &[], &[load]);
    let running = Running {
        running: 3,
        ..Running::default()
    };
    sum(&mut brief, &[], &[running]);
    let pressure = Pressure {
        cpu_some_ns: SECOND,
        memory_some_ns: SECOND / 200,
        memory_full_ns: 7 * SECOND,
        io_some_ns: 2 * SECOND,
        io_full_ns: 7 * SECOND,
    };
    sum(&mut brief, &[Pressure::default()], &[pressure]);
    // What is below another disk, a loop device, and one that came in between do not count.
    let (loop_major, sd_major) = (7, 8);
    let disks = |sectors| {
        [
            disk(1, sectors, 0, sd_major),
            disk(2, sectors, HAS_SLAVES, 253),
            disk(3, sectors, 0, loop_major),
            disk(4, sectors, 0, sd_major),
        ]
    };
    let mut after = disks(1000).to_vec();
    after.push(disk(5, 1000, 0, sd_major));
    sum(&mut brief, &disks(0), &after);
    let nets = |bytes| {
        [
            net(1, bytes, LOOPBACK),
            net(2, bytes, 0),
            net(3, bytes, HAS_LOWER),
        ]
    };
    sum(&mut brief, &nets(0), &nets(10240));
    // In the order of the modes: user, nice, system, idle, iowait, irq, softirq, steal, guest.
    let spent = Spent::from([100, 20, 60, 790, 4, 6, 8, 9, 3]);
    let memory = Memory {
        total: 1000,
        available: 900,
        swap_free: 5,
        ..Memory::default()
    };
    assert_eq!(
        line(&brief, &spent, &memory),
        "sum user=12.3% system=7.4% idle=79.0% iowait=0.4% steal=0.9% used=400kB avail=3600kB \
         swap_free=20kB load=1.50 run=3 psi=20.0/0.1/40.0% rkB=200.0 wkB=400.0 rxkB=2.0 txkB=6.0"
    );
}

#[test]
fn what_is_not_known_is_a_dash() {
    let mut brief = Brief::default();
    // These need something to be compared with.
    sum(&mut brief, &[], &[Pressure::default()]);
    sum(&mut brief, &[], &[disk(1, 1, 0, 8)]);
    sum(&mut brief, &[], &[net(1, 1, 0)]);
    assert_eq!(
        line(&brief, &Spent::default(), &Memory::default()),
        "sum user=0.0% system=0.0% idle=0.0% iowait=0.0% steal=0.0% used=0kB avail=0kB \
         swap_free=0kB load=- run=- psi=- rkB=- wkB=- rxkB=- txkB=-"
    );
}

/// The values behind the keys of the line, without their unit.
fn values(line: &str) -> Vec<&str> {
    let words = line.split(' ').skip(1);
    words
        .map(|word| word.split_once('=').expect("a key and a value").1)
        .collect()
}

proptest! {
    #[test]
    fn shares_add_up_to_the_whole(times in any::<[u32; 9]>(), shift in 0..28_u32) {
        let times = times.map(|time| u64::from(time) << shift);
        let spent = Spent::from(times);
        prop_assume!(spent.total() != 0);
        let line = line(&Brief::default(), &spent, &Memory::default());
        let tenths: u32 = values(&line)[..5]
            .iter()
            .map(|share| share.replace(['.', '%'], "").parse::<u32>().expect("a number"))
            .sum();
        prop_assert_eq!(tenths, 1000);
        // None is off by more than rounding.
        let modes = Mode::ALL.map(|mode| spent.of(mode));
        let idle = modes[Mode::Idle as usize] as f64 / spent.total() as f64 * 100.0;
        let shown: f64 = values(&line)[2].trim_end_matches('%').parse().expect("a number");
        prop_assert!((shown - idle).abs() <= 0.1001, "{} is shown as {}", idle, shown);
    }

    #[test]
    fn the_line_is_short_whatever_the_values(
        times in any::<[u64; 9]>(),
        words in any::<[u64; 12]>(),
        all in any::<bool>(),
    ) {
        let words = if all { [u64::MAX; 12] } else { words };
        let mut brief = Brief::default();
        let load = Load { one_minute: words[0], five_minutes: 0, fifteen_minutes: 0 };
        sum(&mut brief, &[], &[load]);
        let running = Running { running: words[1], blocked: 0, memory_stalled: 0 };
        sum(&mut brief, &[], &[running]);
        let pressure = Pressure {
            cpu_some_ns: words[2],
            memory_some_ns: words[3],
            memory_full_ns: 0,
            io_some_ns: words[4],
            io_full_ns: 0,
        };
        sum(&mut brief, &[Pressure::default()], &[pressure]);
        let disks = |words: [u64; 2]| disk(1, words[0], 0, 8).with_writes(words[1]);
        sum(&mut brief, &[disks([0, 0])], &[disks([words[5], words[6]])]);
        let then = net(1, 0, 0);
        let now = Net {
            rx: Carried { bytes: words[7], ..then.rx },
            tx: Carried { bytes: words[8], ..then.tx },
            taken_mono_ns: 1000,
            ..then
        };
        sum(&mut brief, &[then], &[now]);
        let memory = Memory {
            total: words[9],
            available: words[10],
            swap_free: words[11],
            ..Memory::default()
        };
        let line = line(&brief, &Spent::from(times), &memory);
        prop_assert!(line.len() + AROUND <= 256, "{} bytes: {}", line.len() + AROUND, line);
        prop_assert_eq!(values(&line).len(), 15);
    }
}

trait WithWrites {
    fn with_writes(self, sectors: u64) -> Self;
}

impl WithWrites for Disk {
    /// The same disk a microsecond after it came, with so much written.
    fn with_writes(mut self, sectors: u64) -> Self {
        self.writes.sectors = sectors;
        self.taken_mono_ns = if sectors == 0 { 0 } else { 1000 };
        self
    }
}
