// SPDX-License-Identifier: GPL-2.0

//! Sources that may make those who read them wait, for as long as they please: each has a thread
//! of its own.

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
        kthread::{
            Job,
            Worker, //
        },
        module_ref::ModuleRef, //
    }, //
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

/// A source that is sampled by a thread of its own.
pub(super) struct Threaded<S: Source> {
    desk: Arc<Desk<S>>,
    worker: Worker<Arc<Desk<S>>>,
}

/// Where questions and answers are exchanged.
#[pin_data]
struct Desk<S: Source> {
    source: S,
    /// Where the next snapshot is taken. Only the thread uses it, and holds its lock as long as
    /// it takes.
    #[pin]
    table: Mutex<Table<S::Entry>>,
    #[pin]
    answer: Mutex<Answer<S::Entry>>,
    #[pin]
    answered: CondVar,
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
    /// It was asked.
    Asked,
    /// Nobody waits for the answer any more. Until it comes, unloading the module would have to
    /// wait for it, so that is not allowed; unless it had begun already.
    Late { _module: Option<ModuleRef> },
}

impl<E> Answer<E> {
    /// Whether there was anything to give up.
    fn give_up(&mut self) -> bool {
        if let Question::Asked = self.question {
            self.question = Question::Late {
                _module: ModuleRef::new(),
            };
        }
        !matches!(self.question, Question::Answered)
    }
}

impl<S: Source> Threaded<S> {
    /// Starts a thread for `source`.
    pub(super) fn start(name: &'static CStr, source: S) -> Result<Self> {
        let table = Table::new(S::CAPACITY)?;
        let answer = Answer {
            question: Question::Answered,
            snapshots: Snapshots::new(S::CAPACITY)?,
            taken: None,
        };
        let desk = Arc::pin_init(
            pin_init!(Desk {
                source,
                table <- new_mutex!(table, "Desk::table"),
                answer <- new_mutex!(answer, "Desk::answer"),
                answered <- new_condvar!("Desk::answered"),
                cost: CostMeter::new(),
            }),
            GFP_KERNEL,
        )?;
        let worker = Worker::start(name, desk.clone())?;
        Ok(Self { desk, worker })
    }

    /// What is sampled.
    pub(super) fn source(&self) -> &S {
        &self.desk.source
    }

    /// Does not wait for an answer that was not given yet. If there is such a one, dropping this
    /// would wait for it.
    pub(super) fn give_up(&self) -> bool {
        self.desk.answer.lock().give_up()
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
        self.answered.notify_all();
        drop(answer);
        // From here on the module may be unloaded, which waits for this thread.
        drop(question);
    }
}

impl<S: Source> Sampling for Threaded<S> {
    fn announce(&self, line: &mut Line, print: &mut dyn FnMut(&Line)) {
        super::announce(&self.desk.source, line, print);
    }

    fn begin(&mut self) {
        let mut answer = self.desk.answer.lock();
        if !matches!(answer.question, Question::Answered) {
            return;
        }
        if S::switch().is_on() {
            answer.snapshots.advance();
            answer.question = Question::Asked;
            self.worker.ask();
        } else {
            answer.snapshots.forget();
            answer.taken = None;
        }
    }

    fn wait(&mut self, until_ns: u64) {
        let mut answer = self.desk.answer.lock();
        while matches!(answer.question, Question::Asked) {
            let left_ns = until_ns.saturating_sub(clock::monotonic_ns(Instant::now()));
            if left_ns == 0 {
                answer.give_up();
                break;
            }
            let left_ms = left_ns.div_ceil(NSEC_PER_MSEC as u64);
            let left_ms = u32::try_from(left_ms).unwrap_or(u32::MAX);
            let _ = self
                .desk
                .answered
                .wait_interruptible_timeout(&mut answer, msecs_to_jiffies(left_ms));
        }
    }

    fn log(&mut self, line: &mut Line, print: &mut dyn FnMut(&Line)) {
        let mut answer = self.desk.answer.lock();
        let is_answered = matches!(answer.question, Question::Answered);
        match answer.taken {
            // Whoever switched it off does not want to be told.
            _ if !S::switch().is_on() => (),
            _ if !is_answered => super::log_stale(&self.desk.source, line, print),
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
