// SPDX-License-Identifier: GPL-2.0-or-later

use super::timed::{lines, one_line};
use crate::any;
use crate::logged::{self, unescaped, values, KIB_RATE, RATE, SECOND};
use model::source::net::{Carried, Net, MAX_NAME};
use model::text::Text;
use proptest::prelude::*;

fn carried(bytes: u64, packets: u64, errors: u64, drops: u64) -> Carried {
    Carried {
        bytes,
        packets,
        errors,
        drops,
    }
}

fn eth0(rx: Carried, tx: Carried) -> Net {
    Net {
        taken_mono_ns: 0,
        index: 2,
        address: 0x1000,
        name: Text::new(b"eth0"),
        rx,
        tx,
        flags: None,
    }
}

#[test]
fn what_an_interface_carried() {
    let before = eth0(carried(1_000, 100, 10, 1), carried(2_000, 200, 20, 2));
    let table: &[(&str, Net, u64, &str)] = &[
        (
            // 3072 and 1536 bytes.
            "each key has its own counter",
            eth0(carried(4_072, 107, 13, 6), carried(3_536, 203, 31, 15)),
            2 * SECOND,
            "net=eth0 rx=1.50kB/s tx=0.75kB/s rxp=3.50/s txp=1.50/s err=7.00/s drop=9.00/s",
        ),
        (
            "errors of what is received",
            eth0(carried(1_000, 100, 11, 1), carried(2_000, 200, 20, 2)),
            SECOND,
            "net=eth0 rx=0.00kB/s tx=0.00kB/s rxp=0.00/s txp=0.00/s err=1.00/s drop=0.00/s",
        ),
        (
            "errors of what is transmitted",
            eth0(carried(1_000, 100, 10, 1), carried(2_000, 200, 22, 2)),
            SECOND,
            "net=eth0 rx=0.00kB/s tx=0.00kB/s rxp=0.00/s txp=0.00/s err=2.00/s drop=0.00/s",
        ),
        (
            "received and dropped",
            eth0(carried(1_000, 100, 10, 4), carried(2_000, 200, 20, 2)),
            SECOND,
            "net=eth0 rx=0.00kB/s tx=0.00kB/s rxp=0.00/s txp=0.00/s err=0.00/s drop=3.00/s",
        ),
        (
            "dropped, not transmitted",
            eth0(carried(1_000, 100, 10, 1), carried(2_000, 200, 20, 6)),
            SECOND,
            "net=eth0 rx=0.00kB/s tx=0.00kB/s rxp=0.00/s txp=0.00/s err=0.00/s drop=4.00/s",
        ),
        (
            // 102.4 bytes are a tenth of a kB.
            "little",
            eth0(carried(1_512, 101, 10, 1), carried(2_000, 200, 20, 2)),
            5 * SECOND,
            "net=eth0 rx=0.10kB/s tx=0.00kB/s rxp=0.20/s txp=0.00/s err=0.00/s drop=0.00/s",
        ),
        (
            "nothing",
            before,
            SECOND,
            "net=eth0 rx=0.00kB/s tx=0.00kB/s rxp=0.00/s txp=0.00/s err=0.00/s drop=0.00/s",
        ),
        (
            // Only these two tell a new interface from an old one.
            "errors and drops that go backwards count as nothing",
            eth0(carried(2_024, 101, 9, 0), carried(2_000, 200, 25, 9)),
            SECOND,
            "net=eth0 rx=1.00kB/s tx=0.00kB/s rxp=1.00/s txp=0.00/s err=5.00/s drop=7.00/s",
        ),
        (
            "no time in between",
            eth0(carried(9_000, 900, 90, 9), carried(9_000, 900, 90, 9)),
            0,
            "net=eth0 rx=0.00kB/s tx=0.00kB/s rxp=0.00/s txp=0.00/s err=0.00/s drop=0.00/s",
        ),
    ];
    for (what, after, elapsed_ns, expected) in table {
        let got = one_line(Some((77, &[before])), (77 + elapsed_ns, &[*after]));
        assert_eq!(got, *expected, "{what}");
    }
}

