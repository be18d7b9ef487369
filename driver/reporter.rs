// SPDX-License-Identifier: GPL-2.0

//! Samples the other sources, makes records of all for the device, and logs rates, in a context that
//! may sleep.

use super::{
    cost::{
        Cost,
        CostMeter, //
    },
    history::History,
    interval,
    lives::Lives,
    oom_marks::OomMarks,
    open_round::{
        wait_ns,
        OpenRound,
        RoundBuffers, //
    },
    params,
    pending::Pending,
    progress::Progress,
    record_writer::RecordWriter,
    running_timer::Timer,
    source::round::Rounds,
    sources::Sources,
    trouble::Pace, //
};
use crate::{
    model::{
        event::{
            rules::Rules,
            watch::Outcome, //
        },
        source::memory::Buffers, //
    },
    sys::clock, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            ordering::{
                Acquire,
                Full,
                Relaxed,
                Release, //
            },
            Atomic, //
        },
        Arc,
        Mutex, //
    },
};

/// Follows the samples that are taken. What each thread calls is in `driver/threads.rs`.
#[pin_data]
pub(crate) struct Reporter {
    pending: Arc<Pending>,
    history: Arc<History>,
    rounds: Arc<Rounds>,
    /// Processes that were chosen as memory ran out.
    marks: Arc<OomMarks>,
    /// What is known of this life and others.
    lives: Arc<Lives>,
    /// Number of changes to parameters that affect the log.
    changes: Atomic<u64>,
    /// Whether the rescuer reports, since the first thread is still in a source.
    is_rescued: Atomic<bool>,
    /// Practically uncontended: a round has one thread, unless that is rescued.
    #[pin]
    progress: Mutex<Progress>,
    cost: CostMeter,
    /// What takes the samples.
    timer: Arc<Timer>,
    /// The sample that is to have an event as a test; `u64::MAX` when there is none.
    test_seq: Atomic<u64>,
    /// Which triggers are on. A change of them is counted.
    #[pin]
    rules: Mutex<Rules>,
}

/// A sample whose record is open until its last section is added.
struct OpenSample<'a> {
    record: RecordWriter<'a>,
    seq: u64,
    /// When it was begun with, by `CLOCK_MONOTONIC`.
    start_ns: u64,
}

impl Reporter {
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(
        pending: Arc<Pending>,
        history: Arc<History>,
        rounds: Arc<Rounds>,
        sources: KBox<Sources>,
        timer: Arc<Timer>,
        marks: Arc<OomMarks>,
        lives: Arc<Lives>,
    ) -> Result<Arc<Self>> {
        let progress = Progress::new(sources)?;
        Arc::pin_init(
            pin_init!(Self {
                pending,
                history,
                rounds,
                marks,
                lives,
                changes: Atomic::new(0u64),
                is_rescued: Atomic::new(false),
                progress <- new_mutex!(progress, "Reporter::progress"),
                cost: CostMeter::new(),
                timer,
                test_seq: Atomic::new(u64::MAX),
                rules <- new_mutex!(Rules::default(), "Reporter::rules"),
            }),
            GFP_KERNEL,
        )
    }

    /// Says in the log what this kernel does not offer.
    pub(crate) fn announce(&self) {
        self.progress.lock().announce();
    }

    /// Says in the log what remains to be said when no sample comes any more.
    pub(crate) fn say_rest(&self) {
        self.progress.lock().log_rest(clock::monotonic_now_ns());
    }

    /// What the reports have cost so far.
    pub(crate) fn cost(&self) -> Cost {
        self.cost.read()
    }

    /// What taking the other sources has cost so far, in nanoseconds: all together for each of
    /// `samples`, and the most that one of them took at a time.
    pub(crate) fn sources_cost(&self, samples: u64) -> (u64, u64) {
        let (mut total_ns, mut max_ns) = (0u64, 0u64);
        self.progress.lock().sources.costs(&mut |meter| {
            let cost = meter.read();
            total_ns = total_ns.saturating_add(cost.total_ns);
            max_ns = max_ns.max(cost.max_ns);
        });
        (total_ns.checked_div(samples).unwrap_or(0), max_ns)
    }

