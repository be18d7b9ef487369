// SPDX-License-Identifier: GPL-2.0

//! Whether the contexts of a row are those in which its wrappers may be called.
//!
//! The section `# Context` of a wrapper begins with one of three: `Any context`; `Process context`,
//! which must not be called in T, I, S, O or N, and may be followed by `may sleep`; `Hard interrupt context`,
//! which is called in those alone. A wrapper without that section is called by others of its file,
//! whose sections count.

use std::collections::BTreeMap;

use super::tables::Row;

/// The contexts of docs/ffi.md.
const CONTEXTS: &str = "TISRJHFPLONB";

/// Those in which nothing may sleep: interrupts, the probe of OOM kills, and a panic.
const INTERRUPTS: &str = "TISON";

/// What a wrapper says of where it may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Any,
    Process {
        sleeps: bool,
    },
    /// In interrupts alone.
    Interrupt,
    Unclear,
}

impl Says {
    fn of(text: &str) -> Says {
        if text.starts_with("Any context") {
            Says::Any
        } else if text.starts_with("Process context") {
            let sleeps = text.contains("may sleep");
            Says::Process { sleeps }
        } else if text.starts_with("Hard interrupt context") {
            Says::Interrupt
        } else {
            Says::Unclear
        }
    }
}

/// An item of a file in sys/: a function, a macro, or a type or static.
#[derive(Debug, PartialEq)]
struct Item {
    /// The type or trait that it is in.
    owner: Option<String>,
    name: String,
    says: Option<Says>,
}

/// The items of all files.
#[derive(Default)]
pub struct Wrappers(BTreeMap<String, Vec<Item>>);

impl Wrappers {
    pub fn add(&mut self, file: &str, source: &str) {
        self.0.insert(file.to_string(), items(source));
    }

    /// Those whose `# Context` says nothing that can be compared.
    pub fn unclear(&self) -> Vec<String> {
        let of_file = |(file, items): (&String, &Vec<Item>)| {
            let unclear = items.iter().filter(|item| item.says == Some(Says::Unclear));
            unclear
                .map(|item| format!("{file} `{}`", item.name))
                .collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of_file).collect()
    }

    /// What is wrong with the context of a row.
    pub fn faults(&self, row: &Row) -> Vec<String> {
        let mut faults = Vec::new();
        let mut fault = |what: String| faults.push(format!("{}: {what}", row.name));
        let words: Vec<&str> = row.context.split(", ").collect();
        let mut letters: Vec<&str> = Vec::new();
        for word in words {
            match word {
                "all" => letters.extend(CONTEXTS.split("").filter(|letter| !letter.is_empty())),
                letter if letter.len() == 1 && CONTEXTS.contains(letter) => letters.push(letter),
                letter if letter.len() == 1 => fault(format!("'{letter}' is no context")),
                // Under which lock it is called, and who calls it.
                _ => (),
            }
        }
        if letters.is_empty() {
            fault("there is no context".into());
        }
        let interrupt = letters.iter().find(|letter| INTERRUPTS.contains(**letter));
        let may_sleep = row.locks.starts_with("sleeps") || row.locks.starts_with("may sleep");
        let spins = row.locks.contains("plain spinlock");
        if let Some(interrupt) = interrupt {
            if may_sleep {
                fault(format!("{interrupt} is an interrupt, but it sleeps"));
            }
            // With PREEMPT_RT one who waits for such a lock sleeps.
            if spins {
                fault(format!(
                    "{interrupt} is an interrupt, but it takes a plain spinlock"
                ));
            }
        }
        if may_sleep && (row.context.contains("RCU") || row.context.contains("_lock`")) {
            fault("what it sleeps in is read-locked, or under a spinlock".into());
        }
        for (file, name) in &row.wrappers {
            let wrapper = format!("{file} `{name}`");
            let items = self.find(file, name);
            if items.is_empty() {
                fault(format!("{file} has no `{name}`"));
            }
            for says in items.iter().filter_map(|item| item.says) {
                match (says, interrupt) {
                    (Says::Process { .. }, Some(interrupt)) => fault(format!(
                        "{interrupt} is an interrupt, but {wrapper} is for process context"
                    )),
                    (Says::Interrupt, _) => {
                        let is_other = |letter: &&&str| !INTERRUPTS.contains(**letter);
                        if let Some(other) = letters.iter().find(is_other) {
                            fault(format!(
                                "{other} is none of {INTERRUPTS}, but {wrapper} is for those"
                            ));
                        }
                    }
                    _ => (),
                }
                if may_sleep && says != (Says::Process { sleeps: true }) {
                    fault(format!("it sleeps, but {wrapper} does not say that it may"));
                }
                if spins && says == Says::Any {
                    fault(format!(
                        "it takes a plain spinlock, but {wrapper} is for any context"
                    ));
                }
            }
        }
        faults
    }

    /// The items of a file that are called so, as `name`, `Type::name` or `name!`.
    fn find(&self, file: &str, name: &str) -> Vec<&Item> {
        let name = name.trim_end_matches('!');
        let (owner, name) = match name.split_once("::") {
            Some((owner, name)) => (Some(owner), name),
            None => (None, name),
        };
        let items = self.0.get(file).map_or(&[][..], Vec::as_slice);
        items
            .iter()
            .filter(|item| item.name == name && (owner.is_none() || item.owner.as_deref() == owner))
            .collect()
    }
}

