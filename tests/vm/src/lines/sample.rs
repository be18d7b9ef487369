// SPDX-License-Identifier: GPL-2.0

//! The lines of a sample, put together.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{bail, ensure, Context, Result};

use super::{
    parse_record, Activity, Disk, Fs, Hanging, Line, Load, Memory, Net, Pressure, Running, Shares,
    Swap, Task, Tasks, Tcp, MOST_SHOWN, SAMPLE,
};
use crate::kmsg::Record;

/// What a sample has of one source.
#[derive(Debug, Clone, PartialEq)]
pub enum Part<T> {
    /// No line at all.
    Missing,
    /// A line says that the source has not answered yet.
    Stale,
    Taken(T),
}

impl<T: std::fmt::Debug> Part<T> {
    pub fn taken(&self) -> Result<&T> {
        match self {
            Part::Taken(taken) => Ok(taken),
            other => bail!("{other:?} where there should be numbers"),
        }
    }
}

/// The lines of the things that a source has many of, in the order of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Table<T> {
    pub shown: Vec<T>,
    /// How many others there are, from `... and N more`.
    pub more: u64,
}

/// All lines of one sample.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The record of the first line.
    pub first: Arc<Record>,
    /// The record of the last line, which comes later when a source is slow.
    pub last: Arc<Record>,
    pub all: Shares,
    pub cpus: BTreeMap<u32, Shares>,
    pub memory: Memory,
    pub swap: Swap,
    pub load: Part<Load>,
    pub running: Part<Running>,
    pub activity: Part<Activity>,
    pub pressure: Part<Pressure>,
    /// Missing also when there is nothing to show.
    pub disks: Part<Table<Disk>>,
    /// Missing also when there is nothing to show.
    pub nets: Part<Table<Net>>,
    pub tcp: Part<Tcp>,
    pub fs: Vec<Fs>,
    /// Missing also when there was no census since the sample before.
    pub tasks: Part<Tasks>,
    pub top: Vec<Task>,
}

/// Whether a sample begins with this record.
pub fn begins_sample(record: &Record) -> bool {
    record.text.starts_with(SAMPLE)
}

/// The samples in `records`, which must hold nothing but whole samples and other kinds of lines.
///
/// A sample goes on until the next one or the `unloaded` line. With `growing`, one that has not
/// ended like this is left out, as it may be incomplete; otherwise the end of the records ends it.
pub fn samples(records: &[Arc<Record>], growing: bool) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    let mut open: Option<Unfinished> = None;
    for record in records {
        let Some(line) = parse_record(record)? else {
            continue;
        };
        if matches!(line, Line::CpuAll(_) | Line::Unloaded(_)) {
            samples.extend(open.take().map(Unfinished::end).transpose()?);
        }
        if line.place().is_none() {
            continue;
        }
        match (&mut open, &line) {
            (None, Line::CpuAll(_)) => {
                open = Some(Unfinished {
                    lines: vec![(Arc::clone(record), line)],
                });
            }
            (Some(open), _) if open.may_be_followed_by(&line) => {
                open.lines.push((Arc::clone(record), line));
            }
            _ => bail!(
                "{:?} does not belong to the sample before, expected the next line of it: {}",
                record.text,
                before(records, record)
            ),
        }
    }
    if !growing {
        samples.extend(open.map(Unfinished::end).transpose()?);
    }
    Ok(samples)
}

/// The lines of a sample so far, in order. There is at least its first.
struct Unfinished {
    lines: Vec<(Arc<Record>, Line)>,
}

impl Unfinished {
    fn may_be_followed_by(&self, line: &Line) -> bool {
        let Some((_, last)) = self.lines.last() else {
            return false;
        };
        let stale = |line: &Line| matches!(line, Line::Stale(_));
        match (last, line) {
            // What is busiest comes first, rounded or not.
            (Line::Disk(last), Line::Disk(next)) => last.busy >= next.busy,
            // Both directions were rounded for themselves.
            (Line::Net(last), Line::Net(next)) => last.rx + last.tx + 2 >= next.rx + next.tx,
            (Line::Cpu(last, _), Line::Cpu(next, _)) => last < next,
            // A source that is stale shows nothing else.
            (Line::Disk(_) | Line::Net(_), _) if stale(line) && line.place() > last.place() => {
                line.place() != last.place().map(|place| place + 1)
            }
            _ => last.place() < line.place() || (last.repeats() && last.place() == line.place()),
        }
    }

