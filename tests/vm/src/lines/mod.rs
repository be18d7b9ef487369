// SPDX-License-Identifier: GPL-2.0

//! A strict parser of the module's log lines.
//!
//! A key that is unknown, missing, doubled or out of order is an error, and so is a number that is
//! written in any other way than the documented one. Numbers keep the precision of the text: a
//! percentage is in tenths of a per cent, and what has two decimals is in hundredths.

mod activity;
mod alert;
mod brief;
mod cpu;
mod disk;
mod field;
mod fs;
mod load;
mod memory;
mod net;
mod notices;
mod pressure;
mod running;
mod sample;
mod tasks;
mod tcp;

use anyhow::{bail, ensure, Context, Result};

use crate::kmsg::Record;

pub use activity::Activity;
pub use alert::Alert;
pub use brief::Brief;
pub use cpu::{Shares, SHARES};
pub use disk::Disk;
pub use fs::{Fs, FsState};
pub use load::Load;
pub use memory::{Memory, Swap};
pub use net::Net;
pub use notices::{Allowed, BadParameter, Loaded, Unloaded};
pub use pressure::Pressure;
pub use running::Running;
pub use sample::{begins_sample, samples, Part, Sample, Table};
pub use tasks::{Task, Tasks};
pub use tcp::Tcp;

use field::{more, number};

pub const PREFIX: &str = "resource_monitor: ";

const LEVEL_ERROR: u32 = 3;

const LEVEL_WARNING: u32 = 4;

const LEVEL_INFO: u32 = 6;

/// How a sample begins.
const SAMPLE: &str = "resource_monitor: cpu=all ";

/// The most disks or interfaces that a sample shows.
pub const MOST_SHOWN: usize = 16;

/// A source that may have nothing to show, because it has not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hanging {
    Pressure,
    Disk,
    Net,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    Loaded(Loaded),
    Unloaded(Unloaded),
    Alert(Alert),
    Brief(Brief),
    CpuAll(Shares),
    Cpu(u32, Shares),
    Memory(Memory),
    Swap(Swap),
    Load(Load),
    Running(Running),
    Activity(Activity),
    Pressure(Pressure),
    Disk(Disk),
    MoreDisks(u64),
    Net(Net),
    MoreNets(u64),
    Tcp(Tcp),
    Fs(Fs),
    Tasks(Tasks),
    Task(Task),
    Stale(Hanging),
    BadParameter(BadParameter),
    /// The kernel does not offer a source, and why.
    No(String, String),
    /// A table, and the number of devices that are not sampled.
    TableFull(String, u64),
    /// The number of samples that are not in the log, and the last of them.
    Behind(u64, u64),
    /// The memory for the history in kB, as it was asked for and as it is.
    HistoryRaised(u64, u64),
    /// How many parts of the history are scattered, and how many there are.
    HistoryScattered(u64, u64),
    /// The history lies in reserved memory, of so many kB, with so many records of other boots.
    HistoryReserved(u64, u64),
    /// It ends with the boot, and why.
    HistoryEnds(String),
    /// What was in reserved memory is of no use.
    HistoryStartsOver,
}

impl Line {
    fn level(&self) -> u32 {
        match self {
            Line::BadParameter(_) => LEVEL_ERROR,
            Line::Behind(..) | Line::Alert(_) | Line::HistoryStartsOver => LEVEL_WARNING,
            _ => LEVEL_INFO,
        }
    }

    /// The place among the lines of a sample; none when the line may stand anywhere.
    fn place(&self) -> Option<u32> {
        match self {
            Line::Loaded(_)
            | Line::Alert(_)
            | Line::Brief(_)
            | Line::Unloaded(_)
            | Line::BadParameter(_)
            | Line::No(..)
            | Line::TableFull(..)
            | Line::Behind(..)
            | Line::HistoryRaised(..)
            | Line::HistoryScattered(..)
            | Line::HistoryReserved(..)
            | Line::HistoryEnds(_)
            | Line::HistoryStartsOver => None,
            Line::CpuAll(_) => Some(0),
            Line::Cpu(..) => Some(1),
            Line::Memory(_) => Some(2),
            Line::Swap(_) => Some(3),
            Line::Load(_) => Some(4),
            Line::Running(_) => Some(5),
            Line::Activity(_) => Some(6),
            Line::Pressure(_) | Line::Stale(Hanging::Pressure) => Some(7),
            Line::Disk(_) => Some(8),
            Line::MoreDisks(_) | Line::Stale(Hanging::Disk) => Some(9),
            Line::Net(_) => Some(10),
            Line::MoreNets(_) | Line::Stale(Hanging::Net) => Some(11),
            Line::Tcp(_) => Some(12),
            Line::Fs(_) => Some(13),
            Line::Tasks(_) => Some(14),
            Line::Task(_) => Some(15),
        }
    }

    /// Whether a sample may have several of these.
    fn repeats(&self) -> bool {
        matches!(
            self,
            Line::Cpu(..) | Line::Disk(_) | Line::Net(_) | Line::Fs(_) | Line::Task(_)
        )
    }
}

