// SPDX-License-Identifier: GPL-2.0

//! QEMU's control protocol (QMP), as far as stopping a guest needs it: a JSON object per line each
//! way.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{bail, Context, Result};
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use serde_json::Value;

/// How long QEMU may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// One who has QEMU do something.
pub struct Qmp<R, W> {
    from: R,
    to: W,
}

impl Qmp<BufReader<Patient>, File> {
    /// Talks through the pipes `FILE.in` and `FILE.out`.
    pub fn open(file: &Path) -> Result<Self> {
        // For both, so that this does not wait for a QEMU that is gone.
        let open = |end: &str| {
            let path = file.with_extension(end);
            let pipe = OpenOptions::new().read(true).write(true).open(&path);
            pipe.with_context(|| path.display().to_string())
        };
        Ok(Qmp {
            from: BufReader::new(Patient(open("out")?)),
            to: open("in")?,
        })
    }
}

impl<R: BufRead, W: Write> Qmp<R, W> {
    /// Has QEMU do it, and fails unless it says that it has.
    pub fn execute(&mut self, command: &str) -> Result<()> {
        // The protocol wants to begin with this one, which can be given only once, so what is said to
        // it does not matter.
        self.ask("qmp_capabilities")?;
        match self.ask(command)? {
            Answer::Done => Ok(()),
            Answer::Refused(why) => bail!("QEMU refused '{command}': {why}"),
        }
    }

    fn ask(&mut self, command: &str) -> Result<Answer> {
        writeln!(self.to, "{{\"execute\":\"{command}\"}}").context("the pipe to QEMU")?;
        loop {
            let mut line = String::new();
            let read = self.from.read_line(&mut line);
            if read.with_context(|| format!("the answer to '{command}'"))? == 0 {
                bail!("QEMU ended before it answered '{command}'");
            }
            if let Some(answer) = answer(&line)? {
                return Ok(answer);
            }
        }
    }
}

#[derive(Debug, PartialEq)]
enum Answer {
    Done,
    Refused(String),
}

/// What a line of QEMU's answers; none when it is a greeting or an event.
fn answer(line: &str) -> Result<Option<Answer>> {
    let value: Value =
        serde_json::from_str(line).with_context(|| format!("QEMU's line {line:?}"))?;
    if value.get("return").is_some() {
        return Ok(Some(Answer::Done));
    }
    Ok(value.get("error").map(|error| {
        let why = error.get("desc").and_then(Value::as_str);
        Answer::Refused(why.unwrap_or("without saying why").to_string())
    }))
}

/// A pipe whose reader does not wait for ever.
pub struct Patient(File);

impl Read for Patient {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let time = Timespec::try_from(PATIENCE).map_err(io::Error::other)?;
        let mut waiting = [PollFd::new(&self.0, PollFlags::IN)];
        if poll(&mut waiting, Some(&time))? == 0 {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("nothing came for {PATIENCE:?}"),
            ));
        }
        self.0.read(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREETING: &str = "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 8, \"minor\": 0, \"major\": 10}, \"package\": \"Debian 1:10.0.8\"}, \"capabilities\": [\"oob\"]}}\r\n";
    const DONE: &str = "{\"return\": {}}\r\n";
    const AGAIN: &str = "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"Capabilities negotiation is already complete, command ignored\"}}\r\n";
    /// An event that has the words of an answer.
    const EVENT: &str = "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"BLOCK_IO_ERROR\", \"data\": {\"error\": \"return\"}}\r\n";
    const STOPPED: &str =
        "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"STOP\"}\r\n";

    /// What comes of `stop` when QEMU says these lines, and what it is sent.
    fn stop(lines: &[&str]) -> (Result<()>, String) {
        let lines = lines.concat();
        let mut sent = Vec::new();
        let mut qmp = Qmp {
            from: lines.as_bytes(),
            to: &mut sent,
        };
        let result = qmp.execute("stop");
        (result, String::from_utf8(sent).unwrap())
    }

    #[test]
    fn commands_are_done() {
        let (result, sent) = stop(&[GREETING, DONE, EVENT, STOPPED, DONE]);
        result.unwrap();
        assert_eq!(
            sent,
            "{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"stop\"}\n"
        );
        // In a second conversation there is no greeting, and the first command is refused.
        stop(&[AGAIN, DONE]).0.unwrap();
    }

    #[test]
    fn what_is_not_done_is_an_error() {
        let why = |lines: &[&str]| stop(lines).0.unwrap_err().to_string();
        assert_eq!(
            why(&[DONE, AGAIN]),
            "QEMU refused 'stop': Capabilities negotiation is already complete, command ignored"
        );
        assert_eq!(
            why(&[GREETING, DONE, STOPPED]),
            "QEMU ended before it answered 'stop'"
        );
        assert_eq!(why(&[]), "QEMU ended before it answered 'qmp_capabilities'");
        assert!(why(&["garbage\n"]).starts_with("QEMU's line"));
    }
}
