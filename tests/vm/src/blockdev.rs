// SPDX-License-Identifier: GPL-2.0

//! Disks that the tests make, and reading and writing disks past the page cache.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{ensure, Context, Result};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::mount::{mount, MountFlags};

use crate::tools::busybox;

/// Where direct input and output may start in memory, for any disk.
const ALIGNMENT: usize = 4096;

/// A disk that is open for direct input and output: each call is one request.
pub struct Disk {
    file: File,
    path: String,
    /// Longer than is asked for, since nothing else aligns bytes without `unsafe`.
    buffer: Vec<u8>,
}

impl Disk {
    pub fn open(name: &str) -> Result<Disk> {
        let path = format!("/dev/{name}");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlags::DIRECT.bits() as _)
            .open(&path)
            .context(path.clone())?;
        Ok(Disk {
            file,
            path,
            buffer: Vec::new(),
        })
    }

    fn aligned(&mut self, length: usize) -> Result<(&File, &mut [u8])> {
        self.buffer.resize(length + ALIGNMENT, 0);
        let start = self.buffer.as_ptr().align_offset(ALIGNMENT);
        let bytes = self.buffer.get_mut(start..start + length);
        let bytes = bytes.with_context(|| {
            format!("the buffer is too short from byte {start} on, expected {length} aligned bytes")
        })?;
        Ok((&self.file, bytes))
    }

    pub fn read(&mut self, at: u64, length: usize) -> Result<Vec<u8>> {
        let path = self.path.clone();
        let (file, bytes) = self.aligned(length)?;
        file.read_exact_at(bytes, at)
            .with_context(|| format!("read {path} at {at}"))?;
        Ok(bytes.to_vec())
    }

    pub fn write(&mut self, at: u64, bytes: &[u8]) -> Result<()> {
        let path = self.path.clone();
        let (file, aligned) = self.aligned(bytes.len())?;
        aligned.copy_from_slice(bytes);
        file.write_all_at(aligned, at)
            .with_context(|| format!("write {path} at {at}"))
    }
}

/// Tells the disk that these bytes are not needed any more.
pub fn discard(name: &str, at: u64, length: u64) -> Result<()> {
    let (at, length) = (at.to_string(), length.to_string());
    let path = format!("/dev/{name}");
    busybox(&["blkdiscard", "-o", &at, "-l", &length, &path]).map(drop)
}

/// A file as a disk. It is detached when this goes out of scope.
pub struct Loop {
    name: String,
    attached: bool,
}

impl Loop {
    pub fn attach(name: &str, file: &str) -> Result<Loop> {
        busybox(&["losetup", &format!("/dev/{name}"), file])?;
        Ok(Loop {
            name: name.to_string(),
            attached: true,
        })
    }

    pub fn detach(mut self) -> Result<()> {
        self.attached = false;
        busybox(&["losetup", "-d", &format!("/dev/{}", self.name)]).map(drop)
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        if self.attached {
            let _ = busybox(&["losetup", "-d", &format!("/dev/{}", self.name)]);
        }
    }
}

/// A file in memory, of zeroes. It is removed when this goes out of scope.
pub struct Backing(pub String);

impl Backing {
    pub fn create(name: &str, size: u64) -> Result<Backing> {
        let path = format!("/tmp/{name}");
        File::create(&path)
            .and_then(|file| file.set_len(size))
            .context(path.clone())?;
        Ok(Backing(path))
    }
}

impl Drop for Backing {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

const NULL_DISKS: &str = "/sys/kernel/config/nullb";

/// A disk of the null_blk driver, which has the name that one gives it. It is removed when this
/// goes out of scope.
pub struct NullDisk {
    folder: String,
    there: bool,
}

impl NullDisk {
    pub fn create(name: &str, attributes: &[(&str, &str)]) -> Result<NullDisk> {
        mount_configfs()?;
        let folder = format!("{NULL_DISKS}/{name}");
        fs::create_dir(&folder).context(folder.clone())?;
        let disk = NullDisk {
            folder,
            there: true,
        };
        for (attribute, value) in attributes.iter().chain(&[("power", "1")]) {
            disk.set(attribute, value)?;
        }
        Ok(disk)
    }

