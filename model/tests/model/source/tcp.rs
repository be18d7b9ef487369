// SPDX-License-Identifier: GPL-2.0-or-later

use crate::logged::{one_line, values, Taken, RATE, SECOND};
use crate::{any, logged};
use model::source::tcp::Tcp;
use proptest::prelude::*;

#[test]
fn rates_of_counts_and_what_is_established_now() {
    let then = Tcp {
        segments_in: 100,
        segments_out: 200,
        segments_retransmitted: 30,
        syns_retransmitted: 4,
        listen_overflows: 5,
        listen_drops: 6,
        established: 70,
    };
    let now = Tcp {
        segments_in: 110,
        segments_out: 225,
        segments_retransmitted: 33,
        syns_retransmitted: 5,
        listen_overflows: 9,
        listen_drops: 14,
        established: 3,
    };
    assert_eq!(
        one_line(Some((0, &[then])), (2 * SECOND, &[now])),
        "tcp in=5.00/s out=12.50/s retrans=1.50/s syn_retrans=0.50/s listen_overflows=2.00/s \
         listen_drops=4.00/s established=3"
    );
}

#[test]
fn without_a_snapshot_before_there_is_no_line() {
    let first: Taken<'_, Tcp> = (0, &[Tcp::default()]);
    assert!(logged::lines(None, first).is_empty());
}

proptest! {
    #[test]
    fn no_line_is_cut(then in prop::array::uniform7(any::counter()), now in prop::array::uniform7(any::counter()),
                      elapsed_ns in any::elapsed_ns()) {
        let of = |words: [u64; 7]| crate::util::value_of::<Tcp>(words);
        let line = one_line(Some((0, &[of(then)])), (elapsed_ns, &[of(now)]));
        let keys = [("in", RATE), ("out", RATE), ("retrans", RATE), ("syn_retrans", RATE),
            ("listen_overflows", RATE), ("listen_drops", RATE), ("established", logged::shape(0, ""))];
        let got = values(&line, "tcp", &keys);
        prop_assert_eq!(got[6], u128::from(now[6]));
    }
}