#[test]
fn an_interface_made_anew_has_no_line() {
    let before = eth0(carried(1_000, 100, 10, 1), carried(2_000, 200, 20, 2));
    let went_on = eth0(carried(1_100, 110, 11, 2), carried(2_200, 220, 22, 3));
    let table = [
        ("received bytes", carried(999, 110, 11, 2), went_on.tx),
        ("received packets", carried(1_100, 99, 11, 2), went_on.tx),
        ("transmitted bytes", went_on.rx, carried(1_999, 220, 22, 3)),
        (
            "transmitted packets",
            went_on.rx,
            carried(2_200, 199, 22, 3),
        ),
        ("everything", carried(10, 1, 0, 0), carried(20, 2, 0, 0)),
    ];
    let none: Vec<String> = Vec::new();
    for (what, rx, tx) in table {
        let after = eth0(rx, tx);
        let got = lines(Some((0, &[before])), (SECOND, &[after]));
        assert_eq!(got, none, "{what}");
    }
    let renumbered = Net {
        index: 3,
        ..went_on
    };
    assert_eq!(lines(Some((0, &[before])), (SECOND, &[renumbered])), none);
    // It took over the index of one that went, as it may when it comes from another namespace.
    let moved = Net {
        address: 0x2000,
        ..went_on
    };
    assert_eq!(lines(Some((0, &[before])), (SECOND, &[moved])), none);
    assert_eq!(lines(Some((0, &[])), (SECOND, &[went_on])), none);
    assert_eq!(lines(Some((0, &[before])), (SECOND, &[])), none);
    assert_eq!(lines(None, (SECOND, &[before])), none);
    // With the same index and address, and counters that went on, it is the same.
    assert_eq!(lines(Some((0, &[before])), (SECOND, &[went_on])).len(), 1);
}

#[test]
fn others_keep_their_lines_beside_one_made_anew() {
    let at = |index, bytes| Net {
        index,
        name: Text::new(format!("e{index}").as_bytes()),
        ..eth0(carried(bytes, 0, 0, 0), Carried::default())
    };
    let before = [at(1, 0), at(2, 5_000), at(3, 0)];
    let after = [at(1, 1_024), at(2, 4_999), at(3, 2_048)];
    assert_eq!(
        lines(Some((0, &before[..])), (SECOND, &after[..])),
        [
            "net=e3 rx=2.00kB/s tx=0.00kB/s rxp=0.00/s txp=0.00/s err=0.00/s drop=0.00/s",
            "net=e1 rx=1.00kB/s tx=0.00kB/s rxp=0.00/s txp=0.00/s err=0.00/s drop=0.00/s",
        ]
    );
}

#[test]
fn each_interface_has_a_time_of_its_own() {
    let read_at = |taken_mono_ns, index, packets| Net {
        taken_mono_ns,
        index,
        ..eth0(carried(0, packets, 0, 0), Carried::default())
    };
    let before = [
        read_at(5 * SECOND, 1, 0),
        read_at(6 * SECOND, 2, 0),
        read_at(7 * SECOND, 3, 0),
    ];
    let after = [
        read_at(8 * SECOND, 1, 6),
        read_at(7 * SECOND, 2, 6),
        // The clock does not go back, but if it did there would be no rate.
        read_at(6 * SECOND, 3, 6),
    ];
    let got = logged::lines(Some((0, &before[..])), (SECOND, &after[..]));
    let expected = ["2.00", "6.00", "0.00"].map(|packets| {
        format!(
            "net=eth0 rx=0.00kB/s tx=0.00kB/s rxp={packets}/s txp=0.00/s err=0.00/s drop=0.00/s"
        )
    });
    assert_eq!(got, expected);
}

