// SPDX-License-Identifier: GPL-2.0-or-later

//! `resource_monitor.h` against the record: the C compiler itself compares each field.

use crate::generated;
use model::block;
use model::event::trigger::{Bad, Description, Unit};
use model::event::{self, Trigger};
use model::frame;
use model::ioctl::{self, Info, Life, SeekBlocks};
use model::record::{self, Header, SectionHeader, WORD_BYTES};
use model::source::{disk, fs, net, oom_kill, ALL};
use model::words::{Fields, Kind, Structure, Type};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// What the names of the header begin with.
const PREFIX: &str = "RESOURCE_MONITOR_";

/// The constants of the header, without [`PREFIX`], except the kinds.
const CONSTANTS: &[(&str, u64)] = &[
    ("MAGIC", record::MAGIC),
    ("VERSION", record::VERSION),
    ("TAKEN", record::TAKEN),
    ("STALE", record::STALE),
    ("FS_MOUNTED", fs::MOUNTED),
    ("FS_ABSENT", fs::ABSENT),
    ("FS_FAILED", fs::FAILED),
    ("FS_STALE", fs::STALE),
    ("FS_READ_ONLY", fs::READ_ONLY),
    ("DISK_HAS_SLAVES", disk::HAS_SLAVES),
    ("NET_LOOPBACK", net::LOOPBACK),
    ("NET_HAS_LOWER", net::HAS_LOWER),
    ("NET_HAS_UPPER", net::HAS_UPPER),
    ("EVENT_BEGIN", event::BEGIN as u64),
    ("EVENT_ONGOING", event::ONGOING as u64),
    ("EVENT_END", event::END as u64),
    ("EVENT_MOMENT", event::MOMENT as u64),
    ("OOM_KILLED", oom_kill::KILLED as u64),
    ("OOM_WAS_DYING", oom_kill::WAS_DYING as u64),
    ("BLOCK_MAGIC", block::MAGIC),
    ("BLOCK_VERSION", block::VERSION),
    ("FRAME_MAGIC", frame::MAGIC as u64),
    ("IOCTL_VERSION", ioctl::VERSION),
    ("INFO", ioctl::INFO as u64),
    ("SEEK", ioctl::SEEK as u64),
    ("SAMPLE", ioctl::SAMPLE as u64),
    ("SET_INTERVAL", ioctl::SET_INTERVAL as u64),
    ("OLDEST_FIRST", ioctl::OLDEST_FIRST),
    ("NEWEST_FIRST", ioctl::NEWEST_FIRST),
    ("BY_SEQ", ioctl::BY_SEQ),
    ("BY_BOOT_NS", ioctl::BY_BOOT_NS),
    ("BY_NUMBER", ioctl::BY_NUMBER),
    ("SEEK_BLOCKS", ioctl::SEEK_BLOCKS as u64),
    ("TEST_EVENT", ioctl::TEST_EVENT as u64),
    ("LIFE_RUNS", ioctl::RUNS),
    ("LIFE_UNLOADED", ioctl::UNLOADED),
    ("LIFE_RESTART", ioctl::RESTART),
    ("LIFE_POWER_OFF", ioctl::POWER_OFF),
    ("LIFE_PANIC", ioctl::PANIC),
    ("LIFE_UNKNOWN", ioctl::UNKNOWN),
    ("LIFE", ioctl::LIFE as u64),
    ("FORGET", ioctl::FORGET as u64),
];

/// All structures, each after those that are in it.
fn structures() -> Vec<Structure> {
    fn add(all: &mut Vec<Structure>, structure: &Structure) {
        for field in structure.fields {
            if let Type::Structure(inner) = field.c_type {
                add(all, inner);
            }
        }
        if all.iter().all(|known| known.c_name != structure.c_name) {
            all.push(*structure);
        }
    }
    let mut all = Vec::new();
    add(&mut all, &Header::STRUCTURE);
    add(&mut all, &SectionHeader::STRUCTURE);
    for kind in by_number() {
        add(&mut all, &kind.entry);
    }
    add(&mut all, &block::Header::STRUCTURE);
    add(&mut all, &Info::STRUCTURE);
    add(&mut all, &SeekBlocks::STRUCTURE);
    add(&mut all, &Life::STRUCTURE);
    all
}

fn by_number() -> Vec<Kind> {
    let mut kinds = ALL.to_vec();
    kinds.sort_by_key(|kind| kind.number);
    kinds
}

/// A program that the compiler refuses when a field is not where it should be, or one is missing.
#[derive(Default)]
struct Checks(String);

impl Checks {
    fn same(&mut self, c: &str, value: u64) {
        writeln!(self.0, "_Static_assert(({c}) == {value}ULL, \"{c}\");").expect("a text");
    }

