// SPDX-License-Identifier: GPL-2.0-or-later

//! `resmon plot`, of a recording.

#![allow(clippy::unwrap_used, clippy::panic)]

mod util;

use util::*;

fn plot(name: &str, from: &str) -> Vec<u8> {
    plot_with(name, from, &[])
}

fn plot_with(name: &str, from: &str, options: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join(name);
    let args = ["plot", "--from", from, "--out", out.to_str().unwrap()];
    output(&[&args, options].concat());
    let files = folder.path().read_dir().unwrap().count();
    assert_eq!(files, 1, "there is nothing but the picture");
    std::fs::read(out).unwrap()
}

/// The texts of an SVG, once its elements were seen to be opened and closed in order.
fn texts(svg: &str) -> Vec<String> {
    let (mut open, mut texts) = (Vec::new(), Vec::new());
    for part in svg.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap();
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap());
        }
        if !text.trim().is_empty() {
            texts.push(text.trim().to_string());
        }
    }
    assert_eq!(open, Vec::<&str>::new(), "the elements left open");
    texts
}

#[test]
fn an_svg_has_all_panels() {
    let svg = String::from_utf8(plot("a.svg", RECORDING)).unwrap();
    let texts = texts(&svg);
    for expected in [
        "2026-11-22 21:44:06 to 21:45:07 UTC",
        "line: mean; band: lowest to highest",
        "CPU",
        "Pressure",
        "CPU some",
        "I/O full",
        "50 %",
        "Memory, of 457.1 MiB",
        "Disks",
        "Network",
        "user",
        "I/O wait",
        "available",
        "read (up)",
        "sent (down)",
        "100 %",
        "21:44:30",
    ] {
        assert!(
            texts.iter().any(|text| text == expected),
            "expected {expected:?} among {texts:?}"
        );
    }
    for number in ["NaN", "inf"] {
        assert_eq!(svg.matches(number).count(), 0, "the places of {number}");
    }
}

