// SPDX-License-Identifier: GPL-2.0

//! What each boot has found of those before it, beside what these had published.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{bail, ensure, Context, Result};
use serde_json::Value;

use super::boot::Boot;
use super::compare::{self, Records};
use super::erased;
use crate::args::Args;
use crate::guest::raw_records;
use crate::sizes;

/// How far clocks may be apart that show whole seconds.
const CLOCK_OFF_S: f64 = 2.0;

/// The longest that a boot may take from its start to its first sample, and from when it was ready to its end.
const LONG_S: f64 = 60.0;

/// What is expected of each boot that has ended.
pub struct Expected {
    /// How `resmon boots` says that it ended; none when nothing of it is to be found.
    ended: Option<String>,
    /// How long before its end its newest sample may have been taken, in seconds.
    silence_s: f64,
    /// Whether another kernel was started for its end, which has a dump.
    has_dump: bool,
}

impl Expected {
    pub fn of(args: &mut Args) -> Result<Self> {
        Ok(Self {
            ended: args.optional("--ended")?,
            silence_s: args.value("--silence")?.parse().context("--silence")?,
            has_dump: args.switch("--kdump"),
        })
    }
}

pub struct Judge<'a> {
    /// The program `resmon`.
    pub resmon: &'a str,
    pub expected: Expected,
}

/// A number of a JSON object.
fn number(value: &Value, key: &str) -> Result<f64> {
    let number = value.get(key).and_then(Value::as_f64);
    number.with_context(|| format!("no number {key}: {value}"))
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    let text = value.get(key).and_then(Value::as_str);
    text.with_context(|| format!("no text {key}: {value}"))
}