/// A record of the module, or `None` for what the rest of the kernel says.
pub fn parse_record(record: &Record) -> Result<Option<Line>> {
    let line = parse(&record.text).with_context(|| format!("line {:?}", record.text))?;
    if let Some(line) = &line {
        ensure!(
            record.level == line.level(),
            "{:?} has the level {}, expected {}",
            record.text,
            record.level,
            line.level()
        );
    }
    Ok(line)
}

fn parse(text: &str) -> Result<Option<Line>> {
    // The module loader puts the module's name before some lines of its own.
    const LOADER: [&str; 5] = [
        "loading out-of-tree module taints kernel",
        "module verification failed",
        "module license",
        "unknown parameter '",
        "`",
    ];
    let Some(text) = text.strip_prefix(PREFIX) else {
        return Ok(None);
    };
    if LOADER.iter().any(|start| text.starts_with(start)) {
        return Ok(None);
    }
    let (kind, rest) = text
        .split_once(' ')
        .with_context(|| format!("expected a kind of line and its fields, found {text:?}"))?;
    let unknown = || format!("expected a kind of line that is documented, found {kind:?}");
    Ok(Some(match kind {
        "loaded" => Line::Loaded(notices::loaded(rest)?),
        "unloaded" => Line::Unloaded(notices::unloaded(rest)?),
        "sum" => Line::Brief(brief::brief(rest)?),
        "mem" => Line::Memory(memory::memory(rest)?),
        "swap" => Line::Swap(memory::swap(rest)?),
        "load" => Line::Load(load::load(rest)?),
        "running" => Line::Running(running::running(rest)?),
        "vm" => Line::Activity(activity::activity(rest)?),
        "pressure" | "disk" | "net" if rest == "stale" => Line::Stale(match kind {
            "pressure" => Hanging::Pressure,
            "disk" => Hanging::Disk,
            _ => Hanging::Net,
        }),
        "pressure" => Line::Pressure(pressure::pressure(rest)?),
        "disk" | "net" => match (kind, rest.strip_prefix("table is full: ")) {
            (_, Some(rest)) => notices::table_full(kind, rest)?,
            ("disk", None) => Line::MoreDisks(more(rest)?),
            _ => Line::MoreNets(more(rest)?),
        },
        "tasks" => Line::Tasks(tasks::tasks(rest)?),
        "task" => Line::Task(tasks::task(None, rest)?),
        "tcp" => Line::Tcp(tcp::tcp(rest)?),
        "no" => notices::no_source(rest)?,
        "log" => notices::behind(rest)?,
        "history" => notices::history(rest)?,
        "parameter" => Line::BadParameter(notices::bad_parameter(rest)?),
        "cpu=all" => Line::CpuAll(cpu::shares(rest)?),
        _ => match kind.split_once('=').with_context(unknown)? {
            ("alert", trigger) => Line::Alert(alert::alert(trigger, rest)?),
            ("cpu", cpu) => Line::Cpu(number(cpu, "")?.try_into()?, cpu::shares(rest)?),
            ("disk", name) => Line::Disk(disk::disk(name, rest)?),
            ("net", name) => Line::Net(net::net(name, rest)?),
            ("task", name) => Line::Task(tasks::task(Some(name), rest)?),
            ("fs", path) => Line::Fs(fs::fs(path, rest)?),
            _ => bail!(unknown()),
        },
    }))
}

/// What the examples of good and bad lines are looked at with.
#[cfg(test)]
mod examples {
    use std::sync::Arc;

    use super::*;

    pub fn parsed(text: &str) -> Result<Line> {
        parse(&format!("{PREFIX}{text}"))?
            .with_context(|| format!("{text:?} is not ours, expected a line of the module"))
    }

    /// A good line with something else in it.
    pub fn changed(line: &str, from: &str, to: &str) -> String {
        assert!(line.contains(from), "expected {from:?} in {line:?}");
        line.replace(from, to)
    }

    /// Fails unless each of these is refused.
    pub fn assert_bad<const N: usize>(texts: [String; N]) {
        for text in texts {
            let found = parsed(&text);
            assert!(
                found.is_err(),
                "{text:?} gives {found:?}, expected an error"
            );
        }
    }

    pub fn records(texts: &[&str]) -> Vec<Arc<Record>> {
        let record = |text: &&str| {
            let level = parsed(text).expect("a good line").level();
            Arc::new(Record {
                level,
                text: format!("{PREFIX}{text}"),
                ..Record::default()
            })
        };
        texts.iter().map(record).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::examples::{assert_bad, records};
    use super::memory::tests::SWAP;
    use super::*;

    #[test]
    fn other_lines_are_not_ours() {
        for text in [
            "Linux version 7",
            "resource_monitor: loading out-of-tree module taints kernel.",
            "resource_monitor: `5' invalid for parameter `interval_ms'",
            "resource_monitor: unknown parameter 'x' ignored",
        ] {
            assert_eq!(parse(text).unwrap(), None, "{text}");
        }
    }

    #[test]
    fn lines_of_no_kind_are_bad() {
        assert_bad(["", "hello", "hello world"].map(String::from));
    }

    #[test]
    fn the_level_counts() {
        let mut wrong = (*records(&[SWAP])[0]).clone();
        wrong.level = LEVEL_ERROR;
        parse_record(&wrong).unwrap_err();
    }
}
