// SPDX-License-Identifier: GPL-2.0

//! What a file uses of C, by name.

use std::collections::BTreeSet;

use super::tokens::{tokens, Token};

/// The names in a file called `file`. Each comes with what it is, as two kinds of the same name are two
/// entries: fields have a dot in front, callbacks their file, commands `ioctl::`.
pub fn names(file: &str, source: &str) -> BTreeSet<String> {
    let tokens = tokens(source);
    let mut names = BTreeSet::new();
    if file.ends_with(".c") {
        offsets(&tokens, &mut names);
        return names;
    }
    bindings(&tokens, &mut names);
    counters(&tokens, &mut names);
    foreign(file, &tokens, &mut names);
    commands(&tokens, &mut names);
    fields(tokens, &mut names);
    names
}

/// Whether `tokens` begin with these words and marks; `_` in `pattern` is any word.
fn starts(tokens: &[Token], pattern: &[&str]) -> bool {
    tokens.len() >= pattern.len()
        && tokens.iter().zip(pattern).all(|(token, part)| match *part {
            "_" => token.word().is_some(),
            "\"C\"" => *token == Token::Text("C".into()),
            part => token.is(part),
        })
}

fn word(tokens: &[Token], at: usize) -> String {
    tokens
        .get(at)
        .and_then(Token::word)
        .unwrap_or_default()
        .to_string()
}

/// Where the bracket that is at `open` is closed.
fn closed(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Mark('(' | '{' | '[') => depth += 1,
            Token::Mark(')' | '}' | ']') => depth -= 1,
            _ => (),
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len()
}

/// The fields from `at` on, as `.a.b`, up to what is called, and where they end.
fn path(tokens: &[Token], mut at: usize) -> (Vec<String>, usize) {
    let mut fields = Vec::new();
    while starts(&tokens[at.min(tokens.len())..], &[".", "_"]) {
        let after = &tokens[at + 2..];
        if starts(after, &["("]) || starts(after, &[":", ":"]) {
            break;
        }
        fields.push(word(tokens, at + 1));
        at += 2;
    }
    (fields, at)
}

/// Those that are fields of a structure, and not of a tuple.
fn add_fields(fields: Vec<String>, names: &mut BTreeSet<String>) {
    let named = fields
        .into_iter()
        .filter(|field| !field.starts_with(|c: char| c.is_ascii_digit()));
    names.extend(named.map(|field| format!(".{field}")));
}

/// `OFFSET(NAME, structure, field)` and `DEFINE(NAME, value)` of sys/layout.c.
fn offsets(tokens: &[Token], names: &mut BTreeSet<String>) {
    for at in 0..tokens.len() {
        let rest = &tokens[at..];
        if starts(rest, &["OFFSET", "(", "_", ",", "_", ",", "_"]) {
            let (further, _) = path(tokens, at + 7);
            let mut name = format!("{}.{}", word(rest, 4), word(rest, 6));
            for field in further {
                name += &format!(".{field}");
            }
            names.insert(name);
        } else if starts(
            rest,
            &["DEFINE", "(", "_", ",", "sizeof", "(", "struct", "_"],
        ) {
            names.insert(word(rest, 7));
        } else if starts(rest, &["DEFINE", "(", "_", ",", "_"]) {
            names.insert(word(rest, 4));
        }
    }
}

/// What is named of `bindings`, with the fields of a static.
fn bindings(tokens: &[Token], names: &mut BTreeSet<String>) {
    for at in 0..tokens.len() {
        if starts(&tokens[at..], &["bindings", ":", ":", "_"]) {
            names.insert(word(tokens, at + 3));
            add_fields(path(tokens, at + 4).0, names);
        }
    }
}

/// What the macros that read counters are given.
fn counters(tokens: &[Token], names: &mut BTreeSet<String>) {
    for at in 0..tokens.len() {
        let rest = &tokens[at..];
        if starts(rest, &["counters", "!", "{", "_", ":"]) {
            names.insert(word(rest, 3));
            let items = &rest[..closed(rest, 2)];
            for at in 0..items.len() {
                if starts(&items[at..], &["=", "_", ";"]) {
                    names.insert(word(items, at + 1));
                }
            }
        }
        if starts(rest, &["vm_event", "!", "("]) || starts(rest, &["time", "!", "("]) {
            let at = if starts(&rest[3..], &["_", ","]) {
                5
            } else {
                3
            };
            let name = word(rest, at);
            if starts(&rest[at..], &["_", ")"]) && has_capital_part(&name) {
                names.insert(name);
            }
        }
    }
}

/// Whether this is a constant of a C enumeration, as `cpu_usage_stat_CPUTIME_USER`, and no variable of
/// a macro.
fn has_capital_part(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes
        .windows(2)
        .skip(1)
        .any(|pair| pair[0] == b'_' && pair[1].is_ascii_uppercase())
}

/// Declarations of functions and statics, and what the kernel calls.
fn foreign(file: &str, tokens: &[Token], names: &mut BTreeSet<String>) {
    for at in 0..tokens.len() {
        let rest = &tokens[at..];
        if starts(rest, &["extern", "\"C\"", "fn", "_"]) {
            names.insert(format!("{file}: {}", word(rest, 3)));
        }
        if starts(rest, &["extern", "\"C\"", "{"]) {
            let block = &rest[..closed(rest, 2)];
            for at in 0..block.len() {
                let item = &block[at..];
                if starts(item, &["static", "mut", "_"]) {
                    names.insert(word(item, 2));
                } else if starts(item, &["static", "_"]) || starts(item, &["fn", "_"]) {
                    names.insert(word(item, 1));
                }
            }
        }
    }
}

