// SPDX-License-Identifier: GPL-2.0

//! The tables of docs/ffi.md.

/// The cells of a line of a table, if it is one.
fn cells(line: &str) -> Option<Vec<&str>> {
    let line = line.strip_prefix("| ")?;
    let line = line.strip_suffix(" |").unwrap_or(line);
    Some(line.split(" | ").map(str::trim).collect())
}

/// What a cell has in backquotes.
pub fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn is_field(name: &str) -> bool {
    name.strip_prefix('.').is_some_and(|name| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    })
}

/// The names that the tables have: those in backquotes in the first cell of a row, and fields in any
/// cell. Rows whose first cell has none are about something else.
pub fn names(text: &str) -> Vec<String> {
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.filter_map(cells)
        .flat_map(|cells| {
            let name = |(at, cell)| quoted(cell).filter(move |name| at == 0 || is_field(name));
            let names: Vec<&str> = cells.into_iter().enumerate().flat_map(name).collect();
            names
        })
        .map(str::to_string)
        .collect()
}

/// A row that says in which contexts something is called.
#[derive(Debug, PartialEq)]
pub struct Row {
    /// What the row is about.
    pub name: String,
    /// Where it is wrapped: a file and an item of it.
    pub wrappers: Vec<(String, String)>,
    pub context: String,
    /// What it takes and whether it sleeps, where the table says so.
    pub locks: String,
}

/// The rows of the tables with a column of contexts.
pub fn contexts(text: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut head: Vec<&str> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with("|--")) {
        let Some(cells) = cells(line) else {
            head.clear();
            continue;
        };
        if head.is_empty() {
            head = cells;
            continue;
        }
        let cell = |name: &str| {
            let at = head.iter().position(|title| *title == name)?;
            cells.get(at).copied()
        };
        let Some(context) = cell("context").filter(|_| line.starts_with("| `")) else {
            continue;
        };
        let names: Vec<&str> = quoted(cells[0]).collect();
        rows.push(Row {
            name: names.join(", "),
            wrappers: match cell("wrapped in") {
                Some(cell) => wrappers(cell),
                // What the kernel calls has its file in its name.
                None => names
                    .iter()
                    .filter_map(|name| name.split_once(": "))
                    .map(|(file, item)| (file.to_string(), item.to_string()))
                    .collect(),
            },
            context: context.to_string(),
            locks: cell("sleeps, locks").unwrap_or_default().to_string(),
        });
    }
    rows
}

/// The items of a cell, each with the file that was named before it.
fn wrappers(cell: &str) -> Vec<(String, String)> {
    let mut file = "";
    let mut wrappers = Vec::new();
    for name in quoted(cell) {
        if name.ends_with(".rs") {
            file = name;
        } else {
            wrappers.push((file.to_string(), name.to_string()));
        }
    }
    wrappers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_first_cells_and_fields_in_all() {
        let text = "text `no`\n| a | b |\n|---|---|\n| `x`, `y` | `no`, `.field`, `.No` |\n| one | `no` |\n";
        assert_eq!(names(text), ["x", "y", ".field"]);
    }

    #[test]
    fn rows_with_a_context() {
        let text = "| symbol | wrapped in | context | why |\n|---|---|---|---|\n| `a`, `b` | `x.rs` `f`, `T::g`, `y.rs` `h`, declared there | T, L | x |\n\n| callback | context |\n|---|---|\n| `x.rs: run`, `x.rs: stop` | J |\n\n| name | for |\n|---|---|\n| `n` | n |\n";
        let wrapped = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            let owned = |pair: &(&str, &str)| (pair.0.to_string(), pair.1.to_string());
            pairs.iter().map(owned).collect()
        };
        let row = |name: &str, wrappers, context: &str| Row {
            name: name.into(),
            wrappers,
            context: context.into(),
            locks: String::new(),
        };
        assert_eq!(
            contexts(text),
            [
                row(
                    "a, b",
                    wrapped(&[("x.rs", "f"), ("x.rs", "T::g"), ("y.rs", "h")]),
                    "T, L"
                ),
                row(
                    "x.rs: run, x.rs: stop",
                    wrapped(&[("x.rs", "run"), ("x.rs", "stop")]),
                    "J"
                ),
            ]
        );
    }
}
