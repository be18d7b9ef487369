// SPDX-License-Identifier: GPL-2.0-or-later

//! Whether the module runs, and what it keeps.

mod after_panic;

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use resmon::{Device, Info, Life, Record};
use serde::Serialize;

use crate::args::Status;
use crate::error::Result;
use crate::json;
use crate::time::{span, time};

use super::interval;
use after_panic::{ways, Reserved, Way};

pub fn run(args: &Status) -> Result<()> {
    let status = State::now()?;
    let text = if args.json {
        json::line(&status)?
    } else {
        format!("{}\n", status.text()).into_bytes()
    };
    io::stdout().write_all(&text)?;
    Ok(())
}

/// Where the kernel shows what the module is.
const MODULE: &str = "/sys/module/resource_monitor";

#[derive(Serialize)]
struct State {
    /// Of the module; none when `/sys` does not tell it.
    version: Option<String>,
    interval_s: f64,
    /// Records that are kept, and the numbers from the oldest one to the next one.
    records: u64,
    oldest_seq: u64,
    next_seq: u64,
    /// The memory for them, and how far it reaches back by the present rate, in seconds; none when no record
    /// is encoded yet.
    history_bytes: u64,
    reach_s: Option<f64>,
    /// Bytes of reserved memory that the history is in; 0 when it is in other memory.
    reserved_bytes: u64,
    /// Records of other boots in it, and how many boots these are.
    earlier_records: u64,
    earlier_boots: u64,
    /// When the oldest and the newest record that is kept were taken, in seconds since 1970.
    oldest_time_s: Option<f64>,
    newest_time_s: Option<f64>,
    newest_age_s: Option<f64>,
    /// Since the module was loaded.
    samples: u64,
    late_samples: Option<u64>,
    missed_ticks: Option<u64>,
    /// Those that may be read.
    parameters: BTreeMap<String, String>,
    /// What keeps the end of the log, or a dump.
    after_panic: Vec<Way>,
}

impl State {
    fn now() -> Result<Self> {
        let device = Device::open()?;
        let info = device.info()?;
        let reserved = Reserved {
            bytes: info.reserved_bytes.unwrap_or(0),
            records: info.earlier_records.unwrap_or(0),
            boots: match device.lives() {
                Ok(lives) => boots_before(&lives),
                // The number of boots is not worth that the rest is not told.
                Err(_) => 0,
            },
        };
        let oldest = record(0)?;
        let newest = record(info.next_seq.saturating_sub(1))?;
        let now_s = Timestamp::now().as_duration().as_secs_f64();
        Ok(Self::of(
            &info,
            oldest.as_ref(),
            newest.as_ref(),
            now_s,
            Path::new(MODULE),
            reserved,
            ways(Path::new("/"), &reserved),
        ))
    }

    fn of(
        info: &Info,
        oldest: Option<&Record>,
        newest: Option<&Record>,
        now_s: f64,
        module: &Path,
        reserved: Reserved,
        after_panic: Vec<Way>,
    ) -> Self {
        let time_s =
            |record: &Record| Duration::from_nanos(record.header().taken_wall_ns).as_secs_f64();
        let newest_time_s = newest.map(time_s);
        Self {
            version: read(&module.join("version")),
            interval_s: Duration::from_millis(info.interval_ms).as_secs_f64(),
            records: info.history_records,
            oldest_seq: info.block_oldest_seq.unwrap_or(info.oldest_seq),
            next_seq: info.next_seq,
            history_bytes: info.history_bytes,
            reach_s: reach_s(info),
            reserved_bytes: reserved.bytes,
            earlier_records: reserved.records,
            earlier_boots: reserved.boots,
            oldest_time_s: oldest.map(time_s),
            newest_time_s,
            newest_age_s: newest_time_s.map(|time_s| (now_s - time_s).max(0.0)),
            samples: info.next_seq,
            late_samples: newest.map(|record| record.header().late_samples),
            missed_ticks: newest.map(|record| record.header().missed_ticks),
            parameters: parameters(&module.join("parameters")),
            after_panic,
        }
    }

    fn text(&self) -> String {
        let version = self.version.as_deref().unwrap_or("of unknown version");
        let interval_ms = (self.interval_s * 1e3).round() as u64;
        let mut text = format!(
            "module      resource_monitor {version}, loaded\n\
             interval    {}\n\
             records     {} kept, in {:.1} MiB",
            interval::text(interval_ms),
            self.records,
            self.history_bytes as f64 / 1_048_576.0,
        );
        if let Some(reach_s) = self.reach_s {
            let _ = write!(
                text,
                ", which reach back {} by the present rate",
                span(reach_s)
            );
        }
        text.push('\n');
        if self.records > 0 {
            let last = self.next_seq.saturating_sub(1);
            let _ = writeln!(text, "numbers     {} to {last}", self.oldest_seq);
        }
        if let (Some(oldest_s), Some(newest_s)) = (self.oldest_time_s, self.newest_time_s) {
            let span = span(newest_s - oldest_s);
            let (oldest, newest) = (time(oldest_s), time(newest_s));
            let _ = writeln!(text, "time        {oldest} to {newest}, {span}");
        }
        if let Some(age_s) = self.newest_age_s {
            let _ = writeln!(text, "newest      {} ago", span(age_s));
        }
        let count = |count: Option<u64>| count.map_or("?".into(), |count| count.to_string());
        let _ = write!(
            text,
            "samples     {} since the module was loaded, {} late, {} ticks missed",
            self.samples,
            count(self.late_samples),
            count(self.missed_ticks),
        );
        for (at, (name, value)) in self.parameters.iter().enumerate() {
            let title = if at == 0 { "parameters" } else { "" };
            let _ = write!(text, "\n{title:12}{name}={value}");
        }
        for way in &self.after_panic {
            let _ = write!(text, "\n{}", way.line());
        }
        text
    }
}

