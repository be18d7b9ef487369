// SPDX-License-Identifier: GPL-2.0-or-later

//! `resmon plot`, of a recording.

#![allow(clippy::unwrap_used, clippy::panic)]

mod util;

use util::*;

fn plot(name: &str, from: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join(name);
    output(&["plot", "--from", from, "--out", out.to_str().unwrap()]);
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
        "CPU",
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
        "2026-11-22 (UTC)",
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
fn a_png_can_be_decoded() {
    let png = plot("a.PNG", RECORDING);
    let picture = image::load_from_memory_with_format(&png, image::ImageFormat::Png).unwrap();
    assert_eq!((picture.width(), picture.height()), (1200, 1240));
    let colours = picture.to_rgb8();
    let has = |colour| colours.pixels().any(|pixel| pixel.0 == colour);
    for colour in [[0, 114, 178], [0, 158, 115], [213, 94, 0]] {
        assert!(has(colour), "no pixel is {colour:?}, expected some");
    }
    // There are letters: dark pixels where the title of the first panel is.
    let title = (90..140).flat_map(|x| (15..40).map(move |y| (x, y)));
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
    std::fs::write(cut.path(), &whole[..5000]).unwrap();
    assert_contains(&failed(path(&cut)), "within a record");
    std::fs::create_dir(out("b.svg")).unwrap();
    error(1, &["plot", "--from", RECORDING, "--out", &out("b.svg")]);
    std::fs::remove_dir(out("b.svg")).unwrap();
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}
