// SPDX-License-Identifier: GPL-2.0

//! Programs of others: busybox, for what takes an ioctl, which this program cannot do itself, and
//! Debian's on a disk that some boots have.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use anyhow::{ensure, Context, Result};
use rustix::mount::{mount, MountFlags};

const BUSYBOX: &str = "/bin/busybox";

/// Where the disk with programs is mounted, which are run with `chroot`.
pub const PROGRAMS: &str = "/programs";

/// Mounts the disk with programs, if there is one.
pub fn mount_programs() -> Result<()> {
    let disk = "/dev/vdc";
    if Path::new(disk).exists() {
        fs::create_dir_all(PROGRAMS)?;
        mount(disk, PROGRAMS, "ext4", MountFlags::RDONLY, None).context(disk)?;
        let folders = [
            ("tmpfs", "tmp"),
            ("proc", "proc"),
            ("sysfs", "sys"),
            ("devtmpfs", "dev"),
            ("tmpfs", "dev/shm"),
        ];
        for (kind, name) in folders {
            let path = format!("{PROGRAMS}/{name}");
            // The one that the disk does not have.
            let _ = fs::create_dir(&path);
            mount(kind, &path, kind, MountFlags::empty(), None).context(path)?;
        }
    }
    Ok(())
}

/// Whether the disk with programs is there and has this one.
pub fn has_program(name: &str) -> bool {
    Path::new(PROGRAMS).join(name).exists()
}

/// Runs an applet with its arguments, and gives what it printed.
pub fn busybox(words: &[&str]) -> Result<String> {
    let output = Command::new(BUSYBOX)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .context(BUSYBOX)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{} ended with {}, expected success; it printed {:?}",
        words.join(" "),
        output.status,
        errors.trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// All that a program has written.
pub fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes))
        .concat()
}

/// An applet that runs until this goes out of scope.
pub struct Running(Child);

impl Running {
    pub fn start(words: &[&str]) -> Result<Running> {
        let child = Command::new(BUSYBOX)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| words.join(" "))?;
        Ok(Running(child))
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
