// SPDX-License-Identifier: GPL-2.0

//! Boots a guest with reserved memory that ends some times and starts again, and judges what each boot has found
//! of those before.

mod boot;
mod compare;
mod erased;
mod judge;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use anyhow::{ensure, Context, Result};

use crate::args::Args;
use crate::console;
use crate::guest::{unpack, Running};
use boot::Boot;
use judge::{Expected, Judge};

/// How long after the guest is ready it is reset, at most.
const MAX_DELAY_MS: u128 = 700;

/// How long a guest may take until it is ready to be reset.
const TIME_TO_BE_READY: Duration = Duration::from_secs(300);

/// How often it is tried again where the kernel itself came to lie in the reserved memory, which it chooses at
/// random.
const TRIES: u32 = 8;

/// Lines of the console that are shown where a test fails.
const SHOWN: usize = 40;

pub fn command(mut args: Args) -> Result<bool> {
    let label = args.value("--label")?;
    let dir = PathBuf::from(args.value("--dir")?);
    let resmon = args.value("--resmon")?;
    let kept = args.value("--kept")?;
    let expected = Expected::of(&mut args)?;
    let ends: usize = args.value("--ends")?.parse().context("--ends")?;
    let guest = Guest {
        dir: &dir,
        kept: Path::new(&kept),
        ends,
        by_reset: args.switch("--reset"),
        other: args.optional("--other")?.map(PathBuf::from),
        starts: match args.optional("--starts")? {
            Some(starts) => starts.parse().context("--starts")?,
            None => 1,
        },
        disk: args.value("--disk")?.into(),
        vm: &args.command()?,
    };
    args.exactly([])?;
    let judge = Judge {
        resmon: &resmon,
        expected,
    };
    let mut result = Err(anyhow::anyhow!("not tried"));
    for _ in 0..TRIES {
        result = guest.run().and_then(|boots| {
            if let Some(why) = boot::kernel_in_memory(&boots)? {
                println!("# {label}: {why}; once more");
                return Ok(None);
            }
            ensure!(boots.len() == ends + 1, "{} boots", boots.len());
            judge.judge(&boots).map(Some)
        });
        if !matches!(result, Ok(None)) {
            break;
        }
    }
    match result {
        Ok(Some(told)) => println!("ok {label} # {told}"),
        Ok(None) => println!("not ok {label}: the kernel lay in the reserved memory {TRIES} times"),
        Err(error) => {
            println!("not ok {label}: {error:#}");
            let console = console::lines(&fs::read(&kept).unwrap_or_default());
            for line in console.iter().skip(console.len().saturating_sub(SHOWN)) {
                println!("# {line}");
            }
            println!("# the whole console is {kept}");
        }
    }
    Ok(true)
}

/// A guest that ends some times.
struct Guest<'a> {
    /// Where its files are.
    dir: &'a Path,
    /// Where its consoles are kept.
    kept: &'a Path,
    ends: usize,
    /// Whether it is reset, rather than that it ends by itself.
    by_reset: bool,
    /// A folder with another kernel, `vmlinuz` and `initrd`, for each second start of QEMU.
    other: Option<PathBuf>,
    /// How often QEMU is started, as the guest powers off.
    starts: usize,
    /// What its second disk has when it begins.
    disk: PathBuf,
    /// The command that boots it.
    vm: &'a [String],
}

impl Guest<'_> {
    /// Lets it end as often as it is to. Returns what its boots have left.
    fn run(&self) -> Result<Vec<Boot>> {
        let [out, disk] = ["out.disk", "boots.disk"].map(|name| self.dir.join(name));
        File::create(&out)?.set_len(128 << 20)?;
        fs::copy(&self.disk, &disk).with_context(|| self.disk.display().to_string())?;
        File::create(self.kept)?;
        for start in 1..=self.starts {
            let mut vm = self.vm.to_vec();
            if let Some(other) = self.other.as_ref().filter(|_| start % 2 == 0) {
                for (option, name) in [("--kernel", "vmlinuz"), ("--initrd", "initrd")] {
                    vm.extend([option.into(), other.join(name).display().to_string()]);
                }
            }
            let result = self.run_once(&[&out, &disk], &vm);
            let console = fs::read(Running::console(self.dir))?;
            OpenOptions::new()
                .append(true)
                .open(self.kept)?
                .write_all(&console)?;
            result.with_context(|| format!("start {start}"))?;
        }
        let said = Running::said(self.dir)?;
        // Nothing is said in between that is not expected. Firmware clears the screen.
        let is_expected = |line: &String| {
            let word = line.split(' ').next().unwrap_or_default();
            ["", "boot", "ready", "done"].contains(&word) || line.contains('\x1b')
        };
        for line in said.iter().filter(|line| !is_expected(line)) {
            println!("# {line}");
        }
        ensure!(
            said.iter().any(|line| line == "done"),
            "the guest did not come to its last boot"
        );
        let folder = self.dir.join("boots");
        fs::remove_dir_all(&folder).or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
        Boot::all(&unpack(&out, &folder)?)
    }

    fn run_once(&self, disks: &[&Path], vm: &[String]) -> Result<()> {
        let mut running = Running::start(self.dir, disks, vm)?;
        for number in (1..=self.ends).filter(|_| self.by_reset) {
            running.wait_for(&format!("ready {number}"), TIME_TO_BE_READY)?;
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
            sleep(Duration::from_millis(u64::try_from(
                now.as_micros() % MAX_DELAY_MS,
            )?));
            running.execute("system_reset")?;
        }
        running.wait()
    }
}
