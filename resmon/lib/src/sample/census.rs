// SPDX-License-Identifier: GPL-2.0-or-later

//! Which census the tasks of a sample are of. Samples without one of their own repeat it.

use model::record::{Content, Record, STALE};
use model::source::tasks;

use super::{Id, Sample, Task};

impl Sample {
    /// Takes the tasks of the sample before, when this one has no census of its own: it repeats that
    /// one, and so does what was used up to it. [`Samples`](crate::Samples) does this.
    pub fn keep_census(&mut self, before: &Self) {
        if let Some(kept) = Kept::of(before).filter(|kept| kept.is_of(self)) {
            self.keep(&kept);
        }
    }

    pub(super) fn keep(&mut self, kept: &Kept) {
        if let Some(tasks) = &mut self.tasks {
            tasks.ended_percent = kept.ended_percent;
        }
        self.top_tasks.clone_from(&kept.top_tasks);
    }

    /// How many places a record has for [`Self::top_tasks`], those that are empty included.
    pub fn task_places(&self) -> usize {
        self.census.map_or(0, |census| census.places)
    }
}

/// Of a record: when its census was, and how many tasks it has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Census {
    taken_mono_ns: u64,
    places: usize,
}

impl Census {
    pub(super) fn of(record: Record<'_>) -> Option<Self> {
        let mut sections = record.sections();
        sections.find_map(|section| {
            let header = section.header();
            let is_one = header.kind == tasks::Task::KIND && header.state != STALE;
            is_one.then(|| Self {
                taken_mono_ns: header.first_mono_ns,
                places: section.count::<tasks::Task>(),
            })
        })
    }
}

/// What later samples of the same census repeat.
#[derive(Debug)]
pub(super) struct Kept {
    life: (Option<Id>, Option<Id>),
    census: Census,
    ended_percent: Option<f64>,
    top_tasks: Vec<Task>,
}

impl Kept {
    pub(super) fn of(sample: &Sample) -> Option<Self> {
        Some(Self {
            life: (sample.module_boot_id, sample.module_load_id),
            census: sample.census?,
            ended_percent: sample.tasks.and_then(|tasks| tasks.ended_percent),
            top_tasks: sample.top_tasks.clone(),
        })
    }

    pub(super) fn is_of(&self, sample: &Sample) -> bool {
        let life = (sample.module_boot_id, sample.module_load_id);
        self.life == life && sample.census == Some(self.census)
    }
}
