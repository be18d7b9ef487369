// SPDX-License-Identifier: GPL-2.0

use model::setting::{Refusal, Setting};
use proptest::prelude::*;

const INTERVAL: Setting = Setting {
    name: "interval_ms",
    unit: "ms",
    min: 10,
    max: 3_600_000,
};

#[test]
fn texts_and_their_values() {
    use Refusal::{Empty, NotANumber, OutOfRange};
    let table: &[(&str, Result<u32, Refusal>)] = &[
        ("10", Ok(10)),
        ("3600000", Ok(3_600_000)),
        ("500\n", Ok(500)),
        ("+500", Ok(500)),
        ("00500", Ok(500)),
        ("", Err(Empty)),
        ("\n", Err(Empty)),
        ("9", Err(OutOfRange)),
        ("0", Err(OutOfRange)),
        ("-0", Err(OutOfRange)),
        ("3600001", Err(OutOfRange)),
        ("-500", Err(OutOfRange)),
        ("4294967296", Err(OutOfRange)),
        ("4294967796", Err(OutOfRange)),
        ("18446744073709551616", Err(OutOfRange)),
        ("18446744073709552116", Err(OutOfRange)),
        (
            "99999999999999999999999999999999999999999999",
            Err(OutOfRange),
        ),
        ("abc", Err(NotANumber)),
        ("-", Err(NotANumber)),
        ("+", Err(NotANumber)),
        ("--500", Err(NotANumber)),
        ("500ms", Err(NotANumber)),
        ("5e2", Err(NotANumber)),
        ("500.0", Err(NotANumber)),
        ("0x1f4", Err(NotANumber)),
        (" 500", Err(NotANumber)),
        ("500 ", Err(NotANumber)),
        ("500\n\n", Err(NotANumber)),
        ("5 00", Err(NotANumber)),
        ("٥٠٠", Err(NotANumber)),
    ];
    for (text, expected) in table {
        assert_eq!(&INTERVAL.parse(text.as_bytes()), expected, "{text:?}");
    }
}

#[test]
fn zero_is_a_value_where_the_range_has_it() {
    let zero_too = Setting { min: 0, ..INTERVAL };
    assert_eq!(zero_too.parse(b"0"), Ok(0));
    assert_eq!(zero_too.parse(b"-0"), Ok(0));
    assert_eq!(zero_too.parse(b"-1"), Err(Refusal::OutOfRange));
}

proptest! {
    #[test]
    fn any_bytes_are_a_value_in_range_or_refused(text in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(value) = INTERVAL.parse(&text) {
            prop_assert!((INTERVAL.min..=INTERVAL.max).contains(&value));
        }
    }

    #[test]
    fn every_number_is_read_as_it_is_written(number: i64) {
        let expected = u32::try_from(number)
            .ok()
            .filter(|value| (INTERVAL.min..=INTERVAL.max).contains(value))
            .ok_or(Refusal::OutOfRange);
        prop_assert_eq!(INTERVAL.parse(number.to_string().as_bytes()), expected);
    }
}
