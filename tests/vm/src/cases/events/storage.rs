// SPDX-License-Identifier: GPL-2.0

//! Disks and file systems that are slow, stuck or full.

use std::fs;
use std::path::Path;
use std::thread;

use anyhow::{ensure, Result};
use resmon::model::event::{Trigger, BEGIN, END};

use super::watching::Watching;
use crate::blockdev::{Disk, NullDisk};
use crate::cases::fs::Mounted;
use crate::cases::Guest;
use crate::cgroup::Cgroup;
use crate::fuse::Fuse;

/// The only task that has anything to do waits for a disk that is slow.
pub(super) fn io_pressure(guest: &Guest) -> Result<()> {
    let cgroup = Cgroup::create("events")?;
    let null = NullDisk::create(
        "nullslow",
        &[
            ("size", "64"),
            ("irqmode", "2"),
            ("completion_nsec", "900000000"),
        ],
    )?;
    let mut watching = Watching::start(guest, "")?;
    let event = thread::scope(|scope| {
        let reader = scope.spawn(|| -> Result<()> {
            let mut disk = Disk::open("nullslow")?;
            for at in 0..20 {
                disk.read(at * 4096, 4096)?;
            }
            Ok(())
        });
        let event = watching.wait(Trigger::IoFull, BEGIN);
        let read = reader.join();
        read.map_err(|_| anyhow::anyhow!("the reader panicked"))??;
        event
    })?;
    ensure!(event.value >= 500, "{event:?}, expected at least 50 %");
    watching.alert(Trigger::IoFull)?;
    watching.wait(Trigger::IoFull, END)?;
    watching.end()?;
    null.remove()?;
    cgroup.remove()
}

pub(super) fn full_file_system(guest: &Guest) -> Result<()> {
    const PATH: &str = "/mnt/full";
    let mounted = Mounted::new("full", PATH, "tmpfs", "size=1m")?;
    let mut watching = Watching::start(guest, &format!("fs_paths=/,{PATH}"))?;
    let file = Path::new(PATH).join("file");
    fs::write(&file, vec![1; 1020 << 10])?;
    let event = watching.wait(Trigger::FsFull, BEGIN)?;
    ensure!(
        event.subject.as_bytes() == PATH.as_bytes() && event.value >= 950,
        "{event:?}, expected {PATH}"
    );
    let alert = watching.alert(Trigger::FsFull)?;
    ensure!(
        alert.subject == Some(("fs".into(), PATH.into())),
        "the log says {alert:?}"
    );
    fs::remove_file(&file)?;
    let event = watching.wait(Trigger::FsFull, END)?;
    ensure!(event.value < 100 && event.worst >= 950, "{event:?}");
    watching.end()?;
    mounted.unmount(100).map(drop)
}

pub(super) fn stuck_file_system(guest: &Guest) -> Result<()> {
    const PATH: &str = "/mnt/stuck";
    let fuse = Fuse::mount(PATH)?;
    let mut watching = Watching::start(guest, &format!("fs_paths=/,{PATH}"))?;
    fuse.stop_answering();
    let event = watching.wait(Trigger::FsStuck, BEGIN)?;
    ensure!(
        event.subject.as_bytes() == PATH.as_bytes() && event.value >= 29_000_000_000,
        "{event:?}, expected {PATH} to be stuck for 30 s"
    );
    watching.alert(Trigger::FsStuck)?;
    fuse.resume();
    watching.wait(Trigger::FsStuck, END)?;
    watching.end()
}

pub(super) fn stuck_disk(guest: &Guest) -> Result<()> {
    const NAME: &str = "nullstuck";
    let null = NullDisk::create(
        NAME,
        &[
            ("size", "64"),
            ("irqmode", "2"),
            ("completion_nsec", "2000000000"),
        ],
    )?;
    // A request that takes as long as the usual threshold is given up by the block layer.
    let mut watching = Watching::start(guest, "interval_ms=200 alerts=disk_stuck:1s")?;
    let event = thread::scope(|scope| {
        let reader = scope.spawn(|| Disk::open(NAME)?.read(0, 4096));
        let event = watching.wait(Trigger::DiskStuck, BEGIN);
        let read = reader.join();
        read.map_err(|_| anyhow::anyhow!("the reader panicked"))??;
        event
    })?;
    ensure!(
        event.subject.as_bytes() == NAME.as_bytes() && event.value >= 900_000_000,
        "{event:?}, expected {NAME} to complete nothing for 1 s"
    );
    let alert = watching.alert(Trigger::DiskStuck)?;
    ensure!(
        alert.subject == Some(("disk".into(), NAME.into())),
        "the log says {alert:?}"
    );
    watching.wait_closed(&[Trigger::DiskStuck])?;
    watching.end()?;
    null.remove()
}
