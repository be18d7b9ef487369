// SPDX-License-Identifier: GPL-2.0

//! What a boot of the guest has left on its disk: what it has published, and what it has found of others.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{ensure, Context, Result};
use serde_json::Value;

/// Bytes that are reserved, by scripts/test-crash.
const RESERVED_BYTES: u64 = 8 << 20;

pub struct Boot {
    folder: PathBuf,
    /// The first one is 1.
    pub number: usize,
    /// The release of its kernel.
    pub kernel: String,
    /// When it began, by its own clock, in seconds since 1970.
    pub begin_s: f64,
    /// When it was about to end; none of the last one.
    pub ready_s: Option<f64>,
    /// Where the reserved memory is; none where there is none.
    reserved_at: Option<u64>,
    /// Where the kernel is, and what it has reserved for another one.
    kernel_at: Vec<Range<u64>>,
}

impl Boot {
    /// All that a folder has.
    pub fn all(folder: &Path) -> Result<Vec<Self>> {
        let numbers = (1..).take_while(|number| folder.join(number.to_string()).exists());
        numbers
            .map(|number| Self::of(folder.join(number.to_string()), number))
            .collect()
    }

    fn of(folder: PathBuf, number: usize) -> Result<Self> {
        let mut boot = Self {
            folder,
            number,
            kernel: String::new(),
            begin_s: 0.0,
            ready_s: None,
            reserved_at: None,
            kernel_at: Vec::new(),
        };
        boot.kernel = boot.line("kernel")?;
        boot.begin_s = boot.line("begin")?.parse().context("begin")?;
        if boot.has("ready") {
            boot.ready_s = Some(boot.line("ready")?.parse().context("ready")?);
        }
        boot.reserved_at = match boot.line("region") {
            Ok(line) => Some(hexadecimal(line.trim_start_matches("0x"))?),
            Err(_) => None,
        };
        boot.kernel_at = boot
            .text("iomem")?
            .lines()
            .map(range)
            .collect::<Result<_>>()?;
        Ok(boot)
    }

    /// What a file of it is called.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    pub fn text(&self, name: &str) -> Result<String> {
        fs::read_to_string(self.path(name))
            .with_context(|| format!("{name} of boot {}", self.number))
    }

    /// The one line of a file.
    fn line(&self, name: &str) -> Result<String> {
        let text = self.text(name)?;
        let line = text.trim();
        ensure!(!line.is_empty(), "{name} of boot {} is empty", self.number);
        Ok(line.to_string())
    }

    /// A JSON value of each line of a file.
    pub fn json(&self, name: &str) -> Result<Vec<Value>> {
        let text = self.text(name)?;
        let values = text.lines().map(serde_json::from_str);
        values
            .collect::<Result<_, _>>()
            .with_context(|| format!("{name}: {text}"))
    }

    /// The recordings of each load of the module in this boot, in order.
    pub fn recordings(&self) -> Vec<PathBuf> {
        let paths = (1..).map(|life| self.path(&format!("live-{life}.rec")));
        paths.take_while(|path| path.exists()).collect()
    }
}

/// Why nothing can be expected of some boots: the kernel of one lies where another one had its reserved memory, or
/// what it has reserved for a crash kernel does, which depends on that.
pub fn kernel_in_memory(boots: &[Boot]) -> Result<Option<String>> {
    let mut reserved = boots.iter().filter_map(|boot| boot.reserved_at);
    let first = reserved.next().context("no memory is reserved")?;
    for at in std::iter::once(first).chain(reserved) {
        for boot in boots {
            let is_over =
                |kernel: &&Range<u64>| kernel.start < at + RESERVED_BYTES && at < kernel.end;
            if let Some(kernel) = boot.kernel_at.iter().find(is_over) {
                return Ok(Some(format!(
                    "boot {} has its kernel at {:#x}, where memory was reserved in another one",
                    boot.number, kernel.start
                )));
            }
        }
    }
    for boot in boots {
        ensure!(
            boot.reserved_at == Some(first),
            "the memory is at {:#x?} in boot {}, and was at {first:#x}",
            boot.reserved_at,
            boot.number
        );
    }
    Ok(None)
}

fn hexadecimal(text: &str) -> Result<u64> {
    u64::from_str_radix(text, 16).with_context(|| text.to_string())
}

/// The addresses in a line of `/proc/iomem`.
fn range(line: &str) -> Result<Range<u64>> {
    let (at, _) = line.split_once(" : ").with_context(|| line.to_string())?;
    let (first, last) = at
        .trim()
        .split_once('-')
        .with_context(|| line.to_string())?;
    Ok(hexadecimal(first)?..hexadecimal(last)?.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        assert_eq!(
            range("  01e00000-030fffff : Kernel code").unwrap(),
            0x1e0_0000..0x310_0000
        );
        assert!(range("Kernel code").is_err());
    }

    fn boot(number: usize, reserved_at: Option<u64>, kernel: Range<u64>) -> Boot {
        Boot {
            folder: PathBuf::new(),
            number,
            kernel: String::new(),
            begin_s: 0.0,
            ready_s: None,
            reserved_at,
            kernel_at: vec![kernel],
        }
    }

    #[test]
    fn a_kernel_in_the_memory_is_an_excuse_and_nothing_else() {
        let low = || 0x100_0000..0x500_0000;
        let at = 0x1000_0000;
        let judged = |boots: &[Boot]| kernel_in_memory(boots);
        assert!(judged(&[boot(1, None, low())]).is_err());
        let good = [boot(1, Some(at), low()), boot(2, Some(at), low())];
        assert!(judged(&good).unwrap().is_none());
        let over = [boot(1, Some(at), low()), boot(2, None, at - 1..at + 1)];
        assert!(judged(&over).unwrap().unwrap().starts_with("boot 2"));
        let from_there = [boot(1, Some(at), low()), boot(2, Some(2 * at), at..at + 1)];
        assert!(judged(&from_there).unwrap().is_some());
        let right_before = [boot(1, Some(at), low()), boot(2, Some(at), at - 9..at)];
        assert!(judged(&right_before).unwrap().is_none());
        let moved = [boot(1, Some(at), low()), boot(2, Some(2 * at), low())];
        assert!(judged(&moved).is_err());
    }
}
