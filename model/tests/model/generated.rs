// SPDX-License-Identifier: GPL-2.0-or-later

//! Text in committed files that follows from the structures of the model.

use std::path::Path;

/// Compares the lines of a file between the lines that contain `from` and `to` with `text`. With
/// `UPDATE=1` in the environment it writes them instead.
pub fn compare(file: &str, from: &str, to: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let old = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let line_with = |mark: &str| {
        let mut found = old.match_indices(mark);
        let (Some((at, _)), None) = (found.next(), found.next()) else {
            panic!("{file}: expected one line with {mark:?}");
        };
        at
    };
    let start = line_with(from);
    let start = start
        + old[start..]
            .find('\n')
            .expect("expected a line after the mark")
        + 1;
    let end = line_with(to);
    let end = old[..end]
        .rfind('\n')
        .expect("expected a line before the mark")
        + 1;
    assert!(start <= end, "{file}: {from:?} follows {to:?}");
    if std::env::var_os("UPDATE").is_some() {
        let new = format!("{}{text}{}", &old[..start], &old[end..]);
        std::fs::write(&path, new).unwrap_or_else(|error| panic!("{file}: {error}"));
        return;
    }
    let differs = old[start..end]
        .lines()
        .zip(text.lines())
        .find(|(found, expected)| found != expected);
    assert!(
        &old[start..end] == text,
        "{file} is not what model/ makes of it; run `make update`. First difference, found and \
         expected: {differs:?}"
    );
}