    /// Restarts the log with the next sample, since a parameter that affects it has changed.
    ///
    /// # Context
    ///
    /// Any context; takes no locks. One caller at a time.
    pub(crate) fn restart(&self) {
        let changes = self.changes.load(Relaxed).wrapping_add(1);
        // Where the count is seen, the change is seen.
        self.changes.store(changes, Release);
    }

    /// Other rules hold from the next sample on.
    ///
    /// # Context
    ///
    /// Process context, may sleep. One caller at a time.
    pub(crate) fn set_rules(&self, rules: Rules) {
        *self.rules.lock() = rules;
        self.restart();
    }

    /// The sample `seq`, or the next one that is reported, has an event as a test.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn test_event(&self, seq: u64) {
        self.test_seq.store(seq, Relaxed);
    }

    /// Opens the record of the next sample. None when the sample was overwritten.
    fn report(&self, progress: &mut Progress) -> Option<OpenSample<'_>> {
        let start_ns = clock::monotonic_now_ns();
        let seq = progress.read_next(&self.pending)?;
        self.lives.note_clock(progress.now.words());
        Some(OpenSample {
            record: self.history.begin(seq, progress.now.words()),
            seq,
            start_ns,
        })
    }

    /// Publishes the record of a sample that is not the newest as it is, and logs it if that is due.
    fn publish(&self, sample: OpenSample<'_>, progress: &mut Progress, buffers: Buffers) {
        sample.record.publish(false);
        if progress.is_due(sample.seq) && progress.compare(sample.seq, &self.pending) {
            progress.log(buffers, false, params::LOG.is("full"), usize::MAX);
        }
        self.count_cost(sample.start_ns, 0);
    }

    /// Counts what was done since `start_ns`, without the time that was waited.
    fn count_cost(&self, start_ns: u64, waited_ns: u64) {
        let taken_ns = clock::monotonic_now_ns().saturating_sub(start_ns);
        self.cost.add(taken_ns.saturating_sub(waited_ns));
    }

    /// Waits for sources until `until_ns`, adds them to the record of the newest sample, publishes it, and
    /// logs all if that is due.
    fn complete(
        &self,
        mut sample: OpenSample<'_>,
        progress: &mut Progress,
        buffers: &RoundBuffers,
        until_ns: u64,
    ) {
        let waited_ns = self.rounds.wait(until_ns);
        buffers.record(&mut sample.record);
        let test_seq = self.test_seq.load(Relaxed);
        if test_seq <= sample.seq {
            // Unless another one was asked for meanwhile, which has its turn then.
            let _ = self.test_seq.cmpxchg(test_seq, u64::MAX, Relaxed);
            progress.events.test();
        }
        let outcome = progress.look_for_events();
        progress.sources.set_trouble(outcome.events != 0);
        progress
            .sources
            .for_each(|source| source.record(&mut sample.record));
        progress.events.record(&mut sample.record);
        // Each kill is news, also while the event goes on.
        let has_event = outcome.has_changed || progress.sources.killed().is_some();
        sample.record.publish(has_event);
        self.log(progress, sample.seq, buffers, outcome);
        self.count_cost(sample.start_ns, waited_ns);
    }

    /// Logs the newest sample if that is due, and the events in it. Takes samples faster, or as usual again.
    fn log(&self, progress: &mut Progress, seq: u64, buffers: &RoundBuffers, outcome: Outcome) {
        let now_ns = buffers.mono_ns;
        progress.log_events(now_ns);
        let pace = progress.trouble.look(outcome, now_ns);
        let wants_all = progress.trouble.wants_all(outcome, now_ns);
        let is_due = progress.is_due(seq) && progress.trouble.is_due(outcome, now_ns);
        if (is_due || wants_all) && progress.compare(seq, &self.pending) {
            let is_usual = is_due && params::LOG.is("full");
            let is_full = wants_all || is_usual;
            let room = progress.trouble.room(wants_all && !is_usual);
            let bytes = progress.log(buffers.buffers, true, is_full, room);
            progress.trouble.logged(bytes, is_full, now_ns);
        }
        if pace != Pace::Same {
            interval::set_fast(pace == Pace::Faster);
            if interval::can_be_faster() {
                self.timer.restart();
            }
        }
    }
}

