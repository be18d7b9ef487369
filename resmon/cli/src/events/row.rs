// SPDX-License-Identifier: GPL-2.0-or-later

//! An event with its sample, as a line or as what a command gets to know.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use resmon::model::event::Trigger;
use resmon::{Event, Id, OomKill, Record, Sample, Task};
use serde::Serialize;

use crate::json;
use crate::tasks::{by_memory, largest, victims};
use crate::time::When;

use super::{life, printable, sentence, Life, News};

/// An event with the sample that it is of. This is a line of JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Not a number where it is no time of day: then it is null in JSON.
    pub time_s: f64,
    #[serde(skip)]
    pub when: When,
    pub seq: Option<u64>,
    pub module_boot_id: Option<Id>,
    pub module_load_id: Option<Id>,
    #[serde(flatten)]
    pub event: Event,
    /// Only with an event `oom_kill`.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub memory: Option<OutOfMemory>,
    /// Whether it is told only since there were more kills.
    #[serde(skip)]
    pub is_more: bool,
}

/// Who was killed as memory ran out, and who had most of it.
#[derive(Clone, Debug, Serialize)]
pub struct OutOfMemory {
    pub oom_kills: Vec<OomKill>,
    pub oom_kills_left_out: u64,
    pub largest_tasks: Vec<Task>,
}

/// What rows are made of.
struct Moment<'m> {
    life: Life,
    when: When,
    seq: Option<u64>,
    events: &'m [Event],
    memory: &'m dyn Fn() -> OutOfMemory,
}

impl OutOfMemory {
    fn has_kills(&self) -> bool {
        !self.oom_kills.is_empty() || self.oom_kills_left_out > 0
    }

    fn new(oom_kills: Vec<OomKill>, oom_kills_left_out: u64, tasks: &[Task]) -> Self {
        const LARGEST: usize = 3;
        let largest = by_memory(tasks).into_iter().take(LARGEST);
        Self {
            oom_kills,
            oom_kills_left_out,
            largest_tasks: largest.cloned().collect(),
        }
    }
}

impl Row {
    /// Those of a sample that are news.
    pub fn of_sample(news: &mut News, sample: &Sample) -> Vec<Self> {
        let memory = || {
            let left_out = sample.oom_kills_left_out;
            OutOfMemory::new(sample.oom_kills.clone(), left_out, &sample.top_tasks)
        };
        let moment = Moment {
            life: life(sample),
            when: When::of(sample),
            seq: sample.seq,
            events: &sample.events,
            memory: &memory,
        };
        Self::of(news, &moment)
    }

    /// Those of a record that are news, which was taken at a time in seconds since 1970.
    pub fn of_record(news: &mut News, record: &Record, time_s: f64) -> Vec<Self> {
        let header = record.header();
        let later_s = time_s - Duration::from_nanos(header.taken_wall_ns).as_secs_f64();
        let memory = || {
            let mut kills = OomKill::of(record);
            for kill in &mut kills {
                kill.time_s += later_s;
            }
            OutOfMemory::new(kills, OomKill::left_out(record), &Task::of(record))
        };
        let moment = Moment {
            life: (header.boot_id.map(Id), header.load_id.map(Id)),
            when: When {
                time_s,
                is_of_day: true,
            },
            seq: Some(header.seq),
            events: &Event::of(record),
            memory: &memory,
        };
        Self::of(news, &moment)
    }

    /// The news, and an `oom_kill` that goes on as long as there are more kills.
    fn of(news: &mut News, moment: &Moment<'_>) -> Vec<Self> {
        let (module_boot_id, module_load_id) = moment.life;
        let news = news.of(moment.life, moment.events);
        let news: BTreeSet<u64> = news.into_iter().map(|event| event.number).collect();
        let events = moment.events.iter().filter_map(|event| {
            let is_oom = event.name == Trigger::OomKill.description().name;
            let memory = is_oom.then(moment.memory);
            let is_more = !news.contains(&event.number);
            let has_kills = memory.as_ref().is_some_and(OutOfMemory::has_kills);
            (!is_more || has_kills).then(|| Self {
                time_s: match moment.when.is_of_day {
                    true => moment.when.time_s,
                    false => f64::NAN,
                },
                when: moment.when,
                seq: moment.seq,
                module_boot_id,
                module_load_id,
                event: event.clone(),
                memory,
                is_more,
            })
        });
        events.collect()
    }

