// SPDX-License-Identifier: GPL-2.0

//! Sources whose read may block without limit.
//!
//! The reporter requests a snapshot. It is taken by the same thread or, when that has to go on without
//! it, by a work item of the source's own, so that a stuck one delays no other. Who takes it completes
//! the request:
//!
//! ```text
//!               begin(): Rounds::request()
//!          ┌───────────────────────────────────────────────┐
//!          │                                               ▼
//!     ┌──────────┐                                    ┌─────────┐  begin() of later rounds:
//!     │ Complete │                                    │ Pending │  no second request
//!     └──────────┘                                    └─────────┘
//!          ▲                                               │
//!          └───────────────────────────────────────────────┘
//!           Shared::take(): Outcome, Rounds::complete()
//! ```
//!
//! While a request is pending its source is late. So it is when the request was completed in a later
//! round than its own: what it found is too old for that round's sample, and only the base of the
//! next snapshot.

use super::{
    round::{
        Requested,
        Rounds, //
    },
    snapshots::Snapshots,
    table::{
        Lap,
        Table, //
    },
    Outcome, //
    Room,
    SampledSource,
    Source,
};
use crate::{
    driver::{
        cost::CostMeter,
        log::Log,
        open_round, //
        record_writer::RecordWriter,
    },
    model::{
        event::watch::Watch,
        line::Lines,
        source::{
            Entry,
            Snapshot, //
        }, //
    },
    sys::{
        job::Job,
        kthread,
        workqueue::Work, //
    },
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
};

/// A source of which snapshots are requested.
pub(crate) struct Queued<S: Source> {
    shared: Arc<Shared<S>>,
    /// What takes a snapshot.
    work: Arc<Work<Arc<Shared<S>>>>,
    /// Whether the source was on when this round began.
    was_on: bool,
}

/// What the reporter and who takes the snapshot share.
#[pin_data]
struct Shared<S: Source> {
    source: S,
    rounds: Arc<Rounds>,
    /// Where the next snapshot is taken. Only who takes it uses it, and holds its lock as long as it
    /// takes.
    #[pin]
    table: Mutex<Table<S::Entry>>,
    #[pin]
    request: Mutex<Request<S::Entry>>,
    cost: CostMeter,
}

/// The last request.
struct Request<E> {
    /// Whether it was not completed yet.
    is_pending: bool,
    /// The round that it is of.
    round: u64,
    snapshots: Snapshots<E>,
    /// What came of it, once it is completed.
    outcome: Outcome,
    /// Whether it took so long that the next one is for a job from the start.
    was_slow: bool,
}

impl<S: Source> Queued<S> {
    /// Makes a job of `source`.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(rounds: &Arc<Rounds>, source: S) -> Result<Self> {
        let table = Table::new(S::CAPACITY)?;
        let request = Request {
            is_pending: false,
            round: 0,
            snapshots: Snapshots::new(S::CAPACITY)?,
            outcome: Outcome::Absent,
            was_slow: false,
        };
        let shared = Arc::pin_init(
            pin_init!(Shared {
                source,
                rounds: rounds.clone(),
                table <- new_mutex!(table, "Shared::table"),
                request <- new_mutex!(request, "Shared::request"),
                cost: CostMeter::new(),
            }),
            GFP_KERNEL,
        )?;
        let work = Work::new(rounds.workqueue().clone(), shared.clone())?;
        Ok(Self {
            shared,
            work: Arc::new(work, GFP_KERNEL)?,
            was_on: false,
        })
    }

    /// What is sampled.
    pub(super) fn source(&self) -> &S {
        &self.shared.source
    }

    /// Whether there is anything to say in this round.
    fn is_on(&self) -> bool {
        self.was_on && S::switch().is_on()
    }

    /// What came of this round.
    fn outcome(&self, request: &Request<S::Entry>) -> Outcome {
        if request.is_pending || request.round != self.shared.rounds.number() {
            Outcome::Late
        } else {
            request.outcome
        }
    }

    /// Whether a request was not completed yet. Then dropping this may wait for its completion.
    pub(super) fn is_pending(&self) -> bool {
        self.shared.request.lock().is_pending
    }
}

impl<S: Source> Requested for Work<Arc<Shared<S>>> {
    fn take(&self, lap: &mut Lap) {
        if S::MAY_HANG {
            kthread::unfrozen(|| self.job().take(lap));
        } else {
            self.job().take(lap);
        }
    }

    fn queue(&self) {
        self.queue();
    }
}

impl<S: Source> Job for Arc<Shared<S>> {
    fn run(&self) {
        self.take(&mut Lap::now());
    }
}

impl<S: Source> Shared<S> {
    /// Takes the snapshot that was requested, and completes the request.
    fn take(&self, lap: &mut Lap) {
        let mut table = self.table.lock();
        let outcome = super::take(&self.source, &mut table, &self.cost, lap);
        let mut request = self.request.lock();
        if outcome == Outcome::Snapshot && S::switch().is_on() {
            request.snapshots.put(&mut table);
        }
        request.outcome = outcome;
        request.was_slow = self.cost.last_ns() > open_round::patience_ns();
        request.is_pending = false;
        let round = request.round;
        drop(request);
        drop(table);
        self.rounds.complete(round);
    }
}

impl<S: Source> SampledSource for Queued<S> {
    fn announce(&self, lines: &mut Lines<'_>) {
        super::announce(&self.shared.source, lines);
    }

    fn room(&self) -> Room {
        Room::of(&self.shared.source)
    }

    fn begin(&mut self, _: u64) -> bool {
        let mut request = self.shared.request.lock();
        self.was_on = S::switch().is_on();
        if !self.was_on {
            request.snapshots.forget();
        } else if !request.is_pending {
            let requested = self.work.clone();
            let Some(round) = self.shared.rounds.request(requested, request.was_slow) else {
                self.was_on = false;
                return false;
            };
            request.snapshots.advance();
            request.is_pending = true;
            request.round = round;
        }
        false
    }

    fn record(&self, record: &mut RecordWriter<'_>) {
        if !self.is_on() {
            return;
        }
        let request = self.shared.request.lock();
        match self.outcome(&request) {
            Outcome::Snapshot => request.snapshots.record(record),
            Outcome::Late => super::record_stale(&self.shared.source, record),
            Outcome::Absent => (),
        }
    }

    fn watch(&self, watch: &mut Watch<'_>) {
        if S::Entry::WATCHED.is_empty() || !self.is_on() {
            return;
        }
        let request = self.shared.request.lock();
        match self.outcome(&request) {
            Outcome::Snapshot => request.snapshots.watch(watch),
            Outcome::Late => match self.shared.source.when_stale() {
                Some(stale) => S::Entry::watch(
                    Snapshot {
                        taken_mono_ns: 0,
                        entries: &[stale],
                    },
                    watch,
                ),
                None => watch.late(S::Entry::WATCHED),
            },
            Outcome::Absent => (),
        }
    }

    fn log(&mut self, log: &mut Log<'_>) {
        if !self.is_on() {
            return;
        }
        let mut request = self.shared.request.lock();
        match self.outcome(&request) {
            Outcome::Snapshot => request.snapshots.log(S::switch().name(), log),
            Outcome::Late => super::log_stale(&self.shared.source, log),
            Outcome::Absent => (),
        }
    }

    fn restart(&mut self) {
        self.shared.request.lock().snapshots.rebase();
    }

    fn cost(&self, add: &mut dyn FnMut(&CostMeter)) {
        add(&self.shared.cost);
    }
}
