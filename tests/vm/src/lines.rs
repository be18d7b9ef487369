// SPDX-License-Identifier: GPL-2.0

//! A strict parser of the module's log lines.
//!
//! A key that is unknown, missing, doubled or out of order is an error, and so is a number that is
//! written in any other way than the documented one. Numbers keep the precision of the text: a
//! percentage is in tenths of a per cent, and what has two decimals is in hundredths.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{bail, ensure, Context, Result};

use crate::kmsg::Record;
use crate::module::SWITCHES;

pub const PREFIX: &str = "resource_monitor: ";

const LEVEL_ERROR: u32 = 3;
const LEVEL_WARNING: u32 = 4;
const LEVEL_INFO: u32 = 6;

/// How a sample begins.
const SAMPLE: &str = "resource_monitor: cpu=all ";

/// At most so many disks or interfaces are shown in a sample.
pub const MOST_SHOWN: usize = 16;

pub const SHARES: [&str; 9] = [
    "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest",
];

/// What a CPU's time went to, in tenths of a per cent, in the order of [`SHARES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares(pub [u32; 9]);

impl Shares {
    pub fn percent(&self, name: &str) -> f64 {
        let index = SHARES
            .iter()
            .position(|share| *share == name)
            .expect("a known share");
        f64::from(self.0[index]) / 10.0
    }
}

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

/// Load averages, in hundredths.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    pub one: u64,
    pub five: u64,
    pub fifteen: u64,
}

/// The `vm` line. Rates are in hundredths per second, or of a kB per second.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    pub faults: u64,
    pub majfaults: u64,
    pub pgin: u64,
    pub pgout: u64,
    pub irqs: u64,
    pub softirqs: u64,
    pub oom_kills: u64,
}

/// In tenths of a per cent.
#[derive(Debug, Clone, PartialEq)]
pub struct Pressure {
    pub cpu_some: u32,
    pub mem_some: u32,
    pub mem_full: u32,
    pub io_some: u32,
    pub io_full: u32,
}

/// Rates are in hundredths per second, or of a kB per second.
#[derive(Debug, Clone, PartialEq)]
pub struct Disk {
    pub name: String,
    pub r: u64,
    pub w: u64,
    pub rkb: u64,
    pub wkb: u64,
    pub inflight: u64,
    /// In tenths of a per cent.
    pub busy: u32,
    /// In hundredths of a millisecond.
    pub await_ms: u64,
    pub d: u64,
    pub dkb: u64,
}

