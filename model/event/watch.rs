// SPDX-License-Identifier: GPL-2.0-or-later

//! Watches samples for events: each source passes what it found, and at the end all triggers are looked
//! at.

use core::mem;

use super::super::rates::share;
use super::super::record::{Content, Record};
use super::super::source::cpu::{self, Cpu};
use super::super::source::disk::Disk;
use super::super::source::fs::{Fs, State as FsState};
use super::super::source::memory::{self, Memory};
use super::super::source::pressure::Pressure;
use super::super::source::Entry;
use super::rules::Rule;
use super::state::{Totals, MINUTE_NS};
use super::suspects::Suspects;
use super::track::{Found, Span, Track};
use super::trigger::{Trigger, Unit};
use super::{Event, BEGIN, MAX_EVENTS};

pub use super::state::State;
pub use super::suspects::Suspect;

/// How many tracks there are: one for each trigger, and some for disks and file systems.
pub const TRACKS: usize = MACHINE_TRACKS.saturating_add(MAX_EVENTS);

/// Those of the machine come first, in the order of the triggers.
const MACHINE_TRACKS: usize = Trigger::ALL.len();

// A bit each.
const _: () = assert!(TRACKS <= u32::BITS as usize);

/// One sample, while its sources are looked at.
pub struct Watch<'a> {
    state: &'a mut State,
    tracks: &'a mut [Track],
    suspects: &'a mut [Suspect],
    /// The triggers whose source is late, a bit each.
    late: u32,
    span: Span,
    interval_ns: u64,
    now: Totals,
    /// Pages that there are, and that are available.
    total: u64,
    available: u64,
}

/// What came of a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Whether an event begins or ends.
    pub has_changed: bool,
    /// Whether one begins in which the machine may be dying.
    pub severe_begins: bool,
    /// Whether there is such a one.
    pub is_severe: bool,
    /// How many events the record has.
    pub events: usize,
}

impl<'a> Watch<'a> {
    /// Begins with a sample. There are [`TRACKS`] tracks, and as many suspects as disks are to be watched.
    pub fn begin(
        state: &'a mut State,
        tracks: &'a mut [Track],
        suspects: &'a mut [Suspect],
        record: Record<'_>,
    ) -> Self {
        let header = record.header();
        let mut now = Totals {
            mono_ns: header.taken_mono_ns,
            seq: header.seq,
            late_samples: header.late_samples,
            missed_ticks: header.missed_ticks,
            ..Totals::default()
        };
        let (mut total, mut available) = (0, 0);
        for section in record.sections() {
            if section.header().kind == Cpu::KIND {
                now.cpus = section.count::<Cpu>() as u64;
                now.steal_ns = cpu::steal_ns(&section);
            } else if section.header().kind == Memory::KIND {
                let word = |at| section.column::<Memory>(at).next().unwrap_or(0);
                (total, available) = (word(memory::TOTAL_AT), word(memory::AVAILABLE_AT));
            }
        }
        if state.used != 0 {
            tracks.iter_mut().for_each(Track::advance);
        }
        let start_ns = state.before.map_or(now.mono_ns, |before| before.mono_ns);
        Self {
            span: Span {
                start_ns,
                end_ns: now.mono_ns,
                slack_ns: header.interval_ns / 8,
            },
            interval_ns: header.interval_ns,
            state,
            tracks,
            suspects,
            now,
            total,
            available,
            late: 0,
        }
    }

    /// The pressure, read at `taken_mono_ns`.
    pub fn pressure(&mut self, taken_mono_ns: u64, pressure: &Pressure) {
        self.now.pressure = Some((taken_mono_ns, *pressure));
    }

    /// Tasks that run or wait for a CPU.
    pub fn running(&mut self, running: u64) {
        self.now.running = Some(running);
    }

    /// Processes that were killed as memory ran out.
    pub fn oom_kills(&mut self, oom_kills: u64) {
        self.now.oom_kills = Some(oom_kills);
    }

    /// All disks.
    pub fn disks(&mut self, disks: &[Disk]) {
        let are_used = self.state.used >> MACHINE_TRACKS != 0;
        let now_ns = self.span.end_ns;
        let mut count = self.state.suspects;
        let mut suspects = Suspects::new(mem::take(&mut self.suspects), &mut count);
        for disk in disks.iter().filter(|disk| disk.in_flight != 0 || are_used) {
            let since_ns = match disk.in_flight {
                0 => None,
                _ => suspects.stuck_since(disk, now_ns),
            };
            let found = Found {
                value: u64::from(since_ns.is_some()),
                since_ns: since_ns.unwrap_or(now_ns),
            };
            self.subject(Trigger::DiskStuck, disk.name.as_bytes(), Some(found));
        }
        suspects.forget_others();
        self.state.suspects = count;
    }

    /// What these triggers look at is not known this time: events go on.
    pub fn late(&mut self, triggers: &[Trigger]) {
        for trigger in triggers {
            self.late |= trigger.bit();
        }
    }

