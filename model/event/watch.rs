// SPDX-License-Identifier: GPL-2.0-or-later

//! Watches samples for events: each source passes what it found, and at the end all triggers are looked
//! at.

use super::super::rates::share;
use super::super::record::{Content, Record};
use super::super::source::cpu::{self, Cpu};
use super::super::source::disk::Disk;
use super::super::source::fs::{Fs, State as FsState};
use super::super::source::memory::{self, Memory};
use super::super::source::pressure::Pressure;
use super::rules::{Rule, Rules};
use super::track::{Found, Span, Track};
use super::trigger::{Trigger, Unit};
use super::{Event, BEGIN, END, MAX_EVENTS, MOMENT};

/// How many tracks there are: one for each trigger, and some for disks and file systems.
pub const TRACKS: usize = MACHINE_TRACKS.saturating_add(MAX_EVENTS);

/// Those of the machine come first, in the order of the triggers.
const MACHINE_TRACKS: usize = Trigger::ALL.len();

// A bit each.
const _: () = assert!(TRACKS <= u32::BITS as usize);

/// The span that [`Trigger::Late`] is about, in nanoseconds.
const MINUTE_NS: u64 = 60_000_000_000;

/// The most that [`Trigger::MemoryFalling`] shows.
const MAX_INTERVALS: u64 = 1000;

/// Of how many samples [`Trigger::MemoryFalling`] knows the available memory: three intervals have four ends.
const FALLING_SAMPLES: usize = 4;

/// What was found in one sample.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    mono_ns: u64,
    seq: u64,
    late_samples: u64,
    missed_ticks: u64,
    cpus: u64,
    steal_ns: u64,
    /// When the pressure was read, and what it was.
    pressure: Option<(u64, Pressure)>,
    running: Option<u64>,
    oom_kills: Option<u64>,
}

/// A disk with requests under way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Suspect {
    /// `diskseq`.
    seq: u64,
    /// Requests that it has completed.
    completed: u64,
    /// Since when these are as many.
    since_ns: u64,
    /// Whether it still has any.
    is_seen: bool,
}

/// What is kept from one sample to the next, without the tracks.
#[derive(Debug, Default)]
pub struct State {
    rules: Rules,
    /// The number of the last event.
    last_number: u64,
    before: Option<Totals>,
    /// Pages that were available, the newest last.
    available: [Option<u64>; FALLING_SAMPLES],
    /// What was counted when the minute began.
    minute: Option<Totals>,
    /// How many suspects there are.
    suspects: usize,
    /// The tracks that are in use, a bit each. Mostly none is, so that there is little to look at.
    used: u32,
    /// Whether a program asked for an event.
    is_test: bool,
}

impl State {
    /// Other rules hold from the next sample on.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Whether nothing can become an event: then samples need not be looked at.
    pub fn is_off(&self) -> bool {
        !self.is_test && self.rules.are_off()
    }

    /// A sample was not looked at: the next one is compared with nothing.
    pub fn skip(&mut self) {
        self.before = None;
        self.minute = None;
        self.available = Default::default();
        self.suspects = 0;
    }

    /// The next sample has an event, as a test.
    pub fn test(&mut self) {
        self.is_test = true;
    }
}

