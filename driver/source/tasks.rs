// SPDX-License-Identifier: GPL-2.0

//! Which processes use most of the CPUs and of the memory.
//!
//! They are met in a census, which costs in proportion to their number, so that it is not taken with each sample
//! on a machine that has very many.

use super::{
    Room,
    SampledSource, //
};
use crate::{
    driver::{
        cost::CostMeter,
        log::Log,
        oom_marks::OomMarks,
        params,
        record_writer::RecordWriter, //
    },
    model::{
        census::{
            self,
            Census,
            Listed,
            Seen,
            Totals,
            MAX_PROCESSES, //
        },
        event::watch::Watch,
        line::Lines,
        record::{
            section_words,
            SectionHeader, //
        },
        source::{
            tasks::{
                self,
                Task,
                Tasks, //
            },
            Snapshot, //
        },
        text::Text, //
    },
    sys::{
        clock,
        cpu,
        param::{
            choice_param,
            number_param, //
        },
        task, //
    },
};
use core::mem;
use kernel::{
    prelude::*,
    sync::Arc,
    time::NSEC_PER_SEC, //
};

choice_param! {
    /// When processes are looked at.
    static TASKS = "tasks" {
        description: "Sample the processes with most CPU time and memory: as often as that is cheap, with each sample, while there is an event, or never",
        words: ["auto", "always", "trouble", "off"],
        changed: |_| (),
    }
}

number_param! {
    /// How many are listed.
    static TOP_TASKS = "top_tasks" {
        description: "Processes that are listed by CPU time, and as many by memory (0: none)",
        unit: "processes",
        range: 0..=32,
        default: 8,
        // Records have places for them from load on.
        mode: 0o444,
        changed: |_| (),
    }
}

/// The least time from one census to the next, in nanoseconds. A sample may be a little early.
const PAUSE_NS: u64 = NSEC_PER_SEC as u64 / 16 * 15;

/// A census may take this part of one CPU: a thousandth.
const COST_PART: u64 = 1000;

/// How many processes a record has places for.
pub(in crate::driver) fn places() -> usize {
    (TOP_TASKS.value() as usize).saturating_mul(2)
}

/// The last census, and what the next one is compared with.
pub(crate) struct TaskCensus {
    marks: Arc<OomMarks>,
    last: Option<Totals>,
    /// When it was through, by `CLOCK_MONOTONIC`.
    end_mono_ns: u64,
    left_out: u64,
    /// The processes of the last one, and room for those of the next.
    seen: KVVec<Seen>,
    next: KVVec<Seen>,
    /// Room for those that are listed by CPU time, and by memory.
    by_cpu: KVec<Listed>,
    by_memory: KVec<Listed>,
    /// Two for each of the top.
    places: KVec<Task>,
    /// The one before the last, and its places.
    before: Option<Totals>,
    places_before: KVec<Task>,
    /// Whether the last one was logged.
    is_logged: bool,
    /// Whether there is an event.
    is_trouble: bool,
    cost: CostMeter,
}

impl TaskCensus {
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    #[inline(never)]
    pub(crate) fn new(marks: Arc<OomMarks>) -> Result<Self> {
        let top = TOP_TASKS.value() as usize;
        Ok(Self {
            marks,
            last: None,
            end_mono_ns: 0,
            left_out: 0,
            seen: KVVec::from_elem(Seen::default(), MAX_PROCESSES, GFP_KERNEL)?,
            next: KVVec::from_elem(Seen::default(), MAX_PROCESSES, GFP_KERNEL)?,
            by_cpu: KVec::from_elem(Listed::default(), top, GFP_KERNEL)?,
            by_memory: KVec::from_elem(Listed::default(), top, GFP_KERNEL)?,
            places: KVec::from_elem(Task::default(), places(), GFP_KERNEL)?,
            before: None,
            places_before: KVec::from_elem(Task::default(), places(), GFP_KERNEL)?,
            is_logged: false,
            is_trouble: false,
            cost: CostMeter::new(),
        })
    }

    /// Whether enough time has passed since the last one.
    fn is_cheap(&self, now_ns: u64) -> bool {
        let pause_ns = PAUSE_NS.max(self.cost.last_ns().saturating_mul(COST_PART));
        self.last
            .is_none_or(|last| now_ns.saturating_sub(last.mono_ns) >= pause_ns)
    }

