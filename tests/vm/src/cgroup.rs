// SPDX-License-Identifier: GPL-2.0

//! Control groups (version 2), which are mounted at the usual place.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// Where main.rs mounts them.
pub const ROOT: &str = "/sys/fs/cgroup";

/// Which controllers the cgroups below the root have.
const SUBTREE_CONTROL: &str = "/sys/fs/cgroup/cgroup.subtree_control";

/// How often the removal of a cgroup is tried, 20 ms apart.
const TRIES: u32 = 100;

/// Whether this kernel can limit the memory of a cgroup.
pub fn has_memory() -> bool {
    fs::read_to_string(format!("{ROOT}/cgroup.controllers"))
        .is_ok_and(|controllers| controllers.split_ascii_whitespace().any(|c| c == "memory"))
}

/// Whether there is none but the root.
pub fn is_none_but_root() -> Result<bool> {
    for entry in fs::read_dir(ROOT).context(ROOT)? {
        if entry?.file_type()?.is_dir() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A cgroup right below the root. It is removed when this goes out of scope, with its processes.
pub struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    pub fn create(name: &str) -> Result<Cgroup> {
        let path = Path::new(ROOT).join(name);
        fs::create_dir(&path).with_context(|| path.display().to_string())?;
        Ok(Cgroup { path })
    }

    /// One that a controller can limit, such as that of memory.
    pub fn with(controller: &str, name: &str) -> Result<Cgroup> {
        fs::write(SUBTREE_CONTROL, format!("+{controller}"))
            .with_context(|| format!("expected the controller {controller}"))?;
        Cgroup::create(name)
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What one of its files has.
    pub fn get(&self, file: &str) -> Result<String> {
        let path = self.path.join(file);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(text.trim().to_string())
    }

    /// Writes one of its files, such as `memory.max`.
    pub fn set(&self, file: &str, value: &str) -> Result<()> {
        let path = self.path.join(file);
        fs::write(&path, value).with_context(|| format!("{value} to {}", path.display()))
    }

    /// Moves a process here.
    pub fn take_in(&self, process: u32) -> Result<()> {
        self.set("cgroup.procs", &process.to_string())
    }

    /// Removes it, once its processes are gone.
    pub fn remove(self) -> Result<()> {
        let path = self.path.clone();
        drop(self);
        anyhow::ensure!(
            !path.exists(),
            "{} is still there after {TRIES} tries to remove it, expected it to be gone",
            path.display()
        );
        Ok(())
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Processes that were killed leave a little later.
        for _ in 0..TRIES {
            let _ = self.set("cgroup.kill", "1");
            if fs::remove_dir(&self.path).is_ok() {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        // What is not in use any more is not there for the next case.
        for controller in fs::read_to_string(SUBTREE_CONTROL)
            .unwrap_or_default()
            .split_whitespace()
        {
            let _ = fs::write(SUBTREE_CONTROL, format!("-{controller}"));
        }
    }
}
