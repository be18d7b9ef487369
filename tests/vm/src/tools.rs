// SPDX-License-Identifier: GPL-2.0

//! Busybox, for what takes an ioctl, which this program cannot do itself.

use std::process::{Child, Command, Stdio};

use anyhow::{ensure, Context, Result};

const BUSYBOX: &str = "/bin/busybox";

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
        "{}: {}, {}",
        words.join(" "),
        output.status,
        errors.trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
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