#[test]
fn events_are_marked_and_named() {
    let file = file_of(&events::with_events());
    let svg = String::from_utf8(plot("a.svg", path(&file))).unwrap();
    let texts = texts(&svg);
    let count = |name: &str| texts.iter().filter(|text| *text == name).count();
    for expected in ["mem_full", "test", "disk_stuck vda", "trigger-99"] {
        assert_eq!(count(expected), 1, "{expected} among {texts:?}");
    }
    let hostile = texts.iter().find(|text| text.starts_with("fs_full /mnt,"));
    assert!(hostile.is_some(), "expected fs_full among {texts:?}");
    assert_eq!(svg.matches('\x1b').count(), 0, "control characters");
    assert_eq!(
        count("line: mean; band: lowest to highest; shade: an event"),
        1
    );
    // Three are open for a while, two of them together, in each of five panels; and names have a
    // ground.
    let plain = String::from_utf8(plot("a.svg", RECORDING)).unwrap();
    let rectangles = |svg: &str| svg.matches("<rect").count();
    assert_eq!(rectangles(&svg), rectangles(&plain) + 2 * 5 + 5);
    let lines = |svg: &str| svg.matches("<polyline").count();
    assert_eq!(lines(&svg), lines(&plain) + 5 * 5);
    // What is not marked is as it is without events.
    let marks = [
        "<rect",
        "<polyline",
        "<text",
        "mem_full",
        "test",
        "disk_stuck",
        "trigger-99",
        "fs_full",
        "line: mean",
        "</text",
    ];
    let others = |svg: &str| -> Vec<String> {
        let lines = svg
            .lines()
            .filter(|line| !marks.iter().any(|mark| line.starts_with(mark)));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(others(&svg), others(&plain));
}

#[test]
fn peaks_have_the_name_of_who_was_busy() {
    let file = file_of(&tasks::with_tasks());
    let svg = String::from_utf8(plot("a.svg", path(&file))).unwrap();
    let all = texts(&svg);
    let count = |name: &str| all.iter().filter(|text| *text == name).count();
    // The CPUs are busy while it runs; what is not half as high has no name.
    assert_eq!(count("stress-ng-vm (4711)"), 1, "{all:?}");
    let is_named = |text: &&String| {
        let pid = text
            .rsplit_once(" (")
            .and_then(|(_, pid)| pid.strip_suffix(')'));
        pid.is_some_and(|pid| pid.parse::<u32>().is_ok())
    };
    let named = all.iter().filter(is_named).count();
    assert!((1..=3).contains(&named), "{named} have names: {all:?}");
    // Names as bad as can be leave it an SVG.
    let file = file_of(&tasks::with_tasks_of(&tasks::hostile()));
    let svg = String::from_utf8(plot("a.svg", path(&file))).unwrap();
    let hostile = texts(&svg);
    // The last of them uses most.
    let last = format!("({})", 99 + tasks::HOSTILE.len());
    let last = hostile.iter().find(|text| text.ends_with(&last));
    assert!(last.is_some(), "{hostile:?}");
    let odd = |letter: char| letter.is_control() && letter != '\n' || letter == '\u{fffe}';
    assert_eq!(svg.find(odd), None);
    plot("a.png", path(&file));
}

#[test]
fn a_png_can_be_decoded() {
    let png = plot("a.PNG", RECORDING);
    let picture = image::load_from_memory_with_format(&png, image::ImageFormat::Png).unwrap();
    assert_eq!((picture.width(), picture.height()), (1200, 1400));
    let colours = picture.to_rgb8();
    let has = |colour| colours.pixels().any(|pixel| pixel.0 == colour);
    for colour in [[0, 114, 178], [0, 158, 115], [213, 94, 0]] {
        assert!(has(colour), "no pixel is {colour:?}, expected some");
    }
    // There are letters: dark pixels where the title of the first panel is.
    let title = (84..134).flat_map(|x| (70..90).map(move |y| (x, y)));
    let dark = title.filter(|(x, y)| colours.get_pixel(*x, *y).0[0] < 100);
    let dark = dark.count();
    assert!(
        dark > 50,
        "{dark} pixels are dark at the title, expected more than 50"
    );
}

#[test]
fn what_nobody_saw_is_a_gap() {
    let records = recording();
    let polygons = |records: &[&resmon::Record]| {
        let file = file_of(records.iter().copied());
        String::from_utf8(plot("a.svg", path(&file)))
            .unwrap()
            .matches("<polygon")
            .count()
    };
    let all: Vec<_> = records.iter().collect();
    // Six CPU modes, used memory, and two directions of disks and network each.
    assert_eq!(polygons(&all), 11);
    // Two seconds are missing, which may happen; or many.
    assert_eq!(polygons(&[&all[..20], &all[22..]].concat()), 11);
    assert_eq!(polygons(&[&all[..20], &all[30..]].concat()), 22);
    // The module was loaded anew.
    assert_eq!(polygons(&[&all[30..], &all[..20]].concat()), 22);
}

/// The records that `change` makes of those of the recording, by their number.
fn plot_of(records: impl IntoIterator<Item = resmon::Record>) -> String {
    let records: Vec<_> = records.into_iter().collect();
    String::from_utf8(plot("a.svg", path(&file_of(&records)))).unwrap()
}

/// Words of a record's header.
const MONO_AT: usize = 6;
const WALL_AT: usize = 7;
const BOOT_AT: usize = 13;
const LOAD_ID_AT: usize = 14;
const BOOT_ID_AT: usize = 15;

#[test]
fn a_clock_that_is_set_changes_nothing_but_the_newest_record_counts() {
    let whole = String::from_utf8(plot("a.svg", RECORDING)).unwrap();
    let with = |from: usize, wall_s: fn(u64) -> u64| {
        let records = recording().into_iter().enumerate();
        plot_of(records.map(|(at, record)| {
            changed(&record, |words| {
                if at < from {
                    words[WALL_AT] = wall_s(words[WALL_AT] / 1_000_000_000) * 1_000_000_000;
                }
            })
        }))
    };
    // Set from 1970, and stepped back by an hour.
    assert!(with(20, |_| 5) == whole, "the picture differs");
    assert!(with(40, |s| s + 3600) == whole, "the picture differs");
    // The newest record alone has another time: the same picture, at that time.
    let records = recording().into_iter();
    let later = plot_of(records.map(|record| {
        let is_newest = record.header().seq == 62;
        let hour_ns = 3_600_000_000_000;
        changed(&record, |words| {
            words[WALL_AT] += u64::from(is_newest) * hour_ns
        })
    }));
    assert_contains(&later, "2026-11-22 22:44:06 to 22:45:07 UTC");
}

fn layers() -> Vec<resmon::Record> {
    let records = resmon::Records::open(LAYERS).unwrap();
    records.map(|record| record.unwrap()).collect()
}

#[test]
fn lives_are_apart_in_any_order() {
    let polygons = |svg: &str| svg.matches("<polygon").count();
    // Without pressure there are as many polygons as ever, since that has lines alone.
    let all = layers();
    assert_eq!(polygons(&plot_of(all.clone())), 11);
    // Half of it is of another load of the module.
    let second: Vec<_> = all[13..]
        .iter()
        .map(|record| changed(record, |words| words[LOAD_ID_AT] ^= 1))
        .collect();
    let first = all[..13].to_vec();
    let one = plot_of([first.clone(), second.clone()].concat());
    assert_eq!(polygons(&one), 22);
    let other = plot_of([second.clone(), first.clone()].concat());
    assert!(
        one == other,
        "the picture depends on the order of the lives"
    );
    // Another boot, two hours later, with a clock that began anew: nothing is drawn in between, and
    // of the time that nobody saw no sample is made.
    let begin = second[0].header();
    let later: Vec<_> = second
        .iter()
        .map(|record| {
            changed(record, |words| {
                words[WALL_AT] += 7_200_000_000_000;
                words[BOOT_ID_AT] ^= 1;
                words[MONO_AT] -= begin.taken_mono_ns;
                words[BOOT_AT] -= begin.taken_mono_ns;
            })
        })
        .collect();
    for order in [[&first, &later], [&later, &first]] {
        let svg = plot_of(order.into_iter().flatten().cloned());
        // Each is narrow enough to have bands besides.
        let found = polygons(&svg);
        assert!(
            found > 22,
            "{found} polygons are drawn, expected more than 22"
        );
        // Values are polygons, and lines of two pixels.
        let shapes = svg.lines().filter(|line| {
            line.starts_with("<polygon") || line.contains("stroke-width=\"2\" points=")
        });
        for shape in shapes {
            let (_, place) = shape.split_once("points=\"").unwrap();
            let points = place.split('"').next().unwrap().split_whitespace();
            let x = points.map(|point| point.split(',').next().unwrap().parse::<i32>().unwrap());
            let (left, right) = x.fold((i32::MAX, 0), |(left, right), x| {
                (left.min(x), right.max(x))
            });
            let wide = right - left;
            assert!(
                wide < 20,
                "something is {wide} pixels wide, expected less than 20: {shape}"
            );
        }
    }
}

#[test]
fn the_look_can_be_chosen() {
    let options = [
        "--title",
        "web-3 <&> \u{1b}[1m",
        "--size",
        "900x800",
        "--dark",
    ];
    let svg = String::from_utf8(plot_with("a.svg", RECORDING, &options)).unwrap();
    let texts = texts(&svg);
    for expected in [
        "web-3 &lt;&amp;&gt; [1m",
        "2026-11-22 21:44:06 to 21:45:07 UTC",
    ] {
        assert!(
            texts.iter().any(|text| text == expected),
            "expected {expected:?} among {texts:?}"
        );
    }
    assert_contains(&svg, "width=\"900\" height=\"800\"");
    let png = plot_with("a.png", RECORDING, &options);
    let picture = image::load_from_memory_with_format(&png, image::ImageFormat::Png).unwrap();
    assert_eq!((picture.width(), picture.height()), (900, 800));
    assert_eq!(picture.to_rgb8().get_pixel(1, 1).0, [24, 26, 31]);
    // A title that has no room is cut.
    let long = "long ".repeat(100);
    let svg = plot_with("a.svg", RECORDING, &["--title", &long]);
    let svg = String::from_utf8(svg).unwrap();
    let texts = self::texts(&svg);
    let is_cut = texts[0].starts_with("long long") && texts[0].ends_with('…');
    assert!(
        is_cut,
        "expected a title that ends with …, found {:?}",
        texts[0]
    );
    for size in ["1200", "799x800", "800x4001", "axb"] {
        let args = [
            "plot",
            "--from",
            RECORDING,
            "--out",
            "/nowhere/a.svg",
            "--size",
            size,
        ];
        assert_contains(&error(2, &args), "it can be 800x700 to 4000x4000");
    }
}

/// The words of a record's section of a kind.
fn section(words: &[u64], kind: u64) -> std::ops::Range<usize> {
    let mut at = words[3] as usize / 8;
    while words[at] != kind {
        at += words[at + 1] as usize / 8;
    }
    at..at + words[at + 1] as usize / 8
}

const DISKS: u64 = 6;
const NETS: u64 = 7;

/// The cell of a column in the last line of CSV.
fn csv(from: &str, column: &str) -> String {
    let csv = output(&["log", "--csv", "--from", from]);
    let mut lines = csv.lines();
    let at = lines
        .next()
        .unwrap()
        .split(',')
        .position(|name| name == column);
    let cell = lines.last().unwrap().split(',').nth(at.unwrap());
    cell.unwrap().to_string()
}

/// What follows a graph's label on the screen.
fn top(from: &str, label: &str) -> String {
    let screen = output(&["top", "--once", "200x60", "--from", from]);
    let line = screen
        .lines()
        .find(|line| line.contains(&format!("{label} ")));
    let (_, graph) = line.unwrap().split_once(&format!("{label} ")).unwrap();
    let mut words = graph.split_whitespace();
    let value = words.find(|word| *word == "-" || word.ends_with("/s"));
    value.unwrap().to_string()
}

#[test]
fn all_say_that_something_is_missing() {
    let all = recording();
    let without = |kind: u64| {
        let stale = changed(&all[25], |words| {
            let section = section(words, kind);
            words[section.start + STATE_AT] = 1;
        });
        file_of([&all[24], &stale])
    };
    for (kind, label, column, title) in [
        (DISKS, "disk", "disk_read_bytes_per_second", "Disks"),
        (NETS, "net", "net_received_bytes_per_second", "Network"),
    ] {
        let file = without(kind);
        assert_eq!(csv(path(&file), column), "");
        let log = output(&["log", "--from", path(&file)]);
        let dashes = log.lines().last().unwrap().matches(" -").count();
        assert_eq!(dashes, 2, "{log}");
        assert_eq!(top(path(&file), label), "-");
        let svg = String::from_utf8(plot("a.svg", path(&file))).unwrap();
        assert_eq!(svg.matches("nothing was sampled").count(), 1);
        // CPU and memory, and either disks or network.
        assert_eq!(svg.matches("<polygon").count(), 9);
        let at = |text: &str| svg.find(text).unwrap();
        let next = if kind == DISKS {
            at("Network")
        } else {
            svg.len()
        };
        let said = at("nothing was sampled");
        assert!(
            (at(title)..next).contains(&said),
            "said elsewhere than in {title}"
        );
    }
}

#[test]
fn all_sum_in_the_same_way() {
    // Disks and interfaces that lie on others, of which only the lowest count.
    let all = layers();
    for (label, title, names) in [
        (
            "disk",
            "Disks",
            [
                "disk_read_bytes_per_second",
                "disk_written_bytes_per_second",
            ],
        ),
        (
            "net",
            "Network",
            [
                "net_received_bytes_per_second",
                "net_transmitted_bytes_per_second",
            ],
        ),
    ] {
        let mut seen = 0;
        for pair in all.windows(2) {
            let file = file_of(pair);
            let values = names.map(|name| csv(path(&file), name).parse::<f64>().unwrap());
            let largest = values[0].max(values[1]);
            if largest < 2048.0 {
                continue;
            }
            seen += 1;
            let shown = top(path(&file), label);
            let number = shown.trim_end_matches("/s");
            let digits = number.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
            let unit = |letter| match letter {
                Some(b'K') => 1024.0,
                Some(b'M') => 1_048_576.0,
                _ => 1.0,
            };
            let in_bytes = digits.parse::<f64>().unwrap() * unit(number.bytes().last());
            let sum = values[0] + values[1];
            let is_near = (in_bytes - sum).abs() <= 0.06 * sum;
            assert!(is_near, "top says {shown}, expected {sum}");
            // The axis of the picture goes a little beyond the larger value: its marks are not.
            let svg = String::from_utf8(plot("a.svg", path(&file))).unwrap();
            let texts = texts(&svg);
            let panel = texts.iter().skip_while(|text| *text != title).skip(3);
            let marks = panel.filter_map(|text| {
                let (number, letter) = text.strip_suffix("B/s")?.split_once(' ')?;
                Some(number.parse::<f64>().ok()? * unit(letter.bytes().next()))
            });
            // Those of the next panel come after it.
            let marks: Vec<f64> = marks.take(9).collect();
            let top = marks.iter().take(3).copied().fold(0.0, f64::max);
            assert!(
                top <= largest * 1.05 && top >= largest / 3.0,
                "the axis has {marks:?}, expected the highest near {largest}"
            );
        }
        assert!(
            seen > 2,
            "{seen} samples of {label} were compared, expected more"
        );
    }
}

#[test]
fn peaks_can_be_seen() {
    // One second with 64 MiB in it, in an hour: its column has 5 samples or more.
    let base = &recording()[30];
    let records = (0..3600_u64).map(|at| {
        changed(base, |words| {
            let ns = at * 1_000_000_000;
            words[4] += at;
            words[MONO_AT] += ns;
            words[WALL_AT] += ns;
            let disks = section(words, DISKS);
            let first = disks.start + words[disks.start + 2] as usize / 8;
            words[first] += ns;
            // Sectors that were read, after the name and the number of reads.
            let sectors_at = first + 2 + 5 + 1;
            words[sectors_at] += if at >= 1801 { 131_072 } else { 0 };
        })
    });
    let svg = plot_of(records);
    // The axis would end near 20 MiB/s if it were for means alone.
    let marks = texts(&svg).into_iter().filter(|text| text == "50 MiB/s");
    assert_eq!(marks.count(), 2);
    // Memory, two directions of disks and network each, and a band around the mean where several
    // samples are together that differ: once. The CPUs had no time at all.
    assert_eq!(svg.matches("<polygon").count(), 6);
}

#[test]
fn errors_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let text = error(2, &["plot", "--from", RECORDING, "--out", &out("a.jpg")]);
    assert_contains(&text, ".svg");
    assert_contains(&text, ".png");
    let failed = |from: &str| error(1, &["plot", "--from", from, "--out", &out("a.svg")]);
    assert_contains(&failed("/dev/null"), "two records");
    assert_contains(&failed("/nowhere"), "/nowhere");
    error(
        1,
        &[
            "plot",
            "--from",
            RECORDING,
            "--out",
            &out("no/folder/a.png"),
        ],
    );
    let whole = std::fs::read(RECORDING).unwrap();
    let cut = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(cut.path(), &whole[..1000]).unwrap();
    assert_contains(&failed(path(&cut)), "within a record");
    std::fs::create_dir(out("b.svg")).unwrap();
    error(1, &["plot", "--from", RECORDING, "--out", &out("b.svg")]);
    std::fs::remove_dir(out("b.svg")).unwrap();
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}
