// SPDX-License-Identifier: GPL-2.0-or-later

use resmon::model::source::tasks;

use super::*;
use crate::events::tests::{record, task, with_section, SECOND};

/// How many places a record has for tasks.
const PLACES: usize = 8;

/// A sample with so many tasks. The first one uses most of the CPUs, and the last one has most memory.
fn sample(second: u64, count: u32) -> Sample {
    let at = |second: u64| {
        let task = |number: u32| tasks::Task {
            cpu_ns: second * SECOND / u64::from(number),
            ..task(
                number,
                format!("task-{number}").as_bytes(),
                1024 * u64::from(number),
            )
        };
        let mut tasks: Vec<_> = (1..=count).map(task).collect();
        tasks.resize_with(PLACES, tasks::Task::default);
        let totals = tasks::Tasks {
            processes: 143,
            threads: 311,
            ended_ns: second * SECOND / 50,
        };
        with_section(&with_section(&record(second, 1, &[]), &[totals]), &tasks)
    };
    Sample::between(&at(second), &at(second + 1)).unwrap()
}

fn line_of(screen: &str, text: &str) -> usize {
    let line = screen.lines().position(|line| line.contains(text));
    line.unwrap_or_else(|| panic!("expected {text:?}, found:\n{screen}"))
}

#[test]
fn no_line_moves_with_fewer_tasks() {
    let mut state = state_of(&[sample(1, 8), sample(2, 1), sample(3, 0)]);
    // The last one was not sampled.
    let bare = bare().sample().unwrap().clone();
    state.push(bare);
    for (width, height) in [(80, 24), (120, 40), (200, 60), (40, 20)] {
        let mut found = Vec::new();
        for back in 0..4 {
            let screen = text(&state, width, height);
            found.push((line_of(&screen, "Tasks"), line_of(&screen, "Disks")));
            let ends = screen.contains("came and went");
            assert_eq!(ends, back > 0, "{back} back:\n{screen}");
            state.scroll(-1);
        }
        state.go_to_newest();
        found.dedup();
        assert_eq!(found.len(), 1, "at {width}x{height}: {found:?}");
    }
    assert_shows(&text(&state, 80, 24), "not sampled");
}

#[test]
fn tasks_are_ordered_by_keys_and_shares_are_of_one_cpu() {
    let mut state = state_of(&[sample(1, 8)]);
    let first = |state: &State| {
        let screen = text(state, 80, 24);
        let at = line_of(&screen, "Tasks 143");
        screen.lines().nth(at + 1).unwrap().to_owned()
    };
    assert_shows(&text(&state, 80, 24), "Tasks 143 ↓cpu");
    assert_shows(&text(&state, 80, 24), "% of 1 CPU");
    assert_shows(&first(&state), "1 task-1 ");
    assert_shows(&first(&state), "100.0");
    press(&mut state, KeyCode::Char('m'));
    assert_eq!(state.task_order, TaskOrder::Memory);
    assert_shows(&text(&state, 80, 24), "Tasks 143 ↓memory");
    assert_shows(&first(&state), "8 task-8 ");
    assert_shows(&first(&state), "12.5");
    // It stays when all is read again.
    state.forget();
    assert_eq!(state.task_order, TaskOrder::Memory);
    press(&mut state, KeyCode::Char('t'));
    assert_eq!(state.task_order, TaskOrder::Cpu);
}

#[test]
fn devices_have_a_row_each_on_a_small_screen() {
    let tasks = sample(1, 8);
    let mut samples = samples();
    let disk = samples[0].disks[0].clone();
    for sample in &mut samples {
        sample.disks = ["sda", "sdb", "nvme0n1-with-a-long-name", "vdc", "vdd"]
            .map(|name| {
                let mut disk = disk.clone();
                disk.name = name.into();
                disk
            })
            .into();
    }
    let mut state = state_of(&[tasks]);
    samples.into_iter().for_each(|sample| state.push(sample));
    let screen = text(&state, 80, 24);
    let row = |title: &str| screen.lines().nth(line_of(&screen, title)).unwrap();
    assert_shows(
        row("Disks"),
        "sda 0.0% r 0 w 0   sdb 0.0% r 0 w 0   +3 more",
    );
    assert_shows(row("Networks"), "lo in 0 out 0   eth0 in 0 out 0");
    assert_shows(row("File systems"), "/ 5%   /mnt 40%   /mnt/none -");
    assert_shows(screen.lines().last().unwrap(), "t m tasks");
    assert_hides(&text(&minute(), 200, 24), "t m tasks");
}
