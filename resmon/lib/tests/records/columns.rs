// SPDX-License-Identifier: GPL-2.0-or-later

use std::collections::BTreeSet;

use resmon::columns::Unit;
use resmon::Sample;

#[test]
fn names_are_different_and_end_with_the_unit() {
    let columns = Sample::columns();
    let names: BTreeSet<_> = columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names.len(), columns.len());
    // The longer one of two that fit comes first.
    const UNITS: [(&str, Unit); 6] = [
        ("bytes_per_second", Unit::BytesPerSecond),
        ("per_second", Unit::PerSecond),
        ("percent", Unit::Percent),
        ("bytes", Unit::Bytes),
        ("ms", Unit::Milliseconds),
        ("s", Unit::Seconds),
    ];
    for column in &columns {
        let ends_with = |unit: &str| {
            let before = column.name.strip_suffix(unit);
            before.is_some_and(|name| name.ends_with('_'))
        };
        let unit = UNITS.iter().find(|(unit, _)| ends_with(unit));
        let expected = match unit.map_or(Unit::Count, |(_, unit)| *unit) {
            // Of processes, which may use several CPUs.
            Unit::Percent if column.name.starts_with("tasks_") => Unit::PercentOfOne,
            unit => unit,
        };
        assert_eq!(column.unit, expected, "{}", column.name);
        assert!(
            column.help.ends_with('.'),
            "{}: expected a sentence, found {:?}",
            column.name,
            column.help
        );
    }
}
