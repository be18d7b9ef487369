// SPDX-License-Identifier: GPL-2.0

//! Lines that belong to no sample: that the module was loaded and unloaded, and what it cannot do.

use anyhow::{bail, ensure, Context, Result};

use super::field::{fields, number};
use super::Line;
use crate::module::SWITCHES;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    pub version: String,
    pub interval_ms: u64,
    pub cpus: u32,
    pub history_kb: u64,
    pub plain_kb: u64,
    pub encoder_kb: u64,
    pub reach_min: u64,
    /// Whether the kernel tells at once of a process that it kills as memory runs out.
    pub tells_of_kills: bool,
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
    Words,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadParameter {
    pub name: String,
    pub value: String,
    pub why: String,
    pub allowed: Allowed,
}

/// Parses the rest of `log is behind: N samples up to N are not in it`.
pub(super) fn behind(text: &str) -> Result<Line> {
    let numbers = text
        .strip_prefix("is behind: ")
        .and_then(|rest| rest.strip_suffix(" are not in it"))
        .and_then(|rest| rest.split_once(" samples up to "));
    let (count, last_seq) = numbers.with_context(|| format!("{text:?}"))?;
    Ok(Line::Behind(number(count, "")?, number(last_seq, "")?))
}

/// Parses the rest of `disk table is full: N devices are not sampled`.
pub(super) fn table_full(table: &str, text: &str) -> Result<Line> {
    let count = text
        .strip_suffix(" devices are not sampled")
        .with_context(|| format!("{text:?} is not a number of devices"))?;
    Ok(Line::TableFull(table.into(), number(count, "")?))
}

/// Parses the rest of `history raised from N kB to N kB: two of the largest records need that`, of
/// `history scattered parts=N of=N: a crash dump does not show them`, or of what says where it lies.
pub(super) fn history(text: &str) -> Result<Line> {
    const OVER: &str =
        "starts over: reserved memory was divided by another version or for another size";
    if text == OVER {
        return Ok(Line::HistoryStartsOver);
    }
    if let Some(why) = text.strip_prefix("ends with this boot: ") {
        ensure!(!why.is_empty(), "no reason follows in {text:?}");
        return Ok(Line::HistoryEnds(why.into()));
    }
    if let Some(rest) = text.strip_prefix("in reserved memory: ") {
        let [size_kb, records] = fields(rest, ["size_kB", "earlier_records"])?;
        return Ok(Line::HistoryReserved(
            number(size_kb, "")?,
            number(records, "")?,
        ));
    }
    if let Some(rest) = text.strip_prefix("scattered parts=") {
        let numbers = || {
            rest.strip_suffix(": a crash dump does not show them")?
                .split_once(" of=")
        };
        let (parts, of) =
            numbers().with_context(|| format!("{text:?} is not how the history is scattered"))?;
        return Ok(Line::HistoryScattered(number(parts, "")?, number(of, "")?));
    }
    let numbers = || {
        let rest = text.strip_prefix("raised from ")?;
        rest.strip_suffix(" kB: two of the largest records need that")?
            .split_once(" kB to ")
    };
    let (from, to) =
        numbers().with_context(|| format!("{text:?} is not how the history was raised"))?;
    Ok(Line::HistoryRaised(number(from, "")?, number(to, "")?))
}

