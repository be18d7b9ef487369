// SPDX-License-Identifier: GPL-2.0-or-later

//! Events over made-up series of samples.

mod line;
mod rules;
mod subjects;
mod triggers;

use crate::logged::SECOND;
use crate::util::words;
use model::event::rules::{Alerts, Rules};
use model::event::track::Track;
use model::event::watch::{self, Outcome, State, Suspect, Watch, TRACKS};
use model::event::{Event, Trigger, BEGIN, END};
use model::record::{Header, Record};
use model::setting::Setting;
use model::source::cpu::{Cpu, Times};
use model::source::disk::Disk;
use model::source::fs::Fs;
use model::source::memory::Memory;
use model::source::pressure::Pressure;
use model::source::Entry;

/// A machine whose next sample is made up. Counters go on from sample to sample.
pub struct Machine {
    state: State,
    tracks: Vec<Track>,
    suspects: Vec<Suspect>,
    pub outcome: Outcome,
    /// How far apart samples are.
    pub interval_ns: u64,
    pub header: Header,
    pub cpus: usize,
    pub steal_ns: u64,
    pub memory: Memory,
    /// None when it is not sampled.
    pub pressure: Option<Pressure>,
    /// The triggers whose source is late.
    pub late: Vec<Trigger>,
    pub running: u64,
    pub oom_kills: u64,
    /// None when they are late.
    pub disks: Option<Vec<Disk>>,
    pub file_systems: Vec<Fs>,
}

impl Machine {
    /// A quiet one, without the events that others are not interested in.
    pub fn with(alerts: &str) -> Self {
        let mut state = State::default();
        state.set_rules(rules(alerts));
        Self {
            state,
            tracks: vec![Track::default(); TRACKS],
            suspects: vec![Suspect::default(); 3],
            outcome: Outcome::default(),
            interval_ns: 5 * SECOND,
            header: Header {
                taken_mono_ns: 100 * SECOND,
                ..Header::default()
            },
            cpus: 2,
            steal_ns: 0,
            memory: Memory {
                total: 1000,
                available: 900,
                ..Memory::default()
            },
            pressure: Some(Pressure::default()),
            late: Vec::new(),
            running: 1,
            oom_kills: 0,
            disks: Some(Vec::new()),
            file_systems: Vec::new(),
        }
    }

    /// Other rules hold from the next sample on.
    pub fn set(&mut self, alerts: &str) {
        self.state.set_rules(rules(alerts));
    }

    pub fn test(&mut self) {
        self.state.test();
    }

    /// A sample that is not looked at, since all triggers are off.
    pub fn skip(&mut self) {
        assert!(self.state.is_off());
        self.header.taken_mono_ns += self.interval_ns;
        self.state.skip(&mut self.tracks);
    }

    /// Takes the next sample, and returns its events.
    pub fn sample(&mut self) -> Vec<Event> {
        self.sample_after(self.interval_ns)
    }

    /// Takes the next sample that early.
    pub fn sample_after(&mut self, elapsed_ns: u64) -> Vec<Event> {
        self.header.taken_mono_ns += elapsed_ns;
        self.header.interval_ns = self.interval_ns;
        self.header.seq += 1;
        let cpu = |id| Cpu {
            id: id as u32,
            epoch: 0,
            times: Times {
                steal: self.steal_ns / self.cpus as u64,
                ..Times::default()
            },
        };
        let cpus: Vec<Cpu> = (0..self.cpus).map(cpu).collect();
        let words = words(self.header, self.memory, &cpus);
        let record = Record::new(&words).expect("a record");
        let mut watch = Watch::begin(
            &mut self.state,
            &mut self.tracks,
            &mut self.suspects,
            record,
        );
        if let Some(pressure) = &self.pressure {
            watch.pressure(self.header.taken_mono_ns, pressure);
        }
        watch.late(&self.late);
        watch.running(self.running);
        watch.oom_kills(self.oom_kills);
        match &self.disks {
            Some(disks) => watch.disks(disks),
            None => watch.late(Disk::WATCHED),
        }
        for fs in &self.file_systems {
            watch.file_system(fs);
        }
        self.outcome = watch.finish();
        let events: Vec<Event> = watch::events(&self.tracks).copied().collect();
        assert_eq!(self.outcome.events, events.len());
        let has_changed = events.iter().any(Event::is_change);
        assert_eq!(self.outcome.has_changed, has_changed);
        events
    }

    /// Takes samples until an event begins or ends, and returns after how many, and which.
    pub fn until_change(&mut self, mut change: impl FnMut(&mut Self)) -> Option<(usize, Event)> {
        (1..200).find_map(|count| {
            change(self);
            let events = self.sample();
            let event = events.into_iter().find(Event::is_change)?;
            Some((count, event))
        })
    }
}

pub fn rules(alerts: &str) -> Rules {
    Alerts.parse(alerts.as_bytes()).expect("good rules")
}

pub fn is_begin(event: &Event, trigger: Trigger) -> bool {
    event.state == BEGIN && event.trigger == trigger as u32
}

pub fn is_end(event: &Event, trigger: Trigger) -> bool {
    event.state == END && event.trigger == trigger as u32
}
