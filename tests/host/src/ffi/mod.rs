// SPDX-License-Identifier: GPL-2.0

//! Compares the tables of `docs/ffi.md` with the code: that each has the names of the other, and that
//! the contexts of a row are those that the wrapper's documentation allows.

mod code;
mod context;
mod tables;
mod tokens;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{ensure, Context, Result};

use context::Wrappers;

const TABLES: &str = "docs/ffi.md";

/// A pattern that no longer fits the code must not look like nothing to list.
const FEWEST: usize = 100;

pub fn command(checkout: &Path) -> Result<bool> {
    let text = fs::read_to_string(checkout.join(TABLES)).context(TABLES)?;
    let mut sources = Vec::new();
    for folder in ["sys", "resmon/lib/src/sys"] {
        sources.extend(sources_in(&checkout.join(folder))?);
    }
    let mut used = BTreeSet::new();
    let mut wrappers = Wrappers::default();
    for path in sources {
        let source = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        used.extend(code::names(&name, &source));
        if path.parent() == Some(&checkout.join("sys")) {
            wrappers.add(&name, &source);
        }
    }
    ensure!(
        used.len() > FEWEST,
        "only {} uses were found in sys/; is the pattern still right?",
        used.len()
    );
    let (said, is_good) = judge(&text, &used, &wrappers);
    print!("{said}");
    Ok(is_good)
}

/// The files in Rust and in C of a folder.
fn sources_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        files.push(entry?.path());
    }
    files.retain(|path| {
        path.extension()
            .is_some_and(|end| end == "rs" || end == "c")
    });
    files.sort();
    Ok(files)
}

/// What is to be said of the tables, and whether they are right.
fn judge(text: &str, used: &BTreeSet<String>, wrappers: &Wrappers) -> (String, bool) {
    let listed = tables::names(text);
    let once: BTreeSet<String> = listed.iter().cloned().collect();
    let contexts = tables::contexts(text);
    let mut said = String::new();
    let mut complain = |what: &str, names: Vec<String>| {
        if !names.is_empty() {
            said += &format!("{what}:\n{}\n", names.join("\n"));
        }
    };
    complain(
        &format!("used, but not in a table of {TABLES}"),
        used.difference(&once).cloned().collect(),
    );
    complain(
        &format!("in a table of {TABLES}, but not used"),
        once.difference(used).cloned().collect(),
    );
    complain(&format!("in the tables of {TABLES} twice"), twice(&listed));
    complain(
        "with a `# Context` that begins with none of the words that are known",
        wrappers.unclear(),
    );
    complain(
        &format!("with a context in {TABLES} that is not that of the code"),
        contexts
            .iter()
            .flat_map(|row| wrappers.faults(row))
            .collect(),
    );
    if !said.is_empty() {
        return (said, false);
    }
    let said = format!(
        "{} names of the code are in the tables\n{} rows have contexts that the wrappers allow\n",
        used.len(),
        contexts.len()
    );
    (said, true)
}

/// Names that stand there twice. A field may belong to several structures.
fn twice(listed: &[String]) -> Vec<String> {
    let mut sorted: Vec<&String> = listed
        .iter()
        .filter(|name| !name.starts_with('.'))
        .collect();
    sorted.sort();
    let doubled = sorted.windows(2).filter(|pair| pair[0] == pair[1]);
    let doubled: BTreeSet<String> = doubled.map(|pair| pair[0].clone()).collect();
    doubled.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = include_str!("../../fixtures/ffi/tables.md");
    const SOURCE: &str = include_str!("../../fixtures/ffi/wrapper.rs");

    /// What is said of the fixture's tables when `from` in them is `to`.
    fn judged(from: &str, to: &str) -> (String, bool) {
        assert!(TEXT.contains(from), "{from}");
        let mut wrappers = Wrappers::default();
        wrappers.add("wrapper.rs", SOURCE);
        let used = code::names("wrapper.rs", SOURCE);
        judge(&TEXT.replace(from, to), &used, &wrappers)
    }

    #[test]
    fn tables_that_are_right() {
        let (said, is_good) = judged("", "");
        assert!(is_good, "{said}");
        assert!(
            said.starts_with("11 names of the code are in the tables\n5 rows"),
            "{said}"
        );
    }

    #[test]
    fn names_that_differ_are_named() {
        for (from, to, expected) in [
            ("| `find_it`", "| `find_them`", "used, but not in a table of docs/ffi.md:\nfind_it\nin a table of docs/ffi.md, but not used:\nfind_them\n"),
            ("`.field`", "a field", "used, but not in a table of docs/ffi.md:\n.field\n"),
            ("| `find_it`", "| `find_it`, `count`", "in the tables of docs/ffi.md twice:\ncount\n"),
        ] {
            assert_eq!(judged(from, to), (expected.into(), false));
        }
    }

    #[test]
    fn contexts_that_differ_are_named() {
        for (from, to, expected) in [
            ("`of` | `a.c` | T, R |", "`of` | `a.c` | J, I |", None),
            ("`Thing::new` | `a.c` | L |", "`Thing::new` | `a.c` | T, L |", Some("take_lock: T is an interrupt, but wrapper.rs `Thing::new` is for process context")),
            ("`Thing::new` | `a.c` | L |", "`Thing::new` | `a.c` | L, X |", Some("take_lock: 'X' is no context")),
            ("`Thing::new` | `a.c` | L |", "`Thing::new` | `a.c` | RCU |", Some("take_lock: there is no context")),
            ("`Thing::new` | `a.c` | L |", "`Thing::new` | `a.c` | L, RCU |", Some("take_lock: what it sleeps in is read-locked")),
            ("`Thing::new` | `a.c` | L |", "`Thing::old` | `a.c` | L |", Some("take_lock: wrapper.rs has no `Thing::old`")),
            ("`Thing::new` | `a.c` | L |", "`of` | `a.c` | L |", Some("take_lock: it sleeps, but wrapper.rs `of` does not say that it may")),
            ("`Thing::new` | `a.c` | L |", "`run` | `a.c` | T, J |", Some("take_lock: J is none of TISON, but wrapper.rs `run` is for those")),
            ("callback` | I |", "callback` | I, X |", Some("wrapper.rs: callback: 'X' is no context")),
            ("`find` | `a.c` | J | no |", "`find` | `a.c` | J, I | plain spinlock |", Some("find_it: I is an interrupt, but it takes a plain spinlock")),
        ] {
            let (said, is_good) = judged(from, to);
            match expected {
                None => assert!(is_good, "{said}"),
                Some(expected) => {
                    assert!(!is_good && said.contains(expected), "{said}");
                }
            }
        }
    }
}
