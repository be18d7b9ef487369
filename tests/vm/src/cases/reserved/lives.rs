// SPDX-License-Identifier: GPL-2.0

//! Lives of the module in one boot, and memory that cannot be used.

use anyhow::{ensure, Context, Result};
use resmon::{Device, Ended};

use super::image::{shown, Region};
use super::{image, PARAMETERS};
use crate::cases::device::{load_idle, take};
use crate::cases::Guest;
use crate::lines::Line;
use crate::module::Module;

/// The history goes on over the lives, which are one boot.
pub fn in_one_boot(guest: &Guest) -> Result<()> {
    let region = Region::open()?;
    let image = image(guest, &region)?;
    region.write(&image.words)?;
    let module = load_idle(guest, PARAMETERS)?;
    let device = Device::open_writable()?;
    take(&device)?;
    ensure!(
        shown()? == image.records,
        "what ended lives have left is not what they had"
    );
    let info = device.info()?;
    let kb = info.reserved_bytes.map(|bytes| bytes / 1024);
    ensure!(
        kb == Some(guest.reserved_kb)
            && info.earlier_records == Some(0)
            && info.history_records == 2,
        "expected {} kB, 2 records of this life and none of other boots, found {info:?}",
        guest.reserved_kb
    );
    let boots = Device::boots()?;
    let [boot] = boots.as_slice() else {
        anyhow::bail!("there are {} boots, expected one", boots.len());
    };
    let (running, ended) = boot.lives.split_last().context("no life")?;
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    ensure!(
        running.ended == Some(Ended::Running) && running.records == 2,
        "the last life is {running:?}"
    );
    let mut records = 0;
    for (life, next) in boot.lives.iter().zip(&boot.lives[1..]) {
        ensure!(
            life.ended == Some(Ended::Unloaded)
                && life.kernel.as_deref() == Some(release.trim())
                && life.first_boot_ns <= life.last_boot_ns
                && life.last_boot_ns <= next.first_boot_ns
                && life.load_id != next.load_id,
            "one life is {life:?}, and the next {next:?}"
        );
        records += life.records;
    }
    ensure!(
        records == image.records.len() as u64,
        "the {} ended lives have {records} records, expected {}",
        ended.len(),
        image.records.len()
    );
    // The records of this boot are not those of others.
    device.forget()?;
    ensure!(
        shown()? == image.records,
        "records of this boot are forgotten"
    );
    drop(device);
    module.unload().map(drop)
}

/// What the module says of where its history lies, which it says once.
fn said(module: &Module) -> Result<Line> {
    let lines = module
        .lines(module.start)?
        .into_iter()
        .map(|(_, line)| line);
    let mut said =
        lines.filter(|line| matches!(line, Line::HistoryReserved(..) | Line::HistoryEnds(_)));
    let first = said
        .next()
        .context("the module does not say where the history lies")?;
    ensure!(
        said.next().is_none(),
        "the module says twice where the history lies"
    );
    Ok(first)
}

/// Fails unless the module works as without reserved memory, and says why it does.
fn check_ordinary(guest: &Guest, is_reason: fn(&str) -> bool) -> Result<()> {
    let module = load_idle(guest, PARAMETERS)?;
    let device = Device::open_writable()?;
    take(&device)?;
    let info = device.info()?;
    ensure!(
        info.reserved_bytes == Some(0)
            && info.earlier_records == Some(0)
            && info.history_records == 2,
        "expected 2 records in ordinary memory, found {info:?}"
    );
    guest.log.mark("asked")?;
    let said = said(&module)?;
    ensure!(
        matches!(&said, Line::HistoryEnds(why) if is_reason(why)),
        "the module says {said:?} of its history"
    );
    let boots = Device::boots()?;
    ensure!(
        boots.len() == 1 && boots[0].lives.len() == 1 && boots[0].is_running(),
        "expected one boot with one life, found {boots:?}"
    );
    device.forget()?;
    drop(device);
    module.unload().map(drop)
}

pub fn without(guest: &Guest) -> Result<()> {
    check_ordinary(guest, |why| why == "no memory is reserved as resmon")
}

/// Memory that is too small is left as it is.
pub fn too_little(guest: &Guest) -> Result<()> {
    let region = Region::open()?;
    let words: Vec<u64> = (0..region.read()?.len() as u64).collect();
    region.write(&words)?;
    check_ordinary(guest, |why| {
        let needed =
            why.strip_prefix("the memory reserved as resmon is too small: 64 kB, at least ");
        let needed = needed.and_then(|rest| rest.strip_suffix(" kB are needed"));
        needed.is_some_and(|kb| kb.parse::<u64>().is_ok_and(|kb| kb > 64))
    })?;
    ensure!(
        region.read()? == words,
        "memory that is too small was written to"
    );
    Ok(())
}