    /// A line of JSON.
    pub fn json(&self) -> io::Result<Vec<u8>> {
        json::line(self)
    }

    /// A line for people.
    pub fn line(&self) -> String {
        format!("{} {}\n", self.when.text(), self.text())
    }

    /// All of it in one sentence.
    pub(super) fn text(&self) -> String {
        let mut text = sentence(&self.event);
        if let Some(memory) = &self.memory {
            if memory.has_kills() {
                let victims = victims(&memory.oom_kills, memory.oom_kills_left_out);
                text.push_str(&format!(": {victims}"));
            }
            if !memory.largest_tasks.is_empty() {
                let largest = largest(&memory.largest_tasks);
                text.push_str(&format!("; most memory: {largest}"));
            }
        }
        text
    }

    /// What a command gets to know of it.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let event = &self.event;
        let subject = event.subject.as_deref().unwrap_or_default();
        let mut all = vec![
            ("RESMON_EVENT", event.name.clone()),
            ("RESMON_STATE", event.state.name().into()),
            ("RESMON_NUMBER", event.number.to_string()),
            ("RESMON_UNIT", event.unit.name().into()),
            ("RESMON_VALUE", event.value.to_string()),
            ("RESMON_WORST", known(event.worst)),
            ("RESMON_LIMIT", event.limit.to_string()),
            ("RESMON_LASTING_S", known(event.lasting_s)),
            ("RESMON_SINCE_S", event.since_s.to_string()),
            ("RESMON_SUBJECT", printable(subject)),
            ("RESMON_SEVERE", u8::from(event.severe).to_string()),
            ("RESMON_TIME", self.when.exact()),
            ("RESMON_TEXT", self.text()),
        ];
        all.extend(self.environment_of_memory());
        all
    }

    /// Of the first one that was killed. All are there and empty where nobody was, so that none is
    /// inherited.
    fn environment_of_memory(&self) -> [(&'static str, String); 8] {
        let memory = self.memory.as_ref();
        let kill = memory.and_then(|memory| memory.oom_kills.first());
        let of = |text: fn(&OomKill) -> String| kill.map(text).unwrap_or_default();
        let comm = |comm: &Option<String>| printable(comm.as_deref().unwrap_or_default());
        let (victim, by) = (
            kill.map(|kill| comm(&kill.comm)),
            kill.map(|kill| comm(&kill.by_comm)),
        );
        let count = memory.map_or(0, |memory| {
            (memory.oom_kills.len() as u64).saturating_add(memory.oom_kills_left_out)
        });
        let largest = memory.map(|memory| largest(&memory.largest_tasks));
        [
            ("RESMON_VICTIMS", count.to_string()),
            ("RESMON_VICTIM_PID", of(|kill| kill.pid.to_string())),
            ("RESMON_VICTIM_COMM", victim.unwrap_or_default()),
            ("RESMON_VICTIM_UID", of(|kill| known(kill.uid))),
            (
                "RESMON_VICTIM_RSS_KB",
                of(|kill| (kill.rss_bytes / 1024).to_string()),
            ),
            ("RESMON_ASKED_BY_PID", of(|kill| kill.by_pid.to_string())),
            ("RESMON_ASKED_BY_COMM", by.unwrap_or_default()),
            ("RESMON_LARGEST", largest.unwrap_or_default()),
        ]
    }
}

/// A number, or nothing where it is not known.
fn known(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
