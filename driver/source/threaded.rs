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

/// How long an answer is awaited before the module may not be unloaded until it comes, in
/// nanoseconds. On a busy machine a thread may need a while to get to run.
const LATE_AFTER_NS: u64 = 500 * NSEC_PER_MSEC as u64;

/// A source that is sampled by a thread of its own.
pub(super) struct Threaded<S: Source> {
    desk: Arc<Desk<S>>,
    worker: Worker<Arc<Desk<S>>>,
    /// Whether the last question was asked for this sample. If it was for an earlier one, the
    /// answer is not worth waiting for.
    asked_now: bool,
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
    /// It was asked at this time by `CLOCK_MONOTONIC`, in nanoseconds.
    Asked { mono_ns: u64 },
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
        if let Question::Asked { mono_ns } = self.question {
            if now_ns().saturating_sub(mono_ns) >= late_after_ns {
                self.question = Question::Late {
                    _module: ModuleRef::new(),
                };
            }
        }
    }
}

fn now_ns() -> u64 {
    clock::monotonic_ns(Instant::now())
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
        Ok(Self {
            desk,
            worker,
            asked_now: false,
        })
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
        answer.give_up_after(LATE_AFTER_NS);
        self.asked_now = !answer.is_awaited() && S::switch().is_on();
        if self.asked_now {
            answer.snapshots.advance();
            answer.question = Question::Asked { mono_ns: now_ns() };
            self.worker.ask();
        } else if !S::switch().is_on() {
            answer.snapshots.forget();
            answer.taken = None;
        }
    }

    fn wait(&mut self, until_ns: u64) {
        let mut answer = self.desk.answer.lock();
        while self.asked_now && answer.is_awaited() {
            let left_ms = until_ns
                .saturating_sub(now_ns())
                .div_ceil(NSEC_PER_MSEC as u64);
            if left_ms == 0 {
                break;
            }
            let left = msecs_to_jiffies(u32::try_from(left_ms).unwrap_or(u32::MAX));
            // Whatever woke this up, it is looked at again.
            let _ = self
                .desk
                .answered
                .wait_interruptible_timeout(&mut answer, left);
        }
        answer.give_up_after(LATE_AFTER_NS);
    }

    fn log(&mut self, line: &mut Line, print: &mut dyn FnMut(&Line)) {
        if !S::switch().is_on() {
            return;
        }
        let mut answer = self.desk.answer.lock();
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