    fn structure(&mut self, structure: &Structure) {
        let name = format!("struct {}", structure.c_name);
        let mut at = 0;
        for field in structure.fields {
            self.same(&format!("offsetof({name}, {})", field.name), at as u64);
            let size = field.words * WORD_BYTES;
            let field = format!("sizeof((({name} *)0)->{})", field.name);
            self.same(&field, size as u64);
            at += size;
        }
        // It has no other fields.
        self.same(&format!("sizeof({name})"), at as u64);
    }
}

fn checks() -> Checks {
    let mut checks = Checks::default();
    for structure in structures() {
        checks.structure(&structure);
    }
    let kinds = ALL.iter().map(|kind| (kind.c_name, kind.number));
    for (name, value) in CONSTANTS.iter().copied().chain(kinds) {
        checks.same(&format!("{PREFIX}{name}"), value);
    }
    for trigger in Trigger::ALL {
        checks.same(&trigger_in_c(*trigger), *trigger as u64);
    }
    // Names end with a NUL.
    for (field, longest) in [
        ("struct resource_monitor_disk *)0)->name", disk::MAX_NAME),
        ("struct resource_monitor_net *)0)->name", net::MAX_NAME),
        ("struct resource_monitor_fs *)0)->path", fs::MAX_PATH),
        ("struct resource_monitor_event *)0)->subject", fs::MAX_PATH),
        (
            "struct resource_monitor_life *)0)->kernel",
            ioctl::MAX_RELEASE,
        ),
    ] {
        checks.same(&format!("sizeof((({field}) > {longest}"), 1);
    }
    checks
}

/// What the number of a trigger is called in C.
fn trigger_in_c(trigger: Trigger) -> String {
    format!(
        "{PREFIX}TRIGGER_{}",
        trigger.description().name.to_uppercase()
    )
}

/// A text of rustdoc as one of kernel-doc. Constants of the structure `c_name` may lack their prefix.
fn text_in_c(doc: &str, c_name: &str) -> String {
    let group = match c_name {
        "resource_monitor_info" => "IOCTL",
        name => name.split('_').nth(2).unwrap_or_default(),
    };
    let group = format!("{}_", group.to_uppercase());
    let name_in_c = |link: &str| match link.rsplit_once("::") {
        Some(("Self", field)) => format!("@{field}"),
        path => {
            let name = path.map_or(link, |(_, name)| name);
            let grouped = format!("{group}{name}");
            let names = [(path.is_none()).then_some(grouped.as_str()), Some(name)];
            let is_known = |name: &&str| CONSTANTS.iter().any(|(known, _)| known == name);
            let known = names.into_iter().flatten().find(is_known);
            let known = known.unwrap_or_else(|| panic!("{c_name}: {link} is not in the header"));
            format!("%{PREFIX}{known}")
        }
    };
    let mut text = String::new();
    let mut rest = doc;
    while let Some((before, after)) = rest.split_once("[`") {
        let (link, after) = after.split_once("`]").expect("expected the end of a link");
        text.push_str(before);
        text.push_str(&name_in_c(link));
        rest = after;
    }
    text.push_str(rest);
    text.replace('`', "")
}

