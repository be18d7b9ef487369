// SPDX-License-Identifier: GPL-2.0

//! A module, and who waits for its events.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Context, Result};
use resmon::model::event::trigger::{Description, Unit};
use resmon::model::event::{Event, Trigger, BEGIN, END, MOMENT, ONGOING};
use resmon::model::source::oom_kill::OomKill;
use resmon::{Device, Record, Records};
use rustix::event::{poll, PollFd, PollFlags, Timespec};

use crate::cases::{sleep_ms, Guest};
use crate::kmsg::Mark;
use crate::lines::{self, Alert, Line};
use crate::module::{Module, PATIENCE};

/// Between two samples.
pub(super) const INTERVAL_MS: u64 = 1000;

/// A module, and a program that waits for events alone.
pub(super) struct Watching<'a> {
    guest: &'a Guest,
    module: Module<'a>,
    pub(super) records: Records<Device>,
    start: Mark,
    /// The events that are open, as the records have them.
    pub(super) open: Vec<Event>,
    /// Whether a process was killed in a record that was read last.
    has_kills: bool,
}

impl<'a> Watching<'a> {
    pub(super) fn start(guest: &'a Guest, parameters: &str) -> Result<Self> {
        let parameters = format!("interval_ms={INTERVAL_MS} {parameters}");
        let module = Module::load_just(&guest.log, &parameters)?;
        let device = Device::open()?;
        device.set_nonblocking(true)?;
        let mut watching = Self {
            guest,
            module,
            records: device.into_records()?,
            start: guest.log.mark("watching")?,
            open: Vec::new(),
            has_kills: false,
        };
        // With a few samples that are quiet.
        sleep_ms(3 * INTERVAL_MS + INTERVAL_MS / 2);
        ensure!(
            !watching.is_urgent(Duration::ZERO)?,
            "an event is said to be there from the start"
        );
        watching.read()?;
        Ok(watching)
    }

    /// Whether a record is there, within some time, with an event that begins or ends.
    pub(super) fn is_urgent(&self, patience: Duration) -> Result<bool> {
        let time = Timespec::try_from(patience)?;
        let mut fds = [PollFd::new(self.records.get_ref(), PollFlags::PRI)];
        poll(&mut fds, Some(&time))?;
        Ok(fds[0].revents().contains(PollFlags::PRI))
    }

    /// The events that begin or end in the records that are there.
    pub(super) fn read(&mut self) -> Result<Vec<Event>> {
        let mut changes = Vec::new();
        self.has_kills = false;
        while let Some(record) = self.records.try_next()? {
            let raw = record.raw().context("a record of this version")?;
            self.has_kills |= raw.entries::<OomKill>().next().is_some();
            changes.extend(self.check(&record)?);
        }
        Ok(changes)
    }

    /// Each event has a begin and an end, and is in each record in between.
    fn check(&mut self, record: &Record) -> Result<Vec<Event>> {
        let mut events: Vec<Event> = record
            .raw()
            .context("a record of this version")?
            .entries::<Event>()
            .collect();
        events.sort_by_key(|event| event.number);
        let (began, known): (Vec<Event>, Vec<Event>) = events
            .iter()
            .partition(|event| matches!(event.state, BEGIN | MOMENT));
        let numbers = |events: &[Event]| -> Vec<u64> { events.iter().map(|e| e.number).collect() };
        ensure!(
            numbers(&known) == numbers(&self.open),
            "record {} has the events {known:?} besides new ones, expected {:?}",
            record.header().seq,
            self.open
        );
        self.open = events.clone();
        self.open
            .retain(|event| matches!(event.state, BEGIN | ONGOING));
        let mut changes: Vec<Event> = began.into_iter().filter(|e| e.state == BEGIN).collect();
        let is_over = |event: &Event| matches!(event.state, END | MOMENT);
        changes.extend(events.iter().filter(|event| is_over(event)));
        Ok(changes)
    }

    /// Waits for an event to begin or end, as `poll()` tells it. Others may be there, too.
    pub(super) fn wait(&mut self, trigger: Trigger, state: u32) -> Result<Event> {
        let name = trigger.description().name;
        let deadline = Instant::now() + PATIENCE + Duration::from_secs(60);
        let mut found = Vec::new();
        while Instant::now() < deadline {
            if !self.is_urgent(deadline - Instant::now())? {
                break;
            }
            let changes = self.read()?;
            ensure!(
                !changes.is_empty() || self.has_kills,
                "poll() told of an event, and no record has one"
            );
            ensure!(
                !self.is_urgent(Duration::ZERO)?,
                "poll() tells of an event that was read"
            );
            found.extend(changes);
            let wanted = found
                .iter()
                .find(|event| event.trigger == trigger as u32 && event.state == state);
            if let Some(event) = wanted {
                let Description { bad, unit, .. } = trigger.description();
                // A time may be a little short, as samples are a little late.
                ensure!(
                    state == END || unit == Unit::Nanoseconds || bad.is(event.value, event.limit),
                    "{event:?} began with a value that is not bad"
                );
                return Ok(*event);
            }
        }
        bail!(
            "expected {name} to change to {state}, found {found:?}, and {:?}",
            self.open
        )
    }

    /// What the log says of a trigger, once there is a line.
    pub(super) fn alert(&self, trigger: Trigger) -> Result<Alert> {
        let name = trigger.description().name;
        let what = format!("alert={name}");
        self.guest.log.wait(self.start, PATIENCE, &what, |records| {
            for record in records {
                if let Some(Line::Alert(alert)) = lines::parse_record(record)? {
                    if alert.trigger == name {
                        return Ok(Some(alert));
                    }
                }
            }
            Ok(None)
        })
    }

    /// How many lines of some kind the log has since the start.
    pub(super) fn count(&self, is_wanted: fn(&Line) -> bool) -> Result<usize> {
        let lines = self.module.lines(self.start)?;
        Ok(lines.iter().filter(|(_, line)| is_wanted(line)).count())
    }

    /// Waits until an event of the trigger is open.
    pub(super) fn wait_open(&mut self, trigger: Trigger) -> Result<Event> {
        let is_it = |event: &&Event| event.trigger == trigger as u32;
        match self.open.iter().find(is_it) {
            Some(event) => Ok(*event),
            None => self.wait(trigger, BEGIN),
        }
    }

    /// Waits until no event of these triggers is open.
    pub(super) fn wait_closed(&mut self, triggers: &[Trigger]) -> Result<()> {
        let deadline = Instant::now() + PATIENCE + Duration::from_secs(60);
        loop {
            self.read()?;
            let is_open = |trigger: &Trigger| {
                let mut open = self.open.iter();
                open.any(|event| event.trigger == *trigger as u32)
            };
            if !triggers.iter().any(is_open) {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "{:?} do not end, expected none of {triggers:?}",
                self.open
            );
            self.is_urgent(Duration::from_secs(1))?;
        }
    }

    pub(super) fn end(self) -> Result<()> {
        drop(self.records);
        self.module.unload().map(drop)
    }
}