/// One sample, while its sources are looked at.
pub struct Watch<'a> {
    state: &'a mut State,
    tracks: &'a mut [Track],
    suspects: &'a mut [Suspect],
    span: Span,
    now: Totals,
    /// Pages that there are, and that are available.
    total: u64,
    available: u64,
    /// Where the suspect is that probably comes next.
    next_suspect: usize,
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
    /// Begins with a sample. There are [`TRACKS`] tracks, and as many suspects as there can be disks.
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
            state,
            tracks,
            suspects,
            now,
            total,
            available,
            next_suspect: 0,
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
        for disk in disks.iter().filter(|disk| disk.in_flight != 0 || are_used) {
            let found = match disk.in_flight {
                0 => self.found(0),
                _ => self.suspect(disk),
            };
            self.subject(Trigger::DiskStuck, disk.name.as_bytes(), Some(found));
        }
        if self.state.suspects != 0 {
            self.forget_suspects();
        }
    }

    /// The disks are not known this time: an event about one of them goes on.
    pub fn disks_late(&mut self) {
        for track in self.tracks.iter_mut() {
            track.is_seen |= track.is_used() && track.event.trigger == Trigger::DiskStuck as u32;
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

    /// Whether a disk with requests under way has completed none since the sample before.
    fn suspect(&mut self, disk: &Disk) -> Found {
        let kinds = [&disk.reads, &disk.writes, &disk.discards, &disk.flushes];
        let completed = kinds
            .into_iter()
            .fold(0u64, |sum, kind| sum.saturating_add(kind.ios));
        let known = self.suspects.get_mut(..self.state.suspects);
        let known = known.unwrap_or_default();
        // They come in the same order as before.
        let next = self.next_suspect.min(known.len());
        let position = |part: &[Suspect]| part.iter().position(|one| one.seq == disk.seq);
        let at = match known.get(next..).and_then(position) {
            Some(distance) => Some(next.saturating_add(distance)),
            None => known.get(..next).and_then(position),
        };
        let new = Suspect {
            seq: disk.seq,
            completed,
            since_ns: self.span.end_ns,
            is_seen: true,
        };
        let mut found = Found {
            value: 0,
            since_ns: self.span.end_ns,
        };
        let Some(at) = at else {
            if let Some(place) = self.suspects.get_mut(self.state.suspects) {
                *place = new;
                self.state.suspects = self.state.suspects.saturating_add(1);
            }
            return found;
        };
        self.next_suspect = at.saturating_add(1);
        if let Some(suspect) = self.suspects.get_mut(at) {
            if suspect.completed == completed {
                suspect.is_seen = true;
                found = Found {
                    value: 1,
                    since_ns: suspect.since_ns,
                };
            } else {
                *suspect = new;
            }
        }
        found
    }

    /// Forgets the disks that have no requests under way any more.
    fn forget_suspects(&mut self) {
        let mut kept = 0usize;
        for at in 0..self.state.suspects {
            let Some(mut suspect) = self.suspects.get(at).copied() else {
                break;
            };
            if suspect.is_seen {
                suspect.is_seen = false;
                if let Some(place) = self.suspects.get_mut(kept) {
                    *place = suspect;
                    kept = kept.saturating_add(1);
                }
            }
        }
        self.state.suspects = kept;
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
        let (_, tracks) = self
            .tracks
            .split_at_mut(MACHINE_TRACKS.min(self.tracks.len()));
        let known = tracks
            .iter_mut()
            .position(|track| track.is_used() && track.is_about(trigger, subject));
        let at = match known {
            Some(at) => Some(at),
            None if is_bad => tracks.iter().position(|track| !track.is_used()),
            None => None,
        };
        let Some(track) = at.and_then(|at| tracks.get_mut(at)) else {
            return;
        };
        if known.is_none() {
            track.start(trigger, subject);
        }
        track.is_seen = true;
        track.step(
            trigger,
            rule,
            &self.span,
            found,
            &mut self.state.last_number,
        );
        // What is looked at next may be about the same.
        self.state.used |= 1 << MACHINE_TRACKS;
    }

    /// Takes what was found of the machine into account. Mostly it is not bad, nor was it.
    #[inline(always)]
    fn machine(&mut self, trigger: Trigger, found: Option<Found>) {
        let mut rule = self.state.rules.of(trigger);
        if trigger == Trigger::RunQueue {
            // More than so many for each CPU.
            rule.limit = rule.limit.saturating_mul(self.now.cpus).saturating_add(1);
        }
        let bad = trigger.description().bad;
        let is_bad = found.is_some_and(|found| bad.is(found.value, rule.limit));
        if is_bad || self.is_used(trigger) {
            self.step_machine(trigger, rule, found);
        }
    }

    /// Whether the track of a trigger of the machine is in use.
    fn is_used(&self, trigger: Trigger) -> bool {
        self.state.used & (1 << trigger.index()) != 0
    }

    #[cold]
    fn step_machine(&mut self, trigger: Trigger, rule: Rule, found: Option<Found>) {
        if let Some(track) = self.tracks.get_mut(trigger.index()) {
            track.step(
                trigger,
                rule,
                &self.span,
                found,
                &mut self.state.last_number,
            );
            self.state.used |= 1 << trigger.index();
        }
    }

    /// A share of the time since the sample before. It is worked out where it may be bad, or was.
    #[inline(always)]
    fn share(&mut self, trigger: Trigger, part_ns: u64, whole_ns: u64) {
        let rule = self.state.rules.of(trigger);
        // A share is rounded.
        let at_least = rule.limit.saturating_sub(1).saturating_mul(whole_ns);
        if part_ns.saturating_mul(1000) >= at_least || self.is_used(trigger) {
            let value = u64::from(share(part_ns, whole_ns));
            self.machine(trigger, Some(self.averaged(value)));
        }
    }

    /// Looks at all triggers, when each source has been looked at.
    pub fn finish(mut self) -> Outcome {
        let before = self.state.before.unwrap_or(self.now);
        self.machine(Trigger::OomKill, self.killed(&before));
        self.look_at_pressure(&before);
        self.look_at_memory();
        let now = self.now;
        let elapsed_ns = now.mono_ns.saturating_sub(before.mono_ns);
        let stolen_ns = now.steal_ns.saturating_sub(before.steal_ns);
        self.share(
            Trigger::Steal,
            stolen_ns,
            elapsed_ns.saturating_mul(now.cpus),
        );
        let running = now.running.map(|running| self.found(running));
        self.machine(Trigger::RunQueue, running);
        let late = self.late_share();
        self.machine(Trigger::Late, late);
        if core::mem::take(&mut self.state.is_test) {
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
            self.state.used |= 1 << Trigger::Test.index();
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

    /// An event about pressure ends if that is switched off, and otherwise goes on.
    #[cold]
    fn no_pressure(&mut self) {
        for trigger in [
            Trigger::MemoryFull,
            Trigger::MemorySome,
            Trigger::IoFull,
            Trigger::CpuSome,
        ] {
            self.machine(trigger, None);
        }
    }

    fn look_at_memory(&mut self) {
        let (total, available) = (self.total, self.available);
        let share = available.saturating_mul(1000).checked_div(total);
        let found = share.map(|share| self.found(share));
        self.machine(Trigger::MemoryAvailable, found);
        let [_, first, second, third] = self.state.available;
        self.state.available = [first, second, third, Some(available)];
        let found = self.found(intervals_left(self.state.available));
        self.machine(Trigger::MemoryFalling, Some(found));
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
        let machine = MACHINE_TRACKS.min(self.tracks.len());
        for (at, track) in self.tracks.iter_mut().enumerate() {
            if at >= machine && !core::mem::take(&mut track.is_seen) {
                // The disk is gone, or the path is not watched any more.
                track.end();
            }
            used |= u32::from(track.is_used()).wrapping_shl(at as u32);
            if !track.is_shown() {
                continue;
            }
            outcome.events = outcome.events.saturating_add(1);
            let begins = track.event.state == BEGIN;
            outcome.has_changed |= begins || matches!(track.event.state, END | MOMENT);
            if track.is_severe() {
                outcome.severe_begins |= begins;
                outcome.is_severe |= track.is_open();
            }
        }
        self.state.used = used;
        outcome
    }
}

/// After how many intervals nothing is available, if each of the last three took its share of what was.
fn intervals_left(available: [Option<u64>; FALLING_SAMPLES]) -> u64 {
    let [Some(first), Some(second), Some(third), Some(now)] = available else {
        return MAX_INTERVALS;
    };
    if first <= second || second <= third || third <= now {
        return MAX_INTERVALS;
    }
    let fallen = first.saturating_sub(now);
    let left = now.saturating_mul(3).checked_div(fallen);
    left.unwrap_or(MAX_INTERVALS).min(MAX_INTERVALS)
}

/// The events of a sample.
pub fn events(tracks: &[Track]) -> impl Iterator<Item = &Event> {
    tracks
        .iter()
        .filter(|track| track.is_shown())
        .map(|track| &track.event)
}