/// Rates are in hundredths per second, or of a kB per second.
#[derive(Debug, Clone, PartialEq)]
pub struct Net {
    pub name: String,
    pub rx: u64,
    pub tx: u64,
    pub rxp: u64,
    pub txp: u64,
    pub err: u64,
    pub drop: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub enum FsState {
    Shown {
        kind: String,
        /// Amounts in kB.
        size: u64,
        used: u64,
        avail: u64,
        /// In tenths of a per cent.
        use_: u32,
        inodes: u32,
    },
    Absent,
    Error(u32),
    Stale,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Fs {
    pub path: String,
    pub state: FsState,
}

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

/// A source that may have nothing to show, because it has not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hanging {
    Pressure,
    Disk,
    Net,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    pub version: String,
    pub interval_ms: u64,
    pub cpus: u32,
    pub history: u64,
    pub history_kb: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unloaded {
    pub samples: u64,
    pub late: u64,
    pub missed: u64,
    pub callback_avg_ns: u64,
    pub callback_max_ns: u64,
    pub report_avg_ns: u64,
    pub report_max_ns: u64,
    pub sources_avg_ns: u64,
    pub sources_max_ns: u64,
}

/// What a refused value should have been, as the line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    Range { min: u64, max: u64 },
    YesOrNo,
    Paths,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadParameter {
    pub name: String,
    pub value: String,
    pub why: String,
    pub allowed: Allowed,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    Loaded(Loaded),
    Unloaded(Unloaded),
    CpuAll(Shares),
    Cpu(u32, Shares),
    Memory(Memory),
    Swap(Swap),
    Load(Load),
    Activity(Activity),
    Pressure(Pressure),
    Disk(Disk),
    MoreDisks(u64),
    Net(Net),
    MoreNets(u64),
    Fs(Fs),
    Stale(Hanging),
    BadParameter(BadParameter),
    /// The kernel does not offer a source, and why.
    No(String, String),
    /// So many disks or interfaces are not sampled.
    TableFull(String, u64),
    /// So many samples are not in the log, and which was the last of them.
    Behind(u64, u64),
}

impl Line {
    fn level(&self) -> u32 {
        match self {
            Line::BadParameter(_) => LEVEL_ERROR,
            Line::Behind(..) => LEVEL_WARNING,
            _ => LEVEL_INFO,
        }
    }

    /// The place among the lines of a sample; none when the line may stand anywhere.
    fn place(&self) -> Option<u32> {
        match self {
            Line::Loaded(_)
            | Line::Unloaded(_)
            | Line::BadParameter(_)
            | Line::No(..)
            | Line::TableFull(..)
            | Line::Behind(..) => None,
            Line::CpuAll(_) => Some(0),
            Line::Cpu(..) => Some(1),
            Line::Memory(_) => Some(2),
            Line::Swap(_) => Some(3),
            Line::Load(_) => Some(4),
            Line::Activity(_) => Some(5),
            Line::Pressure(_) | Line::Stale(Hanging::Pressure) => Some(6),
            Line::Disk(_) => Some(7),
            Line::MoreDisks(_) | Line::Stale(Hanging::Disk) => Some(8),
            Line::Net(_) => Some(9),
            Line::MoreNets(_) | Line::Stale(Hanging::Net) => Some(10),
            Line::Fs(_) => Some(11),
        }
    }

    /// Whether a sample may have several of these.
    fn repeats(&self) -> bool {
        matches!(
            self,
            Line::Cpu(..) | Line::Disk(_) | Line::Net(_) | Line::Fs(_)
        )
    }
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
    pub activity: Part<Activity>,
    pub pressure: Part<Pressure>,
    /// Missing also when there is nothing to show.
    pub disks: Part<Table<Disk>>,
    /// Missing also when there is nothing to show.
    pub nets: Part<Table<Net>>,
    pub fs: Vec<Fs>,
}

/// Whether a sample begins with this record.
pub fn begins_sample(record: &Record) -> bool {
    record.text.starts_with(SAMPLE)
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
        "loaded" => Line::Loaded(loaded(rest)?),
        "unloaded" => Line::Unloaded(unloaded(rest)?),
        "mem" => Line::Memory(memory(rest)?),
        "swap" => Line::Swap(swap(rest)?),
        "load" => Line::Load(load(rest)?),
        "vm" => Line::Activity(activity(rest)?),
        "pressure" | "disk" | "net" if rest == "stale" => Line::Stale(match kind {
            "pressure" => Hanging::Pressure,
            "disk" => Hanging::Disk,
            _ => Hanging::Net,
        }),
        "pressure" => Line::Pressure(pressure(rest)?),
        "disk" | "net" => match (kind, rest.strip_prefix("table is full: ")) {
            (_, Some(rest)) => table_full(kind, rest)?,
            ("disk", None) => Line::MoreDisks(more(rest)?),
            _ => Line::MoreNets(more(rest)?),
        },
        "no" => no_source(rest)?,
        "log" => behind(rest)?,
        "parameter" => Line::BadParameter(bad_parameter(rest)?),
        "cpu=all" => Line::CpuAll(shares(rest)?),
        _ => match kind.split_once('=').with_context(unknown)? {
            ("cpu", cpu) => Line::Cpu(number(cpu, "")?.try_into()?, shares(rest)?),
            ("disk", name) => Line::Disk(disk(name, rest)?),
            ("net", name) => Line::Net(net(name, rest)?),
            ("fs", path) => Line::Fs(fs(path, rest)?),
            _ => bail!(unknown()),
        },
    }))
}

fn fields<'a, const N: usize>(text: &'a str, keys: [&str; N]) -> Result<[&'a str; N]> {
    let words: Vec<&str> = text.split(' ').collect();
    ensure!(words.len() == N, "{} fields instead of {N}", words.len());
    let mut values = [""; N];
    for ((value, word), key) in values.iter_mut().zip(words).zip(keys) {
        *value = word
            .strip_prefix(key)
            .and_then(|rest| rest.strip_prefix('='))
            .with_context(|| format!("{word:?} where {key}= belongs"))?;
    }
    Ok(values)
}

/// A whole number in its shortest form, followed by `unit`.
fn number(text: &str, unit: &str) -> Result<u64> {
    let digits = text
        .strip_suffix(unit)
        .with_context(|| format!("{text:?} is not in {unit}"))?;
    let plain = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    ensure!(
        plain,
        "{digits:?} is no plain number, expected digits without a leading 0"
    );
    Ok(digits.parse()?)
}

/// Tenths of a per cent, written as `12.3%`.
fn tenths(text: &str) -> Result<u32> {
    let (whole, tenth) = text
        .strip_suffix('%')
        .and_then(|text| text.split_once('.'))
        .with_context(|| format!("{text:?} is not a percentage"))?;
    ensure!(
        tenth.len() == 1,
        "{text:?} has not one digit after the point"
    );
    // The tenth's single digit may be a zero.
    let all = number(whole, "")? * 10 + number(tenth, "")?;
    ensure!(all <= 1000, "{text} is more than 100 %");
    Ok(all as u32)
}

