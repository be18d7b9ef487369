// SPDX-License-Identifier: GPL-2.0

//! Sources that may make those who read them wait, for as long as they please: each is a job of its
//! own for a workqueue.

use super::{
    snapshots::{
        Snapshots,
        Table, //
    },
    Sampling,
    Source,
    Taken, //
};
use crate::{
    driver::cost::CostMeter,
    model::line::Line,
    sys::{
        clock,
        job::Job,
        module_ref::ModuleRef,
        workqueue::{
            Work,
            Workqueue, //
        }, //
    },
};
use core::mem;
use kernel::{
    new_condvar, new_mutex,
    prelude::*,
    sync::{
        Arc,
        CondVar,
        Mutex, //
    },
    time::{
        msecs_to_jiffies,
        Instant,
        NSEC_PER_MSEC, //
    },
};

/// How long an answer is awaited before the module may not be unloaded until it comes, in
/// nanoseconds. On a busy machine a job may need a while to get to run.
const LATE_AFTER_NS: u64 = 500 * NSEC_PER_MSEC as u64;

fn now_ns() -> u64 {
    clock::monotonic_ns(Instant::now())
}

/// Where the questions of a sample go, and where their answers are awaited.
#[pin_data]
pub(crate) struct Round {
    queue: Arc<Workqueue>,
    #[pin]
    open: Mutex<Open>,
    #[pin]
    all_answered: CondVar,
}

/// The questions that were not answered yet.
struct Open {
    /// The number of the round. Answers to questions of another one do not count.
    round: u64,
    questions: u64,
}

impl Round {
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new() -> Result<Arc<Self>> {
        let open = Open {
            round: 0,
            questions: 0,
        };
        Arc::pin_init(
            try_pin_init!(Self {
                queue: Workqueue::new(c"resource_monitor")?,
                open <- new_mutex!(open, "Round::open"),
                all_answered <- new_condvar!("Round::all_answered"),
            }),
            GFP_KERNEL,
        )
    }

    /// Begins a round: nobody waits for answers to earlier questions.
    pub(super) fn start(&self) {
        let mut open = self.open.lock();
        open.round = open.round.wrapping_add(1);
        open.questions = 0;
    }

    /// Counts a question, and gives the number of its round.
    fn asked(&self) -> u64 {
        let mut open = self.open.lock();
        open.questions = open.questions.saturating_add(1);
        open.round
    }

    /// Counts an answer to a question of `round`.
    fn answered(&self, round: u64) {
        let mut open = self.open.lock();
        if open.round == round {
            open.questions = open.questions.saturating_sub(1);
            if open.questions == 0 {
                self.all_answered.notify_all();
            }
        }
    }

    /// Waits until all questions of this round are answered, or it is `until_ns` by
    /// `CLOCK_MONOTONIC`.
    pub(super) fn wait(&self, until_ns: u64) {
        let mut open = self.open.lock();
        while open.questions != 0 {
            let left_ns = until_ns.saturating_sub(now_ns());
            if left_ns == 0 {
                break;
            }
            let left_ms = u32::try_from(left_ns.div_ceil(NSEC_PER_MSEC as u64));
            let left = msecs_to_jiffies(left_ms.unwrap_or(u32::MAX));
            // Whatever woke this up, it is looked at again.
            let _ = self
                .all_answered
                .wait_interruptible_timeout(&mut open, left);
        }
    }
}

/// A source that is sampled by a job of its own.
pub(super) struct Queued<S: Source> {
    desk: Arc<Desk<S>>,
    work: Work<Arc<Desk<S>>>,
}

/// Where question and answer are exchanged.
#[pin_data]
struct Desk<S: Source> {
    source: S,
    round: Arc<Round>,
    /// Where the next snapshot is taken. Only the job uses it, and holds its lock as long as it
    /// takes.
    #[pin]
    table: Mutex<Table<S::Entry>>,
    #[pin]
    answer: Mutex<Answer<S::Entry>>,
    cost: CostMeter,
}

struct Answer<E> {
    question: Question,
    snapshots: Snapshots<E>,
    /// What came of the last question; none when the source is off.
    taken: Option<Taken>,
}

