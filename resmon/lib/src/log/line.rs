// SPDX-License-Identifier: GPL-2.0-or-later

//! What a line of the module says. `model/brief.rs` and `model/source/` write these lines; tests have them
//! write any values, and compare.

mod alert;
mod brief;
mod sources;

use super::fields::{number, Fields, Word};
use crate::sample::{
    Activity, Cpu, CpuTimes, Disk, Event, FileSystem, Load, Memory, Net, OomKill, Pressure,
    Running, Swap, Task, TaskTotals, Tcp,
};
use crate::Source;
use sources::{
    activity, cpu, disk, file_system, load, memory, net, pressure, running, swap, task, tasks, tcp,
};

pub(super) use brief::Brief;

/// A line of the module.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Line {
    /// The module begins, and samples every so many seconds.
    Loaded(Option<f64>),
    /// The module ends.
    Unloaded,
    /// The kernel panics, so many seconds after 1970.
    Panic(f64),
    Alert(Event, Option<OomKill>),
    CpuAll(Option<CpuTimes>),
    Cpu(Cpu),
    Memory(Option<Memory>),
    Swap(Option<Swap>),
    Load(Option<Load>),
    Running(Option<Running>),
    Activity(Option<Activity>),
    Pressure(Option<Pressure>),
    Disk(Option<Disk>),
    Net(Option<Net>),
    /// There are more than have a line.
    More(Source),
    /// It has not answered in time.
    Stale(Source),
    Tcp(Option<Tcp>),
    FileSystem(Option<FileSystem>),
    Tasks(Option<TaskTotals>),
    Task(Option<Task>),
    Brief(Box<Brief>),
}

/// Bytes of a kB.
const KIB: f64 = 1024.0;

impl Line {
    /// What `text` says, which was read to its end if it `is_whole`; none when it says nothing of a sample.
    pub(super) fn parse(text: &str, is_whole: bool) -> Option<Self> {
        let mut fields = Fields::new(text, is_whole);
        let first = fields.word()?;
        if let Some((kind, _)) = first.text.split_once('=') {
            let value = Word {
                text: first.text.get(kind.len() + 1..)?,
                ..first
            };
            return match kind {
                "cpu" if value.text == "all" => Some(Self::CpuAll(cpu(fields))),
                "cpu" => {
                    let id = u32::try_from(value.number()?).ok()?;
                    Some(Self::Cpu(Cpu {
                        id,
                        times: cpu(fields)?,
                    }))
                }
                "disk" => Some(Self::Disk(disk(value, fields))),
                "net" => Some(Self::Net(net(value, fields))),
                "fs" => Some(Self::FileSystem(file_system(value, fields))),
                "task" => Some(Self::Task(task(Some(value.name()?), fields))),
                "alert" => alert::alert(value, fields),
                _ => None,
            };
        }
        let what = fields.one_of(&["...", "stale"]);
        if let Some(what) = what {
            let source = Source::ALL.into_iter();
            let source = source.clone().find(|source| source.name() == first.text)?;
            return Some(match what {
                "stale" => Self::Stale(source),
                _ => Self::More(source),
            });
        }
        match first.text {
            "sum" => Some(Self::Brief(Box::new(Brief::of(fields)))),
            "loaded" => Some(Self::Loaded(loaded(fields))),
            "unloaded" => Some(Self::Unloaded),
            "panic" => Some(Self::Panic(fields.value("wall")?.decimals(3, "")?)),
            "mem" => Some(Self::Memory(memory(fields))),
            "swap" => Some(Self::Swap(swap(fields))),
            "load" => Some(Self::Load(load(fields))),
            "running" => Some(Self::Running(running(fields))),
            "vm" => Some(Self::Activity(activity(fields))),
            "pressure" => Some(Self::Pressure(pressure(fields))),
            "tcp" => Some(Self::Tcp(tcp(fields))),
            "tasks" => Some(Self::Tasks(tasks(fields))),
            "task" => Some(Self::Task(task(None, fields))),
            _ => None,
        }
    }

    /// Its place among the lines of a sample.
    pub(super) fn rank(&self) -> u32 {
        let of_source = |source: &Source| match source {
            Source::Load => 6,
            Source::Running => 7,
            Source::Activity => 8,
            Source::Pressure => 9,
            Source::Disk => 10,
            Source::Net => 11,
            Source::Tcp => 12,
            _ => 14,
        };
        match self {
            Self::Loaded(_) | Self::Unloaded | Self::Panic(_) => 0,
            Self::Alert(..) => 1,
            Self::CpuAll(_) => 2,
            Self::Cpu(_) => 3,
            Self::Memory(_) => 4,
            Self::Swap(_) => 5,
            Self::Load(_) => 6,
            Self::Running(_) => 7,
            Self::Activity(_) => 8,
            Self::Pressure(_) => 9,
            Self::Disk(_) => 10,
            Self::Net(_) => 11,
            Self::More(source) | Self::Stale(source) => of_source(source),
            Self::Tcp(_) => 12,
            Self::FileSystem(_) => 13,
            Self::Tasks(_) => 14,
            Self::Task(_) => 15,
            Self::Brief(_) => 16,
        }
    }

    /// Whether a sample may have more than one of these.
    pub(super) fn is_one_of_many(&self) -> bool {
        matches!(
            self,
            Self::Alert(..)
                | Self::Cpu(_)
                | Self::Disk(_)
                | Self::Net(_)
                | Self::More(_)
                | Self::FileSystem(_)
                | Self::Task(_)
        )
    }
}

fn loaded(mut fields: Fields<'_>) -> Option<f64> {
    let interval = fields.value("interval")?;
    let ms = number(interval.text.strip_suffix("ms")?)?;
    Some(ms as f64 / 1e3)
}
