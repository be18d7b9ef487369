// SPDX-License-Identifier: GPL-2.0

//! What was said at a panic, beside what a program had recorded before.

use std::path::Path;
use std::process::Command;

use anyhow::{ensure, Context, Result};
use serde_json::Value;

use super::said::{Said, SaidSample, SaidTask};

/// Most bytes, with `panic_log_kB` as it is.
const MAX_BYTES: usize = 2048;

/// The most that it may take, by the kernel's clock.
const MAX_US: u64 = 5000;

/// Times are said in tenths of a second, and clocks are read one after the other.
const TIME_OFF_S: f64 = 0.08;

/// How far lines of a minute reach back at least, in seconds.
const LEAST_REACH_S: f64 = 40.0;

/// What kind of panic it was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The machine has run for more than a minute, and its time is counted in instructions.
    Usual,
    /// The same, but nobody but the timer has had a CPU in the last minute.
    Starved,
    /// The machine has not run for a minute, samples are 10 ms apart, and time is the host's.
    Interrupted,
}

/// Samples of a recording, as `resmon log --json` prints them.
pub struct Recorded(Vec<Value>);

impl Recorded {
    /// Has `resmon` read a recording, or the text of a console.
    pub fn read(resmon: &str, file: &Path) -> Result<Self> {
        let output = Command::new(resmon)
            .args(["log", "--json", "--from"])
            .arg(file)
            .output()
            .context("resmon")?;
        ensure!(
            output.status.success(),
            "resmon log: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout)?;
        let samples = text.lines().map(serde_json::from_str);
        Ok(Self(samples.collect::<Result<_, _>>()?))
    }

    /// The place of the sample that was taken then; none when there is none.
    fn at(&self, time_s: f64) -> Option<usize> {
        let mut times = self.0.iter().map(|sample| number(sample, "/time_s"));
        times.position(|time| (time - time_s).abs() < TIME_OFF_S)
    }

    fn newest_s(&self) -> f64 {
        self.0
            .last()
            .map_or(0.0, |sample| number(sample, "/time_s"))
    }
}

/// A number of a sample; NaN where there is none.
fn number(sample: &Value, at: &str) -> f64 {
    sample
        .pointer(at)
        .and_then(Value::as_f64)
        .unwrap_or(f64::NAN)
}

/// What all devices of a kind have of a rate.
fn total(sample: &Value, kind: &str, at: &str) -> f64 {
    let devices = sample.get(kind).and_then(Value::as_array);
    let counted = devices
        .into_iter()
        .flatten()
        .filter(|device| device["in_total"] == true);
    counted.map(|device| number(device, at)).sum()
}

/// The mean of what the samples have, by their time.
fn mean(samples: &[Value], of: impl Fn(&Value) -> f64) -> f64 {
    let elapsed = |sample: &Value| number(sample, "/elapsed_s");
    let sum: f64 = samples
        .iter()
        .map(|sample| of(sample) * elapsed(sample))
        .sum();
    sum / samples.iter().map(elapsed).sum::<f64>()
}

fn near(what: &str, found: f64, expected: f64, off: f64) -> Result<()> {
    ensure!(
        (found - expected).abs() <= off,
        "{what} is {found}, expected {expected:.2}, give or take {off:.2}"
    );
    Ok(())
}

impl Said {
    /// Fails where `resmon` does not read the same out of the console.
    pub fn judge_reading(&self, console: &Recorded) -> Result<()> {
        let read: Vec<_> = console
            .0
            .iter()
            .filter(|sample| sample.pointer("/from_log/at_panic") == Some(&Value::Bool(true)))
            .collect();
        ensure!(
            read.len() == self.samples.len(),
            "resmon reads {} samples of {}",
            read.len(),
            self.samples.len()
        );
        for (said, read) in self.samples.iter().zip(read) {
            let time_s = self.wall_s - said.number("ago")?;
            near("time", number(read, "/time_s"), time_s, 0.01)?;
            for (key, at, unit) in [
                ("idle", "/cpu/idle_percent", 1.0),
                ("avail", "/memory/available_bytes", 1024.0),
            ] {
                near(key, number(read, at) / unit, said.number(key)?, 0.001)?;
            }
        }
        Ok(())
    }

