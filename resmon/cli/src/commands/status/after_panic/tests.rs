// SPDX-License-Identifier: GPL-2.0-or-later

#![allow(clippy::unwrap_used)]

use super::reserved::VARIABLE;
use super::*;

/// A machine of these files.
fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn text(files: &[(&str, &str)], reserved: &Reserved) -> String {
    let machine = machine(files);
    let lines = ways(machine.path(), reserved);
    let lines: Vec<_> = lines.iter().map(Way::line).collect();
    lines.join("\n") + "\n"
}

fn way(name: &str, files: &[(&str, &str)]) -> Way {
    let machine = machine(files);
    let mut ways = ways(machine.path(), &Reserved::default()).into_iter();
    ways.find(|way| way.name == name).unwrap()
}

/// What the module has in reserved memory, where there is some.
const RESERVED: Reserved = Reserved {
    bytes: 8 << 20,
    records: 1234,
    boots: 2,
};

/// A server that has all of them.
const ALL: [(&str, &str); 14] = [
    (VARIABLE, "\u{7}\0\0\0\0"),
    ("sys/module/pstore/parameters/backend", "efi_pstore\n"),
    (
        "proc/mounts",
        "proc /proc proc rw 0 0\npstore /sys/fs/pstore pstore rw 0 0\n",
    ),
    (
        "etc/systemd/system/sysinit.target.wants/systemd-pstore.service",
        "",
    ),
    ("sys/kernel/kexec_crash_loaded", "1\n"),
    ("sys/kernel/kexec_crash_size", "268435456\n"),
    (
        "etc/systemd/system/kdump-tools-dump.service.wants/resmon-save-vmcore.service",
        "",
    ),
    ("proc/cmdline", "quiet crashkernel=256M\n"),
    ("sys/module/netconsole/version", ""),
    ("sys/kernel/config/netconsole/a/enabled", "0\n"),
    ("sys/kernel/config/netconsole/b/enabled", "1\n"),
    ("sys/kernel/config/netconsole/b/remote_ip", "192.0.2.1\n"),
    ("sys/class/tty/console/active", "tty0 ttyS0\n"),
    ("proc/sys/kernel/panic", "10\n"),
];

/// A machine as it is installed.
const NONE: [(&str, &str); 8] = [
    (VARIABLE, "\u{7}\0\0\0\u{1}"),
    ("sys/module/pstore/parameters/backend", "(null)\n"),
    ("etc/systemd/system/x", ""),
    ("sys/kernel/kexec_crash_loaded", "0\n"),
    ("sys/kernel/kexec_crash_size", "0\n"),
    ("proc/cmdline", "quiet\n"),
    ("sys/class/tty/console/active", "tty0\n"),
    ("proc/sys/kernel/panic", "0\n"),
];

#[test]
fn all_ways_are_told() {
    assert_eq!(
        text(&ALL, &RESERVED),
        include_str!("../../../../tests/golden/after-panic-all.txt")
    );
    let machine = machine(&ALL);
    for way in ways(machine.path(), &RESERVED) {
        assert_eq!((way.is_ready, way.advice), (Some(true), None), "{way:?}");
    }
}

#[test]
fn what_is_not_there_comes_with_advice() {
    assert_eq!(
        text(&NONE, &Reserved::default()),
        include_str!("../../../../tests/golden/after-panic-none.txt")
    );
    let machine = machine(&NONE);
    for way in ways(machine.path(), &Reserved::default()) {
        assert_eq!(
            (way.is_ready, way.advice.is_some()),
            (Some(false), true),
            "{way:?}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_not_taken_for_no() {
    // A folder in the place of a file cannot be read by root either.
    let files: Vec<_> = [
        "sys/module/pstore/parameters/backend",
        "sys/kernel/kexec_crash_loaded",
        "sys/class/tty/console/active",
        "proc/consoles",
        "proc/sys/kernel/panic",
        "proc/cmdline",
        VARIABLE,
    ]
    .map(|path| format!("{path}/folder"))
    .into();
    let mut files: Vec<_> = files.iter().map(|path| (path.as_str(), "")).collect();
    files.push(("sys/module/netconsole/version", ""));
    let machine = machine(&files);
    for way in ways(machine.path(), &Reserved::default()) {
        if way.name == "archive" {
            continue;
        }
        assert_eq!((way.is_ready, way.advice), (None, None), "{way:?}");
        assert!(way.text.ends_with("cannot be read"), "{way:?}");
    }
}

#[test]
fn a_small_record_of_ramoops_is_told() {
    let with = |size: &'static str| {
        let files = [
            ("sys/module/pstore/parameters/backend", "ramoops\n"),
            ("sys/module/ramoops/parameters/record_size", size),
            ("proc/mounts", "pstore /sys/fs/pstore pstore rw 0 0\n"),
        ];
        way("pstore", &files)
    };
    let small = with("4096\n");
    assert_eq!(small.text, "ramoops keeps one record of 4 KiB of the log");
    assert!(
        small.advice.unwrap().contains("record_size=65536"),
        "{small:?}"
    );
    assert_eq!(with("65536\n").advice, None);
    assert_eq!(with("many\n").is_ready, None);
    let unmounted = [
        ("sys/module/pstore/parameters/backend", "erst\n"),
        ("proc/mounts", "proc /proc proc rw 0 0\n"),
    ];
    let unmounted = way("pstore", &unmounted);
    assert_eq!(
        unmounted.text,
        "erst keeps the end of the log, and is not mounted"
    );
}

#[test]
fn a_crash_kernel_may_be_asked_for_in_vain() {
    let with = |size: &'static str| {
        let files = [
            ("sys/kernel/kexec_crash_loaded", "0\n"),
            ("sys/kernel/kexec_crash_size", size),
            ("proc/cmdline", "crashkernel=1G quiet\n"),
        ];
        way("kdump", &files).text
    };
    assert_eq!(with("0\n"), "crashkernel= has reserved no memory");
    assert_eq!(
        with("268435456\n"),
        "memory is reserved, and no crash kernel is loaded"
    );
}

