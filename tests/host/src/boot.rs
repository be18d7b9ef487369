// SPDX-License-Identifier: GPL-2.0

//! Boots a guest, reports its cases as they come, and judges the boot and its console.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{anyhow, Context, Result};
use rustix::fs::{mknodat, FileType, Mode, CWD};
use rustix::process::{kill_process, Pid, Signal};

use crate::args::Args;
use crate::qmp::Qmp;
use crate::results::{self, Heard, Results};
use crate::{console, races};

/// How often it is looked for new results.
const POLL: Duration = Duration::from_millis(200);

/// A guest, and where what belongs to it is.
struct Guest {
    /// What cases are called by, besides their name.
    label: String,
    /// The command that boots it, without the files that are made for each boot.
    vm: Vec<String>,
    /// What its first disk has when a boot begins.
    disk: PathBuf,
    /// For files of one boot.
    dir: PathBuf,
    /// Where the console is kept. Another run at the same time has a console of its own.
    kept: PathBuf,
}

/// How a boot has ended.
struct Boot {
    results: Results,
    status: i32,
    console: Vec<String>,
}

pub fn command(mut args: Args) -> Result<bool> {
    let guest = Guest {
        label: args.value("--label")?,
        disk: args.value("--disk")?.into(),
        dir: args.value("--dir")?.into(),
        kept: args.value("--kept")?.into(),
        vm: args.command()?,
    };
    let boots = args.value("--boots")?;
    let looks_for_races = args.switch("--kcsan");
    args.exactly([])?;

    let boot = guest.boot_twice_at_most()?;
    let line = results::boot_line(boot.results.seen, boot.results.identity.as_deref());
    let mut file = OpenOptions::new().append(true).create(true).open(&boots)?;
    file.write_all(line.as_bytes()).context(boots)?;
    for line in boot.verdict(
        &guest.label,
        &guest.kept.display().to_string(),
        looks_for_races,
    ) {
        say(&line);
    }
    Ok(true)
}

fn say(line: &str) {
    // Without a reader there is nothing left to do, and this process is about to be ended.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// How long a guest may take until its first case. An emulator with several threads may hang on a busy
/// host before that, in the kernel's own boot.
const TIME_TO_BOOT: Duration = Duration::from_secs(600);

impl Guest {
    /// Boots, and once more when the guest has died before its first case: whatever happened so early
    /// has nothing to do with what is tested.
    fn boot_twice_at_most(&self) -> Result<Boot> {
        let boot = self.boot()?;
        if boot.results.planned.is_some() {
            return Ok(boot);
        }
        say(&format!(
            "# the guest ended before its first case (QEMU's status {}; 124: out of time); booting once more. Its console ended with:",
            boot.status
        ));
        for line in tail(&boot.console, 5) {
            say(&line);
        }
        let mut first = self.kept.clone().into_os_string();
        first.push(".first");
        fs::rename(&self.kept, first).context("the console of the first boot")?;
        self.boot()
    }

    fn boot(&self) -> Result<Boot> {
        let [ext4, empty, control, console, port] =
            ["ext4.disk", "empty.disk", "control", "console", "results"]
                .map(|name| self.dir.join(name));
        // No boot has written to these yet.
        fs::copy(&self.disk, &ext4).with_context(|| self.disk.display().to_string())?;
        File::create(&empty)?.set_len(256 << 20)?;
        for end in ["in", "out"] {
            make_pipe(&control.with_extension(end))?;
        }
        for file in [&console, &port] {
            File::create(file).with_context(|| file.display().to_string())?;
        }
        let mut vm = Command::new(&self.vm[0])
            .args([Path::new("--disk"), &ext4, Path::new("--disk"), &empty])
            .args([Path::new("--control"), &control])
            .args([Path::new("--console"), &console, Path::new("--port"), &port])
            .args(&self.vm[1..])
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| self.vm[0].clone())?;
        let results = self.follow(&mut vm, &port, &control)?;
        let status = code(vm.wait()?);
        fs::copy(&console, &self.kept).with_context(|| self.kept.display().to_string())?;
        Ok(Boot {
            results,
            status,
            console: console::lines(&fs::read(&console)?),
        })
    }

    /// Reports what the guest says until it has ended.
    fn follow(&self, vm: &mut Child, port: &Path, control: &Path) -> Result<Results> {
        let mut results = Results::default();
        let mut port = File::open(port)?;
        let mut text = Vec::new();
        let mut must_be_up = Some(Instant::now() + TIME_TO_BOOT);
        loop {
            // What was written before it ended is there to be read then.
            let has_ended = vm.try_wait()?.is_some();
            if results.planned.is_some() {
                must_be_up = None;
            } else if must_be_up.is_some_and(|time| Instant::now() > time) && !has_ended {
                must_be_up = None;
                say(&format!("# the guest is not up after {TIME_TO_BOOT:?}"));
                Qmp::open(control)?.execute("quit")?;
            }
            port.read_to_end(&mut text)?;
            while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = text.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line[..end]);
                match results.hear(&line, &self.label) {
                    Heard::Nothing => (),
                    Heard::Say(line) => say(&line),
                    Heard::Freeze(time) => self.still(
                        freeze(vm.id(), time),
                        "the guest stands still",
                        "QEMU could not be stopped",
                    ),
                    Heard::Pause(time) => self.still(
                        pause(control, time),
                        "the guest is paused",
                        "QEMU did not do as it was told",
                    ),
                }
            }
            if has_ended {
                return Ok(results);
            }
            sleep(POLL);
        }
    }

    /// Reports that the guest could not be made to stand still.
    fn still(&self, result: Result<()>, what: &str, why: &str) {
        if let Err(error) = result {
            say(&format!("not ok {what} ({}): {why}: {error:#}", self.label));
        }
    }
}

