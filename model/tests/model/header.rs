// SPDX-License-Identifier: GPL-2.0-or-later

//! `resource_monitor.h` against the record: the C compiler itself compares each field.

use model::ioctl::{self, Info};
use model::record::{
    self, Buffers, Content, Cpu, Header, Memory, SectionHeader, Times, WORD_BYTES,
};
use model::source::activity::Activity;
use model::source::disk::{self, Completed, Disk};
use model::source::fs::{self, Flat, Fs, Usage};
use model::source::load::Load;
use model::source::net::{self, Carried, Net};
use model::source::pressure::Pressure;
use model::words::Fields;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// A program that the compiler refuses when a field is not where it should be, or one is missing.
#[derive(Default)]
struct Checks(String);

impl Checks {
    fn same(&mut self, c: &str, value: u64) {
        writeln!(self.0, "_Static_assert(({c}) == {value}ULL, \"{c}\");").expect("a text");
    }

    fn structure<T: Fields>(&mut self) {
        let name = format!("struct {}", T::C_NAME);
        let mut at = 0;
        for (field, words) in T::FIELDS {
            self.same(&format!("offsetof({name}, {field})"), at as u64);
            let size = words * WORD_BYTES;
            self.same(&format!("sizeof((({name} *)0)->{field})"), size as u64);
            at += size;
        }
        // It has no other fields.
        self.same(&format!("sizeof({name})"), at as u64);
    }
}

fn checks() -> Checks {
    let mut checks = Checks::default();
    checks.structure::<Header>();
    checks.structure::<SectionHeader>();
    checks.structure::<Memory>();
    checks.structure::<Times>();
    checks.structure::<Cpu>();
    checks.structure::<Load>();
    checks.structure::<Activity>();
    checks.structure::<Pressure>();
    checks.structure::<Completed>();
    checks.structure::<Disk>();
    checks.structure::<Carried>();
    checks.structure::<Net>();
    checks.structure::<Usage>();
    checks.structure::<Flat>();
    checks.structure::<Buffers>();
    checks.structure::<Info>();
    for (name, value) in [
        ("MAGIC", record::MAGIC),
        ("VERSION", record::VERSION),
        ("TAKEN", record::TAKEN),
        ("STALE", record::STALE),
        ("MEMORY", Memory::KIND),
        ("CPUS", Cpu::KIND),
        ("LOAD", Load::KIND),
        ("ACTIVITY", Activity::KIND),
        ("PRESSURE", Pressure::KIND),
        ("DISKS", Disk::KIND),
        ("NETS", Net::KIND),
        ("FILE_SYSTEMS", Fs::KIND),
        ("BUFFERS", Buffers::KIND),
        ("FS_MOUNTED", fs::MOUNTED),
        ("FS_ABSENT", fs::ABSENT),
        ("FS_FAILED", fs::FAILED),
        ("FS_STALE", fs::STALE),
        ("FS_READ_ONLY", fs::READ_ONLY),
        ("DISK_HAS_SLAVES", disk::HAS_SLAVES),
        ("NET_LOOPBACK", net::LOOPBACK),
        ("NET_HAS_LOWER", net::HAS_LOWER),
        ("NET_HAS_UPPER", net::HAS_UPPER),
        ("IOCTL_VERSION", ioctl::VERSION),
        ("INFO", u64::from(ioctl::INFO)),
        ("SEEK", u64::from(ioctl::SEEK)),
        ("SAMPLE", u64::from(ioctl::SAMPLE)),
        ("SET_INTERVAL", u64::from(ioctl::SET_INTERVAL)),
    ] {
        checks.same(&format!("RESOURCE_MONITOR_{name}"), value);
    }
    // Names end with a NUL.
    for (field, longest) in [
        ("struct resource_monitor_disk *)0)->name", disk::MAX_NAME),
        ("struct resource_monitor_net *)0)->name", net::MAX_NAME),
        ("struct resource_monitor_fs *)0)->path", fs::MAX_PATH),
    ] {
        checks.same(&format!("sizeof((({field}) > {longest}"), 1);
    }
    checks
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
