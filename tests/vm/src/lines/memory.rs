// SPDX-License-Identifier: GPL-2.0

//! `mem …` and `swap …`.

use anyhow::{ensure, Result};

use super::field::{fields, number};

pub const MEMORY: [&str; 13] = [
    "total",
    "used",
    "free",
    "available",
    "buffers",
    "cached",
    "shmem",
    "slab",
    "dirty",
    "writeback",
    "anon",
    "mapped",
    "pagetables",
];

/// Amounts in kB, in the order of [`MEMORY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory(pub [u64; 13]);

impl Memory {
    pub fn kilobytes(&self, name: &str) -> u64 {
        self.0[MEMORY
            .iter()
            .position(|key| *key == name)
            .expect("a known key")]
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swap {
    pub free: u64,
    /// kB/s that were read in and written out, which the activity knows.
    pub rates: Option<(u64, u64)>,
}

pub(super) fn memory(text: &str) -> Result<Memory> {
    let mut amounts = [0; 13];
    for (amount, value) in amounts.iter_mut().zip(fields(text, MEMORY)?) {
        *amount = number(value, "kB")?;
    }
    let memory = Memory(amounts);
    let [total, used, available] = ["total", "used", "available"].map(|key| memory.kilobytes(key));
    ensure!(
        total > 0 && total.checked_sub(available) == Some(used),
        "used is {used} kB, expected total - available with {total} and {available} kB"
    );
    Ok(memory)
}

pub(super) fn swap(text: &str) -> Result<Swap> {
    if let Ok([free]) = fields(text, ["free"]) {
        let free = number(free, "kB")?;
        return Ok(Swap { free, rates: None });
    }
    let [free, read_in, written_out] = fields(text, ["free", "in", "out"])?;
    Ok(Swap {
        free: number(free, "kB")?,
        rates: Some((number(read_in, "kB/s")?, number(written_out, "kB/s")?)),
    })
}

#[cfg(test)]
pub mod tests {
    use super::super::examples::{assert_bad, changed, parsed};
    use super::super::Line;
    use super::*;

    pub const MEM: &str = "mem total=1000kB used=400kB free=500kB available=600kB buffers=0kB cached=7kB shmem=0kB slab=9kB dirty=0kB writeback=0kB anon=1kB mapped=2kB pagetables=3kB";
    pub const SWAP: &str = "swap free=0kB in=0kB/s out=0kB/s";

    #[test]
    fn good_lines() {
        let memory = match parsed(MEM).unwrap() {
            Line::Memory(memory) => memory,
            other => panic!("expected a mem line, found {other:?}"),
        };
        assert_eq!(
            (memory.kilobytes("used"), memory.kilobytes("pagetables")),
            (400, 3)
        );
        let found = parsed(SWAP).unwrap();
        let rates = Some((0, 0));
        assert!(
            matches!(found, Line::Swap(Swap { free: 0, rates: found }) if found == rates),
            "expected a swap line with free=0kB and the rates {rates:?}, found {found:?}"
        );
    }

    #[test]
    fn bad_lines() {
        let mem = |from: &str, to: &str| changed(MEM, from, to);
        assert_bad([
            mem("used=400kB", "used=401kB"),
            mem("free=500kB", "free=500"),
            mem("free=500kB", "free=-5kB"),
            mem("available=600kB", "available=1600kB"),
            mem(" mapped=2kB", ""),
            mem("dirty=0kB writeback=0kB", "writeback=0kB dirty=0kB"),
            "swap free=0kB in=0kB out=0kB/s".into(),
            "swap free=0kB in=0kB/s".into(),
        ]);
    }
}