/// The items of a source that is formatted as rustfmt does.
fn items(source: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut owners: Vec<(usize, String)> = Vec::new();
    let mut docs: Vec<&str> = Vec::new();
    for line in source.lines() {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        if text.is_empty() || text.starts_with("// ") {
            continue;
        }
        if let Some(doc) = text.strip_prefix("///") {
            docs.push(doc.trim());
            continue;
        }
        if text.starts_with("#[") {
            continue;
        }
        owners.retain(|(outer, _)| *outer < indent || indent == *outer && !text.starts_with('}'));
        if let Some(owner) = owner(text) {
            owners.retain(|(outer, _)| *outer < indent);
            owners.push((indent, owner));
        } else if let Some(name) = item(text) {
            let around = owners.iter().rev().find(|(outer, _)| *outer < indent);
            items.push(Item {
                owner: around.map(|(_, owner)| owner.clone()),
                name,
                says: context(&docs).map(|text| Says::of(&text)),
            });
        }
        docs.clear();
    }
    items
}

/// The text of the section `# Context`.
fn context(docs: &[&str]) -> Option<String> {
    let start = docs.iter().position(|line| *line == "# Context")?;
    let lines = docs[start + 1..]
        .iter()
        .take_while(|line| !line.starts_with("# "));
    let text: Vec<&str> = lines.copied().filter(|line| !line.is_empty()).collect();
    Some(text.join(" "))
}

/// The name at the start of a text.
fn name(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '$');
    let name = &text[..end.unwrap_or(text.len())];
    (!name.is_empty()).then(|| name.to_string())
}

/// The type or trait whose items begin on this line.
fn owner(text: &str) -> Option<String> {
    let text = without_visibility(text);
    let text = text.strip_prefix("unsafe ").unwrap_or(text);
    if let Some(text) = text.strip_prefix("trait ") {
        return name(text);
    }
    let text = text.strip_prefix("impl")?;
    text.starts_with(['<', ' ']).then_some(())?;
    // Past the generics, whose bounds may have brackets of their own.
    let mut depth = 0;
    let mut end = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' if !text[..at].ends_with('-') => depth -= 1,
            b' ' if depth == 0 => {
                end = at;
                break;
            }
            _ => (),
        }
    }
    let text = text[end..].trim_start();
    let of = text.split_once(" for ").map_or(text, |(_, of)| of);
    // The last part of a path.
    let path = of.split(['<', ' ']).next()?;
    name(path.rsplit("::").next()?)
}

/// The item that is declared on this line.
fn item(text: &str) -> Option<String> {
    let mut text = without_visibility(text);
    if let Some(text) = text.strip_prefix("macro_rules! ") {
        return name(text);
    }
    for word in ["const ", "unsafe ", "extern \"C\" "] {
        text = match (word, text.strip_prefix(word)) {
            ("const ", Some(rest)) if !rest.starts_with("unsafe ") && !rest.starts_with("fn ") => {
                return name(rest);
            }
            (_, rest) => rest.unwrap_or(text),
        };
    }
    let kinds = [
        "fn ",
        "struct ",
        "enum ",
        "union ",
        "static mut ",
        "static ",
    ];
    kinds.iter().find_map(|kind| name(text.strip_prefix(kind)?))
}

fn without_visibility(text: &str) -> &str {
    let Some(rest) = text.strip_prefix("pub") else {
        return text;
    };
    let rest = match rest.strip_prefix('(') {
        Some(rest) => rest.split_once(')').map_or(rest, |(_, rest)| rest),
        None => rest,
    };
    rest.trim_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_have_an_owner_and_a_context() {
        let items = items(include_str!("../../fixtures/ffi/wrapper.rs"));
        let found = |owner: Option<&str>, name: &str| {
            let found = items
                .iter()
                .find(|item| item.owner.as_deref() == owner && item.name == name);
            found
                .unwrap_or_else(|| panic!("{owner:?} {name} in {items:?}"))
                .says
        };
        assert_eq!(found(None, "of"), Some(Says::Any));
        assert_eq!(found(Some("Job"), "run"), Some(Says::Interrupt));
        assert_eq!(
            found(Some("Thing"), "new"),
            Some(Says::Process { sleeps: true })
        );
        assert_eq!(found(Some("Thing"), "drop"), None);
        assert_eq!(found(None, "find"), Some(Says::Process { sleeps: false }));
        assert_eq!(found(None, "callback"), None);
        assert_eq!(found(None, "counters"), None);
        assert_eq!(found(None, "COUNT"), None);
    }

    #[test]
    fn owners() {
        for (line, expected) in [
            ("impl Thing {", Some("Thing")),
            (
                "impl<T: Device> Drop for super::Registration<T> {",
                Some("Registration"),
            ),
            ("impl<F: Fn(u8) -> u8> Work<F> {", Some("Work")),
            ("unsafe impl<T> Send for Work<T> {}", Some("Work")),
            ("pub(crate) trait Job: Sync {", Some("Job")),
            ("impl Drop for HeldInode {", Some("HeldInode")),
            ("implement();", None),
            ("fn f() {", None),
        ] {
            assert_eq!(owner(line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn a_context_that_says_nothing_is_named() {
        let mut wrappers = Wrappers::default();
        wrappers.add("a.rs", "/// # Context\n///\n/// At night.\nfn f() {}\n");
        assert_eq!(wrappers.unclear(), ["a.rs `f`"]);
    }
}