/// Hundredths, written as `12.34`, followed by `unit`.
fn hundredths(text: &str, unit: &str) -> Result<u64> {
    let (whole, part) = text
        .strip_suffix(unit)
        .and_then(|text| text.split_once('.'))
        .with_context(|| format!("{text:?} is not a number with a point, in {unit}"))?;
    ensure!(
        part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()),
        "{text:?} has not two digits after the point"
    );
    number(whole, "")?
        .checked_mul(100)
        .and_then(|all| all.checked_add(part.parse().ok()?))
        .with_context(|| format!("{text} is above {}, the most", u64::MAX / 100))
}

/// Undoes the `\ooo` of bytes that are not printable, of blanks and of backslashes.
///
/// Such bytes must not stand there plainly, nor others be written like this.
fn unescaped(text: &str) -> Result<String> {
    ensure!(
        !text.is_empty(),
        "the name is empty, expected a byte or more"
    );
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        if first != b'\\' {
            ensure!(
                is_plain(first),
                "the byte {first} stands plainly in {text:?}, expected it to be escaped"
            );
            bytes.push(first);
            rest = after;
            continue;
        }
        let digits = after
            .get(..3)
            .with_context(|| format!("{text:?} ends within an escape, expected three digits"))?;
        ensure!(
            digits.iter().all(|digit| (b'0'..=b'7').contains(digit)),
            "{text:?} has a backslash without an octal number, expected three digits"
        );
        let value = digits
            .iter()
            .fold(0, |value, digit| 8 * value + u32::from(digit - b'0'));
        let byte = u8::try_from(value)
            .with_context(|| format!("\\{value:o} is no byte, expected at most \\377"))?;
        ensure!(
            !is_plain(byte),
            "{:?} is escaped in {text:?}, expected it to stand plainly",
            byte as char
        );
        bytes.push(byte);
        rest = &after[3..];
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn shares(text: &str) -> Result<Shares> {
    let mut shares = [0; 9];
    for (share, value) in shares.iter_mut().zip(fields(text, SHARES)?) {
        *share = tenths(value)?;
    }
    let sum: u32 = shares.iter().sum();
    ensure!(
        (995..=1005).contains(&sum),
        "the fields add up to {}.{} %, expected 99.5 % to 100.5 %",
        sum / 10,
        sum % 10
    );
    Ok(Shares(shares))
}

fn memory(text: &str) -> Result<Memory> {
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

fn swap(text: &str) -> Result<Swap> {
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

fn load(text: &str) -> Result<Load> {
    let [one, five, fifteen] = fields(text, ["1m", "5m", "15m"])?;
    Ok(Load {
        one: hundredths(one, "")?,
        five: hundredths(five, "")?,
        fifteen: hundredths(fifteen, "")?,
    })
}

fn activity(text: &str) -> Result<Activity> {
    let [faults, majfaults, pgin, pgout, irqs, softirqs, oom_kills] = fields(
        text,
        [
            "faults",
            "majfaults",
            "pgin",
            "pgout",
            "irqs",
            "softirqs",
            "oom_kills",
        ],
    )?;
    Ok(Activity {
        faults: hundredths(faults, "/s")?,
        majfaults: hundredths(majfaults, "/s")?,
        pgin: hundredths(pgin, "kB/s")?,
        pgout: hundredths(pgout, "kB/s")?,
        irqs: hundredths(irqs, "/s")?,
        softirqs: hundredths(softirqs, "/s")?,
        oom_kills: number(oom_kills, "")?,
    })
}

fn pressure(text: &str) -> Result<Pressure> {
    let [cpu_some, mem_some, mem_full, io_some, io_full] = fields(
        text,
        ["cpu_some", "mem_some", "mem_full", "io_some", "io_full"],
    )?;
    Ok(Pressure {
        cpu_some: tenths(cpu_some)?,
        mem_some: tenths(mem_some)?,
        mem_full: tenths(mem_full)?,
        io_some: tenths(io_some)?,
        io_full: tenths(io_full)?,
    })
}

fn disk(name: &str, text: &str) -> Result<Disk> {
    let [r, w, rkb, wkb, inflight, busy, await_ms, d, dkb] = fields(
        text,
        [
            "r", "w", "rkB", "wkB", "inflight", "busy", "await", "d", "dkB",
        ],
    )?;
    Ok(Disk {
        name: unescaped(name)?,
        r: hundredths(r, "/s")?,
        w: hundredths(w, "/s")?,
        rkb: hundredths(rkb, "/s")?,
        wkb: hundredths(wkb, "/s")?,
        inflight: number(inflight, "")?,
        busy: tenths(busy)?,
        await_ms: hundredths(await_ms, "ms")?,
        d: hundredths(d, "/s")?,
        dkb: hundredths(dkb, "/s")?,
    })
}

fn net(name: &str, text: &str) -> Result<Net> {
    let [rx, tx, rxp, txp, err, drop] = fields(text, ["rx", "tx", "rxp", "txp", "err", "drop"])?;
    Ok(Net {
        name: unescaped(name)?,
        rx: hundredths(rx, "kB/s")?,
        tx: hundredths(tx, "kB/s")?,
        rxp: hundredths(rxp, "/s")?,
        txp: hundredths(txp, "/s")?,
        err: hundredths(err, "/s")?,
        drop: hundredths(drop, "/s")?,
    })
}

fn fs(path: &str, text: &str) -> Result<Fs> {
    let state = match text {
        "absent" => FsState::Absent,
        "stale" => FsState::Stale,
        _ => match text.strip_prefix("error=") {
            Some(errno) => FsState::Error(number(errno, "")?.try_into()?),
            None => {
                let [kind, size, used, avail, use_, inodes] =
                    fields(text, ["type", "size", "used", "avail", "use", "inodes"])?;
                FsState::Shown {
                    kind: unescaped(kind)?,
                    size: number(size, "kB")?,
                    used: number(used, "kB")?,
                    avail: number(avail, "kB")?,
                    use_: tenths(use_)?,
                    inodes: tenths(inodes)?,
                }
            }
        },
    };
    let path = unescaped(path)?;
    ensure!(path.starts_with('/'), "the path {path:?} is not absolute");
    ensure!(
        state != FsState::Error(0),
        "error=0 stands for no error, expected 1 or more"
    );
    Ok(Fs { path, state })
}

/// Parses `... and N more`.
fn more(text: &str) -> Result<u64> {
    let count = text
        .strip_prefix("... and ")
        .and_then(|rest| rest.strip_suffix(" more"))
        .with_context(|| format!("expected `... and N more`, found {text:?}"))?;
    let count = number(count, "")?;
    ensure!(count > 0, "{count} more of them, expected 1 or more");
    Ok(count)
}

/// Parses the rest of `log is behind: N samples up to N are not in it`.
fn behind(text: &str) -> Result<Line> {
    let numbers = text
        .strip_prefix("is behind: ")
        .and_then(|rest| rest.strip_suffix(" are not in it"))
        .and_then(|rest| rest.split_once(" samples up to "));
    let (count, last_seq) = numbers.with_context(|| format!("{text:?}"))?;
    Ok(Line::Behind(number(count, "")?, number(last_seq, "")?))
}

/// Parses the rest of `disk table is full: N devices are not sampled`.
fn table_full(table: &str, text: &str) -> Result<Line> {
    let count = text
        .strip_suffix(" devices are not sampled")
        .with_context(|| format!("{text:?} is not a number of devices"))?;
    Ok(Line::TableFull(table.into(), number(count, "")?))
}

/// Parses the rest of `no SOURCE: WHY`.
fn no_source(text: &str) -> Result<Line> {
    let (source, why) = text
        .split_once(": ")
        .with_context(|| format!("expected a source and a reason, found {text:?}"))?;
    ensure!(
        source == "swap" || SWITCHES.contains(&source),
        "the source is {source:?}, expected swap or one of {SWITCHES:?}"
    );
    ensure!(
        !why.is_empty(),
        "no reason follows {source}, expected a text"
    );
    Ok(Line::No(source.into(), why.into()))
}

fn loaded(text: &str) -> Result<Loaded> {
    let names = ["version", "interval", "cpus", "history", "history_kB"];
    let [version, interval, cpus, history, history_kb] = fields(text, names)?;
    let parts: Vec<_> = version.split('.').collect();
    ensure!(parts.len() == 3, "version {version:?} has not three parts");
    for part in parts {
        number(part, "")?;
    }
    Ok(Loaded {
        version: version.into(),
        interval_ms: number(interval, "ms")?,
        cpus: number(cpus, "")?.try_into()?,
        history: number(history, "")?,
        history_kb: number(history_kb, "")?,
    })
}

fn unloaded(text: &str) -> Result<Unloaded> {
    let values = fields(
        text,
        [
            "samples",
            "late",
            "missed",
            "callback_avg",
            "callback_max",
            "report_avg",
            "report_max",
            "sources_avg",
            "sources_max",
        ],
    )?;
    let [samples, late, missed, ..] = values;
    let [_, _, _, callback_avg, callback_max, report_avg, report_max, sources_avg, sources_max] =
        values;
    let unloaded = Unloaded {
        samples: number(samples, "")?,
        late: number(late, "")?,
        missed: number(missed, "")?,
        callback_avg_ns: number(callback_avg, "ns")?,
        callback_max_ns: number(callback_max, "ns")?,
        report_avg_ns: number(report_avg, "ns")?,
        report_max_ns: number(report_max, "ns")?,
        sources_avg_ns: number(sources_avg, "ns")?,
        sources_max_ns: number(sources_max, "ns")?,
    };
    ensure!(
        unloaded.late <= unloaded.samples,
        "{} samples were late, expected at most all of {}",
        unloaded.late,
        unloaded.samples
    );
    // The average of the sources is of all of them together, the maximum of one of them.
    ensure!(
        unloaded.callback_avg_ns <= unloaded.callback_max_ns
            && unloaded.report_avg_ns <= unloaded.report_max_ns,
        "an average is above its maximum, expected none in {unloaded:?}"
    );
    ensure!(
        unloaded.sources_avg_ns == 0 || unloaded.sources_max_ns > 0,
        "sources_max is 0 ns, expected more with a sources_avg of {} ns",
        unloaded.sources_avg_ns
    );
    Ok(unloaded)
}

/// Parses `NAME: 'VALUE' WHY, allowed are …`.
fn bad_parameter(text: &str) -> Result<BadParameter> {
    const PATHS: &str = "up to 16 absolute paths of at most 200 bytes, separated by commas";
    let (name, rest) = text
        .split_once(": '")
        .with_context(|| format!("expected a parameter's name and value, found {text:?}"))?;
    // What is allowed may have no such words, the value may.
    let (rest, allowed) = rest
        .rsplit_once(", allowed are ")
        .with_context(|| format!("expected what is allowed in {text:?}, found nothing"))?;
    let (value, why) = rest
        .rsplit_once("' ")
        .with_context(|| format!("expected a quote after the value, found {rest:?}"))?;
    ensure!(
        !why.is_empty(),
        "no reason follows '{value}', expected a text"
    );
    let range = |unit: &str| -> Result<Allowed> {
        let (min, max) = allowed
            .split_once(" to ")
            .with_context(|| format!("expected a range, found {allowed:?}"))?;
        Ok(Allowed::Range {
            min: number(min, "")?,
            max: number(max, unit)?,
        })
    };
    let exactly = |text: &str, meaning: Allowed| -> Result<Allowed> {
        ensure!(
            allowed == text,
            "allowed for {name} are {allowed:?}, expected {text:?}"
        );
        Ok(meaning)
    };
    let allowed = match name {
        "interval_ms" => range(" ms")?,
        "per_cpu_max" => range(" CPUs")?,
        "log_every" => range(" samples")?,
        "history" => range(" records")?,
        "fs_paths" => exactly(PATHS, Allowed::Paths)?,
        _ if SWITCHES.contains(&name) => exactly("Y and N, 1 and 0, on and off", Allowed::YesOrNo)?,
        _ => bail!("the parameter is {name:?}, expected one that is documented"),
    };
    Ok(BadParameter {
        name: name.into(),
        value: value.into(),
        why: why.into(),
        allowed,
    })
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
        let mut filesystems: Vec<Fs> = Vec::new();
        for (_, line) in self.lines {
            match line {
                Line::CpuAll(shares) => all = Some(shares),
                Line::Cpu(cpu, shares) => drop(cpus.insert(cpu, shares)),
                Line::Memory(amounts) => memory = Some(amounts),
                Line::Swap(amounts) => swap = Some(amounts),
                Line::Load(averages) => load = Part::Taken(averages),
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
                | Line::Behind(..) => (),
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
            activity,
            pressure,
            disks,
            nets,
            fs: filesystems,
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
    use super::*;

    const CPU: &str = "user=12.3% nice=0.0% system=4.5% idle=83.2% iowait=0.0% irq=0.0% softirq=0.0% steal=0.0% guest=0.0%";
    const MEM: &str = "mem total=1000kB used=400kB free=500kB available=600kB buffers=0kB cached=7kB shmem=0kB slab=9kB dirty=0kB writeback=0kB anon=1kB mapped=2kB pagetables=3kB";
    const SWAP: &str = "swap free=0kB in=0kB/s out=0kB/s";
    const UNLOADED: &str = "unloaded samples=12 late=0 missed=0 callback_avg=812ns callback_max=1003ns report_avg=31012ns report_max=45000ns sources_avg=9012ns sources_max=8000ns";
    const LOAD: &str = "load 1m=0.52 5m=10.48 15m=0.40";
    const VM: &str = "vm faults=12.20/s majfaults=0.00/s pgin=0.00kB/s pgout=3.20kB/s irqs=251.00/s softirqs=97.40/s oom_kills=0";
    const PRESSURE: &str =
        "pressure cpu_some=0.0% mem_some=1.5% mem_full=0.5% io_some=100.0% io_full=99.9%";
    const DISK: &str = "disk=vda r=0.00/s w=1.20/s rkB=0.00/s wkB=19.20/s inflight=3 busy=0.1% await=0.52ms d=0.07/s dkB=5.00/s";
    const NET: &str =
        "net=eth0 rx=0.10kB/s tx=0.02kB/s rxp=0.20/s txp=0.30/s err=0.40/s drop=0.50/s";
    const FS: &str = "fs=/ type=ext4 size=1000kB used=10kB avail=900kB use=1.1% inodes=0.4%";
    const BAD_BOOL: &str =
        "parameter disk: 'maybe' is not a yes or no, allowed are Y and N, 1 and 0, on and off";
    const BAD_PATH: &str = "parameter fs_paths: 'mnt/x' is not an absolute path, allowed are up to 16 absolute paths of at most 200 bytes, separated by commas";

    fn parsed(text: &str) -> Result<Line> {
        parse(&format!("{PREFIX}{text}"))?
            .with_context(|| format!("{text:?} is not ours, expected a line of the module"))
    }

    #[test]
    fn good_lines() {
        let shares = Shares([123, 0, 45, 832, 0, 0, 0, 0, 0]);
        assert_eq!(
            parsed(&format!("cpu=all {CPU}")).unwrap(),
            Line::CpuAll(shares)
        );
        assert_eq!(
            parsed(&format!("cpu=17 {CPU}")).unwrap(),
            Line::Cpu(17, shares)
        );
        assert_eq!(shares.percent("idle"), 83.2);
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
        let found = parsed(UNLOADED).unwrap();
        assert!(
            matches!(found, Line::Unloaded(Unloaded { samples: 12, .. })),
            "expected an unloaded line with samples=12, found {found:?}"
        );
        assert_eq!(
            parsed("loaded version=0.1.0 interval=5000ms cpus=4 history=720 history_kB=2441")
                .unwrap(),
            Line::Loaded(Loaded {
                version: "0.1.0".into(),
                interval_ms: 5000,
                cpus: 4,
                history: 720,
                history_kb: 2441,
            })
        );
        let text = "parameter interval_ms: 'it's 5' is out of range, allowed are 10 to 3600000 ms";
        let bad = match parsed(text).unwrap() {
            Line::BadParameter(bad) => bad,
            other => panic!("expected a parameter line, found {other:?}"),
        };
        assert_eq!(
            (bad.name.as_str(), bad.value.as_str()),
            ("interval_ms", "it's 5")
        );
        let (min, max) = (10, 3_600_000);
        assert_eq!(bad.allowed, Allowed::Range { min, max });
        assert_eq!(bad.why, "is out of range");
        let empty =
            parsed("parameter log_every: '' is empty, allowed are 0 to 1000000 samples").unwrap();
        assert!(
            matches!(&empty, Line::BadParameter(bad) if bad.value.is_empty()),
            "expected a parameter line with an empty value, found {empty:?}"
        );
    }

    #[test]
    fn good_lines_of_the_further_sources() {
        let (one, five, fifteen) = (52, 1048, 40);
        assert_eq!(
            parsed(LOAD).unwrap(),
            Line::Load(Load { one, five, fifteen })
        );
        assert_eq!(
            parsed(VM).unwrap(),
            Line::Activity(Activity {
                faults: 1220,
                majfaults: 0,
                pgin: 0,
                pgout: 320,
                irqs: 25_100,
                softirqs: 9740,
                oom_kills: 0,
            })
        );
        assert_eq!(
            parsed(PRESSURE).unwrap(),
            Line::Pressure(Pressure {
                cpu_some: 0,
                mem_some: 15,
                mem_full: 5,
                io_some: 1000,
                io_full: 999,
            })
        );
        assert_eq!(
            parsed(DISK).unwrap(),
            Line::Disk(Disk {
                name: "vda".into(),
                r: 0,
                w: 120,
                rkb: 0,
                wkb: 1920,
                inflight: 3,
                busy: 1,
                await_ms: 52,
                d: 7,
                dkb: 500,
            })
        );
        assert_eq!(
            parsed(NET).unwrap(),
            Line::Net(Net {
                name: "eth0".into(),
                rx: 10,
                tx: 2,
                rxp: 20,
                txp: 30,
                err: 40,
                drop: 50,
            })
        );
        let fs = |path: &str, state| {
            let path = path.into();
            Line::Fs(Fs { path, state })
        };
        let shown = FsState::Shown {
            kind: "ext4".into(),
            size: 1000,
            used: 10,
            avail: 900,
            use_: 11,
            inodes: 4,
        };
        assert_eq!(parsed(FS).unwrap(), fs("/", shown));
        assert_eq!(
            parsed("fs=/mnt/x absent").unwrap(),
            fs("/mnt/x", FsState::Absent)
        );
        assert_eq!(
            parsed("fs=/mnt/x error=107").unwrap(),
            fs("/mnt/x", FsState::Error(107))
        );
        assert_eq!(
            parsed("fs=/mnt/x stale").unwrap(),
            fs("/mnt/x", FsState::Stale)
        );
        assert_eq!(
            parsed("fs=/a\\040b\\134\\303\\244 absent").unwrap(),
            fs("/a b\\ä", FsState::Absent)
        );
        for (text, line) in [
            ("disk stale", Line::Stale(Hanging::Disk)),
            ("net stale", Line::Stale(Hanging::Net)),
            ("pressure stale", Line::Stale(Hanging::Pressure)),
            ("disk ... and 48 more", Line::MoreDisks(48)),
            ("net ... and 1 more", Line::MoreNets(1)),
            (
                "no pressure: there is no cgroup",
                Line::No("pressure".into(), "there is no cgroup".into()),
            ),
        ] {
            assert_eq!(parsed(text).unwrap(), line, "{text}");
        }
        let full = parsed("disk table is full: 3 devices are not sampled").unwrap();
        assert_eq!(full, Line::TableFull("disk".into(), 3));
    }

    #[test]
    fn refused_values_of_the_further_parameters() {
        let bad = |text: &str| match parsed(text) {
            Ok(Line::BadParameter(bad)) => bad,
            other => panic!("expected a parameter line, found {other:?} in {text:?}"),
        };
        let refused = bad(BAD_BOOL);
        assert_eq!(
            (refused.name.as_str(), refused.value.as_str()),
            ("disk", "maybe")
        );
        assert_eq!(
            (refused.why.as_str(), refused.allowed),
            ("is not a yes or no", Allowed::YesOrNo)
        );
        let refused = bad(BAD_PATH);
        assert_eq!(
            (refused.value.as_str(), refused.allowed),
            ("mnt/x", Allowed::Paths)
        );
        for text in [
            BAD_BOOL.replace("disk", "fs_paths"),
            BAD_BOOL.replace("disk", "disks"),
            BAD_BOOL.replace("Y and N", "Y or N"),
            BAD_PATH.replace("16", "17"),
            BAD_PATH.replace("fs_paths", "fs"),
        ] {
            let found = parsed(&text);
            assert!(
                found.is_err(),
                "{text:?} gives {found:?}, expected an error"
            );
        }
    }

    #[test]
    fn bad_lines_of_the_further_sources() {
        let changed = |line: &str, from: &str, to: &str| {
            assert!(line.contains(from), "expected {from:?} in {line:?}");
            line.replace(from, to)
        };
        for text in [
            changed(LOAD, "0.52", "0.5"),
            changed(LOAD, "0.52", "0.520"),
            changed(LOAD, "0.52", ".52"),
            changed(LOAD, "0.52", "00.52"),
            changed(LOAD, "0.52", "-0.52"),
            changed(LOAD, "0.52", "0.5x"),
            changed(LOAD, "0.52", "0.+5"),
            changed(LOAD, "0.52", "999999999999999999.00"),
            changed(LOAD, " 15m=0.40", ""),
            changed(LOAD, "1m=0.52 5m=10.48", "5m=10.48 1m=0.52"),
            changed(VM, "12.20/s", "12.20"),
            changed(VM, "3.20kB/s", "3.20/s"),
            changed(VM, "oom_kills=0", "oom_kills=0.00/s"),
            changed(VM, " irqs=251.00/s", ""),
            changed(VM, "majfaults", "major"),
            changed(PRESSURE, "99.9%", "100.1%"),
            changed(PRESSURE, "99.9%", "99.90%"),
            changed(PRESSURE, " io_full=99.9%", ""),
            changed(PRESSURE, "io_full", "cpu_full"),
            changed(DISK, "vda", ""),
            changed(DISK, "vda", "v\\x"),
            changed(DISK, "19.20/s", "19.20kB/s"),
            changed(DISK, "19.20/s", "19/s"),
            changed(DISK, "0.52ms", "0.52"),
            changed(DISK, "inflight=3", "inflight=-1"),
            changed(DISK, "busy=0.1%", "busy=100.1%"),
            changed(DISK, "d=0.07/s dkB=5.00/s", "dkB=5.00/s d=0.07/s"),
            changed(NET, "0.10kB/s", "0.10/s"),
            changed(NET, "drop=0.50/s", "drop=0.50/s drop=0.50/s"),
            changed(FS, "fs=/", "fs="),
            changed(FS, "fs=/", "fs=mnt"),
            changed(FS, "fs=/", "fs=/ä"),
            changed(FS, "fs=/", "fs=/\\101"),
            changed(FS, "fs=/", "fs=/\\04"),
            changed(FS, "fs=/", "fs=/\\400"),
            changed(FS, "fs=/", "fs=/\\x20"),
            changed(FS, "ext4", ""),
            changed(FS, "1000kB", "1000"),
            changed(FS, "1.1%", "1%"),
            "fs=/ gone".into(),
            "fs=/ error=0".into(),
            "fs=/ error=-5".into(),
            "fs=/ absent ".into(),
            "fs stale".into(),
            "load stale".into(),
            "vm stale".into(),
            "disk ... and 0 more".into(),
            "disk ... and more".into(),
            "pressure ... and 1 more".into(),
            "disk table is full: 3 are not sampled".into(),
            "disk table is full: many devices are not sampled".into(),
            "no pressure".into(),
            "no pressure: ".into(),
            "no fun: it is a test".into(),
            "no vm: it is a test".into(),
        ] {
            let found = parsed(&text);
            assert!(
                found.is_err(),
                "{text:?} gives {found:?}, expected an error"
            );
        }
    }

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
    fn bad_lines() {
        let cpu = |from: &str, to: &str| format!("cpu=all {}", CPU.replace(from, to));
        let mem = |from: &str, to: &str| MEM.replace(from, to);
        for text in [
            "".into(),
            "hello".into(),
            "hello world".into(),
            format!("cpu=x {CPU}"),
            format!("cpu=01 {CPU}"),
            format!("cpu= {CPU}"),
            format!("cpu=all  {CPU}"),
            format!("cpu=all {CPU} "),
            format!("cpu=all {CPU} more=0.0%"),
            cpu(" guest=0.0%", ""),
            cpu("user=12.3% nice=0.0%", "nice=0.0% user=12.3%"),
            cpu("steal", "stolen"),
            cpu("12.3%", "12.3"),
            cpu("12.3%", "12%"),
            cpu("12.3%", "12.30%"),
            cpu("12.3%", "-0.1%"),
            cpu("12.3%", "013.0%"),
            cpu("12.3%", "12.9%"),
            cpu("12.3%", "11.7%"),
            cpu("12.3%", "100.1%"),
            cpu("12.3%", "NaN%"),
            mem("used=400kB", "used=401kB"),
            mem("free=500kB", "free=500"),
            mem("free=500kB", "free=-5kB"),
            mem("available=600kB", "available=1600kB"),
            mem(" mapped=2kB", ""),
            mem("dirty=0kB writeback=0kB", "writeback=0kB dirty=0kB"),
            "swap free=0kB in=0kB out=0kB/s".into(),
            "swap free=0kB in=0kB/s".into(),
            "loaded version=0.1 interval=5000ms cpus=4 history=720 history_kB=1".into(),
            "loaded version=0.1.0 interval=5000 cpus=4 history=720 history_kB=1".into(),
            "loaded version=0.1.0 interval=5000ms cpus=4 history=720 history_kB=1 x".into(),
            UNLOADED.replace("callback_avg=812ns", "callback_avg=1004ns"),
            UNLOADED.replace("late=0", "late=13"),
            UNLOADED.replace("late=0 ", ""),
            UNLOADED.replace("sources_max=8000ns", "sources_max=0ns"),
            UNLOADED.replace(" sources_avg=9012ns sources_max=8000ns", ""),
            "parameter interval_ms: '5' is out of range, allowed are 10 to 3600000".into(),
            "parameter per_cpu_max: '5' is out of range, allowed are 10 to 20 ms".into(),
            "parameter nosuch: '5' is out of range, allowed are 10 to 20 ms".into(),
            "parameter interval_ms: '5' is out of range".into(),
            "parameter interval_ms: 5 is out of range, allowed are 10 to 3600000 ms".into(),
        ] {
            let found = parsed(&text);
            assert!(
                found.is_err(),
                "{text:?} gives {found:?}, expected an error"
            );
        }
    }

    fn records(texts: &[&str]) -> Vec<Arc<Record>> {
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

    #[test]
    fn samples_are_whole_and_in_order() {
        let [all, zero, one] = ["all", "0", "1"].map(|cpu| format!("cpu={cpu} {CPU}"));
        let (all, zero, one) = (all.as_str(), zero.as_str(), one.as_str());
        let loaded = "loaded version=0.1.0 interval=10ms cpus=2 history=720 history_kB=1";
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

    #[test]
    fn the_level_counts() {
        let mut wrong = (*records(&[SWAP])[0]).clone();
        wrong.level = LEVEL_ERROR;
        parse_record(&wrong).unwrap_err();
    }
}