#[test]
fn the_longest_line_is_whole() {
    let most = carried(u64::MAX, u64::MAX, u64::MAX, u64::MAX);
    let name = Text::new(&[0xff; MAX_NAME]);
    let before = Net {
        name,
        ..eth0(Carried::default(), Carried::default())
    };
    let after = Net {
        name,
        ..eth0(most, most)
    };
    let got = one_line(Some((0, &[before])), (1_000, &[after]));
    let rate = "184467440737095516.15/s";
    // Hundredths of a byte are the most that a rate holds, whatever its unit.
    let kib_rate = "180143985094819.83kB/s";
    assert_eq!(
        got,
        format!(
            "net={} rx={kib_rate} tx={kib_rate} rxp={rate} txp={rate} err={rate} drop={rate}",
            r"\377".repeat(15)
        )
    );
}

fn any_net() -> impl Strategy<Value = Net> {
    (any::bytes(0..=20), any_carried(), any_carried()).prop_map(|(name, rx, tx)| Net {
        taken_mono_ns: 0,
        index: 2,
        address: usize::MAX,
        name: Text::new(&name),
        rx,
        tx,
        flags: None,
    })
}

fn any_carried() -> impl Strategy<Value = Carried> {
    prop::array::uniform4(any::counter())
        .prop_map(|[bytes, packets, errors, drops]| carried(bytes, packets, errors, drops))
}

const KEYS: &[&str] = &["rx", "tx", "rxp", "txp", "err", "drop"];

fn net_values(line: &str, head: &str) -> Vec<u128> {
    let keys: Vec<_> = KEYS
        .iter()
        .map(|key| match *key {
            "rx" | "tx" => (*key, KIB_RATE),
            _ => (*key, RATE),
        })
        .collect();
    values(line, head, &keys)
}

proptest! {
    #[test]
    fn any_line_is_whole(before in any_net(), after in any_net(), start in any::counter(),
                         elapsed_ns in any::elapsed_ns()) {
        let taken = start.saturating_add(elapsed_ns);
        let backwards = after.rx.bytes < before.rx.bytes || after.rx.packets < before.rx.packets
            || after.tx.bytes < before.tx.bytes || after.tx.packets < before.tx.packets;
        let got = lines(Some((start, &[before])), (taken, &[after]));
        prop_assert_eq!(got.len(), usize::from(!backwards));
        if let [line] = got.as_slice() {
            let head = line.split(' ').next().unwrap_or("");
            let name = head.strip_prefix("net=")
                .unwrap_or_else(|| panic!("expected an interface's line, found {:?}", line));
            prop_assert_eq!(unescaped(name), after.name.as_bytes());
            net_values(line, head);
        }
    }

    #[test]
    fn lines_agree_with_exact_arithmetic(
        before in prop::array::uniform8(0u64..1 << 40),
        grown in prop::array::uniform8(0u64..1 << 40),
        elapsed_us in 1u64..1 << 36,
    ) {
        let net = |n: [u64; 8]| eth0(
            carried(n[0], n[1], n[2], n[3]),
            carried(n[4], n[5], n[6], n[7]),
        );
        let after: Vec<u64> = before.iter().zip(grown).map(|(a, b)| a + b).collect();
        let after: [u64; 8] = after.try_into().expect("8 counters");
        let got = one_line(
            Some((5, &[net(before)])),
            (5 + elapsed_us * 1_000, &[net(after)]),
        );
        let got = net_values(&got, "net=eth0");
        let elapsed_us = u128::from(elapsed_us);
        let hundredths = |count: u128| (count * 100_000_000 + elapsed_us / 2) / elapsed_us;
        let [rx, rxp, rxe, rxd, tx, txp, txe, txd] = grown.map(u128::from);
        prop_assert_eq!(
            &got[2..],
            [hundredths(rxp), hundredths(txp), hundredths(rxe + txe), hundredths(rxd + txd)]
        );
        for (got, bytes) in [(got[0], rx), (got[1], tx)] {
            let unit = 1024 * elapsed_us;
            prop_assert!((got * unit).abs_diff(bytes * 100_000_000) < unit,
                "{} hundredths, expected {}, give or take one", got, bytes * 100_000_000 / unit);
        }
    }
}
