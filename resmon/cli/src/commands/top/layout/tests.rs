// SPDX-License-Identifier: GPL-2.0-or-later

use super::*;

#[test]
fn parts_are_apart_and_within() {
    let counts = Counts {
        cpus: 4,
        disks: 3,
        nets: 2,
        file_systems: 3,
        tasks: 0,
    };
    for cpus in [0, 1, 4, 8, 9, 64, 4096] {
        let tasks = cpus / 4 % 17;
        let counts = Counts {
            cpus,
            tasks,
            ..counts
        };
        for width in 0..160 {
            for height in 0..70 {
                let area = Rect::new(0, 0, width, height);
                let places = layout(area, counts);
                let cells: u32 = places.iter().map(|(_, at)| at.area()).sum();
                assert!(
                    cells <= area.area(),
                    "the parts have {cells} cells, expected at most those of {area:?}"
                );
                for (at, (part, one)) in places.iter().enumerate() {
                    assert!(
                        one.is_empty() || area.contains(one.as_position()),
                        "{part:?} is at {one:?}, expected it within {area:?}"
                    );
                    assert_eq!(one.intersection(area), *one, "{part:?}");
                    for (_, other) in &places[at + 1..] {
                        assert!(
                            !one.intersects(*other) || one.is_empty() || other.is_empty(),
                            "{part:?} is at {one:?}, expected it apart from {other:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn many_disks_leave_room_for_networks() {
    let counts = Counts {
        cpus: 4,
        disks: 64,
        nets: 64,
        file_systems: 4,
        tasks: 0,
    };
    let places = layout(Rect::new(0, 0, 120, 40), counts);
    let rows = |part| {
        let place = places.iter().find(|(found, _)| *found == part);
        place.map_or(0, |(_, at)| at.height)
    };
    let (disks, nets) = (rows(Part::Disks), rows(Part::Nets));
    assert!(
        disks > 5 && disks.abs_diff(nets) <= 1,
        "disks have {disks} rows and networks {nets}, expected more than 5 and as many, give \
         or take one"
    );
    assert_eq!(rows(Part::FileSystems), 5);
}

#[test]
fn tasks_come_before_devices() {
    let rows = |width: u16, height: u16, tasks: usize| {
        let counts = Counts {
            cpus: 4,
            disks: 1,
            nets: 2,
            file_systems: 3,
            tasks,
        };
        let places = layout(Rect::new(0, 0, width, height), counts);
        let parts = [Part::Tasks, Part::Disks, Part::Nets, Part::FileSystems];
        parts.map(|part| {
            let place = places.iter().find(|(found, _)| *found == part);
            place.map_or(0, |(_, at)| at.height)
        })
    };
    assert_eq!(rows(80, 24, 16), [7, 1, 1, 1]);
    assert_eq!(rows(80, 25, 16), [8, 1, 1, 1]);
    assert_eq!(rows(120, 40, 16), [12, 2, 3, 4]);
    assert_eq!(rows(200, 60, 16), [18, 2, 3, 4]);
    assert_eq!(rows(80, 24, 2), [4, 2, 2, 2]);
    assert_eq!(rows(80, 24, 0), [0, 2, 3, 4]);
}

#[test]
fn cpus_go_into_columns() {
    let grid = |cpus, width, rows| {
        let grid = CpuGrid::fitting(cpus, width, rows);
        (grid.columns, grid.shown)
    };
    assert_eq!(grid(4, 80, 4), (1, 4));
    assert_eq!(grid(5, 80, 4), (2, 5));
    assert_eq!(grid(16, 80, 4), (4, 16));
    assert_eq!(grid(17, 80, 4), (4, 15));
    assert_eq!(grid(17, 80, 0), (4, 0));
    assert_eq!(grid(0, 0, 0), (1, 0));
}
