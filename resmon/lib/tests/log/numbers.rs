// SPDX-License-Identifier: GPL-2.0-or-later

//! What is read out of a line is what the module has written into it.

use proptest::prelude::*;
use resmon::columns::Unit;
use resmon::{Record, Sample};

use crate::any::record;
use crate::written::{lines, stamped};
use crate::{recordings, samples};

/// How far what the log shows may be off.
fn is_near(unit: Unit, found: f64, expected: f64, is_brief: bool) -> bool {
    // Times are in microseconds in the module's rates, or milliseconds where they are long.
    let relative = expected.abs() * 1e-5;
    let absolute = match unit {
        // Shares of the one line end where the next one begins.
        Unit::Percent if is_brief => 0.11,
        Unit::Percent | Unit::PercentOfOne => 0.051,
        // Of each disk or interface tenths of a kB are added up, and no recording has more of them.
        Unit::BytesPerSecond if is_brief => 52.0 * 16.0,
        // Swap has whole kB.
        Unit::BytesPerSecond => 513.0,
        Unit::Bytes => 1024.0,
        Unit::Count | Unit::PerSecond => 0.006,
        Unit::Milliseconds => 0.006,
        _ => 1e-3,
    };
    (found - expected).abs() <= relative + absolute
}

/// What no line has.
const NEVER: [&str; 16] = [
    "time_s",
    "seq",
    "late_s",
    "late_samples",
    "missed_ticks",
    "elapsed_s",
    "interval_s",
    "memory_swap_cached_bytes",
    "memory_slab_reclaimable_bytes",
    "memory_slab_unreclaimable_bytes",
    "net_received_errors_per_second",
    "net_received_drops_per_second",
    "net_transmitted_errors_per_second",
    "net_transmitted_drops_per_second",
    "tasks_left_out",
    "tasks_census_age_s",
];

/// What the one line has.
const BRIEF: [&str; 17] = [
    "cpu_idle_percent",
    "cpu_iowait_percent",
    "cpu_steal_percent",
    "memory_total_bytes",
    "memory_used_bytes",
    "memory_available_bytes",
    "swap_free_bytes",
    "load_one_minute",
    "running_tasks",
    "pressure_cpu_some_percent",
    "pressure_memory_some_percent",
    "pressure_io_some_percent",
    "disk_read_bytes_per_second",
    "disk_written_bytes_per_second",
    "net_received_bytes_per_second",
    "net_transmitted_bytes_per_second",
    "lost_records",
];

/// Compares all numbers of a sample, and says how many there were.
fn assert_same(found: &Sample, expected: &Sample, is_brief: bool) -> usize {
    let mut count = 0;
    for column in Sample::columns() {
        let name = column.name.as_str();
        let other = column.value(expected);
        let Some(value) = column.value(found) else {
            let may_lack = NEVER.contains(&name) || (is_brief && !BRIEF.contains(&name));
            assert!(
                may_lack || other.is_none(),
                "{name} is missing, expected {other:?}"
            );
            continue;
        };
        if [
            "time_s",
            "lost_records",
            "cpu_user_percent",
            "cpu_system_percent",
        ]
        .contains(&name)
        {
            continue;
        }
        assert!(
            !NEVER.contains(&name),
            "{name} is {value:?}, which no line has"
        );
        let other = other.map_or(f64::NAN, |value| value.as_f64());
        assert!(
            is_near(column.unit, value.as_f64(), other, is_brief),
            "{name} is {value:?}, expected {other}"
        );
        count += 1;
    }
    let shares = |sample: &Sample| {
        let cpu = sample.cpu.unwrap();
        [
            cpu.programs_percent(),
            cpu.kernel_percent(),
            cpu.busy_percent(),
        ]
    };
    for (found, expected) in shares(found).into_iter().zip(shares(expected)) {
        assert!(
            (found - expected).abs() < 0.3,
            "{found} %, expected {expected}"
        );
    }
    count
}

/// Whether all lines say what the sample has, with those of each disk and the like.
fn assert_full(before: &Record, after: &Record) {
    let expected = Sample::between(before, after).unwrap();
    let (full, _) = lines(before, after);
    let found = samples(&[&stamped(&full, 5_000_000)]);
    assert_eq!(found.len(), 1, "{full:#?}");
    let found = &found[0];
    let count = assert_same(found, &expected, false);
    assert!(count > 35, "only {count} numbers were compared");
    assert_eq!(found.cpus.len(), expected.cpus.len());
    assert_eq!(
        found.file_systems.len(),
        expected.file_systems.len(),
        "{full:#?}"
    );
    for (found, expected) in found.file_systems.iter().zip(&expected.file_systems) {
        assert_eq!(found.path, expected.path);
    }
    let by_name = |sample: &Sample| {
        let mut disks: Vec<_> = sample.disks.iter().map(|disk| disk.name.clone()).collect();
        disks.extend(sample.nets.iter().map(|net| net.name.clone()));
        disks.sort();
        disks
    };
    assert_eq!(by_name(found), by_name(&expected));
    for disk in &expected.disks {
        let found = found
            .disks
            .iter()
            .find(|found| found.name == disk.name)
            .unwrap();
        assert_eq!(found.in_flight, disk.in_flight);
        assert!(is_near(
            Unit::Percent,
            found.busy_percent,
            disk.busy_percent,
            false
        ));
        assert!(is_near(
            Unit::Milliseconds,
            found.await_ms,
            disk.await_ms,
            false
        ));
    }
    for task in &found.top_tasks {
        let known = expected
            .top_tasks
            .iter()
            .find(|known| known.pid == task.pid)
            .unwrap();
        assert_eq!((&task.comm, task.rss_bytes), (&known.comm, known.rss_bytes));
    }
}

fn assert_brief(before: &Record, after: &Record) {
    let expected = Sample::between(before, after).unwrap();
    let (_, brief) = lines(before, after);
    let found = samples(&[&stamped(&[brief], 5_000_000)]);
    let count = assert_same(&found[0], &expected, true);
    assert!(count >= 9, "only {count} numbers were compared");
}

#[test]
fn lines_of_recordings_say_what_these_have() {
    // In the other one disks and interfaces lie on others, which the names of full lines do not all tell.
    let [minute, layers] = recordings();
    for pair in minute.windows(2) {
        assert_full(&pair[0], &pair[1]);
        assert_brief(&pair[0], &pair[1]);
    }
    for pair in layers.windows(2) {
        assert_brief(&pair[0], &pair[1]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn lines_of_any_numbers_say_them(any in proptest::collection::vec(any::<u64>(), 16)) {
        let (before, after) = (record(1, &any), record(2, &any));
        assert_full(&before, &after);
        assert_brief(&before, &after);
    }
}