    /// What is mounted at a watched path.
    pub fn file_system(&mut self, fs: &Fs) {
        let (full, is_stuck) = match &fs.state {
            FsState::Mounted(usage) => (Some(u64::from(usage.used_share())), 0),
            FsState::Absent | FsState::Failed(_) => (Some(0), 0),
            FsState::Stale => (None, 1),
        };
        let full = full.map(|value| self.found(value));
        self.subject(Trigger::FsFull, fs.path.as_bytes(), full);
        let stuck = self.found(is_stuck);
        self.subject(Trigger::FsStuck, fs.path.as_bytes(), Some(stuck));
    }

    /// What is so at this moment.
    fn found(&self, value: u64) -> Found {
        Found {
            value,
            since_ns: self.span.end_ns,
        }
    }

    /// What was so on average since the sample before.
    fn averaged(&self, value: u64) -> Found {
        Found {
            value,
            since_ns: self.span.start_ns,
        }
    }

    /// Takes what was found of one of several things into account.
    #[inline(always)]
    fn subject(&mut self, trigger: Trigger, subject: &[u8], found: Option<Found>) {
        let rule = self.state.rules.of(trigger);
        let is_bad = found.is_some_and(|found| match trigger.description().unit {
            Unit::Nanoseconds => found.value != 0,
            _ => trigger.description().bad.is(found.value, rule.limit),
        });
        let is_bad = is_bad && rule.is_on;
        if self.state.used >> MACHINE_TRACKS != 0 || is_bad {
            self.step_subject(trigger, rule, subject, found, is_bad);
        }
    }

    #[cold]
    fn step_subject(
        &mut self,
        trigger: Trigger,
        rule: Rule,
        subject: &[u8],
        found: Option<Found>,
        is_bad: bool,
    ) {
        let find = |is_wanted: &dyn Fn(&Track) -> bool| {
            let mut tracks = self.tracks.iter().enumerate().skip(MACHINE_TRACKS);
            let found = tracks.find(|(_, track)| is_wanted(track));
            found.map(|(at, _)| at)
        };
        let known = find(&|track| track.is_used() && track.is_about(trigger, subject));
        let at = match known {
            None if is_bad => find(&|track| !track.is_used()),
            known => known,
        };
        let Some((at, track)) = at.and_then(|at| Some((at, self.tracks.get_mut(at)?))) else {
            return;
        };
        if known.is_none() {
            track.start(trigger, subject);
        }
        track.is_seen = true;
        self.step(at, trigger, rule, found);
    }

    /// Steps the track at a place.
    fn step(&mut self, at: usize, trigger: Trigger, rule: Rule, found: Option<Found>) {
        if let Some(track) = self.tracks.get_mut(at) {
            let last_number = &mut self.state.last_number;
            track.step(trigger, rule, &self.span, found, last_number);
            self.state.used |= 1u32.wrapping_shl(at as u32);
        }
    }

    /// Takes what was found of the machine into account. Mostly it is not bad, nor was it. When nothing was
    /// found and its source was not `sampled`, nobody is to wait for it.
    #[inline(always)]
    fn machine(&mut self, trigger: Trigger, found: Option<Found>, sampled: bool) {
        let mut rule = self.state.rules.of(trigger);
        if trigger == Trigger::RunQueue {
            // More than so many for each CPU.
            rule.limit = rule.limit.saturating_mul(self.now.cpus).saturating_add(1);
        }
        let bad = trigger.description().bad;
        let is_bad = found.is_some_and(|found| bad.is(found.value, rule.limit));
        if is_bad || self.is_used(trigger) {
            rule.is_on &= sampled || self.late & trigger.bit() != 0;
            self.step(trigger.index(), trigger, rule, found);
        }
    }

    /// Whether the track of a trigger of the machine is in use.
    fn is_used(&self, trigger: Trigger) -> bool {
        self.state.used & trigger.bit() != 0
    }

    /// A share of the time since the sample before. It is worked out where it may be bad, or was.
    #[inline(always)]
    fn share(&mut self, trigger: Trigger, part_ns: u64, whole_ns: u64) {
        let rule = self.state.rules.of(trigger);
        // A share is rounded.
        let at_least = rule.limit.saturating_sub(1).saturating_mul(whole_ns);
        if part_ns.saturating_mul(1000) >= at_least || self.is_used(trigger) {
            let value = u64::from(share(part_ns, whole_ns));
            self.machine(trigger, Some(self.averaged(value)), true);
        }
    }