/// Commands of the device.
fn commands(tokens: &[Token], names: &mut BTreeSet<String>) {
    for at in 0..tokens.len() {
        let rest = &tokens[at..];
        if starts(rest, &["<", "{", "ioctl", ":", ":", "_", "}"]) {
            names.insert(format!("ioctl::{}", word(rest, 5)));
        }
        if starts(rest, &["rustix", ":", ":", "ioctl", ":", ":", "ioctl", "("]) {
            names.insert("rustix::ioctl::ioctl".to_string());
        }
    }
}

/// Fields behind raw pointers, from the innermost pointer outwards: what was looked at becomes a plain
/// name, so that the pointer around it is seen next.
fn fields(mut tokens: Vec<Token>, names: &mut BTreeSet<String>) {
    let pointer = || Token::Word("pointer".into());
    let mut at = 0;
    while at < tokens.len() {
        let rest = &tokens[at..];
        if starts(rest, &["kernel", ":", ":"]) || starts(rest, &["bindings", ":", ":"]) {
            tokens.drain(at..at + 3);
            continue;
        }
        if starts(rest, &["container_of", "!", "("]) {
            let end = closed(rest, 2);
            let inner = &rest[3..end];
            let is_plain = !inner.iter().any(|token| token.is("("));
            let commas = inner.iter().filter(|token| token.is(",")).count();
            if is_plain && commas == 2 && end >= 2 {
                add_fields(vec![word(rest, end - 1)], names);
                tokens.splice(at..=at + end, [pointer()]);
            }
        }
        at += 1;
    }
    while let Some((from, to, found)) = (0..tokens.len()).find_map(|at| behind(&tokens, at)) {
        add_fields(found, names);
        tokens.splice(from..to, [pointer()]);
    }
}

/// `(*pointer).a.b` at `at`, where the pointer is a path, which may end in a call: where it begins and
/// ends, and the fields.
fn behind(tokens: &[Token], at: usize) -> Option<(usize, usize, Vec<String>)> {
    starts(&tokens[at..], &["(", "*", "_"]).then_some(())?;
    let mut end = at + 3;
    while starts(&tokens[end..], &[".", "_"]) {
        end += 2;
    }
    if starts(&tokens[end..], &["("]) {
        let close = closed(tokens, end);
        let inner = tokens.get(end + 1..close)?;
        inner.iter().all(|token| !token.is("(")).then_some(())?;
        end = close + 1;
    }
    starts(tokens.get(end..)?, &[")"]).then_some(())?;
    let (fields, end) = path(tokens, end + 1);
    (!fields.is_empty()).then_some((at, end, fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<String> {
        names("file.rs", source).into_iter().collect()
    }

    #[test]
    fn bindings_and_their_fields() {
        assert_eq!(
            found("use kernel::bindings;\nbindings::init_net.dev.base.get(0); // bindings::no\n"),
            [".base", ".dev", "init_net"]
        );
    }

    #[test]
    fn fields_behind_pointers() {
        for (source, expected) in [
            ("(*inode).i_lock", &[".i_lock"][..]),
            (
                "(*(*bdev).bd_disk).disk_name[0]",
                &[".bd_disk", ".disk_name"],
            ),
            ("(*self.bdev.get()).a.b.load()", &[".a", ".b"]),
            ("(*p).0.x", &[".x"]),
            ("(*p).call()", &[]),
            ("(*p).value::<u8>()", &[]),
            (
                "(*container_of!(node, Self, node)).next",
                &[".next", ".node"],
            ),
            ("(*kernel::bindings::thing).x", &[".x", "thing"]),
            ("a * (b).c", &[]),
        ] {
            assert_eq!(found(source), expected, "{source}");
        }
    }

    #[test]
    fn declarations_and_callbacks() {
        let source = "unsafe extern \"C\" {\n    static userspace_init_fs: u8;\n    static mut b: u8;\n    fn kern_path(a: u8) -> i32;\n}\nunsafe extern \"C\" fn run(work: u8) {}\ntype F = extern \"C\" fn(u8);\n";
        assert_eq!(
            found(source),
            ["b", "file.rs: run", "kern_path", "userspace_init_fs"]
        );
    }

    #[test]
    fn what_macros_are_given() {
        let source = "macro_rules! counters {\n    ($array:ident: $x:ident) => {};\n}\ncounters! { vm_zone_stat:\n    free = zone_stat_item_NR_FREE_PAGES;\n}\nvm_event!(cpu, vm_event_item_PSWPIN); vm_event!(name);\ntime!(cpu_usage_stat_CPUTIME_USER);";
        assert_eq!(
            found(source),
            [
                "cpu_usage_stat_CPUTIME_USER",
                "vm_event_item_PSWPIN",
                "vm_zone_stat",
                "zone_stat_item_NR_FREE_PAGES"
            ]
        );
    }

    #[test]
    fn commands_of_the_device() {
        let source = "Setter::<{ ioctl::SET_INTERVAL }, u64>::new(); rustix::ioctl::ioctl(fd)";
        assert_eq!(
            found(source),
            ["ioctl::SET_INTERVAL", "rustix::ioctl::ioctl"]
        );
    }

    #[test]
    fn offsets_in_c() {
        let source = "OFFSET(A, net_device, adj_list.upper);\nDEFINE(B, sizeof(struct kstatfs));\nDEFINE(C, ST_RDONLY);\n/* OFFSET(D, no, no); */\n";
        let found: Vec<String> = names("layout.c", source).into_iter().collect();
        assert_eq!(found, ["ST_RDONLY", "kstatfs", "net_device.adj_list.upper"]);
    }
}
