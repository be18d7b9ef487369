// SPDX-License-Identifier: GPL-2.0

//! A strict parser of the module's log lines.
//!
//! A key that is unknown, missing, doubled or out of order is an error, and so is a number that is
//! written in any other way than the documented one.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{bail, ensure, Context, Result};

use crate::kmsg::Record;

pub const PREFIX: &str = "resource_monitor: ";

const LEVEL_ERROR: u32 = 3;
const LEVEL_INFO: u32 = 6;

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
    pub read_in: u64,
    pub written_out: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    pub version: String,
    pub interval_ms: u64,
    pub cpus: u32,
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
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadParameter {
    pub name: String,
    pub value: String,
    pub why: String,
    pub min: u64,
    pub max: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    Loaded(Loaded),
    Unloaded(Unloaded),
    CpuAll(Shares),
    Cpu(u32, Shares),
    Memory(Memory),
    Swap(Swap),
    BadParameter(BadParameter),
}

impl Line {
    fn level(&self) -> u32 {
        match self {
            Line::BadParameter(_) => LEVEL_ERROR,
            _ => LEVEL_INFO,
        }
    }
}

/// All lines of one sample.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The record of the first line.
    pub first: Arc<Record>,
    pub all: Shares,
    pub cpus: BTreeMap<u32, Shares>,
    pub memory: Memory,
    pub swap: Swap,
}

