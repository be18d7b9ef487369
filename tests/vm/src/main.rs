// SPDX-License-Identifier: GPL-2.0

//! The `/init` of the guest in which the module is tested.
//!
//! It runs the cases one after the other, reports them on the second serial port, and powers off:
//! `plan N`, then `ok NAME` or `not ok NAME: why` for each case, and `done`. Lines that start with
//! `# ` tell how far it is. `tests/host/src/results.rs` reads all of it.

mod blockdev;
mod busiest;
mod cases;
mod cgroup;
mod child;
mod drivers;
mod elapsed;
mod fuse;
mod kmsg;
mod kthread;
mod lines;
mod load;
mod messages;
mod module;
mod netlink;
mod proc;
mod readers;
mod readings;
mod realtime;
mod terminal;
mod tools;
mod trace;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{anyhow, bail, ensure, Context, Result};
use rustix::mount::{mount, MountFlags};
use rustix::process::setpriority_process;
use rustix::system::{reboot, RebootCommand};
use rustix::termios::{tcdrain, tcgetattr, tcsetattr, OptionalActions};

use cases::{Case, Clock, Guest, Needs, Plan, Wanted};
use kmsg::Log;

/// The first port beside that of the console.
const PORT_PATH: &str = if cfg!(target_arch = "x86_64") {
    "/dev/ttyS1"
} else {
    "/dev/ttyS0"
};

/// The port that the host reads the results from.
static PORT: Mutex<Option<File>> = Mutex::new(None);

fn report(line: &str) {
    let mut port = PORT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(port) = port.as_mut() {
        // One write per line keeps lines whole. There is nowhere to report a failure to.
        let _ = port.write_all(format!("{}\n", line.replace('\n', " | ")).as_bytes());
    }
}

fn main() -> ExitCode {
    if std::process::id() != 1 {
        return child::play().unwrap_or_else(|| {
            eprintln!("vmtest: this is the init of a test guest and does nothing elsewhere");
            ExitCode::from(2)
        });
    }
    if let Err(error) = run() {
        eprintln!("vmtest: {error:#}");
        report(&format!("# cannot go on: {error:#}"));
        report_messages();
    }
    if let Some(port) = PORT.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
        // Powering off would drop what the port has not sent yet.
        let _ = tcdrain(port);
    }
    rustix::fs::sync();
    let _ = reboot(RebootCommand::PowerOff);
    ExitCode::FAILURE
}

fn run() -> Result<()> {
    mount_all()?;
    let port = OpenOptions::new()
        .write(true)
        .open(PORT_PATH)
        .context(PORT_PATH)?;
    // Otherwise the terminal would end lines with a carriage return too.
    let mut mode = tcgetattr(&port)?;
    mode.make_raw();
    tcsetattr(&port, OptionalActions::Now, &mode)?;
    *PORT.lock().unwrap_or_else(PoisonError::into_inner) = Some(port);

    messages::keep()?;

    let log = Log::start()?;
    // The tests must get to run beside the loads that they start.
    setpriority_process(None, -10).context("nice -10")?;
    silence_panics();

    let command_line = fs::read_to_string("/proc/cmdline")?;
    let guest = Guest::new(log, &command_line)?;
    if guest.has(Needs::Drivers) {
        drivers::load_all().context("the drivers")?;
        tools::mount_programs()?;
    }
    let wanted = match (
        word(&command_line, "vmtest.only="),
        word(&command_line, "vmtest.set="),
    ) {
        (Some(words), _) => Wanted::Named(words),
        (None, Some(set)) => {
            ensure!(
                set == "essential",
                "vmtest.set is '{set}', expected essential"
            );
            Wanted::Essential
        }
        (None, None) => Wanted::All,
    };
    let (mut cases, mut skipped) = (Vec::new(), Vec::new());
    for plan in cases::plan(&guest, &wanted) {
        match plan {
            Plan::Run(case) => cases.push(case),
            Plan::Skip(case, missing) => skipped.push((case, missing)),
        }
    }
    // The one that runs whatever is asked for has nothing to look back at.
    if cases.len() + skipped.len() == 1 {
        cases.clear();
    }
    report(&format!("plan {}", cases.len() + skipped.len()));
    for (case, missing) in skipped {
        report(&format!("skip {}: the guest lacks {missing}", case.name));
    }
    for case in cases {
        let start = Instant::now();
        let result = run_case(&case, &guest);
        report(&format!("# {:.1} s", start.elapsed().as_secs_f64()));
        match result {
            Ok(()) => report(&format!("ok {}", case.name)),
            Err(error) => {
                report(&format!("not ok {}: {error:#}", case.name));
                report_messages();
            }
        }
    }
    report("done");
    Ok(())
}

/// Tells what the programs of a case that failed have written.
fn report_messages() {
    for line in messages::take() {
        report(&format!("# written: {line}"));
    }
}

