// SPDX-License-Identifier: GPL-2.0

//! The kernel's own modules that the tests need, loaded from the initramfs.
//!
//! A kernel that has them built in comes with an empty list, and there is nothing to do.

use std::ffi::CString;
use std::fs::{self, File};
use std::path::Path;

use anyhow::{ensure, Context, Result};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::system::{delete_module, finit_module};

/// Holds the modules, and a list of them in which each comes after those that it needs.
const FOLDER: &str = "/modules";

/// The modules' files in the order in which they can be loaded.
fn files() -> Result<Vec<String>> {
    let list = format!("{FOLDER}/order");
    let list = fs::read_to_string(&list).context(list)?;
    Ok(list.lines().map(str::to_string).collect())
}

/// Loads all modules that are not loaded yet.
pub fn load_all() -> Result<()> {
    let command_line = fs::read_to_string("/proc/cmdline")?;
    for file in files()? {
        let path = format!("{FOLDER}/{file}");
        let parameters = CString::new(parameters(name(&file), &command_line))?;
        match finit_module(File::open(&path).context(path.clone())?, &parameters, 0) {
            Err(Errno::EXIST) => (),
            result => result.with_context(|| format!("insmod {path} {parameters:?}"))?,
        }
    }
    Ok(())
}

/// How often a module is used, or `None` where it is built in.
pub fn uses(module: &str) -> Result<Option<u64>> {
    let path = format!("/sys/module/{module}/refcnt");
    if !Path::new(&path).exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(&path).context(path.clone())?;
    let uses = text.trim().parse();
    uses.map(Some)
        .with_context(|| format!("{path} is {text:?}, expected a number"))
}

/// Unloads a module that is not used, and loads it again.
pub fn reload(module: &str) -> Result<()> {
    let name = CString::new(module)?;
    delete_module(&name, OFlags::NONBLOCK.bits() as _)
        .with_context(|| format!("rmmod {module}"))?;
    let left = uses(module)?;
    ensure!(
        left.is_none(),
        "{module} is still there after rmmod, with a use count of {left:?}, expected it to be gone"
    );
    load_all()
}

/// The name of the module in a file: the kernel has no dashes in these.
fn name(file: &str) -> &str {
    file.strip_suffix(".ko").unwrap_or(file)
}

/// The parameters of a module on the kernel's command line, as modprobe would give them.
fn parameters(module: &str, command_line: &str) -> String {
    let plain = |name: &str| name.replace('-', "_");
    let mut parameters = Vec::new();
    for word in command_line.split_ascii_whitespace() {
        if let Some((of, parameter)) = word.split_once('.') {
            if plain(of) == plain(module) {
                parameters.push(parameter);
            }
        }
    }
    parameters.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_on_the_command_line() {
        let line = "quiet null_blk.nr_devices=0 null-blk.gb=1 loop.max_loop=4 x=null_blk.y\n";
        assert_eq!(parameters("null_blk", line), "nr_devices=0 gb=1");
        assert_eq!(parameters("loop", line), "max_loop=4");
        assert_eq!(parameters(name("ext4.ko"), line), "");
    }
}
