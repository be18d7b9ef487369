// SPDX-License-Identifier: GPL-2.0-or-later

//! What counts in totals.

use crate::util::Made;
use resmon::model::record::{Header, STALE, TAKEN};
use resmon::model::source::disk::{Completed, Disk, HAS_SLAVES};
use resmon::model::source::net::{Carried, Net, HAS_LOWER, HAS_UPPER, LOOPBACK};
use resmon::model::text::Text;
use resmon::model::words::Words;
use resmon::Sample;

const SECOND: u64 = 1_000_000_000;

/// A disk that reads a sector each second.
fn disk(second: u64, name: &str, flags: u64, major: u32) -> Disk {
    let none = Completed::default();
    Disk {
        taken_mono_ns: second * SECOND,
        seq: name
            .bytes()
            .fold(0, |sum, byte| sum * 256 + u64::from(byte)),
        name: Text::new(name.as_bytes()),
        reads: Completed {
            ios: second,
            sectors: second,
            time_ns: 0,
        },
        writes: none,
        discards: none,
        flushes: none,
        busy_ns: 0,
        in_flight: 1,
        flags: Some(flags),
        major: Some(major),
        minor: Some(0),
    }
}

/// An interface that receives a packet of 1,000 bytes each second.
fn net(second: u64, index: u32, name: &str, flags: u64) -> Net {
    Net {
        taken_mono_ns: second * SECOND,
        index,
        address: 0,
        name: Text::new(name.as_bytes()),
        rx: Carried {
            bytes: second * 1_000,
            packets: second,
            ..Carried::default()
        },
        tx: Carried::default(),
        flags: Some(flags),
    }
}

fn header(second: u64) -> Header {
    Header {
        seq: second,
        taken_mono_ns: second * SECOND,
        ..Header::default()
    }
}

fn of_disks(entry_words: usize, disks: &[(&str, u64, u32)]) -> Sample {
    let record = |second| {
        let disks: Vec<_> = disks
            .iter()
            .map(|(name, flags, major)| disk(second, name, *flags, *major))
            .collect();
        Made::of(header(second))
            .with_short(entry_words, 0, &disks)
            .record()
    };
    Sample::between(&record(3), &record(4)).unwrap()
}

fn of_nets(entry_words: usize, nets: &[(&str, u64)]) -> Sample {
    let record = |second| {
        let nets: Vec<_> = (1..)
            .zip(nets)
            .map(|(index, (name, flags))| net(second, index, name, *flags))
            .collect();
        Made::of(header(second))
            .with_short(entry_words, 0, &nets)
            .record()
    };
    Sample::between(&record(3), &record(4)).unwrap()
}

fn in_total(sample: &Sample) -> Vec<&str> {
    let disks = sample.disks.iter().filter(|disk| disk.in_total);
    let nets = sample.nets.iter().filter(|net| net.in_total);
    let disks = disks.map(|disk| disk.name.as_str());
    disks.chain(nets.map(|net| net.name.as_str())).collect()
}

#[test]
fn disks_of_other_disks_count_once() {
    let sample = of_disks(
        Disk::LEN,
        &[
            ("vda", 0, 254),
            ("dm-0", HAS_SLAVES, 253),
            // Of a target that has no device, as the one that gives zeros.
            ("dm-1", 0, 253),
            ("md127", HAS_SLAVES, 9),
            ("bcache0", HAS_SLAVES, 252),
            ("loop3", 0, 7),
            ("ram1", 0, 1),
            ("zram0", 0, 250),
            // Names say nothing here.
            ("loopy", 0, 250),
            ("md5", 0, 250),
            ("nvme0n1", 0, 259),
        ],
    );
    let expected = ["vda", "dm-1", "loopy", "md5", "nvme0n1"];
    assert_eq!(in_total(&sample), expected);
    assert_eq!(sample.disk_total(|disk| disk.reads_per_second), Some(5.0));
}

#[test]
fn names_tell_disks_of_older_modules() {
    let names = [
        "sda", "dm-0", "md127", "md_d1", "loop3", "zram0", "ram1", "mdfoo", "mmcblk0", "nvme0n1",
        "bcache0", "drbd1",
    ];
    let sample = of_disks(Disk::MIN_LEN, &names.map(|name| (name, 0, 0)));
    assert_eq!(in_total(&sample), ["sda", "mdfoo", "mmcblk0", "nvme0n1"]);
}

#[test]
fn what_lies_on_another_interface_counts_once() {
    let sample = of_nets(
        Net::LEN,
        &[
            ("lo", LOOPBACK),
            ("eth0", HAS_UPPER),
            ("br0", HAS_LOWER),
            // A VLAN that is a port of a bridge.
            ("eth0.100", HAS_LOWER | HAS_UPPER),
            ("wg0", 0),
        ],
    );
    assert_eq!(in_total(&sample), ["eth0", "wg0"]);
    let received = sample.net_total(|net| net.received.bytes_per_second);
    assert_eq!(received, Some(2_000.0));
}

#[test]
fn names_tell_interfaces_of_older_modules() {
    let names = [
        "lo", "eth0", "br0", "eth0.100", "bond1", "virbr0", "docker0", "team0", "vlan7",
        // These only look like it.
        "bridge", "brig", "eth0.", "en.p1s0", ".5x", "lo1",
    ];
    let nets: Vec<_> = names.iter().map(|name| (*name, 0)).collect();
    let sample = of_nets(Net::MIN_LEN, &nets);
    assert_eq!(
        in_total(&sample),
        ["eth0", "bridge", "brig", "eth0.", "en.p1s0", ".5x", "lo1"]
    );
}

#[test]
fn what_was_not_sampled_has_no_total() {
    let disks = |second| [disk(second, "vda", 0, 254)];
    let with = |second, state| {
        let made = Made::of(header(second));
        match state {
            None => made.record(),
            Some(STALE) => made.with_stale::<Disk>().record(),
            Some(_) => made.with(0, &disks(second)).record(),
        }
    };
    let total = |before, after| {
        let sample = Sample::between(&with(3, before), &with(4, after)).unwrap();
        assert_eq!(sample.net_total(|_| 1.0), None);
        sample.disk_total(|disk| disk.reads_per_second)
    };
    assert_eq!(total(Some(TAKEN), Some(TAKEN)), Some(1.0));
    for missing in [None, Some(STALE)] {
        assert_eq!(total(missing, Some(TAKEN)), None);
        assert_eq!(total(Some(TAKEN), missing), None);
        assert_eq!(total(missing, missing), None);
    }
    // A machine without disks has some: nothing.
    let none = |second| Made::of(header(second)).with::<Disk>(0, &[]).record();
    let sample = Sample::between(&none(3), &none(4)).unwrap();
    let sum = sample.disk_total(|disk| disk.reads_per_second).unwrap();
    assert!(
        sum == 0.0 && sum.is_sign_positive(),
        "the total of no disk is {sum}, expected 0 without a sign"
    );
}