    fn end(self) -> Result<Sample> {
        let (Some((first, _)), Some((last, _))) = (self.lines.first(), self.lines.last()) else {
            bail!("a sample has no lines, expected its cpu=all line at least")
        };
        let (first, last) = (Arc::clone(first), Arc::clone(last));
        let what = format!("the sample {:.45?} at {:?}", first.text, first.at);
        let (mut all, mut memory, mut swap) = (None, None, None);
        let mut cpus = BTreeMap::new();
        let (mut load, mut activity, mut pressure) = (Part::Missing, Part::Missing, Part::Missing);
        let (mut disks, mut nets) = (Part::Missing, Part::Missing);
        let (mut running, mut tcp) = (Part::Missing, Part::Missing);
        let (mut tasks, mut top) = (Part::Missing, Vec::new());
        let mut filesystems: Vec<Fs> = Vec::new();
        for (_, line) in self.lines {
            match line {
                Line::CpuAll(shares) => all = Some(shares),
                Line::Cpu(cpu, shares) => drop(cpus.insert(cpu, shares)),
                Line::Memory(amounts) => memory = Some(amounts),
                Line::Swap(amounts) => swap = Some(amounts),
                Line::Load(averages) => load = Part::Taken(averages),
                Line::Running(tasks) => running = Part::Taken(tasks),
                Line::Tasks(totals) => tasks = Part::Taken(totals),
                Line::Task(task) => top.push(task),
                Line::Tcp(rates) => tcp = Part::Taken(rates),
                Line::Activity(rates) => activity = Part::Taken(rates),
                Line::Pressure(shares) => pressure = Part::Taken(shares),
                Line::Stale(Hanging::Pressure) => pressure = Part::Stale,
                Line::Disk(disk) => disks.add(disk)?,
                Line::MoreDisks(more) => disks.add_more(more)?,
                Line::Stale(Hanging::Disk) => disks = Part::Stale,
                Line::Net(net) => nets.add(net)?,
                Line::MoreNets(more) => nets.add_more(more)?,
                Line::Stale(Hanging::Net) => nets = Part::Stale,
                Line::Fs(fs) => {
                    ensure!(
                        filesystems.iter().all(|other| other.path != fs.path),
                        "{what} has {} twice, expected it once",
                        fs.path
                    );
                    filesystems.push(fs);
                }
                // These have no place in a sample.
                Line::Loaded(_)
                | Line::Unloaded(_)
                | Line::BadParameter(_)
                | Line::No(..)
                | Line::TableFull(..)
                | Line::Behind(..)
                | Line::Alert(_)
                | Line::Brief(_)
                | Line::HistoryRaised(..)
                | Line::HistoryScattered(..)
                | Line::HistoryReserved(..)
                | Line::HistoryEnds(_)
                | Line::HistoryStartsOver => (),
            }
        }
        Ok(Sample {
            first,
            last,
            all: all.with_context(|| format!("{what} has no cpu=all"))?,
            cpus,
            memory: memory.with_context(|| format!("{what} has no mem line"))?,
            swap: swap.with_context(|| format!("{what} has no swap line"))?,
            load,
            running,
            activity,
            pressure,
            disks,
            nets,
            tcp,
            fs: filesystems,
            tasks,
            top,
        })
    }
}

impl<T> Part<Table<T>> {
    fn table(&mut self) -> Result<&mut Table<T>> {
        if let Part::Missing = self {
            *self = Part::Taken(Table {
                shown: Vec::new(),
                more: 0,
            });
        }
        match self {
            Part::Taken(table) => Ok(table),
            _ => bail!("a source that is stale has a line, expected none"),
        }
    }

    fn add(&mut self, shown: T) -> Result<()> {
        let table = self.table()?;
        table.shown.push(shown);
        ensure!(
            table.shown.len() <= MOST_SHOWN,
            "a source has {} lines, expected at most {MOST_SHOWN}",
            table.shown.len()
        );
        Ok(())
    }

    fn add_more(&mut self, more: u64) -> Result<()> {
        let table = self.table()?;
        ensure!(
            table.shown.len() == MOST_SHOWN,
            "a source has {} lines, but {more} were left out, expected {MOST_SHOWN} lines",
            table.shown.len()
        );
        table.more = more;
        Ok(())
    }
}

/// The starts of the records before one, for an error's text.
fn before(records: &[Arc<Record>], record: &Arc<Record>) -> String {
    let index = records
        .iter()
        .position(|other| Arc::ptr_eq(other, record))
        .unwrap_or(0);
    let start =
        |record: &Arc<Record>| format!("{:.6}: {:.45}", record.at.as_secs_f64(), record.text);
    let starts: Vec<String> = records[index.saturating_sub(8)..=index]
        .iter()
        .map(start)
        .collect();
    starts.join(" / ")
}

#[cfg(test)]
mod tests {
    use super::super::activity::tests::VM;
    use super::super::cpu::tests::CPU;
    use super::super::disk::tests::DISK;
    use super::super::examples::records;
    use super::super::fs::tests::FS;
    use super::super::load::tests::LOAD;
    use super::super::memory::tests::{MEM, SWAP};
    use super::super::net::tests::NET;
    use super::super::notices::tests::UNLOADED;
    use super::super::pressure::tests::PRESSURE;
    use super::*;