/// How far the last question is.
enum Question {
    /// It was answered.
    Answered,
    /// It was asked in this round, at this time by `CLOCK_MONOTONIC`, in nanoseconds.
    Asked { round: u64, mono_ns: u64 },
    /// It was asked long ago. Until the answer comes, unloading the module would have to wait for
    /// it, so that is not allowed; unless it had begun already.
    Late { _module: Option<ModuleRef> },
}

impl<E> Answer<E> {
    fn is_awaited(&self) -> bool {
        !matches!(self.question, Question::Answered)
    }

    /// Does not count on an answer that was awaited for `late_after_ns`.
    fn give_up_after(&mut self, late_after_ns: u64) {
        if let Question::Asked { mono_ns, .. } = self.question {
            if now_ns().saturating_sub(mono_ns) >= late_after_ns {
                self.question = Question::Late {
                    _module: ModuleRef::new(),
                };
            }
        }
    }
}

impl<S: Source> Queued<S> {
    /// Makes a job of `source`.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(super) fn new(round: &Arc<Round>, source: S) -> Result<Self> {
        let table = Table::new(S::CAPACITY)?;
        let answer = Answer {
            question: Question::Answered,
            snapshots: Snapshots::new(S::CAPACITY)?,
            taken: None,
        };
        let desk = Arc::pin_init(
            pin_init!(Desk {
                source,
                round: round.clone(),
                table <- new_mutex!(table, "Desk::table"),
                answer <- new_mutex!(answer, "Desk::answer"),
                cost: CostMeter::new(),
            }),
            GFP_KERNEL,
        )?;
        let work = Work::new(round.queue.clone(), desk.clone())?;
        Ok(Self { desk, work })
    }

    /// What is sampled.
    pub(super) fn source(&self) -> &S {
        &self.desk.source
    }

    /// Does not wait for an answer that was not given yet. If there is such a one, dropping this
    /// would wait for it.
    pub(super) fn give_up(&self) -> bool {
        let mut answer = self.desk.answer.lock();
        answer.give_up_after(0);
        answer.is_awaited()
    }
}

impl<S: Source> Job for Arc<Desk<S>> {
    fn run(&self) {
        let mut table = self.table.lock();
        let taken = self.cost.measure(|| super::take(&self.source, &mut table));
        let mut answer = self.answer.lock();
        if taken == Taken::Whole {
            answer.snapshots.put(&mut table);
        }
        answer.taken = Some(taken);
        let question = mem::replace(&mut answer.question, Question::Answered);
        drop(answer);
        if let Question::Asked { round, .. } = question {
            self.round.answered(round);
        }
        // From here on the module may be unloaded, which waits for the end of this job.
        drop(question);
    }
}

impl<S: Source> Sampling for Queued<S> {
    fn announce(&self, line: &mut Line, print: &mut dyn FnMut(&Line)) {
        super::announce(&self.desk.source, line, print);
    }

    fn begin(&mut self) {
        let mut answer = self.desk.answer.lock();
        answer.give_up_after(LATE_AFTER_NS);
        if !S::switch().is_on() {
            answer.snapshots.forget();
            answer.taken = None;
        } else if !answer.is_awaited() {
            answer.snapshots.advance();
            answer.question = Question::Asked {
                round: self.desk.round.asked(),
                mono_ns: now_ns(),
            };
            self.work.ask();
        }
    }

    fn log(&mut self, line: &mut Line, print: &mut dyn FnMut(&Line)) {
        if !S::switch().is_on() {
            return;
        }
        let mut answer = self.desk.answer.lock();
        answer.give_up_after(LATE_AFTER_NS);
        if answer.is_awaited() {
            super::log_stale(&self.desk.source, line, print);
            return;
        }
        match answer.taken {
            Some(Taken::Whole) => answer.snapshots.log(S::switch().name(), line, print),
            Some(Taken::Busy) => super::log_stale(&self.desk.source, line, print),
            Some(Taken::Nothing) | None => (),
        }
    }

    fn start_over(&mut self) {
        self.desk.answer.lock().snapshots.rebase();
    }

    fn cost(&self, add: &mut dyn FnMut(&CostMeter)) {
        add(&self.desk.cost);
    }
}
