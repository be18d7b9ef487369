// SPDX-License-Identifier: GPL-2.0

//! What a guest says on its second serial port, and what the boots of a run come to.
//!
//! The other end of this protocol is `tests/vm/src/main.rs`. A line is one of these, or is only
//! shown:
//!
//! - `plan N`: as many cases will be reported,
//! - `ok NAME`, `not ok NAME: why`, `skip NAME: why`: a case,
//! - `# 1.2 s`: how long the next one took,
//! - `boot ID`: the identity of this boot, as the module has it,
//! - `freeze SECONDS`, `pause SECONDS`: the guest wants to stand still, while its clock goes on or
//!   with its clock,
//! - `done`: that was all.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::args::Args;

/// What has to be done about a line.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    Nothing,
    /// A line to show.
    Say(String),
    Freeze(Duration),
    Pause(Duration),
}

/// What a boot has said so far.
#[derive(Debug, Default)]
pub struct Results {
    /// How many cases it wants to report; none before it has come to the first one.
    pub planned: Option<usize>,
    /// How many it has reported.
    pub seen: usize,
    pub identity: Option<String>,
    pub finished: bool,
    /// How long the case took that is reported next, as a note behind it.
    took: String,
}

impl Results {
    /// Takes in a line of a guest that is called `label`.
    pub fn hear(&mut self, line: &str, label: &str) -> Heard {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        let seconds = || Duration::try_from_secs_f64(rest.parse().ok()?).ok();
        match kind {
            "plan" if rest.parse::<usize>().is_ok() => {
                self.planned = rest.parse().ok();
                Heard::Nothing
            }
            "#" if is_time(rest) => {
                self.took = format!(" # {rest}");
                Heard::Nothing
            }
            "ok" => self.case(format!("ok {rest} ({label})")),
            "not" if rest.starts_with("ok ") => {
                let case = labelled(&rest["ok ".len()..], label);
                self.case(format!("not ok {case}"))
            }
            // It took no time.
            "skip" => {
                self.seen += 1;
                Heard::Say(format!("not run {}", labelled(rest, label)))
            }
            "boot" => {
                self.identity = Some(rest.to_string());
                Heard::Nothing
            }
            "freeze" | "pause" => match (kind, seconds()) {
                ("freeze", Some(time)) => Heard::Freeze(time),
                (_, Some(time)) => Heard::Pause(time),
                _ => Heard::Say(line.to_string()),
            },
            "done" if rest.is_empty() => {
                self.finished = true;
                Heard::Nothing
            }
            _ => Heard::Say(line.to_string()),
        }
    }

    fn case(&mut self, text: String) -> Heard {
        self.seen += 1;
        Heard::Say(text + &std::mem::take(&mut self.took))
    }

    /// Whether all cases were reported, in a boot that ended with `status`: none where a guest has no
    /// case of those that are asked for by name.
    pub fn verdict(&self, status: i32, label: &str) -> Option<Result<String, String>> {
        let is_whole = self.finished && status == 0 && self.planned == Some(self.seen);
        if !is_whole {
            let planned = self
                .planned
                .map_or("an unknown number".into(), |planned| planned.to_string());
            return Some(Err(format!(
                "not ok all cases ran ({label}): {} of {planned}, QEMU's status {status} (124: out of time)",
                self.seen
            )));
        }
        (self.planned != Some(0)).then(|| Ok(format!("ok all cases ran ({label})")))
    }
}

/// Whether this is a number of seconds, and not a note that ends like one.
fn is_time(text: &str) -> bool {
    let seconds = text.strip_suffix(" s").map(str::parse::<f64>);
    seconds.is_some_and(|seconds| seconds.is_ok())
}

/// `NAME: why` with the label behind the name.
fn labelled(case: &str, label: &str) -> String {
    match case.split_once(':') {
        Some((name, why)) => format!("{name} ({label}):{why}"),
        None => format!("{case} ({label})"),
    }
}

/// A boot's line in the file of a run: how many cases it had, and its identity if it has said one.
pub fn boot_line(cases: usize, identity: Option<&str>) -> String {
    format!("{cases} {}\n", identity.unwrap_or_default())
}

/// What all boots of a run come to, from their lines. `only` are the words that were asked for.
fn judge(lines: &str, only: &str) -> Result<Vec<String>> {
    let (mut cases, mut identities) = (0, Vec::new());
    for line in lines.lines() {
        let (count, identity) = line
            .split_once(' ')
            .with_context(|| format!("'{line}' is not the line of a boot"))?;
        cases += count.parse::<usize>()?;
        if !identity.is_empty() {
            identities.push(identity);
        }
    }
    let mut said = Vec::new();
    if !only.is_empty() && cases == 0 {
        said.push(format!(
            "not ok VMTEST_ONLY='{only}': no case of these guests has that in its name"
        ));
    }
    // A boot has an identity of its own, which records of two boots are told apart by.
    let count = identities.len();
    if count > 1 {
        let mut different = identities.clone();
        different.sort_unstable();
        different.dedup();
        said.push(if different.len() == count {
            format!("ok each of {count} boots has an identity of its own")
        } else {
            format!(
                "not ok each boot has an identity of its own: found {}, expected {count} different ones",
                identities.join(" ")
            )
        });
    }
    Ok(said)
}

