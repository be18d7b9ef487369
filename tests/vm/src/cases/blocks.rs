// SPDX-License-Identifier: GPL-2.0

//! The records that the module keeps encoded.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::process::Command;

use anyhow::{ensure, Context, Result};
use resmon::model::block::{Block, Header};
use resmon::model::ioctl;
use resmon::{Device, Records};

use super::device::{load_idle, take};
use super::{sleep_ms, Case, Clock, Guest, Needs};
use crate::module::Module;

pub const CASES: &[Case] = &[
    Case {
        name: "encoded records are those that were read",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: same,
    },
    Case {
        name: "history while records become blocks",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: whole,
    },
    Case {
        name: "blocks in either order, from a number or a time",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: orders,
    },
    Case {
        name: "blocks that are overwritten",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: overwritten,
    },
];

/// The records by their numbers, as programs get them.
fn by_seq(records: impl IntoIterator<Item = resmon::Record>) -> BTreeMap<u64, Vec<u8>> {
    let entry = |record: resmon::Record| (record.header().seq, record.to_bytes());
    records.into_iter().map(entry).collect()
}

/// Fails unless each record from 0 on is there, and none is said to be lost.
fn check_whole(history: &[resmon::Record]) -> Result<()> {
    let numbers: Vec<u64> = history.iter().map(|record| record.header().seq).collect();
    let last = numbers.last().copied().unwrap_or_default();
    let gap = numbers.windows(2).find(|two| two[1] != two[0] + 1);
    ensure!(
        numbers.first() == Some(&0) && gap.is_none(),
        "expected each record from 0 to {last} to be kept, found {:?} first, and {gap:?}",
        numbers.first()
    );
    let headers = history.iter().map(resmon::Record::header);
    let lost: u64 = headers.map(|header| header.lost_records).sum();
    ensure!(
        lost == 0,
        "{lost} records are said to be lost, expected none"
    );
    Ok(())
}

/// A program that went to the oldest record misses none, though that and others become part of a block before it
/// reads them.
fn whole(guest: &Guest) -> Result<()> {
    const ENCODED: u64 = 20;
    let module = Module::load(&guest.log, "interval_ms=10 log_every=0")?;
    let mut device = Device::open()?;
    let first = device.seek(0)?;
    ensure!(first == 0, "the oldest record is {first}, expected 0");
    device.set_nonblocking(true)?;
    while device.info()?.block_records < Some(ENCODED) {
        sleep_ms(100);
    }
    let mut records = device.into_records()?;
    let mut history = Vec::new();
    while let Some(record) = records.try_next()? {
        history.push(record);
    }
    check_whole(&history)?;
    ensure!(
        history.len() as u64 > ENCODED,
        "{} records were read, expected more than {ENCODED}",
        history.len()
    );
    drop(records);
    module.unload().map(drop)
}

/// Each record that a program reads as it comes is the same, bit for bit, when it is read from a block.
fn same(guest: &Guest) -> Result<()> {
    const ENCODED: u64 = 300;
    let module = Module::load(&guest.log, "interval_ms=10 log_every=0")?;
    let mut device = Device::open()?;
    device.seek(0)?;
    let mut records = device.into_records()?;
    let mut read = Vec::new();
    while records.get_ref().info()?.block_records < Some(ENCODED) {
        let record = records.next().context("no record")??;
        ensure!(
            record.header().lost_records == 0,
            "this program is too slow: it has lost {} records",
            record.header().lost_records
        );
        read.push(record);
    }
    let read = by_seq(read);
    let history = Device::history()?;
    check_whole(&history)?;
    let history = by_seq(history);
    for (seq, bytes) in &read {
        ensure!(
            history.get(seq) == Some(bytes),
            "the record {seq} is another one when it is read later"
        );
    }
    let info = records.get_ref().info()?;
    let used = info.block_used_bytes.context("no bytes of blocks")?;
    let count = info.block_records.context("no records of blocks")?;
    let plain = read.values().map(Vec::len).sum::<usize>() / read.len();
    crate::report(&format!(
        "# {count} records of {plain} bytes take {} bytes each, encoded",
        used / count
    ));
    drop(records);
    module.unload().map(drop)
}

/// An open file that returns blocks.
struct Blocks {
    file: File,
    buffer: Vec<u8>,
}

