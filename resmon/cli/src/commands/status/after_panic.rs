// SPDX-License-Identifier: GPL-2.0-or-later

//! Which ways this machine has to keep what the log or a dump says after a panic, and what one does to get the
//! others. Nothing but files is looked at.

mod reserved;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::Serialize;

pub use reserved::Reserved;

/// A way to keep something.
#[derive(Debug, PartialEq, Serialize)]
pub struct Way {
    pub name: &'static str,
    /// Whether it keeps something; none when that cannot be told.
    pub is_ready: Option<bool>,
    pub text: String,
    /// What one does to get it, or to have it keep more.
    pub advice: Option<&'static str>,
}

impl Way {
    fn ready(name: &'static str, text: impl Into<String>) -> Self {
        Self {
            name,
            is_ready: Some(true),
            text: text.into(),
            advice: None,
        }
    }

    fn missing(name: &'static str, text: impl Into<String>, advice: &'static str) -> Self {
        Self {
            name,
            is_ready: Some(false),
            text: text.into(),
            advice: Some(advice),
        }
    }

    fn unknown(name: &'static str, what: &str) -> Self {
        Self {
            name,
            is_ready: None,
            text: format!("not known: {what} cannot be read"),
            advice: None,
        }
    }

    /// It in one line.
    pub fn line(&self) -> String {
        let Self { name, text, .. } = self;
        match self.advice {
            Some(advice) => format!("{name:12}{text}: {advice}"),
            None => format!("{name:12}{text}"),
        }
    }
}

/// All ways, of the machine whose files are below `root`.
pub fn ways(root: &Path, reserved: &Reserved) -> Vec<Way> {
    let root = Root(root);
    vec![
        root.reserved(reserved),
        root.firmware(),
        root.pstore(),
        root.archive(),
        root.kdump(),
        root.netconsole(),
        root.serial(),
        root.restart(),
    ]
}

/// What a file has.
enum Found {
    Text(String),
    Missing,
    Unreadable,
}

struct Root<'r>(&'r Path);