impl Boot {
    /// What is to be said of it when its cases were reported.
    fn verdict(&self, label: &str, kept: &str, looks_for_races: bool) -> Vec<String> {
        let whole = format!("# the whole console is {kept}");
        let mut said = Vec::new();
        match self.results.verdict(self.status, label) {
            Some(Ok(line)) => said.push(line),
            Some(Err(line)) => {
                said.push(line);
                said.extend(tail(&self.console, 20));
                said.push(whole.clone());
            }
            None => (),
        }
        if looks_for_races {
            said.extend(races::judge(&self.console, label, kept));
        }
        let mut complaints = console::complaints(&self.console, looks_for_races).peekable();
        if complaints.peek().is_some() {
            said.push(format!("not ok console is clean ({label})"));
            said.extend(complaints.take(20).map(|line| format!("# {line}")));
            said.push(whole);
        } else {
            said.push(format!("ok console is clean ({label})"));
        }
        said
    }
}

/// The last lines of a console, as notes.
fn tail(console: &[String], count: usize) -> impl Iterator<Item = String> + '_ {
    let from = console.len().saturating_sub(count);
    console[from..].iter().map(|line| format!("# {line}"))
}

/// The status as a shell has it.
fn code(status: ExitStatus) -> i32 {
    let signal = status.signal().map(|signal| 128 + signal);
    status.code().or(signal).unwrap_or(-1)
}

/// Makes a named pipe afresh.
pub fn make_pipe(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => (),
    }
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
        .with_context(|| path.display().to_string())
}

/// Keeps QEMU, the child of the process `vm`, from running, while the guest's clock goes on.
fn freeze(vm: u32, time: Duration) -> Result<()> {
    let qemu = child_of(vm)?;
    kill_process(qemu, Signal::STOP)?;
    sleep(time);
    Ok(kill_process(qemu, Signal::CONT)?)
}

fn child_of(parent: u32) -> Result<Pid> {
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // One that has ended meanwhile is none.
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if parent_in(&stat) == Some(parent) {
            return Pid::from_raw(pid).context("a process has the number 0");
        }
    }
    Err(anyhow!("process {parent} has no child"))
}

/// The parent's number in the text of a process's `stat`.
fn parent_in(stat: &str) -> Option<u32> {
    // The name, in parentheses, may have any character.
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok()
}

/// Stops the guest with its clock.
fn pause(control: &Path, time: Duration) -> Result<()> {
    let stopped = Qmp::open(control).and_then(|mut qmp| qmp.execute("stop"));
    sleep(time);
    // Also when QEMU's answer was not heard, lest the guest stand still until its time is over.
    Qmp::open(control)?.execute("cont")?;
    stopped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boot(transcript: &str, status: i32, console: &str) -> Boot {
        let mut results = Results::default();
        for line in transcript.lines() {
            results.hear(line, "smp 1");
        }
        Boot {
            results,
            status,
            console: console::lines(console.as_bytes()),
        }
    }

    #[test]
    fn a_good_boot() {
        let boot = boot("plan 1\nok a\ndone\n", 0, "[    0.0] Linux version 7\r\n");
        assert_eq!(
            boot.verdict("smp 1", "/log", false),
            ["ok all cases ran (smp 1)", "ok console is clean (smp 1)"]
        );
        assert_eq!(
            boot.verdict("smp 1", "/log", true),
            [
                "ok all cases ran (smp 1)",
                "# KCSAN reported 0 data races of the kernel alone",
                "ok no data race in the module (smp 1)",
                "ok console is clean (smp 1)"
            ]
        );
    }

    #[test]
    fn a_boot_that_panicked() {
        let boot = boot("", 0, include_str!("../fixtures/console/panicked.txt"));
        let said = boot.verdict("smp 1", "/log", false);
        assert_eq!(
            said[0],
            "not ok all cases ran (smp 1): 0 of an unknown number, QEMU's status 0 (124: out of time)"
        );
        assert!(
            said[20].starts_with("# [") && said[20].contains("Kernel Offset"),
            "{}",
            said[20]
        );
        assert_eq!(said[21], "# the whole console is /log");
        assert_eq!(said[22], "not ok console is clean (smp 1)");
        assert_eq!(said.len(), 26);
    }

    #[test]
    fn the_kernels_races_are_no_complaints_and_ours_are_reported() {
        let transcript = "plan 1\nok a\ndone\n";
        let others = boot(transcript, 0, include_str!("../fixtures/races/others.txt"));
        let said = others.verdict("kcsan", "/log", true);
        assert_eq!(said.last().unwrap(), "ok console is clean (kcsan)");
        let ours = boot(transcript, 0, include_str!("../fixtures/races/ours.txt"));
        let said = ours.verdict("kcsan", "/log", true);
        assert!(said.contains(&"not ok no data race in the module (kcsan): 2 reports".to_string()));
    }

    #[test]
    fn the_parent_of_a_process_with_any_name() {
        assert_eq!(parent_in("12 (a) b) S 34 5 6"), Some(34));
        assert_eq!(parent_in(""), None);
    }

    #[test]
    fn a_child_is_found() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        // Other tests may have children at the same time.
        let found = child_of(std::process::id()).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found.as_raw_nonzero().get() > 0);
        assert!(child_of(u32::MAX).is_err());
    }

    #[test]
    fn a_status_is_that_of_a_shell() {
        let status = |script: &str| code(Command::new("sh").args(["-c", script]).status().unwrap());
        assert_eq!(status("exit 3"), 3);
        assert_eq!(status("kill -9 $$"), 137);
    }
}