pub fn command(mut args: Args) -> Result<bool> {
    let only = args.optional("--only")?.unwrap_or_default();
    let [file] = args.exactly(["FILE"])?;
    let lines = std::fs::read_to_string(&file).context(file)?;
    for line in judge(&lines, &only)? {
        println!("{line}");
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shown of a saved transcript, and what it comes to.
    fn heard(transcript: &str) -> (Vec<Heard>, Results) {
        let mut results = Results::default();
        let heard = transcript
            .lines()
            .map(|line| results.hear(line, "smp 4"))
            .filter(|heard| *heard != Heard::Nothing)
            .collect();
        (heard, results)
    }

    fn say(line: &str) -> Heard {
        Heard::Say(line.to_string())
    }

    #[test]
    fn a_whole_boot() {
        let (heard, results) = heard(include_str!("../fixtures/results/whole.txt"));
        assert_eq!(
            heard,
            [
                say("not run fuzzing (smp 4): the guest lacks a kernel that runs 32-bit programs"),
                say("ok load line and first sample (smp 4) # 1.4 s"),
                say("# written: resmon: no device"),
                say("not ok disk rates (smp 4): r is 3: expected 4 # 12.0 s"),
                say("ok a frozen guest (smp 4)"),
            ]
        );
        assert_eq!((results.planned, results.seen), (Some(4), 4));
        assert_eq!(results.identity.as_deref(), Some("6ab3f0e9"));
        let verdict = results.verdict(0, "smp 4").unwrap().unwrap();
        assert_eq!(verdict, "ok all cases ran (smp 4)");
        let verdict = results.verdict(124, "smp 4").unwrap().unwrap_err();
        assert_eq!(
            verdict,
            "not ok all cases ran (smp 4): 4 of 4, QEMU's status 124 (124: out of time)"
        );
    }

    #[test]
    fn a_boot_that_stops_within_a_case() {
        let (_, results) = heard("plan 3\r\nok one\r\n");
        assert_eq!(
            results.verdict(0, "smp 1").unwrap().unwrap_err(),
            "not ok all cases ran (smp 1): 1 of 3, QEMU's status 0 (124: out of time)"
        );
    }

    #[test]
    fn a_boot_that_ends_before_its_plan() {
        let (heard, results) = heard("# cannot go on: /dev/ttyS1: No such file or directory\n");
        assert_eq!(heard.len(), 1);
        assert_eq!(results.planned, None);
        assert_eq!(
            results.verdict(1, "smp 1").unwrap().unwrap_err(),
            "not ok all cases ran (smp 1): 0 of an unknown number, QEMU's status 1 (124: out of time)"
        );
    }

    #[test]
    fn a_guest_without_such_a_case_is_no_test() {
        let (_, results) = heard("plan 0\ndone\n");
        assert_eq!(results.verdict(0, "smp 1"), None);
        assert!(results.verdict(1, "smp 1").unwrap().is_err());
    }

    #[test]
    fn a_guest_stands_still() {
        let (heard, _) = heard("freeze 2\npause 0.5\npause soon\n");
        assert_eq!(
            heard,
            [
                Heard::Freeze(Duration::from_secs(2)),
                Heard::Pause(Duration::from_millis(500)),
                say("pause soon"),
            ]
        );
    }

    #[test]
    fn the_time_belongs_to_the_next_case_alone() {
        let (heard, _) = heard("# seed 5, 20 s\n# 0.1 s\nok a\nok b\n# 3 s\nskip c: x\nok d\n");
        assert_eq!(
            heard,
            [
                say("# seed 5, 20 s"),
                say("ok a (smp 4) # 0.1 s"),
                say("ok b (smp 4)"),
                say("not run c (smp 4): x"),
                say("ok d (smp 4) # 3 s"),
            ]
        );
    }

    #[test]
    fn boots_have_identities_and_cases() {
        let judged = |lines: &[(usize, Option<&str>)], only| {
            let lines: String = lines
                .iter()
                .map(|(cases, identity)| boot_line(*cases, *identity))
                .collect();
            judge(&lines, only).unwrap()
        };
        assert!(judged(&[(3, None), (4, Some("a"))], "disk").is_empty());
        assert_eq!(
            judged(&[(3, Some("b")), (4, Some("a"))], ""),
            ["ok each of 2 boots has an identity of its own"]
        );
        assert_eq!(
            judged(&[(3, Some("a")), (4, Some("a"))], ""),
            ["not ok each boot has an identity of its own: found a a, expected 2 different ones"]
        );
        assert_eq!(
            judged(&[(0, None), (0, None)], "nosuch"),
            ["not ok VMTEST_ONLY='nosuch': no case of these guests has that in its name"]
        );
        assert!(judge("x\n", "").is_err());
    }
}