    /// Fails where it is not as it should be.
    pub fn judge(&self, recorded: &Recorded, kind: Kind) -> Result<()> {
        let is_brief = kind == Kind::Interrupted;
        ensure!(
            self.bytes <= MAX_BYTES,
            "{} bytes, at most {MAX_BYTES}",
            self.bytes
        );
        let agos = self.samples.iter().map(|sample| sample.number("ago"));
        let agos = agos.collect::<Result<Vec<_>>>()?;
        ensure!(
            agos.windows(2).all(|pair| pair[0] >= pair[1]),
            "the newest does not come last: {agos:?}"
        );
        if !is_brief {
            ensure!(
                self.took_us <= MAX_US,
                "{} us, at most {MAX_US}",
                self.took_us
            );
            ensure!(self.samples.len() >= 4, "{} samples", self.samples.len());
            ensure!(agos[0] >= LEAST_REACH_S, "the first is {} s old", agos[0]);
            let last = agos.last().copied().unwrap_or(f64::MAX);
            ensure!(last <= 1.2, "the last is {last} s old");
            ensure!(
                self.open.iter().any(|trigger| trigger == "mem_avail"),
                "mem_avail is not open: {:?}",
                self.open
            );
            let is_busy = |task: &SaidTask| {
                task.name == "yes" && task.cpu_percent > 20.0 && task.rss_kb > 0.0
            };
            ensure!(
                self.tasks.iter().any(is_busy),
                "no busy task: {:?}",
                self.tasks
            );
        }
        if kind == Kind::Starved {
            // Nobody but the timer has told of anything since.
            let times = self.samples.iter().map(|sample| sample.number("system"));
            let times = times.collect::<Result<Vec<_>>>()?;
            ensure!(
                times.iter().rev().take(3).all(|system| *system > 90.0),
                "the last lines do not have a CPU in the kernel: {times:?}"
            );
            return Ok(());
        }
        if is_brief {
            // Samples that are so near one another cannot be told apart by tenths of a second.
            return self
                .samples
                .iter()
                .try_for_each(|sample| sample.judge_sums(recorded));
        }
        let mut compared = 0;
        let mut before = None;
        for sample in &self.samples {
            let time_s = self.wall_s - sample.number("ago")?;
            // What is about as new as the newest that was recorded may be newer.
            if time_s > recorded.newest_s() - TIME_OFF_S {
                break;
            }
            let at = recorded.at(time_s);
            let at = at.with_context(|| format!("no sample was recorded at {time_s}"))?;
            sample.judge_sums(recorded)?;
            sample.judge_state(&recorded.0[at])?;
            if let Some(since) = before {
                sample.judge_rates(&recorded.0[since + 1..=at])?;
                compared += 1;
            }
            before = Some(at);
        }
        ensure!(compared >= 2, "{compared} samples could be compared");
        Ok(())
    }
}

impl SaidSample {
    /// What adds up, whenever it was.
    fn judge_sums(&self, recorded: &Recorded) -> Result<()> {
        let all = ["user", "system", "idle", "iowait", "steal"].map(|key| self.number(key));
        let all = all.into_iter().sum::<Result<f64>>()?;
        near("all CPU time", all, 100.0, 0.01)?;
        let memory = self.number("used")? + self.number("avail")?;
        let last = recorded.0.last().context("nothing was recorded")?;
        let total = number(last, "/memory/total_bytes") / 1024.0;
        near("all memory", memory, total, 0.0)
    }

    /// What there was at the sample.
    fn judge_state(&self, newest: &Value) -> Result<()> {
        for (key, at) in [
            ("used", "/memory/used_bytes"),
            ("avail", "/memory/available_bytes"),
            ("swap_free", "/swap/free_bytes"),
        ] {
            near(key, self.number(key)?, number(newest, at) / 1024.0, 0.0)?;
        }
        near(
            "load",
            self.number("load")?,
            number(newest, "/load/one_minute"),
            0.006,
        )
    }

    /// What happened in the time of these samples.
    fn judge_rates(&self, samples: &[Value]) -> Result<()> {
        let share = |names: &[&str]| {
            mean(samples, |sample| {
                let shares = names
                    .iter()
                    .map(|name| number(sample, &format!("/cpu/{name}_percent")));
                shares.sum()
            })
        };
        // CPUs may have had a little more or less than the time that passed.
        near(
            "user",
            self.number("user")?,
            share(&["user", "nice", "guest"]),
            1.5,
        )?;
        near(
            "system",
            self.number("system")?,
            share(&["system", "irq", "softirq"]),
            1.5,
        )?;
        let (idle, iowait) = (self.number("idle")?, self.number("iowait")?);
        near(
            "idle and iowait",
            idle + iowait,
            share(&["idle", "iowait"]),
            1.5,
        )?;
        // The kernel may take iowait of a CPU back (Documentation/filesystems/proc.rst). A sample has none then, and
        // a line that has more samples in it has what is left.
        ensure!(
            iowait <= share(&["iowait"]) + 1.5,
            "iowait is {iowait}, expected at most {:.2}, give or take 1.5",
            share(&["iowait"])
        );
        for (at, name) in ["cpu", "memory", "io"].into_iter().enumerate() {
            let expected = mean(samples, |sample| {
                number(sample, &format!("/pressure/{name}_some_percent"))
            });
            let found = self.part("psi", at).context("no psi")?;
            near(&format!("psi {name}"), found, expected, 1.0)?;
        }
        for (key, kind, at) in [
            ("rkB", "disks", "/read_bytes_per_second"),
            ("wkB", "disks", "/written_bytes_per_second"),
            ("rxkB", "nets", "/received/bytes_per_second"),
            ("txkB", "nets", "/transmitted/bytes_per_second"),
        ] {
            let expected = mean(samples, |sample| total(sample, kind, at)) / 1024.0;
            near(key, self.number(key)?, expected, 0.1 + expected / 50.0)?;
        }
        Ok(())
    }
}
