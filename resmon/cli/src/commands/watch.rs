// SPDX-License-Identifier: GPL-2.0-or-later

//! `resmon watch`: waits for events, prints them, and has a command run for them.
//!
//! It is to work while the machine has no memory left. So there is one thread, its memory is locked,
//! and the command is started before anything is written, since whoever reads that may be stuck.

mod command;
mod memory;
#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use resmon::model::event::Trigger;
use resmon::{Device, EventState, Record, Records, WallClock};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use crate::args::Watch;
use crate::error::{Error, Result};
use crate::events::{News, Row};
use crate::input::poll_all;

use command::Runner;

/// How long a test event may take to come.
const TEST_TIME: Duration = Duration::from_secs(10);

pub fn run(args: &Watch) -> Result<()> {
    let device = if args.test {
        // To open the device for this takes the same as to do it.
        Device::open_writable().map_err(|error| match error {
            resmon::Error::PermissionDenied(_) => resmon::Error::NotAdmin("make a test event"),
            error => error,
        })?
    } else {
        Device::open()?
    };
    let mut watcher = Watcher::new(args, io::stdout());
    watch(device, &mut watcher, args.test)?;
    watcher.finish()
}

/// Watches the events of a device until there were as many as are wanted.
fn watch(mut device: Device, watcher: &mut Watcher<impl Write>, is_test: bool) -> Result<()> {
    device.set_nonblocking(true)?;
    let newest = device.info()?.next_seq.checked_sub(1);
    if let Some(newest) = newest {
        device.seek(newest)?;
    }
    let mut records = device.into_records()?;
    watcher.begin(&mut records, newest)?;
    // Once there is what a record needs.
    memory::lock();
    let until = match is_test {
        true => {
            let seq = records.get_ref().test_event()?;
            watcher.test = Some(Test::AskedFor { seq });
            Some(Instant::now() + TEST_TIME)
        }
        false => None,
    };
    while !watcher.is_done() {
        watcher.read(&mut records)?;
        if watcher.is_done() {
            return Ok(());
        }
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Err(Error::Other(format!(
                "the test event has not come within {} s",
                TEST_TIME.as_secs()
            )));
        }
        if !watcher.wait(records.get_ref(), left)? {
            return Ok(());
        }
        watcher.look_after_command();
    }
    Ok(())
}

/// What becomes of a test event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    /// It is in the record of this number, or in a later one.
    AskedFor {
        seq: u64,
    },
    Seen,
}

/// What watches: it prints events, and has a command run for them.
struct Watcher<W> {
    out: W,
    is_json: bool,
    /// How many events may still come.
    left: u64,
    clock: WallClock,
    news: News,
    runner: Option<Runner>,
    /// Whether output has failed where a command matters more.
    has_lost_output: bool,
    /// The test event, if there is to be one.
    test: Option<Test>,
}

impl<W: Write> Watcher<W> {
    fn new(args: &Watch, out: W) -> Self {
        let command = Some(args.exec.clone()).filter(|command| !command.is_empty());
        Self {
            out,
            is_json: args.json,
            left: args.count.unwrap_or(u64::MAX),
            clock: WallClock::now(),
            news: News::default(),
            runner: command.map(|command| Runner::new(command, args.timeout)),
            has_lost_output: false,
            test: None,
        }
    }

    fn is_done(&self) -> bool {
        self.left == 0 || self.test == Some(Test::Seen)
    }

    /// Tells which events are open in the record that was the newest one. No command is run for these:
    /// it was for the one who watched when they began.
    fn begin<R: Read>(&mut self, records: &mut Records<R>, newest: Option<u64>) -> Result<()> {
        let Some(newest) = newest else {
            return Ok(());
        };
        let Some(record) = records.try_next()? else {
            return Ok(());
        };
        if record.header().seq > newest {
            return self.see(&record);
        }
        for mut row in self.rows(&record) {
            if row.event.is_open() {
                row.event.state = EventState::Ongoing;
                self.print(&row)?;
            }
        }
        Ok(())
    }