    /// Looks at all triggers, when each source has been looked at.
    pub fn finish(mut self) -> Outcome {
        let before = self.state.before.unwrap_or(self.now);
        let killed = self.killed(&before);
        self.machine(Trigger::OomKill, killed, self.now.oom_kills.is_some());
        self.look_at_pressure(&before);
        self.look_at_memory();
        let now = self.now;
        let elapsed_ns = now.mono_ns.saturating_sub(before.mono_ns);
        // A CPU that comes brings what was stolen from it before.
        let then = Some(before).filter(|before| before.cpus == now.cpus);
        let stolen_ns = now.steal_ns.saturating_sub(then.unwrap_or(now).steal_ns);
        let all_ns = elapsed_ns.saturating_mul(now.cpus);
        self.share(Trigger::Steal, stolen_ns, all_ns);
        let running = now.running.map(|running| self.found(running));
        self.machine(Trigger::RunQueue, running, running.is_some());
        let late = self.late_share();
        self.machine(Trigger::Late, late, true);
        if mem::take(&mut self.state.is_test) {
            self.test();
        }
        self.state.before = Some(now);
        if self.state.used == 0 {
            return Outcome::default();
        }
        self.outcome()
    }

    #[cold]
    fn test(&mut self) {
        let rule = self.state.rules.of(Trigger::Test);
        let (end_ns, number) = (self.span.end_ns, &mut self.state.last_number);
        if let Some(track) = self.tracks.get_mut(Trigger::Test.index()) {
            track.moment(Trigger::Test, rule, end_ns, 1, number);
            self.state.used |= Trigger::Test.bit();
        }
    }

    /// Processes that were killed since the sample before.
    fn killed(&self, before: &Totals) -> Option<Found> {
        let (then, now) = (before.oom_kills?, self.now.oom_kills?);
        Some(self.averaged(now.saturating_sub(then)))
    }

    fn look_at_pressure(&mut self, before: &Totals) {
        let Some(((then_ns, then), (now_ns, now))) = before.pressure.zip(self.now.pressure) else {
            return self.no_pressure();
        };
        let elapsed_ns = now_ns.saturating_sub(then_ns);
        for (trigger, then, now) in [
            (Trigger::MemoryFull, then.memory_full_ns, now.memory_full_ns),
            (Trigger::MemorySome, then.memory_some_ns, now.memory_some_ns),
            (Trigger::IoFull, then.io_full_ns, now.io_full_ns),
            (Trigger::CpuSome, then.cpu_some_ns, now.cpu_some_ns),
        ] {
            let stalled_ns = now.saturating_sub(then).min(elapsed_ns);
            self.share(trigger, stalled_ns, elapsed_ns);
        }
    }

    #[cold]
    fn no_pressure(&mut self) {
        for trigger in Pressure::WATCHED {
            self.machine(*trigger, None, self.now.pressure.is_some());
        }
    }

    fn look_at_memory(&mut self) {
        let (total, available) = (self.total, self.available);
        let share = available.saturating_mul(1000).checked_div(total);
        let found = share.map(|share| self.found(share));
        self.machine(Trigger::MemoryAvailable, found, true);
        let now_ns = self.now.mono_ns;
        let left = self.state.falling(now_ns, available, self.interval_ns);
        let found = self.found(left);
        self.machine(Trigger::MemoryFalling, Some(found), true);
    }

    /// The share of late and missed samples of a minute that is over.
    fn late_share(&mut self) -> Option<Found> {
        let now = self.now;
        let begun = *self.state.minute.get_or_insert(now);
        let elapsed_ns = now.mono_ns.saturating_sub(begun.mono_ns);
        if elapsed_ns.saturating_add(self.span.slack_ns) < MINUTE_NS {
            return None;
        }
        self.state.minute = Some(now);
        let missed = now.missed_ticks.saturating_sub(begun.missed_ticks);
        let late = now.late_samples.saturating_sub(begun.late_samples);
        let taken = now.seq.saturating_sub(begun.seq);
        let value = share(late.saturating_add(missed), taken.saturating_add(missed));
        Some(Found {
            value: u64::from(value),
            since_ns: begun.mono_ns,
        })
    }

    #[cold]
    fn outcome(self) -> Outcome {
        let mut outcome = Outcome::default();
        let mut used = 0u32;
        for (at, track) in self.tracks.iter_mut().enumerate() {
            let is_late = self.late & track.bit() != 0;
            if at >= MACHINE_TRACKS && !mem::take(&mut track.is_seen) && !is_late {
                // The disk is gone, or the path is not watched any more.
                track.end();
            }
            used |= u32::from(track.is_used()).wrapping_shl(at as u32);
            if !track.is_shown() {
                continue;
            }
            outcome.events = outcome.events.saturating_add(1);
            let begins = track.event.state == BEGIN;
            outcome.has_changed |= track.event.is_change();
            if track.is_severe() {
                outcome.severe_begins |= begins;
                outcome.is_severe |= track.is_open();
            }
        }
        self.state.used = used;
        outcome
    }
}

/// The events of a sample.
pub fn events(tracks: &[Track]) -> impl Iterator<Item = &Event> {
    tracks
        .iter()
        .filter(|track| track.is_shown())
        .map(|track| &track.event)
}
