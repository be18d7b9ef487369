// SPDX-License-Identifier: GPL-2.0

//! Sources that may make those who read them wait, for as long as they please: each is a job of its
//! own for a workqueue.

use super::{
    snapshots::{
        Snapshots,
        Table, //
    },
    Outcome, //
    SampledSource,
    Source,
};
use crate::{
    driver::{
        cost::CostMeter,
        history::RecordWriter, //
    },
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
    /// The number of this round.
    round: u64,
    /// Those of this round.
    of_round: u64,
    /// Those of any round.
    of_all: u64,
    /// While there are any, unloading the module would have to wait for the answers, which may
    /// never come, so that is not allowed.
    module: Option<ModuleRef>,
}

impl Round {
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new() -> Result<Arc<Self>> {
        let open = Open {
            round: 0,
            of_round: 0,
            of_all: 0,
            module: None,
        };
        let queue = Workqueue::new(c"resource_monitor")?;
        Arc::pin_init(
            pin_init!(Self {
                queue,
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
        open.of_round = 0;
    }

    /// The number of this round.
    fn number(&self) -> u64 {
        self.open.lock().round
    }

    /// Counts a question of this round, and gives the number of the round. None when the module is
    /// being unloaded: then nothing may be asked any more.
    fn asked(&self) -> Option<u64> {
        let mut open = self.open.lock();
        if open.of_all == 0 {
            open.module = Some(ModuleRef::new()?);
        }
        open.of_round = open.of_round.saturating_add(1);
        open.of_all = open.of_all.saturating_add(1);
        Some(open.round)
    }

    /// Counts an answer to a question of `round`. From here on the module may be unloaded, which
    /// waits for the end of the job that calls this.
    fn answered(&self, round: u64) {
        let mut open = self.open.lock();
        open.of_all = open.of_all.saturating_sub(1);
        if open.of_all == 0 {
            open.module = None;
        }
        if open.round == round {
            open.of_round = open.of_round.saturating_sub(1);
            if open.of_round == 0 {
                self.all_answered.notify_all();
            }
        }
    }

    /// Waits until all questions of this round are answered, or it is `until_ns` by
    /// `CLOCK_MONOTONIC`.
    pub(super) fn wait(&self, until_ns: u64) {
        let mut open = self.open.lock();
        while open.of_round != 0 {
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
    /// Whether the source was on when this round began.
    was_on: bool,
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
    /// Whether a question was asked and not answered yet.
    is_awaited: bool,
    /// The round of the last question.
    round: u64,
    snapshots: Snapshots<E>,
    /// What came of it, once it is answered.
    outcome: Outcome,
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
            is_awaited: false,
            round: 0,
            snapshots: Snapshots::new(S::CAPACITY)?,
            outcome: Outcome::Absent,
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
        Ok(Self {
            desk,
            work,
            was_on: false,
        })
    }

    /// What is sampled.
    pub(super) fn source(&self) -> &S {
        &self.desk.source
    }

    /// Whether there is anything to say in this round.
    fn is_asked(&self) -> bool {
        self.was_on && S::switch().is_on()
    }

    /// What came of this round.
    fn outcome(&self, answer: &Answer<S::Entry>) -> Outcome {
        // What came for an earlier sample is too old.
        if answer.is_awaited || answer.round != self.desk.round.number() {
            Outcome::Late
        } else {
            answer.outcome
        }
    }

    /// Whether a question was not answered yet. Then dropping this would wait for the answer.
    pub(super) fn is_awaited(&self) -> bool {
        self.desk.answer.lock().is_awaited
    }
}

impl<S: Source> Job for Arc<Desk<S>> {
    fn run(&self) {
        let mut table = self.table.lock();
        let outcome = self.cost.measure(|| super::take(&self.source, &mut table));
        let mut answer = self.answer.lock();
        if outcome == Outcome::Snapshot && S::switch().is_on() {
            answer.snapshots.put(&mut table);
        }
        answer.outcome = outcome;
        answer.is_awaited = false;
        let round = answer.round;
        drop(answer);
        drop(table);
        self.round.answered(round);
    }
}

impl<S: Source> SampledSource for Queued<S> {
    fn announce(&self, line: &mut Line, print: &mut dyn FnMut(&Line)) {
        super::announce(&self.desk.source, line, print);
    }

    fn begin(&mut self) {
        let mut answer = self.desk.answer.lock();
        self.was_on = S::switch().is_on();
        if !self.was_on {
            answer.snapshots.forget();
        } else if !answer.is_awaited {
            let Some(round) = self.desk.round.asked() else {
                self.was_on = false;
                return;
            };
            answer.snapshots.advance();
            answer.is_awaited = true;
            answer.round = round;
            self.work.ask();
        }
    }

    fn record(&self, record: &mut RecordWriter<'_>) {
        if !self.is_asked() {
            return;
        }
        let answer = self.desk.answer.lock();
        match self.outcome(&answer) {
            Outcome::Snapshot => answer.snapshots.record(record),
            Outcome::Late => super::record_stale(&self.desk.source, record),
            Outcome::Absent => (),
        }
    }

    fn log(&mut self, line: &mut Line, print: &mut dyn FnMut(&Line)) {
        if !self.is_asked() {
            return;
        }
        let mut answer = self.desk.answer.lock();
        match self.outcome(&answer) {
            Outcome::Snapshot => answer.snapshots.log(S::switch().name(), line, print),
            Outcome::Late => super::log_stale(&self.desk.source, line, print),
            Outcome::Absent => (),
        }
    }

    fn start_over(&mut self) {
        self.desk.answer.lock().snapshots.rebase();
    }

    fn cost(&self, add: &mut dyn FnMut(&CostMeter)) {
        add(&self.desk.cost);
    }
}