    /// Whether there is an event in the newest sample. Where that is when processes are looked at, they are now.
    pub(crate) fn set_trouble(&mut self, is_trouble: bool) {
        let was_trouble = mem::replace(&mut self.is_trouble, is_trouble);
        if is_trouble
            && !was_trouble
            && TASKS.is("trouble")
            && self.is_cheap(clock::monotonic_now_ns())
        {
            self.take();
        }
    }

    /// Takes a census.
    fn take(&mut self) {
        let (mono_ns, boot_ns) = clock::now_ns();
        let has_names = !params::NAMES.is("off");
        for (to, from) in self.places_before.iter_mut().zip(&self.places) {
            *to = *from;
        }
        let Self { places, seen, .. } = self;
        let before = self
            .last
            .and_then(|last| Some((last, seen.get(..last.seen)?)));
        let mut census = Census::begin(
            mono_ns,
            boot_ns,
            before,
            &mut self.next,
            &mut self.by_cpu,
            &mut self.by_memory,
        );
        self.left_out = task::for_each(MAX_PROCESSES, |process| census.meet(process));
        let (totals, rankings) = census.finish(self.left_out, cpu::online_count() as u64);
        census::place(places, &rankings, self.last.as_ref(), &totals, |listed| {
            let mut task = task::read(&listed.process)?;
            if !has_names {
                task.comm = Text::empty();
            }
            Some(task)
        });
        mem::swap(&mut self.seen, &mut self.next);
        self.before = self.last.replace(totals);
        self.is_logged = false;
        self.end_mono_ns = clock::monotonic_now_ns();
        self.cost.add(self.end_mono_ns.saturating_sub(mono_ns));
    }

    /// What is in the section of `C`, but for its entries.
    fn header(&self, totals: &Totals, header: SectionHeader) -> SectionHeader {
        SectionHeader {
            left_out: self.left_out,
            first_mono_ns: totals.mono_ns,
            last_mono_ns: self.end_mono_ns,
            ..header
        }
    }
}

impl SampledSource for TaskCensus {
    fn announce(&self, _lines: &mut Lines<'_>) {}

    fn room(&self) -> Room {
        let words =
            section_words::<Tasks>(1).saturating_add(section_words::<Task>(self.places.len()));
        Room {
            usual_words: words,
            max_words: words,
        }
    }

    fn begin(&mut self, now_ns: u64) -> bool {
        if TASKS.is("off") {
            self.last = None;
            self.before = None;
            self.places.fill(Task::default());
            return false;
        }
        if params::NAMES.is("off") {
            // Those of the last census may have some.
            let named = self.places.iter_mut();
            named.for_each(|task| task.comm = Text::empty());
        }
        let is_wanted =
            TASKS.is("always") || (TASKS.is("auto") || self.is_trouble) && self.is_cheap(now_ns);
        if is_wanted || self.marks.has_new() {
            self.take();
        }
        false
    }

    fn record(&self, record: &mut RecordWriter<'_>) {
        let Some(last) = &self.last else { return };
        record.section(
            &self.header(last, SectionHeader::of::<Tasks>(1)),
            &[last.tasks],
        );
        if !self.places.is_empty() {
            let header = SectionHeader::of::<Task>(self.places.len());
            record.section(&self.header(last, header), &self.places);
        }
    }

    fn watch(&self, _watch: &mut Watch<'_>) {}

    fn log(&mut self, log: &mut Log<'_>) {
        let Some(last) = self
            .last
            .as_ref()
            .filter(|_| log.is_full && !self.is_logged)
        else {
            return;
        };
        let snapshot = |totals: &Totals, entries| Snapshot {
            taken_mono_ns: totals.mono_ns,
            entries,
        };
        let before = self.before.as_ref();
        let before = before.map(|before| (before.tasks, snapshot(before, &self.places_before)));
        tasks::log(
            before,
            &last.tasks,
            snapshot(last, &self.places),
            params::NAMES.is("log"),
            &mut log.lines,
        );
        self.is_logged = true;
    }

    fn restart(&mut self) {}

    fn cost(&self, add: &mut dyn FnMut(&CostMeter)) {
        add(&self.cost);
    }
}
