// SPDX-License-Identifier: GPL-2.0

//! Programs that read the device, and what they got.

use std::fs;
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use resmon::{Device, Record};

use crate::kmsg::monotonic;

/// What a reader got, whole and in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Got {
    pub first_seq: u64,
    pub last_seq: u64,
    pub records: u64,
    pub lost: u64,
}

impl Got {
    /// Takes the next record into account, which must be the one after the last, but for those that
    /// the reader was told it has lost.
    pub fn add(&mut self, record: &Record) -> Result<()> {
        let header = record.header();
        if self.records == 0 {
            self.first_seq = header.seq;
        } else {
            let due = self.last_seq + 1 + header.lost_records;
            ensure!(
                header.seq == due,
                "record {} came after {}, with {} lost, expected record {due}",
                header.seq,
                self.last_seq,
                header.lost_records
            );
            self.lost += header.lost_records;
        }
        self.last_seq = header.seq;
        self.records += 1;
        Ok(())
    }

    fn text(&self) -> String {
        let Got {
            first_seq,
            last_seq,
            records,
            lost,
        } = self;
        format!("{first_seq} {last_seq} {records} {lost}")
    }

    /// What the reader of this number wrote.
    pub fn of(number: u32) -> Result<Got> {
        let path = path(number);
        let text = fs::read_to_string(&path).context(path)?;
        let numbers = text
            .split(' ')
            .map(str::parse)
            .collect::<Result<Vec<u64>, _>>()
            .with_context(|| format!("reader {number} wrote {text:?}, expected numbers"))?;
        let [first_seq, last_seq, records, lost] = numbers[..] else {
            anyhow::bail!("reader {number} wrote {text:?}, expected four numbers");
        };
        Ok(Got {
            first_seq,
            last_seq,
            records,
            lost,
        })
    }
}

fn path(number: u32) -> String {
    format!("/tmp/reader.{number}")
}

/// Reads the records of so many seconds, up to the first one that was taken later.
pub fn read(seconds: u64, number: u32) -> Result<()> {
    let _ = fs::remove_file(path(number));
    let end = monotonic() + Duration::from_secs(seconds);
    let mut got = Got::default();
    let mut records = Device::open()?.into_records()?;
    let mut taken = Duration::ZERO;
    while taken < end {
        let record = records
            .next()
            .with_context(|| format!("expected a record after {got:?}, found the end"))??;
        taken = Duration::from_nanos(record.header().taken_mono_ns);
        got.add(&record)?;
    }
    fs::write(path(number), got.text())?;
    Ok(())
}