fn mount_all() -> Result<()> {
    let required = [
        ("proc", "/proc"),
        ("sysfs", "/sys"),
        ("devtmpfs", "/dev"),
        ("tmpfs", "/tmp"),
    ];
    for (kind, path) in required {
        fs::create_dir_all(path).with_context(|| path.to_string())?;
        match mount(kind, path, kind, MountFlags::empty(), None) {
            // A kernel with DEVTMPFS_MOUNT or an initramfs may have been here first.
            Err(rustix::io::Errno::BUSY) => (),
            result => result.with_context(|| format!("mount {path}"))?,
        }
    }
    for (kind, path) in [
        ("debugfs", "/sys/kernel/debug"),
        ("tracefs", trace::ROOT),
        ("cgroup2", cgroup::ROOT),
    ] {
        if Path::new(path).exists() {
            mount(kind, path, kind, MountFlags::empty(), None)
                .with_context(|| format!("mount {path}"))?;
        }
    }
    Ok(())
}

/// What follows a word such as `vmtest.only=` on the kernel's command line.
fn word(command_line: &str, name: &str) -> Option<String> {
    // The kernel keeps quotes, which allow a blank in the value.
    let (_, rest) = command_line.split_once(name)?;
    let value = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split_ascii_whitespace().next(),
    };
    value.map(str::to_string)
}

/// The size in `SIZE:ALIGNMENT:resmon`, if it is memory for the history.
fn reserved_kb(value: &str) -> u64 {
    let size = value
        .split(':')
        .next()
        .filter(|_| value.ends_with(":resmon"));
    let kb = |size: &str| match size.strip_suffix('M') {
        Some(mb) => mb.parse::<u64>().map(|mb| mb << 10),
        None => size.trim_end_matches('K').parse(),
    };
    size.and_then(|size| kb(size).ok()).unwrap_or(0)
}

/// A panic becomes the failure of its case, so its message need not go to the console as well.
fn silence_panics() {
    panic::set_hook(Box::new(|info| report(&format!("# {info}"))));
}

fn run_case(case: &Case, guest: &Guest) -> Result<()> {
    // What the case before has written is of no use any more.
    messages::take();
    let start = guest.log.mark(&cases::kernel::mark_of_case(case.name))?;
    let result = panic::catch_unwind(AssertUnwindSafe(|| {
        guest.ensure_has(case.needs)?;
        (case.run)(guest)
    }))
    .unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(anyhow!("panic: {}", text.unwrap_or("without a message")))
    });
    let cleanup = clean_up(guest);
    // The last case fails for these; here one sees what caused them.
    for line in cases::kernel::reports(case.name, &guest.log.since(start)?) {
        report(&format!("# kernel: {line}"));
    }
    result?;
    cleanup.context("the case left something behind")
}

/// Gives the next case a guest as it was.
fn clean_up(guest: &Guest) -> Result<()> {
    let loaded = module::is_loaded();
    if loaded {
        module::rmmod_patiently()
            .with_context(|| format!("rmmod, tried for up to {:?}", module::PATIENCE))?;
    }
    for cpu in 1..guest.cpus {
        let online = cases::hotplug::online_path(cpu);
        if fs::read_to_string(&online).is_ok_and(|state| state.trim() == "0") {
            fs::write(online, "1").with_context(|| format!("CPU {cpu} stays offline"))?;
        }
    }
    ensure!(!loaded, "the module is loaded, expected it to be unloaded");
    Ok(())
}

impl Guest {
    fn new(log: Arc<Log>, command_line: &str) -> Result<Guest> {
        let cpus = proc::cpu_list(&fs::read_to_string("/sys/devices/system/cpu/online")?)?;
        let clock = match word(command_line, "vmtest.clock=").as_deref() {
            Some("instructions") => Clock::Instructions,
            Some("host") => Clock::Host,
            other => bail!("vmtest.clock is {other:?}, expected instructions or host"),
        };
        Ok(Guest {
            log,
            has_small_log: word(command_line, "log_buf_len=").as_deref() == Some("128K"),
            reserved_kb: word(command_line, "reserve_mem=").map_or(0, |value| reserved_kb(&value)),
            cpus: cpus.len() as u32,
            clock,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{reserved_kb, word};

    #[test]
    fn reserved_memory_is_read_from_the_command_line() {
        assert_eq!(reserved_kb("4M:4096:resmon"), 4096);
        assert_eq!(reserved_kb("64K:4096:resmon"), 64);
        assert_eq!(reserved_kb("4M:4096:oops"), 0);
        assert_eq!(reserved_kb("x:4096:resmon"), 0);
    }

    #[test]
    fn words_are_read_from_the_command_line() {
        let only = |line| word(line, "vmtest.only=");
        assert_eq!(only("quiet"), None);
        assert_eq!(
            only("quiet vmtest.only=swap x=1\n").as_deref(),
            Some("swap")
        );
        assert_eq!(
            only("vmtest.only=\"idle load\" quiet").as_deref(),
            Some("idle load")
        );
    }
}