    #[test]
    fn samples_are_whole_and_in_order() {
        let [all, zero, one] = ["all", "0", "1"].map(|cpu| format!("cpu={cpu} {CPU}"));
        let (all, zero, one) = (all.as_str(), zero.as_str(), one.as_str());
        let loaded =
            "loaded version=0.1.0 interval=10ms cpus=2 history_kB=6144 plain_kB=1024 encoder_kB=25 reach=1min oom=at_once";
        let bad = "parameter log_every: '' is empty, allowed are 0 to 1000000 samples";
        let count =
            |texts: &[&str], growing| samples(&records(texts), growing).map(|found| found.len());

        assert_eq!(
            count(
                &[loaded, all, zero, one, MEM, SWAP, all, MEM, SWAP, UNLOADED],
                false
            )
            .unwrap(),
            2
        );
        assert_eq!(count(&[all, zero, one, MEM, bad, SWAP], false).unwrap(), 1);
        for unfinished in [&[all, zero][..], &[all, zero, one, MEM]] {
            assert_eq!(count(unfinished, true).unwrap(), 0);
            count(unfinished, false).unwrap_err();
            // The next sample is no excuse.
            let two = [unfinished, &[all, MEM, SWAP]].concat();
            count(&two, true).unwrap_err();
        }
        // More lines may follow until something else does.
        let whole = [all, MEM, SWAP];
        assert_eq!(count(&whole, true).unwrap(), 0);
        assert_eq!(count(&[&whole[..], &[all]].concat(), true).unwrap(), 1);
        assert_eq!(count(&[&whole[..], &[UNLOADED]].concat(), true).unwrap(), 1);
        for bad in [
            &[zero, one, MEM, SWAP][..],
            &[all, one, zero, MEM, SWAP],
            &[all, zero, zero, MEM, SWAP],
            &[all, zero, SWAP, MEM],
            &[all, zero, MEM, all, zero, MEM, SWAP],
            &[all, MEM, SWAP, SWAP],
            &[all, zero, MEM, UNLOADED],
        ] {
            let found = count(bad, true);
            assert!(found.is_err(), "{bad:?} gives {found:?}, expected an error");
        }
    }

    #[test]
    fn the_further_sources_come_in_order() {
        let all = format!("cpu=all {CPU}");
        let start = [all.as_str(), MEM, SWAP];
        let quiet = DISK.replace("busy=0.1%", "busy=0.0%");
        let fast = NET.replace("rx=0.10kB/s", "rx=0.13kB/s");
        let other = FS.replace("fs=/", "fs=/mnt");
        let (quiet, fast, other) = (quiet.as_str(), fast.as_str(), other.as_str());
        let found = |more: &[&str]| samples(&records(&[&start, more].concat()), false);
        let one = |more: &[&str]| match found(more) {
            Ok(samples) if samples.len() == 1 => samples[0].clone(),
            other => panic!("expected one sample, found {other:?} in {more:?}"),
        };

        let nothing = one(&[]);
        assert_eq!(
            (&nothing.load, &nothing.disks),
            (&Part::Missing, &Part::Missing)
        );
        assert!(
            nothing.fs.is_empty() && nothing.pressure.taken().is_err(),
            "expected neither fs lines nor pressure, found {nothing:?}"
        );
        let full = "net table is full: 3 devices are not sampled";
        let everything = one(&[LOAD, VM, PRESSURE, DISK, full, quiet, fast, NET, FS, other]);
        assert_eq!(everything.disks.taken().unwrap().shown.len(), 2);
        assert_eq!(everything.nets.taken().unwrap().shown[0].rx, 13);
        assert_eq!(everything.fs[1].path, "/mnt");
        let last = &everything.last.text;
        assert!(
            last.contains("fs=/mnt"),
            "expected fs=/mnt in the last line, found {last:?}"
        );
        assert_eq!(everything.load.taken().unwrap().one, 52);
        let stale = one(&["pressure stale", "disk stale", "net stale", "fs=/ stale"]);
        assert_eq!((stale.pressure, stale.disks), (Part::Stale, Part::Stale));
        assert_eq!(one(&[DISK, "net stale"]).nets, Part::Stale);
        let disks = [DISK; MOST_SHOWN];
        let many = one(&[&disks[..], &["disk ... and 2 more", NET]].concat());
        assert_eq!(many.disks.taken().unwrap().more, 2);

        for bad in [
            &[VM, LOAD][..],
            &[LOAD, LOAD],
            &[PRESSURE, VM],
            &[PRESSURE, "pressure stale"],
            &[DISK, PRESSURE],
            &[quiet, DISK],
            &[NET, fast],
            &[NET, DISK],
            &[FS, NET],
            &[FS, FS],
            &[DISK, "disk stale"],
            &["disk stale", DISK],
            &[NET, "net stale"],
            &["disk stale", "disk stale"],
            &["net stale", "disk stale"],
            &[DISK, "disk ... and 2 more"],
            &["disk ... and 2 more"],
            &[DISK; MOST_SHOWN + 1],
        ] {
            let found = found(bad);
            assert!(found.is_err(), "{bad:?} gives {found:?}, expected an error");
        }
    }
}