/// Parses the rest of `no SOURCE: WHY`.
pub(super) fn no_source(text: &str) -> Result<Line> {
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

pub(super) fn loaded(text: &str) -> Result<Loaded> {
    let names = [
        "version",
        "interval",
        "cpus",
        "history_kB",
        "plain_kB",
        "encoder_kB",
        "reach",
        "oom",
    ];
    let [version, interval, cpus, history_kb, plain_kb, encoder_kb, reach, oom] =
        fields(text, names)?;
    let parts: Vec<_> = version.split('.').collect();
    ensure!(parts.len() == 3, "version {version:?} has not three parts");
    for part in parts {
        number(part, "")?;
    }
    Ok(Loaded {
        version: version.into(),
        interval_ms: number(interval, "ms")?,
        cpus: number(cpus, "")?.try_into()?,
        history_kb: number(history_kb, "")?,
        plain_kb: number(plain_kb, "")?,
        encoder_kb: number(encoder_kb, "")?,
        reach_min: number(reach, "min")?,
        tells_of_kills: match oom {
            "at_once" => true,
            "counted" => false,
            _ => bail!("oom={oom}, expected at_once or counted"),
        },
    })
}

pub(super) fn unloaded(text: &str) -> Result<Unloaded> {
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
    // The averages of the callback and of the sources are of all pieces and all sources of a sample
    // together, the maximum is of one of them.
    ensure!(
        unloaded.report_avg_ns <= unloaded.report_max_ns,
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
pub(super) fn bad_parameter(text: &str) -> Result<BadParameter> {
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
        "history_kB" | "panic_log_kB" => range(" kB")?,
        "trouble_interval_ms" => range(" ms")?,
        "alerts" => Allowed::Words,
        "log" => exactly("brief and full", Allowed::Words)?,
        "tasks" => exactly("auto, always, trouble and off", Allowed::Words)?,
        "names" => exactly("device, log and off", Allowed::Words)?,
        "top_tasks" => range(" processes")?,
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

#[cfg(test)]
pub mod tests {
    use super::super::examples::{assert_bad, changed, parsed};
    use super::*;

    pub const UNLOADED: &str = "unloaded samples=12 late=0 missed=0 callback_avg=812ns callback_max=1003ns report_avg=31012ns report_max=45000ns sources_avg=9012ns sources_max=8000ns";
    const BAD_BOOL: &str =
        "parameter disk: 'maybe' is not a yes or no, allowed are Y and N, 1 and 0, on and off";
    const BAD_PATH: &str = "parameter fs_paths: 'mnt/x' is not an absolute path, allowed are up to 16 absolute paths of at most 200 bytes, separated by commas";

    #[test]
    fn good_lines() {
        let found = parsed(UNLOADED).unwrap();
        assert!(
            matches!(found, Line::Unloaded(Unloaded { samples: 12, .. })),
            "expected an unloaded line with samples=12, found {found:?}"
        );
        assert_eq!(
            parsed("loaded version=0.1.0 interval=5000ms cpus=4 history_kB=6144 plain_kB=1024 encoder_kB=25 reach=1310min oom=at_once")
                .unwrap(),
            Line::Loaded(Loaded {
                version: "0.1.0".into(),
                interval_ms: 5000,
                cpus: 4,
                history_kb: 6144,
                plain_kb: 1024,
                encoder_kb: 25,
                reach_min: 1310,
                tells_of_kills: true,
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
    fn sources_that_there_are_not() {
        assert_eq!(
            parsed("no pressure: there is no cgroup").unwrap(),
            Line::No("pressure".into(), "there is no cgroup".into())
        );
        assert_bad([
            "no pressure".into(),
            "no pressure: ".into(),
            "no fun: it is a test".into(),
            "no vm: it is a test".into(),
        ]);
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
        assert_bad([
            BAD_BOOL.replace("disk", "fs_paths"),
            BAD_BOOL.replace("disk", "disks"),
            BAD_BOOL.replace("Y and N", "Y or N"),
            BAD_PATH.replace("16", "17"),
            BAD_PATH.replace("fs_paths", "fs"),
        ]);
    }

    #[test]
    fn bad_lines() {
        assert_bad([
            "loaded version=0.1 interval=5000ms cpus=4 history_kB=6144 plain_kB=1024 encoder_kB=25 reach=1min oom=at_once".into(),
            "loaded version=0.1.0 interval=5000 cpus=4 history_kB=6144 plain_kB=1024 encoder_kB=25 reach=1min oom=at_once".into(),
            "loaded version=0.1.0 interval=5000ms cpus=4 history_kB=6144 plain_kB=1024 encoder_kB=25 reach=1min oom=at_once x".into(),
            changed(UNLOADED, "late=0", "late=13"),
            changed(UNLOADED, "late=0 ", ""),
            changed(UNLOADED, "sources_max=8000ns", "sources_max=0ns"),
            changed(UNLOADED, " sources_avg=9012ns sources_max=8000ns", ""),
            "parameter interval_ms: '5' is out of range, allowed are 10 to 3600000".into(),
            "parameter per_cpu_max: '5' is out of range, allowed are 10 to 20 ms".into(),
            "parameter nosuch: '5' is out of range, allowed are 10 to 20 ms".into(),
            "parameter interval_ms: '5' is out of range".into(),
            "parameter interval_ms: 5 is out of range, allowed are 10 to 3600000 ms".into(),
        ]);
    }
}