#[test]
fn a_dump_without_the_unit_has_the_history() {
    let loaded = ("sys/kernel/kexec_crash_loaded", "1\n");
    let without = way("kdump", &[loaded]);
    assert_eq!(
        without.line(),
        "kdump       a crash kernel is loaded: the dump has the history, and no panic line of the module is \
         printed: systemctl enable resmon-save-vmcore has it saved to /var/lib/resmon"
    );
    assert_eq!(without.is_ready, Some(true));
}

#[test]
fn consoles_of_proc_are_as_good() {
    let serial = way(
        "serial",
        &[(
            "proc/consoles",
            "tty0   -WU (EC p) 4:7\nhvc0   -W- (E) 229:0\n",
        )],
    );
    assert_eq!(serial.text, "the log goes to hvc0");
    let restart = way("restart", &[("proc/sys/kernel/panic", "-1\n")]);
    assert_eq!(restart.is_ready, Some(true));
}

fn reserved(line: &str, reserved: &Reserved) -> Way {
    let machine = machine(&[("proc/cmdline", line)]);
    let mut ways = ways(machine.path(), reserved).into_iter();
    ways.find(|way| way.name == "reserved").unwrap()
}

#[test]
fn reserved_memory_may_be_asked_for_in_vain() {
    for line in [
        "quiet reserve_mem=8M:256M:resmon\n",
        "reserve_mem=1M:4096:oops reserve_mem=8M:4096:resmon quiet",
    ] {
        let way = reserved(line, &Reserved::default());
        assert_eq!(way.is_ready, Some(false));
        assert!(
            way.text.contains("which the module does not use"),
            "{way:?}"
        );
    }
    for line in [
        "quiet",
        "",
        "reserve_mem=1M:4096:oops",
        "reserve_mem=8M:256M:resmon2",
        "xreserve_mem=8M:256M:resmon",
        "resmon",
    ] {
        let way = reserved(line, &Reserved::default());
        assert_eq!(
            way.advice,
            Some("restart with reserve_mem=8M:256M:resmon"),
            "{line:?}"
        );
    }
}

#[test]
fn reserved_memory_holds_what_it_holds() {
    let none = Reserved {
        records: 0,
        boots: 0,
        ..RESERVED
    };
    assert_eq!(
        reserved("", &none).line(),
        "reserved    the history outlives a reset in 8.0 MiB of memory, where there are no records of earlier boots"
    );
    let one = Reserved {
        boots: 1,
        ..RESERVED
    };
    assert!(reserved("", &one)
        .text
        .ends_with("1234 records of 1 earlier boot"));
}

#[test]
fn firmware_that_is_asked_to_clear_memory_is_known() {
    let with = |value: &'static str| way("firmware", &[(VARIABLE, value)]);
    // Another bit of it says what the firmware need not detect.
    for (value, is_ready) in [
        ("\u{7}\0\0\0\u{1}", Some(false)),
        ("\u{7}\0\0\0\u{11}", Some(false)),
        ("\u{7}\0\0\0\u{10}", Some(true)),
        ("\u{1}\0\0\0\0", Some(true)),
        // Too short to be one.
        ("\u{7}\0\0\0", None),
        ("", None),
    ] {
        assert_eq!(with(value).is_ready, is_ready, "{value:?}");
    }
    assert_eq!(way("firmware", &[]).is_ready, Some(true));
}