impl Blocks {
    fn open() -> Result<Blocks> {
        let info = Device::open()?.info()?;
        let bytes = info.block_bytes.context("no size of a block")?;
        Ok(Blocks {
            file: OpenOptions::new().read(true).open(Device::PATH)?,
            buffer: vec![0; bytes as usize],
        })
    }

    fn seek(&self, order: u64, by: u64, from: u64) -> Result<()> {
        Ok(resmon::seek_blocks(&self.file, order, by, from)?)
    }

    /// The next block, and its records.
    fn next(&mut self) -> Result<Option<(Header, Vec<resmon::Record>)>> {
        let len = self.file.read(&mut self.buffer)?;
        if len == 0 {
            return Ok(None);
        }
        let bytes = &self.buffer[..len];
        let words: Vec<u64> = bytes
            .chunks_exact(8)
            .map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default()))
            .collect();
        let block = Block::parse(&words).map_err(|why| anyhow::anyhow!("no block: {why:?}"))?;
        ensure!(
            block.words().len() * 8 == len,
            "a read returned {len} bytes of a block of {}",
            block.words().len() * 8
        );
        let records = Records::new(bytes).collect::<resmon::Result<Vec<_>>>()?;
        let header = block.header();
        ensure!(
            records.len() as u64 == header.records
                && records.first().map(|first| first.header().seq) == Some(header.first_seq)
                && records.last().map(|last| last.header().seq + 1) == Some(header.next_seq)
                && records
                    .first()
                    .and_then(|first| first.header().taken_boot_ns)
                    == Some(header.first_boot_ns)
                && records.last().and_then(|last| last.header().taken_boot_ns)
                    == Some(header.last_boot_ns)
                && records.first().and_then(|first| first.header().load_id) == Some(header.load_id)
                && records.first().and_then(|first| first.header().boot_id) == Some(header.boot_id),
            "the records of a block are not those of its header {header:?}"
        );
        Ok(Some((header, records)))
    }

    fn all(&mut self) -> Result<Vec<Header>> {
        let mut all = Vec::new();
        while let Some((header, _)) = self.next()? {
            all.push(header);
        }
        Ok(all)
    }
}

/// Takes samples until there are so many blocks.
pub fn take_blocks(device: &Device, count: u64) -> Result<Vec<Header>> {
    let mut blocks = Blocks::open()?;
    loop {
        for _ in 0..200 {
            take(device)?;
        }
        blocks.seek(ioctl::NEWEST_FIRST, ioctl::BY_SEQ, u64::MAX)?;
        if blocks
            .next()?
            .is_some_and(|(header, _)| header.number + 1 >= count)
        {
            blocks.seek(ioctl::OLDEST_FIRST, ioctl::BY_SEQ, 0)?;
            return blocks.all();
        }
    }
}

