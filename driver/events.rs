// SPDX-License-Identifier: GPL-2.0

//! The events: looked for in each sample, recorded, and logged.

use super::{
    params,
    record_writer::RecordWriter,
    source::Room,
    sources::Sources, //
};
use crate::{
    model::{
        event::{
            rules::Rules,
            track::Track,
            watch::{
                self,
                Outcome,
                State,
                Suspect,
                Watch,
                TRACKS, //
            },
            Event,
            Trigger,
            MAX_EVENTS, //
        },
        line::Line,
        record::{
            section_words,
            Record,
            SectionHeader, //
        },
        source::oom_kill::OomKill, //
    },
    sys::log,
};
use kernel::{
    prelude::*,
    time::NSEC_PER_SEC, //
};

/// How many disks with requests under way are watched.
const SUSPECTS: usize = 256;

/// How long the log says nothing about a trigger again, in nanoseconds.
const PAUSE_NS: u64 = 60 * NSEC_PER_SEC as u64;

/// What the log has said of a trigger.
#[derive(Clone, Copy, Default)]
struct Said {
    /// When it last said something, by `CLOCK_MONOTONIC`.
    mono_ns: Option<u64>,
    /// What it did not say since.
    unsaid: u64,
    /// The last of it, and when that was found.
    last: Event,
    last_ns: u64,
    /// Who was killed, if it is about that.
    victim: Option<OomKill>,
}

/// The events that are open, and what leads to others.
pub(crate) struct Events {
    state: State,
    tracks: KVec<Track>,
    suspects: KVec<Suspect>,
    said: KVec<Said>,
    /// What came of the newest sample.
    outcome: Outcome,
}

impl Events {
    /// The most room that they need in a record.
    pub(super) const ROOM: Room = Room {
        usual_words: 0,
        max_words: section_words::<Event>(MAX_EVENTS),
    };

    /// Not on the stack of the caller, which is short of it.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    #[inline(never)]
    pub(super) fn new() -> Result<KBox<Self>> {
        let events = Self {
            state: State::default(),
            tracks: KVec::from_elem(Track::default(), TRACKS, GFP_KERNEL)?,
            suspects: KVec::from_elem(Suspect::default(), SUSPECTS, GFP_KERNEL)?,
            said: KVec::from_elem(Said::default(), Trigger::ALL.len(), GFP_KERNEL)?,
            outcome: Outcome::default(),
        };
        Ok(KBox::new(events, GFP_KERNEL)?)
    }

    /// Other rules hold from the next sample on.
    pub(super) fn set_rules(&mut self, rules: Rules) {
        self.state.set_rules(rules);
    }

    /// The next sample has an event, as a test.
    pub(super) fn test(&mut self) {
        self.state.test();
    }

    /// Looks at the newest sample and its sources. Returns what came of it.
    pub(super) fn look(&mut self, sample: Record<'_>, sources: &mut Sources) -> Outcome {
        if self.state.is_off() && self.outcome.events == 0 {
            self.state.skip(&mut self.tracks);
            return self.outcome;
        }
        let mut watch = Watch::begin(
            &mut self.state,
            &mut self.tracks,
            &mut self.suspects,
            sample,
        );
        sources.for_each(|source| source.watch(&mut watch));
        self.outcome = watch.finish();
        self.outcome
    }

    /// Adds them to the record of the sample.
    pub(super) fn record(&self, record: &mut RecordWriter<'_>) {
        let count = self.outcome.events;
        if count == 0 {
            return;
        }
        let header = SectionHeader {
            left_out: count.saturating_sub(MAX_EVENTS) as u64,
            ..SectionHeader::of::<Event>(count.min(MAX_EVENTS))
        };
        let events = watch::events(&self.tracks);
        record.section_of(&header, events.take(MAX_EVENTS));
    }

    /// Logs those that begin or end with the sample, at most one of each trigger in a minute.
    pub(super) fn log(&mut self, now_ns: u64, victim: Option<&OomKill>, line: &mut Line) {
        if self.outcome.has_changed {
            for event in watch::events(&self.tracks) {
                let said = said_of(&mut self.said, event);
                if let Some(said) = said.filter(|_| event.is_change()) {
                    said.last = *event;
                    said.last_ns = now_ns;
                    said.victim = victim.copied().filter(|_| event.is_of(Trigger::OomKill));
                    said.unsaid = said.unsaid.saturating_add(1);
                }
            }
        }
        for said in self.said.iter_mut().filter(|said| said.unsaid != 0) {
            let is_time = said
                .mono_ns
                .is_none_or(|said_ns| now_ns.saturating_sub(said_ns) >= PAUSE_NS);
            if is_time {
                said.say(now_ns, line);
            }
        }
    }

    /// Logs what remains to be said when no sample comes any more.
    pub(super) fn log_rest(&mut self, now_ns: u64, line: &mut Line) {
        for said in self.said.iter_mut().filter(|said| said.unsaid != 0) {
            said.say(now_ns, line);
        }
    }
}

/// What was said of the trigger of `event`.
fn said_of<'a>(said: &'a mut KVec<Said>, event: &Event) -> Option<&'a mut Said> {
    said.get_mut(Trigger::of_number(event.trigger)?.index())
}

impl Said {
    fn say(&mut self, now_ns: u64, line: &mut Line) {
        let left_out = self.unsaid.saturating_sub(1);
        self.unsaid = 0;
        self.mono_ns = Some(now_ns);
        self.last.log(self.last_ns, left_out, line);
        if let Some(victim) = self.victim.take() {
            victim.log(params::NAMES.is("log"), line);
        }
        log::warning(line.as_str());
    }
}
