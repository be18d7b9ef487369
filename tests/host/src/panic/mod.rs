// SPDX-License-Identifier: GPL-2.0

//! Boots a guest that dies, and judges what its module said of that.

mod judge;
mod kept;
mod said;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use anyhow::{ensure, Context, Result};

use crate::args::Args;
use crate::console;
use crate::guest::{unpack, Running};
use judge::{Kind, Recorded};
use kept::Keeper;
use said::Said;

/// How long after the guest is ready it is interrupted, at most.
const MAX_DELAY_MS: u128 = 1500;

/// How long a guest may take until it is ready.
const TIME_TO_BE_READY: Duration = Duration::from_secs(500);

pub fn command(mut args: Args) -> Result<bool> {
    let label = args.value("--label")?;
    let dir = PathBuf::from(args.value("--dir")?);
    let resmon = args.value("--resmon")?;
    let kept = args.value("--kept")?;
    let by_nmi = args.switch("--nmi");
    let starved = args.switch("--starved");
    let may_be_gone = args.switch("--may-be-gone");
    let keeper = Keeper::of(&mut args);
    let vm = args.command()?;
    args.exactly([])?;
    let kind = match (by_nmi, starved) {
        (true, _) => Kind::Interrupted,
        (false, true) => Kind::Starved,
        (false, false) => Kind::Usual,
    };
    let guest = Guest {
        dir: &dir,
        resmon: &resmon,
        kind,
        may_be_gone,
        keeper,
        vm: &vm,
    };
    let mut result = guest.run();
    // An emulator with several threads may fail in the kernel's own boot.
    if result.is_err() && !fs::read_to_string(dir.join("port"))?.contains("booted") {
        println!("# {label}: the guest did not boot; once more");
        result = guest.run();
    }
    fs::copy(dir.join("console"), &kept).context(kept)?;
    match &result {
        Ok(told) => println!("ok {label} # {told}"),
        Err(error) => {
            println!("not ok {label}: {error:#}");
            let console = fs::read(dir.join("console")).unwrap_or_default();
            for line in console::lines(&console) {
                println!("# {line}");
            }
        }
    }
    Ok(true)
}

/// A guest that is to die.
struct Guest<'a> {
    /// Where its files are.
    dir: &'a Path,
    /// The program `resmon`.
    resmon: &'a str,
    kind: Kind,
    /// Whether the module may be unloaded when it dies.
    may_be_gone: bool,
    /// What keeps something of it; none when it is over with the panic.
    keeper: Option<Keeper>,
    /// The command that boots it.
    vm: &'a [String],
}

impl Guest<'_> {
    /// Lets it die, and judges what is left. Returns what there is to say of that.
    fn run(&self) -> Result<String> {
        let [out, kept] = ["out.disk", "kept.disk"].map(|name| self.dir.join(name));
        let console = Running::console(self.dir);
        File::create(&out)?.set_len(16 << 20)?;
        File::create(&kept)?.set_len(1 << 30)?;
        let mut running = Running::start(self.dir, &[&out, &kept], self.vm)?;
        running.wait_for("ready", TIME_TO_BE_READY)?;
        let mut delay_ms = None;
        if self.kind == Kind::Interrupted {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
            let ms = u64::try_from(now.as_nanos() / 1000 % MAX_DELAY_MS)?;
            sleep(Duration::from_millis(ms));
            running.execute("inject-nmi")?;
            delay_ms = Some(ms);
        }
        running.wait()?;
        let said = Running::said(self.dir)?;
        ensure!(
            !said.iter().any(|line| line.contains("did not die")),
            "the guest did not die"
        );
        // Programs complain there, and firmware clears the screen.
        for line in said.iter().filter(|line| !line.contains('\x1b')) {
            if !["", "booted", "ready"].contains(&line.as_str()) {
                println!("# {line}");
            }
        }
        let recording = unpack(&out, self.dir)?.join("last.rec");
        let kept = match self.keeper {
            Some(_) => Some(unpack(&kept, &self.dir.join("kept"))?),
            None => None,
        };
        if let (Some(Keeper::Kdump), Some(kept)) = (self.keeper, &kept) {
            return kept::judge_dump(self.resmon, &recording, kept);
        }

        let said = Said::of(&console::lines(&fs::read(&console)?))?;
        let mut told = format!("{} bytes in {} us", said.bytes, said.took_us);
        if let Some(ms) = delay_ms {
            told.push_str(&format!(", {ms} ms after it was ready"));
        }
        // Somebody may just have taken the module away.
        if self.may_be_gone && said.samples.is_empty() {
            ensure!(said.open.is_empty(), "there is an event, but no sample");
            return Ok(told);
        }
        ensure!(!said.samples.is_empty(), "there is no sample");
        let recorded = Recorded::read(self.resmon, &recording)?;
        said.judge(&recorded, self.kind)?;
        for text in [Some(&console), kept.as_ref()].into_iter().flatten() {
            let read = Recorded::read(self.resmon, text)?;
            let read = said.judge_reading(&read);
            read.with_context(|| text.display().to_string())?;
        }
        if let Some(kept) = &kept {
            told.push_str(&format!(", kept in {} files", fs::read_dir(kept)?.count()));
        }
        Ok(told)
    }
}