    fn set(&self, attribute: &str, value: &str) -> Result<()> {
        let path = format!("{}/{attribute}", self.folder);
        fs::write(&path, value).with_context(|| format!("{path}: {value}"))
    }

    pub fn remove(mut self) -> Result<()> {
        self.there = false;
        fs::remove_dir(&self.folder).context(self.folder.clone())
    }
}

impl Drop for NullDisk {
    fn drop(&mut self) {
        if self.there {
            // This takes the disk away as well.
            let _ = fs::remove_dir(&self.folder);
        }
    }
}

/// Disks in a row as one, of the driver md. It is stopped when this goes out of scope.
pub struct Striped {
    name: String,
    there: bool,
}

impl Striped {
    /// Makes `md_NAME` of these disks, of `kib` each.
    pub fn create(name: &str, disks: &[&str], kib: u64) -> Result<Striped> {
        const NEW: &str = "/sys/module/md_mod/parameters/new_array";
        let name = format!("md_{name}");
        fs::write(NEW, &name).with_context(|| format!("{NEW}: {name}"))?;
        let disk = Striped { name, there: true };
        disk.set("metadata_version", "none")?;
        disk.set("level", "raid0")?;
        disk.set("raid_disks", &disks.len().to_string())?;
        disk.set("chunk_size", "65536")?;
        for (slot, disk_name) in disks.iter().enumerate() {
            let path = format!("/sys/class/block/{disk_name}/dev");
            let number = fs::read_to_string(&path).context(path)?;
            disk.set("new_dev", number.trim())?;
            disk.set(&format!("dev-{disk_name}/size"), &kib.to_string())?;
            disk.set(&format!("dev-{disk_name}/slot"), &slot.to_string())?;
        }
        disk.set("array_state", "active")?;
        Ok(disk)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    fn set(&self, attribute: &str, value: &str) -> Result<()> {
        let path = format!("/sys/block/{}/md/{attribute}", self.name);
        fs::write(&path, value).with_context(|| format!("{path}: {value}"))
    }

    pub fn stop(mut self) -> Result<()> {
        self.there = false;
        self.set("array_state", "clear")
    }
}

impl Drop for Striped {
    fn drop(&mut self) {
        if self.there {
            let _ = self.set("array_state", "clear");
        }
    }
}

fn mount_configfs() -> Result<()> {
    const CONFIGFS: &str = "/sys/kernel/config";
    if Path::new(NULL_DISKS).exists() {
        return Ok(());
    }
    match mount("configfs", CONFIGFS, "configfs", MountFlags::empty(), None) {
        Err(Errno::BUSY) => (),
        result => result.with_context(|| format!("mount {CONFIGFS}"))?,
    }
    ensure!(
        Path::new(NULL_DISKS).exists(),
        "{NULL_DISKS} is missing, expected it once configfs is mounted"
    );
    Ok(())
}

/// A line of `/proc/diskstats`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    pub reads: u64,
    pub read_sectors: u64,
    pub read_ms: u64,
    pub writes: u64,
    pub written_sectors: u64,
    pub write_ms: u64,
    pub in_flight: u64,
    pub busy_ms: u64,
    pub discards: u64,
    pub discarded_sectors: u64,
    pub discard_ms: u64,
}

impl Counters {
    /// What was counted since `before`; what is in flight is no such count and stays as it is.
    pub fn since(&self, before: &Counters) -> Result<Counters> {
        let grown = |new: u64, old: u64| {
            new.checked_sub(old).with_context(|| {
                format!("a counter of /proc/diskstats is {new}, expected {old} or more as before")
            })
        };
        Ok(Counters {
            reads: grown(self.reads, before.reads)?,
            read_sectors: grown(self.read_sectors, before.read_sectors)?,
            read_ms: grown(self.read_ms, before.read_ms)?,
            writes: grown(self.writes, before.writes)?,
            written_sectors: grown(self.written_sectors, before.written_sectors)?,
            write_ms: grown(self.write_ms, before.write_ms)?,
            in_flight: self.in_flight,
            busy_ms: grown(self.busy_ms, before.busy_ms)?,
            discards: grown(self.discards, before.discards)?,
            discarded_sectors: grown(self.discarded_sectors, before.discarded_sectors)?,
            discard_ms: grown(self.discard_ms, before.discard_ms)?,
        })
    }

