// SPDX-License-Identifier: GPL-2.0

//! What a dump of memory had of the records of a guest that died.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{ensure, Context, Result};

use crate::args::Args;
use crate::guest::raw_records;

/// What keeps something of a panic.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keeper {
    /// Variables of the firmware, or memory that is set aside. The machine restarts, and reads the lines there.
    Pstore,
    /// The kernel that is started for the crash, which has a dump of the memory of the one that died.
    Kdump,
}

impl Keeper {
    pub fn of(args: &mut Args) -> Option<Self> {
        let [efi, ramoops, kdump] = ["--efi", "--ramoops", "--kdump"].map(|name| args.switch(name));
        match (efi || ramoops, kdump) {
            (true, _) => Some(Self::Pstore),
            (false, true) => Some(Self::Kdump),
            (false, false) => None,
        }
    }
}

/// Compares what the guest had recorded before with what the capture kernel found in the dump and recorded, with
/// what it saved, and with what is found in the file that makedumpfile made of the dump: bit for bit.
pub fn judge_dump(resmon: &str, recording: &Path, kept: &Path) -> Result<String> {
    let raw = |file: &Path| -> Result<Vec<u8>> {
        let (records, said) = raw_records(resmon, file)?;
        ensure!(said.is_empty(), "{}: {said}", file.display());
        Ok(records)
    };
    let before = raw(recording)?;
    let found = raw(&kept.join("vmcore.rec"))?;
    ensure!(!before.is_empty(), "nothing was recorded before");
    ensure!(
        found.starts_with(&before),
        "{} bytes of records were found in /proc/vmcore, which do not begin with the {} bytes that were recorded before",
        found.len(),
        before.len()
    );
    ensure!(
        found.len() > before.len(),
        "no record is newer than those that were recorded before"
    );
    let core = kept.join("core");
    for file in [&core, &saved(kept)?] {
        ensure!(
            raw(file)? == found,
            "{} has other records than /proc/vmcore",
            file.display()
        );
    }
    Ok(format!(
        "{} bytes of records before, {} in the dump, whose file has {} MiB",
        before.len(),
        found.len(),
        fs::metadata(&core)?.len() >> 20
    ))
}

/// The file that has what was saved: there is one, since all records are of one boot.
fn saved(kept: &Path) -> Result<PathBuf> {
    let names = fs::read_dir(kept)?.collect::<Result<Vec<_>, _>>()?;
    let mut saved = names
        .iter()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("boot-"));
    let first = saved.next().context("nothing was saved")?;
    ensure!(saved.next().is_none(), "more than one file was saved");
    Ok(first.path())
}