fn orders(guest: &Guest) -> Result<()> {
    let module = load_idle(guest, "")?;
    let device = Device::open_writable()?;
    let headers = take_blocks(&device, 4)?;
    let numbers = |headers: &[Header]| -> Vec<u64> { headers.iter().map(|h| h.number).collect() };
    ensure!(
        numbers(&headers) == (0..headers.len() as u64).collect::<Vec<_>>(),
        "expected blocks from 0 on, found {headers:?}"
    );
    for two in headers.windows(2) {
        ensure!(
            two[0].next_seq == two[1].first_seq && two[0].last_boot_ns < two[1].first_boot_ns,
            "expected one block to go on where the one before ends, found {two:?}"
        );
    }
    let mut blocks = Blocks::open()?;
    let second = headers[1];
    let all = 0..headers.len() as u64;
    let cases: [(u64, u64, u64, Vec<u64>); 10] = [
        (
            ioctl::OLDEST_FIRST,
            ioctl::BY_SEQ,
            second.first_seq,
            (1..headers.len() as u64).collect(),
        ),
        (
            ioctl::OLDEST_FIRST,
            ioctl::BY_SEQ,
            second.next_seq,
            (2..headers.len() as u64).collect(),
        ),
        (
            ioctl::OLDEST_FIRST,
            ioctl::BY_BOOT_NS,
            second.last_boot_ns,
            (1..headers.len() as u64).collect(),
        ),
        (
            ioctl::NEWEST_FIRST,
            ioctl::BY_SEQ,
            second.next_seq - 1,
            vec![1, 0],
        ),
        (
            ioctl::NEWEST_FIRST,
            ioctl::BY_BOOT_NS,
            second.first_boot_ns - 1,
            vec![0],
        ),
        (ioctl::OLDEST_FIRST, ioctl::BY_SEQ, u64::MAX, vec![]),
        (
            ioctl::OLDEST_FIRST,
            ioctl::BY_NUMBER,
            0,
            all.clone().collect(),
        ),
        (
            ioctl::OLDEST_FIRST,
            ioctl::BY_NUMBER,
            all.end - 1,
            vec![all.end - 1],
        ),
        (ioctl::NEWEST_FIRST, ioctl::BY_NUMBER, 1, vec![1, 0]),
        (
            ioctl::NEWEST_FIRST,
            ioctl::BY_NUMBER,
            u64::MAX,
            all.rev().collect(),
        ),
    ];
    for (order, by, from, expected) in cases {
        blocks.seek(order, by, from)?;
        let found = numbers(&blocks.all()?);
        ensure!(
            found == expected,
            "order {order}, by {by} from {from}: expected the blocks {expected:?}, found {found:?}"
        );
    }
    // A program in C that knows the header alone decodes the same.
    let encoded = device.info()?.block_records.context("no records")? as usize;
    let expected: Vec<u8> = Device::history()?
        .iter()
        .take(encoded)
        .flat_map(resmon::Record::to_bytes)
        .collect();
    let output = Command::new("/blocks").output().context("/blocks")?;
    ensure!(
        output.status.success() && output.stderr.is_empty() && output.stdout == expected,
        "/blocks ended with {}, {} bytes and {:?}, expected {} bytes of records",
        output.status,
        output.stdout.len(),
        String::from_utf8_lossy(&output.stderr),
        expected.len()
    );
    // What is no order, and a read that is too short for a block.
    ensure!(
        blocks.seek(2, 0, 0).is_err() && blocks.seek(0, 3, 0).is_err(),
        "an unknown order was taken"
    );
    blocks.seek(ioctl::OLDEST_FIRST, ioctl::BY_SEQ, 0)?;
    let short = blocks.file.read(&mut [0; 512]);
    ensure!(
        short
            .as_ref()
            .is_err_and(|error| error.raw_os_error() == Some(22)),
        "a read of 512 bytes returned {short:?}, expected EINVAL"
    );
    drop((blocks, device));
    module.unload().map(drop)
}

fn overwritten(guest: &Guest) -> Result<()> {
    let module = load_idle(guest, "history_kB=1")?;
    let device = Device::open_writable()?;
    take_blocks(&device, 2)?;
    let info = device.info()?;
    let room =
        info.block_memory_bytes.context("no memory")? / info.block_bytes.context("no size")?;
    let mut slow = Blocks::open()?;
    slow.seek(ioctl::OLDEST_FIRST, ioctl::BY_SEQ, 0)?;
    let (first, _) = slow.next()?.context("no block")?;
    ensure!(
        first.number == 0 && first.lost_records == 0,
        "expected the first block, found {first:?}"
    );
    // The one that was open when it began is the last that it gets.
    slow.seek(ioctl::OLDEST_FIRST, ioctl::BY_SEQ, 0)?;
    let headers = take_blocks(&device, room + 3)?;
    let oldest = headers.first().context("no block")?;
    ensure!(
        oldest.number > 0 && headers.len() as u64 <= room,
        "expected the first blocks to be gone and {room} to be kept, found {headers:?}"
    );
    ensure!(
        slow.next()?.is_none(),
        "expected nothing of what was overwritten"
    );
    // A reader in the middle is told what it did not get.
    slow.seek(ioctl::OLDEST_FIRST, ioctl::BY_SEQ, 0)?;
    let (begin, _) = slow.next()?.context("no block")?;
    take_blocks(&device, begin.number + 3)?;
    if let Some((next, _)) = slow.next()? {
        ensure!(
            next.first_seq == begin.next_seq + next.lost_records,
            "expected {next:?} to say how many records came between it and {begin:?}"
        );
    }
    let info = device.info()?;
    let history = Device::history()?;
    let first = history.first().context("no record")?.header();
    ensure!(
        info.block_oldest_seq == Some(first.seq) && info.oldest_boot_ns == first.taken_boot_ns,
        "expected {info:?} to name the oldest record, {first:?}"
    );
    for two in history.windows(2) {
        let [one, two] = [two[0].header(), two[1].header()];
        ensure!(
            two.seq == one.seq + 1,
            "expected the record after {one:?}, found {two:?}"
        );
    }
    drop((slow, device));
    module.unload().map(drop)
}