    pub fn requests(&self) -> u64 {
        self.reads + self.writes + self.discards
    }
}

/// `/proc/diskstats`: each disk and partition.
pub fn counters() -> Result<BTreeMap<String, Counters>> {
    parse(&fs::read_to_string("/proc/diskstats").context("/proc/diskstats")?)
}

pub fn is_partition(name: &str) -> bool {
    Path::new(&format!("/sys/class/block/{name}/partition")).exists()
}

/// The capacity of a disk, in sectors.
pub fn size(name: &str) -> Result<u64> {
    let path = format!("/sys/class/block/{name}/size");
    let text = fs::read_to_string(&path).context(path.clone())?;
    text.trim()
        .parse()
        .with_context(|| format!("{path} is {text:?}, expected a number"))
}

fn parse(text: &str) -> Result<BTreeMap<String, Counters>> {
    let mut disks = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace().skip(2);
        let name = words
            .next()
            .with_context(|| format!("expected two numbers and a name, found {line:?}"))?;
        let numbers = words
            .map(|word| {
                word.parse()
                    .with_context(|| format!("expected a number, found {word:?} in {line:?}"))
            })
            .collect::<Result<Vec<u64>>>()?;
        let at = |index: usize| {
            numbers
                .get(index)
                .copied()
                .with_context(|| format!("expected 15 numbers after the name, found {line:?}"))
        };
        let counters = Counters {
            reads: at(0)?,
            read_sectors: at(2)?,
            read_ms: at(3)?,
            writes: at(4)?,
            written_sectors: at(6)?,
            write_ms: at(7)?,
            in_flight: at(8)?,
            busy_ms: at(9)?,
            discards: at(11)?,
            discarded_sectors: at(13)?,
            discard_ms: at(14)?,
        };
        disks.insert(name.to_string(), counters);
    }
    Ok(disks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diskstats_are_parsed() {
        let text = " 254       0 vda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
        let disks = parse(text).unwrap();
        assert_eq!(disks["loop0"], Counters::default());
        let vda = disks["vda"];
        assert_eq!((vda.reads, vda.read_sectors, vda.read_ms), (1, 3, 4));
        assert_eq!((vda.writes, vda.written_sectors, vda.write_ms), (5, 7, 8));
        assert_eq!((vda.in_flight, vda.busy_ms), (9, 10));
        let discarded = (vda.discards, vda.discarded_sectors, vda.discard_ms);
        assert_eq!(discarded, (12, 14, 15));
        assert_eq!(vda.requests(), 18);
        assert_eq!(vda.since(&vda).unwrap().requests(), 0);
        disks["loop0"].since(&vda).unwrap_err();
        for bad in ["1 2\n", "1 2 vda 1 2 3\n", "1 2 vda x\n"] {
            let found = parse(bad);
            assert!(found.is_err(), "{bad:?} gives {found:?}, expected an error");
        }
    }

    #[test]
    fn buffers_are_aligned() {
        let mut disk = Disk {
            file: File::open("/dev/null").unwrap(),
            path: String::new(),
            buffer: Vec::new(),
        };
        for length in [512, 4096, 1 << 20, 512] {
            let (_, bytes) = disk.aligned(length).unwrap();
            assert_eq!(bytes.len(), length);
            assert_eq!(bytes.as_ptr() as usize % ALIGNMENT, 0);
        }
    }
}
