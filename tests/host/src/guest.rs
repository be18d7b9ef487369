// SPDX-License-Identifier: GPL-2.0

//! A guest whose end is part of the test, and what it leaves.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Context, Result};

use crate::boot::make_pipe;
use crate::console;
use crate::qmp::Qmp;

/// How often it is looked for what the guest says.
const POLL: Duration = Duration::from_millis(50);

/// A guest that runs, with files of its own in a folder.
pub struct Running {
    vm: Child,
    control: PathBuf,
    port: PathBuf,
}

impl Running {
    /// Where the console of a guest is that has its files in `dir`.
    pub fn console(dir: &Path) -> PathBuf {
        dir.join("console")
    }

    /// What a guest has said on its port that has its files in `dir`.
    pub fn said(dir: &Path) -> Result<Vec<String>> {
        Ok(console::lines(&fs::read(dir.join("port"))?))
    }

    /// Boots it by the command `vm`, with these disks in front of those that this names, and files in `dir`.
    pub fn start(dir: &Path, disks: &[&Path], vm: &[String]) -> Result<Self> {
        let [control, port] = ["control", "port"].map(|name| dir.join(name));
        let console = Self::console(dir);
        for end in ["in", "out"] {
            make_pipe(&control.with_extension(end))?;
        }
        for file in [&console, &port] {
            File::create(file)?;
        }
        let vm = Command::new(&vm[0])
            .args(disks.iter().flat_map(|disk| [Path::new("--disk"), disk]))
            .args(&vm[1..])
            .args([Path::new("--control"), &control])
            .args([Path::new("--console"), &console, Path::new("--port"), &port])
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| vm[0].clone())?;
        Ok(Self { vm, control, port })
    }

    /// Waits until it has said a line.
    pub fn wait_for(&mut self, line: &str, patience: Duration) -> Result<()> {
        let start = Instant::now();
        let is_said = |text: &[u8]| console::lines(text).iter().any(|said| said == line);
        while !is_said(&fs::read(&self.port)?) {
            if let Some(status) = self.vm.try_wait()? {
                bail!("the guest ended before it was {line}: {status}");
            }
            if start.elapsed() > patience {
                self.vm.kill()?;
                bail!("the guest is not {line} after {patience:?}");
            }
            sleep(POLL);
        }
        Ok(())
    }

    /// Has QEMU do something about it.
    pub fn execute(&self, command: &str) -> Result<()> {
        Qmp::open(&self.control)?.execute(command)
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Result<()> {
        let status = self.vm.wait()?;
        ensure!(
            status.success(),
            "the guest did not end by itself: {status}"
        );
        Ok(())
    }
}

/// Unpacks a disk that is a tar file. Returns the folder.
pub fn unpack(disk: &Path, folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let mut tar = Command::new("tar")
        // The guest's clock may be ahead.
        .arg("--warning=no-timestamp")
        .args([Path::new("-C"), folder, Path::new("-x"), Path::new("-f")])
        .arg(disk)
        .spawn()?;
    let name = disk.display();
    ensure!(tar.wait()?.success(), "the guest sent nothing as {name}");
    Ok(folder.into())
}

/// The records that a file has, as the module made them, and what there is to say of the file.
pub fn raw_records(resmon: &str, file: &Path) -> Result<(Vec<u8>, String)> {
    let raw = file.with_extension("raw");
    let output = Command::new(resmon)
        .args(["record", "--raw"])
        .arg(&raw)
        .arg("--from")
        .arg(file)
        .output()
        .context("resmon")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(
        output.status.success(),
        "resmon record --from {}: {said}",
        file.display()
    );
    let bytes = fs::read(&raw)?;
    fs::remove_file(&raw)?;
    Ok((bytes, said))
}