    /// Looks at the records that are there.
    fn read<R: Read>(&mut self, records: &mut Records<R>) -> Result<()> {
        while !self.is_done() {
            let Some(record) = records.try_next()? else {
                return Ok(());
            };
            self.see(&record)?;
        }
        Ok(())
    }

    /// Tells what is new in a record.
    fn see(&mut self, record: &Record) -> Result<()> {
        for row in self.rows(record) {
            if self.is_done() {
                return Ok(());
            }
            if row.is_more {
                self.print(&row)?;
                continue;
            }
            if let Some(runner) = &mut self.runner {
                runner.add(&row);
            }
            self.print(&row)?;
            self.left = self.left.saturating_sub(1);
            if let Some(Test::AskedFor { seq }) = self.test {
                let is_test = row.event.name == Trigger::Test.description().name
                    && row.event.state == EventState::Moment;
                if is_test && row.seq >= Some(seq) {
                    self.test = Some(Test::Seen);
                }
            }
        }
        Ok(())
    }

    /// The news of a record.
    fn rows(&mut self, record: &Record) -> Vec<Row> {
        let header = record.header();
        // The clock does not need the number of the record.
        let time_s = self.clock.time_s(0, &header);
        Row::of_record(&mut self.news, record, time_s)
    }

    fn print(&mut self, row: &Row) -> Result<()> {
        let line = match self.is_json {
            true => row.json()?,
            false => row.line().into_bytes(),
        };
        let written = self.out.write_all(&line).and_then(|()| self.out.flush());
        match written {
            // Nobody may read any more, but there is a command to be run.
            Err(error) if self.runner.is_some() => {
                if !std::mem::replace(&mut self.has_lost_output, true) {
                    say(format_args!("cannot write: {error}"));
                }
                Ok(())
            }
            written => Ok(written?),
        }
    }

    /// Waits until there is an event to read or the command has ended or has to, or nobody reads
    /// standard output: then there is no more to do, unless there is a command, and this is `false`.
    fn wait(&self, device: &Device, time: Option<Duration>) -> Result<bool> {
        let command_time = self.runner.as_ref().and_then(Runner::time_left);
        let time = [time, command_time].into_iter().flatten().min();
        let stdout = io::stdout();
        let mut files = vec![PollFd::new(device, PollFlags::PRI)];
        match &self.runner {
            Some(runner) => {
                let ends = runner.end().into_iter();
                files.extend(ends.map(end_of));
            }
            // That it was closed is said without being asked for.
            None => files.push(PollFd::new(&stdout, PollFlags::empty())),
        }
        poll_all(&mut files, time)?;
        let found: Vec<_> = files.iter().map(PollFd::revents).collect();
        let (device, other) = (found.first().copied(), found.get(1).copied());
        let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        if device.is_some_and(|device| device.intersects(gone)) {
            // A device that was removed says so for ever, and that must not become a busy loop.
            return Err(resmon::Error::Read(Errno::NODEV.into()).into());
        }
        let is_read = other.is_none_or(|stdout| stdout.is_empty());
        Ok(self.runner.is_some() || is_read)
    }

    fn look_after_command(&mut self) {
        if let Some(runner) = &mut self.runner {
            runner.look();
        }
    }

    /// Waits for the command. With a test event, it has to succeed.
    fn finish(mut self) -> Result<()> {
        let Some(runner) = &mut self.runner else {
            return Ok(());
        };
        while runner.is_busy() {
            let ends = runner.end().into_iter();
            let mut ends: Vec<_> = ends.map(end_of).collect();
            poll_all(&mut ends, runner.time_left())?;
            runner.look();
        }
        if self.test.is_some() && runner.has_failed() {
            return Err(Error::Other("the test has failed with its command".into()));
        }
        Ok(())
    }
}

/// To wait for the end of a command.
fn end_of(end: BorrowedFd<'_>) -> PollFd<'_> {
    PollFd::from_borrowed_fd(end, PollFlags::IN)
}

/// Says something on standard error; when nobody listens there, there is nobody to tell.
fn say(what: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "resmon: {what}");
}