impl Judge<'_> {
    /// Judges all boots, and returns what there is to say of them.
    pub fn judge(&self, boots: &[Boot]) -> Result<String> {
        let mut told = Vec::new();
        for boot in boots {
            let complaints = boot.text("errors").unwrap_or_default();
            ensure!(
                complaints.trim().is_empty(),
                "boot {}: {}",
                boot.number,
                complaints.trim()
            );
        }
        let (last, ended) = boots.split_last().context("there is no boot")?;
        for (at, boot) in boots.iter().enumerate() {
            let listed = boot.json("boots.json")?;
            self.judge_said(boot, &listed)?;
            let why = boot.text("boots.err")?;
            if self.expected.ended.is_none() || at == 0 {
                ensure!(
                    listed.len() == 1,
                    "boot {} lists {}",
                    boot.number,
                    listed.len()
                );
                ensure!(
                    why.contains("there are no records of an earlier boot"),
                    "boot {} does not say that there is nothing: {why}",
                    boot.number
                );
                continue;
            }
            ensure!(
                listed.len() == at + 1,
                "boot {} lists {}: {why}",
                boot.number,
                listed.len()
            );
            for (earlier, line) in boots[..at].iter().zip(&listed) {
                let what = || format!("what boot {} has of boot {}", boot.number, earlier.number);
                let found = self
                    .judge_boot(boot, earlier, boots.get(earlier.number), line)
                    .with_context(what)?;
                if earlier.number == at {
                    told.push(found);
                }
            }
            self.judge_running(boot, &listed[at])?;
        }
        if self.expected.ended.is_some() {
            told.push(self.judge_saved(last, ended)?);
            told.push(self.judge_forgotten(last)?);
        } else {
            told.push(format!("nothing is found in {} boots", ended.len()));
        }
        Ok(told.join("; "))
    }

    /// The records of a recording that was cut off by the end of the machine, or of a whole one.
    fn records(&self, file: &Path, may_be_cut: bool) -> Result<Records> {
        let (bytes, said) = raw_records(self.resmon, file)?;
        ensure!(may_be_cut || said.is_empty(), "{}: {said}", file.display());
        sizes::records(&bytes).with_context(|| file.display().to_string())
    }

    /// What a boot has published, as its readers wrote it down.
    fn published(&self, boot: &Boot) -> Result<Records> {
        let files = boot.recordings();
        let records = files.iter().map(|file| self.records(file, true));
        let records: Vec<Records> = records.collect::<Result<_>>()?;
        // The later ones begin with what was there of the boot.
        let mut all = Records::new();
        for record in records.into_iter().flatten() {
            if !all.contains(&record) {
                all.push(record);
            }
        }
        Ok(all)
    }

    /// Judges what `boot` has found of an earlier one, which `next` followed, and `line` lists.
    fn judge_boot(
        &self,
        boot: &Boot,
        earlier: &Boot,
        next: Option<&Boot>,
        line: &Value,
    ) -> Result<String> {
        let back = boot.number - earlier.number;
        let file = boot.path(&format!("found-{back}.rec"));
        ensure!(file.exists(), "{}", boot.text("found.err")?);
        let found = self.records(&file, false)?;
        let published = self.published(earlier)?;
        let compared = compare::compare(&published, &found)?;
        let id = compare::boot_id(&found)?;
        let lives = earlier.recordings().len();
        ensure!(
            compare::lives(&found) == lives,
            "{} lives, expected {lives}",
            compare::lives(&found)
        );

        ensure!(
            line["index"] == -(back as i64),
            "listed as {}",
            line["index"]
        );
        ensure!(
            text(line, "module_boot_id")? == format!("{id:016x}"),
            "its records are of boot {id:016x}, and it is listed as {}",
            line["module_boot_id"]
        );
        ensure!(
            text(line, "kernel")? == earlier.kernel,
            "listed with kernel {}",
            line["kernel"]
        );
        let ended = self.expected.ended.as_deref();
        ensure!(
            Some(text(line, "ended")?) == ended,
            "listed as {}, expected {ended:?}",
            line["ended"]
        );
        ensure!(
            number(line, "samples")? == found.len() as f64,
            "listed with {} samples, of which {} are read",
            line["samples"],
            found.len()
        );
        self.judge_times(earlier, next, line)?;
        self.judge_log(boot, back, line, found.len() - lives)?;
        if self.expected.has_dump {
            self.judge_dump(earlier, &found)?;
        }
        Ok(format!(
            "boot {}: {} of {} published, {} more{}",
            earlier.number,
            compared.records - compared.unread,
            published.len(),
            compared.unread,
            if compared.lacks_newest {
                ", not the newest"
            } else {
                ""
            }
        ))
    }

    /// By the clock of the boot, and by that of the next one, if that goes on.
    fn judge_times(&self, earlier: &Boot, next: Option<&Boot>, line: &Value) -> Result<()> {
        let (from, to) = (number(line, "from_time_s")?, number(line, "to_time_s")?);
        let (begin, ready) = (
            earlier.begin_s,
            earlier.ready_s.context("it was not ready")?,
        );
        let mut last = ready + LONG_S;
        if let Some(next) = next.filter(|next| next.begin_s > ready) {
            last = last.min(next.begin_s);
        }
        ensure!(
            from >= begin - CLOCK_OFF_S && from <= begin + LONG_S,
            "it is listed from {from} on, and began at {begin}"
        );
        ensure!(
            to >= ready - CLOCK_OFF_S && to <= last + CLOCK_OFF_S,
            "it is listed up to {to}, was ready at {ready}, and over by {last}"
        );
        Ok(())
    }

    /// Each sample has a line of the log, but the first one of each life, and the last is as new as can be.
    fn judge_log(&self, boot: &Boot, back: usize, line: &Value, samples: usize) -> Result<()> {
        let log = boot.json(&format!("log-{back}.json"))?;
        ensure!(
            log.len() == samples,
            "{} samples in the log, expected {samples}",
            log.len()
        );
        let times = log.iter().map(|sample| number(sample, "time_s"));
        let times = times.collect::<Result<Vec<_>>>()?;
        ensure!(
            times.windows(2).all(|two| two[0] < two[1]),
            "times of the log: {times:?}"
        );
        let silence = number(line, "to_time_s")? - times.last().context("no sample")?;
        // Samples go on for a moment after the end was noted, before the machine restarts or powers off.
        ensure!(
            (-1.0..=self.expected.silence_s).contains(&silence),
            "the last sample was taken {silence:.3} s before the end"
        );
        Ok(())
    }

    /// The log says where the records lie, and how many of other boots there are.
    fn judge_said(&self, boot: &Boot, listed: &[Value]) -> Result<()> {
        let (_, earlier) = listed.split_last().context("no boot is listed")?;
        let mut samples = 0;
        for line in earlier {
            samples += number(line, "samples")? as u64;
        }
        let expected =
            format!("history in reserved memory: size_kB=8192 earlier_records={samples}\n");
        let log = boot.text("log")?;
        ensure!(
            log.contains(&expected),
            "boot {}: expected {expected:?} in {log}",
            boot.number
        );
        Ok(())
    }

    /// The boot itself is the last one of its list.
    fn judge_running(&self, boot: &Boot, line: &Value) -> Result<()> {
        ensure!(
            line["index"] == 0
                && line["ended"] == "running"
                && text(line, "kernel")? == boot.kernel,
            "boot {} lists itself as {line}",
            boot.number
        );
        Ok(())
    }

    /// The kernel that was started for the end has left the memory alone, and has read the records there.
    fn judge_dump(&self, boot: &Boot, found: &Records) -> Result<()> {
        let log = boot.text("capture-log")?;
        ensure!(
            log.contains("this is a crash kernel"),
            "the crash kernel said: {log}"
        );
        let dump = self.records(&boot.path("vmcore.rec"), false)?;
        for record in found {
            ensure!(dump.contains(record), "a record is not in the dump");
        }
        Ok(())
    }

    /// Each ended boot is saved as a file of its own, once.
    fn judge_saved(&self, last: &Boot, ended: &[Boot]) -> Result<String> {
        let (first, again) = (last.text("saved-1.sums")?, last.text("saved-2.sums")?);
        ensure!(
            first == again,
            "what was saved has changed: {first} {again}"
        );
        let mut files = fs::read_dir(last.path("saved"))?.collect::<Result<Vec<_>, _>>()?;
        files.retain(|entry| entry.path().extension().is_some_and(|end| end == "rec"));
        ensure!(
            files.len() == ended.len(),
            "{} files were saved: {}",
            files.len(),
            last.text("save-1")?
        );
        for boot in ended {
            let back = last.number - boot.number;
            let found = self.records(&last.path(&format!("found-{back}.rec")), false)?;
            let name = format!("saved/boot-{:016x}.rec", compare::boot_id(&found)?);
            let saved = self.records(&last.path(&name), false)?;
            ensure!(
                saved == found,
                "{name} has {} records, expected {}",
                saved.len(),
                found.len()
            );
            let mode = fs::metadata(last.path(&name))?.permissions().mode() & 0o777;
            ensure!(mode == 0o640, "{name} has mode {mode:o}");
        }
        Ok(format!("{} saved", ended.len()))
    }

    /// What was forgotten is not listed, not in memory, and this boot's is there.
    fn judge_forgotten(&self, last: &Boot) -> Result<String> {
        let listed = last.json("boots-after.json")?;
        let [line] = listed.as_slice() else {
            bail!(
                "{} boots are listed after all others were forgotten",
                listed.len()
            );
        };
        self.judge_running(last, line)?;
        let own = self.published(last)?;
        let first = compare::of_first_life(&own);
        ensure!(
            number(line, "samples")? > first as f64,
            "{} samples of this boot are left, of which {first} were of its first life alone",
            line["samples"]
        );
        let image = |name: &str| fs::read(last.path(name)).with_context(|| name.to_string());
        let pieces = erased::judge(&image("before")?, &image("after")?, compare::boot_id(&own)?)?;
        Ok(format!("{pieces} pieces erased"))
    }
}