/// A round, for all samples that came since the one before.
impl Reporter {
    /// Has a sample taken soon when a process was chosen as memory ran out, and no sample that is there tells of
    /// it.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    pub(super) fn hurry(&self) {
        if self.marks.wants_sample() {
            // Under the timer's lock, so by one at a time.
            self.timer.sample_in(|| self.marks.delay_ns());
        }
    }

    /// Begins a round: takes a snapshot of the sources that cannot block, and requests one of the
    /// others. Returns whether there is a sample to report.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    pub(super) fn begin(&self) -> bool {
        self.begin_with(&mut self.progress.lock())
    }

    fn begin_with(&self, progress: &mut Progress) -> bool {
        let start_ns = clock::monotonic_now_ns();
        if progress.take_changes(self.changes.load(Acquire)) {
            progress.events.set_rules(*self.rules.lock());
        }
        let end = self.pending.next_seq();
        if progress.next_seq >= end {
            return false;
        }
        let begun_ns = progress.sources.begin(start_ns);
        progress.round = Some(OpenRound {
            start_ns,
            end,
            buffers: RoundBuffers::read(begun_ns),
        });
        true
    }

    /// Takes what was requested, here and now.
    ///
    /// # Context
    ///
    /// Process context, may sleep, and without an end.
    pub(super) fn take(&self) {
        self.rounds.take();
    }

    /// Finishes the round that was begun, unless the rescuer did.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    pub(super) fn finish(&self) {
        let progress = &mut *self.progress.lock();
        self.is_rescued.store(false, Relaxed);
        let start_ns = progress.round.as_ref().map_or(0, |round| round.start_ns);
        self.finish_with(progress, start_ns.saturating_add(wait_ns()));
    }

    /// Finishes the round that was begun, if there is one, and waits for sources until `until_ns` by
    /// `CLOCK_MONOTONIC`.
    fn finish_with(&self, progress: &mut Progress, until_ns: u64) {
        let Some(round) = progress.round.take() else {
            return;
        };
        // All samples except the newest have CPU and memory alone.
        let mut newest = None;
        while progress.next_seq < round.end {
            newest = self.report(progress);
            if progress.next_seq < round.end {
                if let Some(older) = newest.take() {
                    self.publish(older, progress, round.buffers.buffers);
                }
            }
        }
        progress.behind.say_in_time(round.start_ns);
        if let Some(newest) = newest {
            self.complete(newest, progress, &round.buffers, until_ns);
        }
    }

    /// Finishes the round in which the first thread is stuck, or reports what came since. That is one
    /// round each time, so that the first thread gets its turn when it is back, and the freezer.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    pub(super) fn rescue(&self) {
        let progress = &mut *self.progress.lock();
        if progress.round.is_some() {
            // Full: who publishes a sample from here on is seen to have done so below, or sees this,
            // since raising interrupt work is a full barrier between the two.
            self.is_rescued.xchg(true, Full);
            self.finish_rescued(progress);
        }
        if self.begin_with(progress) {
            self.finish_rescued(progress);
        }
    }

    fn finish_rescued(&self, progress: &mut Progress) {
        self.rounds.queue();
        self.finish_with(
            progress,
            clock::monotonic_now_ns().saturating_add(wait_ns()),
        );
    }

    /// Whether a sample is one for the rescuer.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(super) fn is_rescued(&self) -> bool {
        self.is_rescued.load(Relaxed)
    }
}