impl Root<'_> {
    fn file(&self, path: &str) -> Found {
        match fs::read(self.0.join(path)) {
            // What comes from elsewhere is not to control a terminal.
            Ok(bytes) => Found::Text(
                String::from_utf8_lossy(&bytes)
                    .trim_end()
                    .replace(|letter: char| letter.is_control() && letter != '\n', "?"),
            ),
            Err(error) if is_missing(error.kind()) => Found::Missing,
            Err(_) => Found::Unreadable,
        }
    }

    /// Whether there is such a file or folder; none when that cannot be told.
    fn has(&self, path: &str) -> Option<bool> {
        match self.0.join(path).symlink_metadata() {
            Ok(_) => Some(true),
            Err(error) if is_missing(error.kind()) => Some(false),
            Err(_) => None,
        }
    }

    fn pstore(&self) -> Way {
        const NAME: &str = "pstore";
        const BACKEND: &str = "sys/module/pstore/parameters/backend";
        const GET_ONE: &str =
            "modprobe efi_pstore on UEFI, else reserve_mem=1M:4096:oops and modprobe ramoops mem_name=oops record_size=65536";
        let backend = match self.file(BACKEND) {
            Found::Text(backend) => backend,
            Found::Missing => {
                return Way::missing(NAME, "the kernel has none", GET_ONE);
            }
            Found::Unreadable => {
                return Way::unknown(NAME, "/sys/module/pstore/parameters/backend")
            }
        };
        if backend.is_empty() || backend == "(null)" {
            return Way::missing(NAME, "no back end", GET_ONE);
        }
        let is_mounted = match self.file("proc/mounts") {
            Found::Text(mounts) => mounts
                .lines()
                .any(|line| line.split(' ').nth(2) == Some("pstore")),
            Found::Missing | Found::Unreadable => return Way::unknown(NAME, "/proc/mounts"),
        };
        if backend == "ramoops" {
            return self.ramoops(is_mounted);
        }
        let text = format!("{backend} keeps the end of the log");
        mounted(Way::ready(NAME, text), is_mounted)
    }

    /// Of what it keeps, only the newest part is stored, which is as large as a record.
    fn ramoops(&self, is_mounted: bool) -> Way {
        const NAME: &str = "pstore";
        const LEAST: u64 = 16_384;
        let size = match self.file("sys/module/ramoops/parameters/record_size") {
            Found::Text(size) => size.parse::<u64>().ok(),
            Found::Missing | Found::Unreadable => None,
        };
        let Some(size) = size else {
            let what = "/sys/module/ramoops/parameters/record_size";
            return Way::unknown(NAME, what);
        };
        let text = format!("ramoops keeps one record of {} KiB of the log", size / 1024);
        let way = match size {
            ..LEAST => Way {
                advice: Some(
                    "too little for a panic's trace and more; load it with record_size=65536",
                ),
                ..Way::ready(NAME, text)
            },
            _ => Way::ready(NAME, text),
        };
        mounted(way, is_mounted)
    }

    fn archive(&self) -> Way {
        const NAME: &str = "archive";
        const WANTS: [&str; 2] = [
            "etc/systemd/system/sysinit.target.wants/systemd-pstore.service",
            "usr/lib/systemd/system/sysinit.target.wants/systemd-pstore.service",
        ];
        let wanted = WANTS.map(|path| self.has(path));
        if wanted.contains(&Some(true)) {
            let text = "systemd-pstore moves what pstore kept to /var/lib/systemd/pstore";
            return Way::ready(NAME, text);
        }
        if wanted.contains(&None) {
            return Way::unknown(NAME, "/etc/systemd/system");
        }
        Way::missing(
            NAME,
            "systemd-pstore is not enabled, so what pstore kept stays in /sys/fs/pstore",
            "systemctl enable systemd-pstore",
        )
    }

    fn kdump(&self) -> Way {
        const NAME: &str = "kdump";
        let reserved = match self.file("sys/kernel/kexec_crash_size") {
            Found::Text(size) => size.parse::<u64>().ok(),
            Found::Missing | Found::Unreadable => None,
        };
        match self.file("sys/kernel/kexec_crash_loaded") {
            Found::Text(loaded) if loaded == "1" => {
                let size = reserved.map_or(String::new(), |size| format!(" in {} MiB", size >> 20));
                return self.saved(&format!("a crash kernel is loaded{size}"));
            }
            Found::Text(_) => (),
            Found::Missing => {
                let advice = "it needs a kernel with CONFIG_CRASH_DUMP";
                return Way::missing(NAME, "the kernel has none", advice);
            }
            Found::Unreadable => return Way::unknown(NAME, "/sys/kernel/kexec_crash_loaded"),
        }
        let is_asked_for = match self.file("proc/cmdline") {
            Found::Text(line) => line.split(' ').any(|word| word.starts_with("crashkernel=")),
            Found::Missing | Found::Unreadable => return Way::unknown(NAME, "/proc/cmdline"),
        };
        match (is_asked_for, reserved) {
            (true, Some(0)) => Way::missing(
                NAME,
                "crashkernel= has reserved no memory",
                "give it a size that fits, as crashkernel=256M",
            ),
            (true, _) => Way::missing(
                NAME,
                "memory is reserved, and no crash kernel is loaded",
                "apt install kdump-tools",
            ),
            (false, _) => Way::missing(
                NAME,
                "no crash kernel",
                "apt install kdump-tools, and restart with crashkernel=256M",
            ),
        }
    }

    /// What becomes of the history where there is a crash kernel.
    fn saved(&self, kernel: &str) -> Way {
        const NAME: &str = "kdump";
        const WANTED: &str =
            "etc/systemd/system/kdump-tools-dump.service.wants/resmon-save-vmcore.service";
        let is_wanted = self.has(WANTED);
        let history = match is_wanted {
            Some(true) => "resmon-save-vmcore saves the history to /var/lib/resmon",
            Some(false) | None => "the dump has the history",
        };
        let advice = "systemctl enable resmon-save-vmcore has it saved to /var/lib/resmon";
        Way {
            advice: (is_wanted == Some(false)).then_some(advice),
            ..Way::ready(
                NAME,
                format!("{kernel}: {history}, and no panic line of the module is printed"),
            )
        }
    }

    fn netconsole(&self) -> Way {
        const NAME: &str = "netconsole";
        const TARGETS: &str = "sys/kernel/config/netconsole";
        match self.has("sys/module/netconsole") {
            Some(true) => (),
            Some(false) => {
                let advice = "modprobe netconsole netconsole=@/eth0,@192.0.2.1/ sends the log to that address";
                return Way::missing(NAME, "not loaded", advice);
            }
            None => return Way::unknown(NAME, "/sys/module/netconsole"),
        }
        let folders = match fs::read_dir(self.0.join(TARGETS)) {
            Ok(folders) => folders,
            Err(_) => return Way::unknown(NAME, "/sys/kernel/config/netconsole"),
        };
        let mut names: Vec<_> = folders
            .flatten()
            .filter_map(|folder| folder.file_name().into_string().ok())
            .collect();
        names.sort();
        let mut targets = Vec::new();
        for name in names {
            match self.file(&format!("{TARGETS}/{name}/enabled")) {
                Found::Text(enabled) if enabled == "1" => (),
                Found::Text(_) | Found::Missing => continue,
                Found::Unreadable => {
                    return Way::unknown(NAME, "a target in /sys/kernel/config/netconsole");
                }
            }
            let address = match self.file(&format!("{TARGETS}/{name}/remote_ip")) {
                Found::Text(address) => address,
                Found::Missing | Found::Unreadable => "an address that cannot be read".into(),
            };
            targets.push(address);
        }
        if targets.is_empty() {
            let advice = "write 1 to enabled of one in /sys/kernel/config/netconsole";
            return Way::missing(NAME, "loaded, without a target that is enabled", advice);
        }
        Way::ready(NAME, format!("sends the log to {}", targets.join(", ")))
    }

    fn serial(&self) -> Way {
        const NAME: &str = "serial";
        let consoles = match (
            self.file("sys/class/tty/console/active"),
            self.file("proc/consoles"),
        ) {
            (Found::Text(active), _) => active,
            // The name is the first word of each line.
            (_, Found::Text(consoles)) => {
                let names = consoles.lines().filter_map(|line| line.split(' ').next());
                names.collect::<Vec<_>>().join(" ")
            }
            _ => return Way::unknown(NAME, "/sys/class/tty/console/active"),
        };
        let is_screen = |name: &str| {
            let number = name.strip_prefix("tty");
            number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let is_line =
            |name: &&str| (name.starts_with("tty") || name.starts_with("hvc")) && !is_screen(name);
        let lines: Vec<_> = consoles.split([' ', '\n']).filter(is_line).collect();
        if lines.is_empty() {
            let advice = "restart with console=tty0 console=ttyS0,115200";
            return Way::missing(NAME, "no console is a serial line", advice);
        }
        Way::ready(NAME, format!("the log goes to {}", lines.join(", ")))
    }

    fn restart(&self) -> Way {
        const NAME: &str = "restart";
        const SETTING: &str = "/proc/sys/kernel/panic";
        let seconds = match self.file("proc/sys/kernel/panic") {
            Found::Text(seconds) => seconds.parse::<i64>().ok(),
            Found::Missing | Found::Unreadable => None,
        };
        match seconds {
            Some(0) => Way::missing(
                NAME,
                "the machine hangs after a panic",
                "sysctl kernel.panic=10 has it restart after 10 s",
            ),
            Some(..0) => Way::ready(NAME, "the machine restarts at once after a panic"),
            Some(seconds) => Way::ready(
                NAME,
                format!("the machine restarts {seconds} s after a panic"),
            ),
            None => Way::unknown(NAME, SETTING),
        }
    }
}

/// What is kept can be read only where it is mounted.
fn mounted(way: Way, is_mounted: bool) -> Way {
    const MOUNT: &str = "to read it, mount -t pstore pstore /sys/fs/pstore";
    match is_mounted {
        true => way,
        false => Way {
            text: format!("{}, and is not mounted", way.text),
            advice: way.advice.or(Some(MOUNT)),
            ..way
        },
    }
}

fn is_missing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}