/// Adds the paragraph `text` to a comment, after `first` on its first line.
fn wrap(comment: &mut String, first: &str, text: &str) {
    let mut line = format!(" * {first}");
    let mut is_empty = true;
    for word in text.split_whitespace() {
        // A tab goes to the column 8.
        let columns = line.len() + if line.contains('\t') { 5 } else { 0 };
        if !is_empty && columns + 1 + word.len() > 99 {
            writeln!(comment, "{line}").expect("a text");
            line = if first.is_empty() { " *" } else { " *\t" }.to_owned();
            line.push_str(if first.is_empty() { " " } else { "" });
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    writeln!(comment, "{line}").expect("a text");
}

/// A structure as the header has it.
fn definition(structure: &Structure) -> String {
    let name = structure.c_name;
    let mut text = "/**\n".to_owned();
    let doc = text_in_c(structure.doc, name);
    let mut paragraphs = doc.split("\n\n");
    let brief = paragraphs.next().unwrap_or_default();
    wrap(&mut text, &format!("struct {name} - "), brief);
    for field in structure.fields {
        let doc = text_in_c(field.doc, name);
        wrap(&mut text, &format!("@{}: ", field.name), &doc);
    }
    for paragraph in paragraphs {
        text.push_str(" *\n");
        wrap(&mut text, "", paragraph);
    }
    writeln!(text, " */\nstruct {name} {{").expect("a text");
    for field in structure.fields {
        let bytes = field.words * WORD_BYTES;
        let name = field.name;
        match field.c_type {
            Type::Number => writeln!(text, "\t__u64 {name};"),
            Type::Text => writeln!(text, "\tchar {name}[{bytes}];"),
            Type::Structure(inner) => writeln!(text, "\tstruct {} {name};", inner.c_name),
        }
        .expect("a text");
    }
    text.push_str("};\n");
    text
}

#[test]
fn the_header_follows_from_the_structures() {
    let mut text =
        "\n/* Kinds of sections. There may be several of one kind, and none. */\n".to_owned();
    for kind in by_number() {
        let Kind {
            c_name,
            number,
            entry,
            ..
        } = kind;
        writeln!(
            text,
            "#define {PREFIX}{c_name} {number}\t/* struct {} */",
            entry.c_name
        )
        .expect("a text");
    }
    text.push_str("\n/* What makes an event. */\n");
    for trigger in Trigger::ALL {
        writeln!(
            text,
            "/* value: {} */\n#define {} {}",
            trigger.description().meaning,
            trigger_in_c(*trigger),
            *trigger as u32
        )
        .expect("a text");
    }
    for structure in structures() {
        write!(text, "\n{}", definition(&structure)).expect("a text");
    }
    text.push('\n');
    generated::compare(
        "resource_monitor.h",
        "/* Generated from the structures in model/ by `make update`. */",
        "/* End of what is generated. */",
        &text,
    );
}

#[test]
fn the_design_has_the_sizes_of_all_sections() {
    let mut text = "| section | kind | words of an entry |\n|---|---|---|\n".to_owned();
    for kind in by_number() {
        let Kind {
            name,
            number,
            entry_words,
            ..
        } = kind;
        writeln!(text, "| `{name}` | {number} | {entry_words} |").expect("a text");
    }
    generated::compare(
        "../docs/design.md",
        "<!-- The sizes of sections, by `make update`. -->",
        "<!-- End of the sizes. -->",
        &text,
    );
}

/// A threshold or a time as the parameter `alerts` takes it.
fn in_unit(value: u64, unit: Unit) -> String {
    match unit {
        Unit::PerMille => format!("{}%", value / 10),
        Unit::Count => value.to_string(),
        Unit::Nanoseconds => format!("{} s", value / 1_000_000_000),
    }
}

#[test]
fn the_triggers_are_described() {
    let mut text =
        "\n| trigger | begins at | for | severe | value |\n|---|---|---|---|---|\n".to_owned();
    for trigger in Trigger::ALL {
        let Description {
            name,
            unit,
            bad,
            limit,
            for_s,
            is_severe,
            meaning,
        } = trigger.description();
        let than = match bad {
            Bad::High => "≥",
            Bad::Low => "<",
        };
        let limit = in_unit(limit, unit);
        let time = if for_s == 0 {
            "".to_owned()
        } else {
            format!("{for_s} s")
        };
        let severe = if is_severe { "yes" } else { "" };
        writeln!(
            text,
            "| `{name}` | {than} {limit} | {time} | {severe} | {meaning} |"
        )
        .expect("a text");
    }
    text.push('\n');
    generated::compare(
        "../docs/events.md",
        "<!-- The triggers, by `make update`. -->",
        "<!-- End of the triggers. -->",
        &text,
    );
}

/// Compiles `program` and gives what the compiler says.
fn compile(name: &str, program: &str, options: &[&str]) -> Result<(), String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = folder.join(format!("{name}.c"));
    std::fs::write(&source, program).expect("a file in the target folder");
    let output = Command::new("cc")
        .args([
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            "-fsyntax-only",
        ])
        .args(options)
        .arg(concat!("-I", env!("CARGO_MANIFEST_DIR")))
        .arg(source)
        .output()
        .expect("the C compiler runs");
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn program(checks: &Checks) -> String {
    format!(
        "#include \"resource_monitor.h\"\n#include <stddef.h>\n{}",
        checks.0
    )
}

#[test]
fn the_header_has_each_field_where_it_is() {
    compile("fields", &program(&checks()), &[])
        .unwrap_or_else(|said| panic!("expected it to compile, found: {said}"));
}

#[test]
fn the_header_is_the_same_for_32_bit_programs() {
    compile("fields32", &program(&checks()), &["-m32", "-ffreestanding"])
        .unwrap_or_else(|said| panic!("expected it to compile, found: {said}"));
}

#[test]
fn what_is_elsewhere_is_found() {
    let mut checks = checks();
    checks.same("offsetof(struct resource_monitor_memory, free)", 0);
    let said =
        compile("wrong", &program(&checks), &[]).expect_err("expected an error of a wrong offset");
    assert!(
        said.contains("static assertion failed"),
        "expected a static assertion to fail, found: {said}"
    );
}