/// A record of the module, or `None` for what the rest of the kernel says.
pub fn parse_record(record: &Record) -> Result<Option<Line>> {
    let line = parse(&record.text).with_context(|| format!("line {:?}", record.text))?;
    if let Some(line) = &line {
        ensure!(
            record.level == line.level(),
            "level {} of {:?}",
            record.level,
            record.text
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
    let (kind, rest) = text.split_once(' ').context("a single word")?;
    Ok(Some(match kind {
        "loaded" => Line::Loaded(loaded(rest)?),
        "unloaded" => Line::Unloaded(unloaded(rest)?),
        "mem" => Line::Memory(memory(rest)?),
        "swap" => Line::Swap(swap(rest)?),
        "parameter" => Line::BadParameter(bad_parameter(rest)?),
        "cpu=all" => Line::CpuAll(shares(rest)?),
        _ => {
            let cpu = kind
                .strip_prefix("cpu=")
                .context("an unknown kind of line")?;
            Line::Cpu(number(cpu, "")?.try_into()?, shares(rest)?)
        }
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
    ensure!(plain, "{digits:?} is not a plain number");
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

fn shares(text: &str) -> Result<Shares> {
    let mut shares = [0; 9];
    for (share, value) in shares.iter_mut().zip(fields(text, SHARES)?) {
        *share = tenths(value)?;
    }
    let sum: u32 = shares.iter().sum();
    ensure!(
        (995..=1005).contains(&sum),
        "the fields add up to {}.{} %",
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
        "used is not total - available"
    );
    Ok(memory)
}

fn swap(text: &str) -> Result<Swap> {
    let [free, read_in, written_out] = fields(text, ["free", "in", "out"])?;
    Ok(Swap {
        free: number(free, "kB")?,
        read_in: number(read_in, "kB/s")?,
        written_out: number(written_out, "kB/s")?,
    })
}

fn loaded(text: &str) -> Result<Loaded> {
    let [version, interval, cpus] = fields(text, ["version", "interval", "cpus"])?;
    let parts: Vec<_> = version.split('.').collect();
    ensure!(parts.len() == 3, "version {version:?} has not three parts");
    for part in parts {
        number(part, "")?;
    }
    Ok(Loaded {
        version: version.into(),
        interval_ms: number(interval, "ms")?,
        cpus: number(cpus, "")?.try_into()?,
    })
}

fn unloaded(text: &str) -> Result<Unloaded> {
    let [samples, late, missed, callback_avg, callback_max, report_avg, report_max] = fields(
        text,
        [
            "samples",
            "late",
            "missed",
            "callback_avg",
            "callback_max",
            "report_avg",
            "report_max",
        ],
    )?;
    let unloaded = Unloaded {
        samples: number(samples, "")?,
        late: number(late, "")?,
        missed: number(missed, "")?,
        callback_avg_ns: number(callback_avg, "ns")?,
        callback_max_ns: number(callback_max, "ns")?,
        report_avg_ns: number(report_avg, "ns")?,
        report_max_ns: number(report_max, "ns")?,
    };
    ensure!(
        unloaded.late <= unloaded.samples,
        "more late samples than samples"
    );
    ensure!(
        unloaded.callback_avg_ns <= unloaded.callback_max_ns
            && unloaded.report_avg_ns <= unloaded.report_max_ns,
        "an average above its maximum"
    );
    Ok(unloaded)
}

/// Parses `NAME: 'VALUE' WHY, allowed are MIN to MAX UNIT`.
fn bad_parameter(text: &str) -> Result<BadParameter> {
    let (name, rest) = text
        .split_once(": '")
        .context("no parameter's name and value")?;
    let (rest, range) = rest.rsplit_once(", allowed are ").context("no range")?;
    let (value, why) = rest.rsplit_once("' ").context("no end of the value")?;
    ensure!(!why.is_empty(), "no reason");
    let (min, max) = range.split_once(" to ").context("not a range")?;
    let unit = match name {
        "interval_ms" => " ms",
        "per_cpu_max" => " CPUs",
        "log_every" => " samples",
        _ => bail!("unknown parameter {name}"),
    };
    Ok(BadParameter {
        name: name.into(),
        value: value.into(),
        why: why.into(),
        min: number(min, "")?,
        max: number(max, unit)?,
    })
}

/// The samples in `records`, which must hold nothing but whole samples and other kinds of lines.
///
/// With `growing`, the last sample may be incomplete and is then left out.
pub fn samples(records: &[Arc<Record>], growing: bool) -> Result<Vec<Sample>> {
    let mut samples: Vec<Sample> = Vec::new();
    let mut lines = Vec::new();
    for record in records {
        if let Some(line) = parse_record(record)? {
            lines.push((record, line));
        }
    }
    let mut lines = lines.into_iter().peekable();
    while let Some((first, line)) = lines.next() {
        let all = match line {
            Line::CpuAll(all) => all,
            Line::Loaded(_) | Line::Unloaded(_) | Line::BadParameter(_) => continue,
            _ => bail!(
                "{:?} does not belong to the sample before: {}",
                first.text,
                before(records, first)
            ),
        };
        let mut cpus = BTreeMap::new();
        while let Some((_, Line::Cpu(cpu, shares))) = lines.peek() {
            ensure!(
                cpus.keys().next_back() < Some(cpu),
                "cpu={cpu} is out of order"
            );
            cpus.insert(*cpu, *shares);
            lines.next();
        }
        // A bad parameter may be reported between two lines of a sample.
        let mut next = || loop {
            match lines.next() {
                Some((_, Line::BadParameter(_))) => continue,
                other => return other.map(|(_, line)| line),
            }
        };
        let (memory, swap) = match (next(), next()) {
            (Some(Line::Memory(memory)), Some(Line::Swap(swap))) => (memory, swap),
            (None, _) | (Some(Line::Memory(_)), None) if growing => break,
            other => bail!(
                "after the cpu lines of the sample {:?} at {:?} came {other:?}",
                first.text,
                first.at
            ),
        };
        samples.push(Sample {
            first: Arc::clone(first),
            all,
            cpus,
            memory,
            swap,
        });
    }
    Ok(samples)
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
    const UNLOADED: &str = "unloaded samples=12 late=0 missed=0 callback_avg=812ns callback_max=1003ns report_avg=31012ns report_max=45000ns";

    fn parsed(text: &str) -> Result<Line> {
        parse(&format!("{PREFIX}{text}"))?.context("not ours")
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
        let Line::Memory(memory) = parsed(MEM).unwrap() else {
            panic!()
        };
        assert_eq!(
            (memory.kilobytes("used"), memory.kilobytes("pagetables")),
            (400, 3)
        );
        assert!(matches!(
            parsed(SWAP).unwrap(),
            Line::Swap(Swap { free: 0, .. })
        ));
        assert!(matches!(
            parsed(UNLOADED).unwrap(),
            Line::Unloaded(Unloaded { samples: 12, .. })
        ));
        assert_eq!(
            parsed("loaded version=0.1.0 interval=5000ms cpus=4").unwrap(),
            Line::Loaded(Loaded {
                version: "0.1.0".into(),
                interval_ms: 5000,
                cpus: 4
            })
        );
        let Line::BadParameter(bad) =
            parsed("parameter interval_ms: 'it's 5' is out of range, allowed are 10 to 3600000 ms")
                .unwrap()
        else {
            panic!()
        };
        assert_eq!(
            (bad.name.as_str(), bad.value.as_str()),
            ("interval_ms", "it's 5")
        );
        assert_eq!(
            (bad.min, bad.max, bad.why.as_str()),
            (10, 3_600_000, "is out of range")
        );
        let empty =
            parsed("parameter log_every: '' is empty, allowed are 0 to 1000000 samples").unwrap();
        assert!(matches!(empty, Line::BadParameter(bad) if bad.value.is_empty()));
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
            "loaded version=0.1 interval=5000ms cpus=4".into(),
            "loaded version=0.1.0 interval=5000 cpus=4".into(),
            "loaded version=0.1.0 interval=5000ms cpus=4 x".into(),
            UNLOADED.replace("callback_avg=812ns", "callback_avg=1004ns"),
            UNLOADED.replace("late=0", "late=13"),
            UNLOADED.replace("late=0 ", ""),
            "parameter interval_ms: '5' is out of range, allowed are 10 to 3600000".into(),
            "parameter per_cpu_max: '5' is out of range, allowed are 10 to 20 ms".into(),
            "parameter nosuch: '5' is out of range, allowed are 10 to 20 ms".into(),
            "parameter interval_ms: '5' is out of range".into(),
            "parameter interval_ms: 5 is out of range, allowed are 10 to 3600000 ms".into(),
        ] {
            assert!(parsed(&text).is_err(), "{text:?}");
        }
    }

    fn records(texts: &[&str]) -> Vec<Arc<Record>> {
        let record = |text: &&str| {
            let level = if text.starts_with("parameter") {
                LEVEL_ERROR
            } else {
                LEVEL_INFO
            };
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
        let loaded = "loaded version=0.1.0 interval=10ms cpus=2";
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
            assert!(count(unfinished, false).is_err());
        }
        for bad in [
            &[zero, one, MEM, SWAP][..],
            &[all, one, zero, MEM, SWAP],
            &[all, zero, zero, MEM, SWAP],
            &[all, zero, SWAP, MEM],
            &[all, zero, MEM, all, zero, MEM, SWAP],
            &[all, MEM, SWAP, SWAP],
            &[all, zero, MEM, UNLOADED],
        ] {
            assert!(count(bad, true).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_level_counts() {
        let mut wrong = (*records(&[SWAP])[0]).clone();
        wrong.level = LEVEL_ERROR;
        assert!(parse_record(&wrong).is_err());
    }
}
