// SPDX-License-Identifier: GPL-2.0

//! What the module says at a panic, out of a console.

use std::collections::BTreeMap;

use anyhow::{bail, ensure, Context, Result};

/// What the log has in front of each line of the module.
const NAME: &str = "resource_monitor: ";

/// Lines of the module after the kernel's own word of the panic.
#[derive(Debug, Default)]
pub struct Said {
    /// Bytes of all lines, without the time in front of them.
    pub bytes: usize,
    /// From the first line to the last, by the kernel's clock.
    pub took_us: u64,
    /// When the panic was, in seconds since 1970.
    pub wall_s: f64,
    pub samples: Vec<SaidSample>,
    /// The triggers of events that are open.
    pub open: Vec<String>,
    pub tasks: Vec<SaidTask>,
}

/// A line of a sample: its numbers by their keys.
#[derive(Debug, Default)]
pub struct SaidSample {
    numbers: BTreeMap<String, f64>,
}

/// A line of a process.
#[derive(Debug)]
pub struct SaidTask {
    pub name: String,
    pub cpu_percent: f64,
    pub rss_kb: f64,
}

impl Said {
    /// Reads the lines of a console.
    pub fn of(lines: &[String]) -> Result<Self> {
        let is_panic = |line: &String| line.contains("Kernel panic - not syncing");
        let at = lines.iter().position(is_panic).context("no panic")?;
        let mut said = Self::default();
        let mut first_us = None;
        let mut is_over = false;
        for line in &lines[at + 1..] {
            let Some((time_us, text)) = timed(line) else {
                continue;
            };
            let Some(text) = text.strip_prefix(NAME) else {
                is_over = first_us.is_some();
                continue;
            };
            ensure!(!is_over, "'{text}' comes after others' lines");
            said.took_us = time_us - *first_us.get_or_insert(time_us);
            said.bytes += NAME.len() + text.len() + 1;
            said.add(text).with_context(|| text.to_string())?;
        }
        Ok(said)
    }

    fn add(&mut self, text: &str) -> Result<()> {
        let (kind, rest) = text.split_once(' ').context("one word")?;
        let mut words = rest
            .split(' ')
            .map(|word| word.split_once('=').unwrap_or((word, "")));
        match kind.split_once('=').unwrap_or((kind, "")) {
            ("panic", "") => {
                ensure!(self.wall_s == 0.0, "said twice");
                let (_, wall) = words
                    .next()
                    .filter(|(key, _)| *key == "wall")
                    .context("no wall")?;
                self.wall_s = wall.parse()?;
            }
            ("sum", "") => {
                ensure!(
                    self.open.is_empty() && self.tasks.is_empty(),
                    "comes too late"
                );
                let mut sample = SaidSample::default();
                for (key, value) in words {
                    for (at, part) in value.split('/').enumerate() {
                        let part = part.trim_end_matches(['%', 's', 'k', 'B']);
                        if part != "-" {
                            let number = part.parse().with_context(|| format!("{key}={value}"))?;
                            sample.numbers.insert(format!("{key}.{at}"), number);
                        }
                    }
                }
                self.samples.push(sample);
            }
            ("alert", trigger) => {
                ensure!(words.any(|word| word == ("open", "")), "is not open");
                self.open.push(trigger.to_string());
            }
            ("tasks", "") => (),
            ("task", name) => {
                let words: BTreeMap<_, _> = words.collect();
                let number = |key: &str, unit: &str| -> Result<f64> {
                    let value = words.get(key).with_context(|| format!("no {key}"))?;
                    Ok(value
                        .strip_suffix(unit)
                        .context(unit.to_string())?
                        .parse()?)
                };
                self.tasks.push(SaidTask {
                    name: name.to_string(),
                    cpu_percent: number("cpu", "%")?,
                    rss_kb: number("rss", "kB")?,
                });
            }
            _ => bail!("is not known"),
        }
        Ok(())
    }
}

impl SaidSample {
    /// The number of a key, or the part `at` of those with slashes between them.
    pub fn part(&self, key: &str, at: usize) -> Option<f64> {
        self.numbers.get(&format!("{key}.{at}")).copied()
    }

    /// The number of a key.
    pub fn number(&self, key: &str) -> Result<f64> {
        self.part(key, 0).with_context(|| format!("no {key}"))
    }
}

/// The time in front of a line, in microseconds, and the rest.
fn timed(line: &str) -> Option<(u64, &str)> {
    let (time, rest) = line.strip_prefix('[')?.split_once("] ")?;
    let (seconds, fraction) = time.trim_start().split_once('.')?;
    let us = seconds.parse::<u64>().ok()? * 1_000_000 + fraction.parse::<u64>().ok()?;
    Some((us, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[&str]) -> Result<Said> {
        let panic = "[    1.000000] Kernel panic - not syncing: sysrq triggered crash";
        let lines = std::iter::once(&panic).chain(lines);
        Said::of(&lines.map(|line| line.to_string()).collect::<Vec<_>>())
    }

    #[test]
    fn lines_are_read() {
        let said = said(&[
            "[    1.000100] Call Trace:",
            "[    1.000200] resource_monitor: panic wall=1795619729.504",
            "[    1.000300] resource_monitor: sum user=12.3% load=0.00 run=- psi=0.1/0.0/2.0% ago=55.0s",
            "[    1.000400] resource_monitor: alert=mem_full open value=41.0% limit=10.0% for=2.0s",
            "[    1.000500] resource_monitor: task=yes pid=4 cpu=99.8% rss=1748kB",
            "[    1.000700] Rebooting in 1 seconds..",
        ])
        .unwrap();
        assert_eq!((said.took_us, said.bytes), (300, 44 + 76 + 71 + 54));
        assert_eq!(said.wall_s, 1795619729.504);
        let sample = &said.samples[0];
        assert_eq!(sample.number("user").unwrap(), 12.3);
        assert_eq!(sample.part("psi", 2), Some(2.0));
        assert!(sample.number("run").is_err());
        assert_eq!(said.open, ["mem_full"]);
        assert_eq!(said.tasks[0].rss_kb, 1748.0);
    }

    #[test]
    fn what_does_not_belong_is_found() {
        assert!(said(&["[    1.1] resource_monitor: nonsense here"]).is_err());
        assert!(said(&["[    1.1] resource_monitor: sum user=x%"]).is_err());
        assert!(said(&["[    1.1] resource_monitor: alert=mem_full begin value=1"]).is_err());
        let after = said(&[
            "[    1.1] resource_monitor: panic wall=1.000",
            "[    1.2] Rebooting",
            "[    1.3] resource_monitor: sum user=1.0%",
        ]);
        assert!(after.is_err());
        assert!(Said::of(&["[    1.1] all is well".to_string()]).is_err());
    }
}