/// How many boots lives are of, without the one that runs.
fn boots_before(lives: &[Life]) -> u64 {
    let ids: HashSet<_> = lives.iter().map(|life| life.boot_id).collect();
    (ids.len() as u64).saturating_sub(1)
}

/// How far back the records reach once the memory is full, if they go on to come as often and to be as
/// long.
fn reach_s(info: &Info) -> Option<f64> {
    let (records, used) = (info.block_records?, info.block_used_bytes?);
    let memory = info.block_memory_bytes? as f64;
    if records == 0 || used == 0 {
        return None;
    }
    let most = memory / (used as f64 / records as f64);
    Some(most * info.interval_ms as f64 / 1e3)
}

/// The record of this number, or the oldest that is kept; none when it is not there yet.
fn record(seq: u64) -> Result<Option<Record>> {
    let mut device = Device::open()?;
    device.set_nonblocking(true)?;
    device.seek(seq)?;
    Ok(device.into_records()?.try_next()?)
}

/// What a file has in its one line, if it may be read.
fn read(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim_end().to_string())
}

fn parameters(folder: &Path) -> BTreeMap<String, String> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .filter_map(|file| {
            let name = file.file_name().into_string().ok()?;
            Some((name, read(&file.path())?))
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use resmon::Records;

    #[test]
    fn a_module_is_described() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/minute.rec");
        let records: Vec<_> = Records::open(path)
            .unwrap()
            .map(|record| record.unwrap())
            .collect();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("version"), "0.9\n").unwrap();
        fs::create_dir(folder.path().join("parameters")).unwrap();
        fs::write(folder.path().join("parameters/interval_ms"), "1000\n").unwrap();
        fs::write(folder.path().join("parameters/fs_paths"), "/,/mnt\n").unwrap();
        let info = Info {
            oldest_seq: 1,
            next_seq: 63,
            interval_ms: 1000,
            history_records: 62,
            history_bytes: 7 << 20,
            block_records: Some(100),
            block_used_bytes: Some(30_000),
            block_memory_bytes: Some(6_291_456),
            ..Info::default()
        };
        let (oldest, newest) = (records.first(), records.last());
        let now_s = newest.unwrap().header().taken_wall_ns as f64 / 1e9 + 75.5;
        let state = {
            let after_panic = vec![Way {
                name: "serial",
                is_ready: Some(true),
                text: "the log goes to ttyS0".into(),
                advice: None,
            }];
            let reserved = Reserved {
                bytes: 8 << 20,
                records: 1234,
                boots: 2,
            };
            State::of(
                &info,
                oldest,
                newest,
                now_s,
                folder.path(),
                reserved,
                after_panic,
            )
        };
        let text = state.text();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "module      resource_monitor 0.9, loaded");
        assert_eq!(lines[1], "interval    1s");
        assert_eq!(
            lines[2],
            "records     62 kept, in 7.0 MiB, which reach back 5 h 49 min by the present rate"
        );
        assert_eq!(lines[3], "numbers     1 to 62");
        assert!(
            lines[4].ends_with(", 1 min 1 s"),
            "expected \", 1 min 1 s\" at the end of {:?}",
            lines[4]
        );
        assert_eq!(lines[5], "newest      1 min 15 s ago");
        assert!(
            lines[6].starts_with("samples     63 since"),
            "expected \"samples     63 since\" at the start of {:?}",
            lines[6]
        );
        assert_eq!(lines[7], "parameters  fs_paths=/,/mnt");
        assert_eq!(lines[8], "            interval_ms=1000");
        assert_eq!(lines[9], "serial      the log goes to ttyS0");
        assert_eq!(lines.len(), 10);
        let json = serde_json::to_value(&state).unwrap();
        assert_eq!(json["records"], 62);
        assert_eq!(json["reserved_bytes"], 8 << 20);
        assert_eq!(json["earlier_records"], 1234);
        assert_eq!(json["earlier_boots"], 2);
        assert_eq!(json["after_panic"][0]["is_ready"], true);
        assert_eq!(json["parameters"]["interval_ms"], "1000");
    }

    #[test]
    fn a_module_without_records_is_described() {
        let state = State::of(
            &Info::default(),
            None,
            None,
            0.0,
            Path::new("/nowhere"),
            Reserved::default(),
            Vec::new(),
        );
        let text = state.text();
        for expected in ["of unknown version", "? late"] {
            assert!(
                text.contains(expected),
                "expected {expected:?}, found:\n{text}"
            );
        }
    }
}
