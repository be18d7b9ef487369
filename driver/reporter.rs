// SPDX-License-Identifier: GPL-2.0

//! Makes rates of the samples and logs them, in a context that may sleep.

use super::{
    cost::{
        Cost,
        CostMeter, //
    },
    history::History,
    params, //
};
use crate::{
    model::{
        line::{
            self,
            Line,
            Whose, //
        },
        rates::{
            elapsed_ns,
            spent_per_cpu,
            spent_together,
            Spent, //
        },
        record::Record, //
    },
    sys::{
        kthread::Job,
        vmstat, //
    },
};
use core::mem;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
    time::{
        Instant,
        Monotonic,
        NSEC_PER_SEC, //
    }, //
};

/// Logs the samples that are there when it is asked to.
#[pin_data]
pub(crate) struct Reporter {
    history: Arc<History>,
    #[pin]
    progress: Mutex<Progress>,
    cost: CostMeter,
}

/// How far the log has come. The mutex around it is hardly ever waited for: a job never runs twice
/// at once.
struct Progress {
    /// Sequence number of the next sample to look at.
    next_seq: u64,
    /// The [`params::LOG_EVERY`] that this progress is one of. The parameter may change while
    /// samples are looked at.
    log_every: u64,
    /// How many words of `base` are a sample, if there is one.
    base_len: Option<usize>,
    /// The sample that the next one is compared with, in memory for the largest record.
    base: KVVec<u64>,
    /// Memory for the sample that is being logged.
    now: KVVec<u64>,
}

/// A sample was gone before it was looked at.
struct Overwritten;

/// Whether the sample `seq` goes to the log.
///
/// # Context
///
/// Any context; takes no locks.
pub(crate) fn is_due(seq: u64) -> bool {
    seq.checked_rem(log_every()) == Some(0)
}

impl Progress {
    /// The first sample that was not looked at and goes to the log; none when nothing does.
    fn next_due(&self) -> Option<u64> {
        self.next_seq.checked_next_multiple_of(self.log_every)
    }
}

fn log_every() -> u64 {
    u64::from(params::LOG_EVERY.value())
}

impl Reporter {
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(history: Arc<History>) -> Result<Arc<Self>> {
        let words = History::record_words();
        let progress = Progress {
            next_seq: 0,
            log_every: log_every(),
            base_len: None,
            base: KVVec::from_elem(0, words, GFP_KERNEL)?,
            now: KVVec::from_elem(0, words, GFP_KERNEL)?,
        };
        Arc::pin_init(
            pin_init!(Self {
                history,
                progress <- new_mutex!(progress, "Reporter::progress"),
                cost: CostMeter::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// What the reports have cost so far.
    pub(crate) fn cost(&self) -> Cost {
        self.cost.read()
    }

    /// Begins anew with the next sample, since what goes to the log was changed.
    ///
    /// # Context
    ///
    /// Process context, may sleep: waits for a report that is being made.
    pub(crate) fn start_over(&self) {
        let mut progress = self.progress.lock();
        progress.next_seq = self.history.next_seq();
        progress.log_every = log_every();
        progress.base_len = None;
    }

    /// Logs the samples that are due and were not looked at yet.
    ///
    /// Those that come meanwhile are left to the next run, so that on a slow console too others
    /// get at `progress` now and then.
    fn catch_up(&self, progress: &mut Progress) {
        let end = self.history.next_seq();
        while let Some(seq) = progress.next_due().filter(|seq| *seq < end) {
            progress.next_seq = seq.saturating_add(1);
            if let Err(Overwritten) = self.report(seq, progress) {
                progress.next_seq = progress.next_seq.max(self.history.oldest_seq());
                pr_warn!(
                    "log is behind: samples {} to {} are not in it\n",
                    seq,
                    progress.next_seq.saturating_sub(1),
                );
            }
        }
    }

    /// Logs the sample `seq`, compared with the one that was logged before.
    fn report(&self, seq: u64, progress: &mut Progress) -> Result<(), Overwritten> {
        let start = Instant::<Monotonic>::now();
        let now = self
            .history
            .read(seq, &mut progress.now)
            .ok_or(Overwritten)?;
        let base = match progress.base_len {
            Some(len) => progress.base.get(..len).and_then(Record::new),
            // The sample right before is as good, if there is one.
            None => seq
                .checked_sub(1)
                .and_then(|before| self.history.read(before, &mut progress.base)),
        };
        if let Some(base) = base {
            let all = spent_together(base, now);
            // The kernel counts a busy CPU's time when its tick comes. A sample that follows a
            // late one may be here first; the next one then stands for both. A CPU whose tick
            // has stopped for good must not hold up the log.
            if !all.every_cpu_counted && elapsed_ns(base, now) < NSEC_PER_SEC as u64 {
                return Ok(());
            }
            log(base, now, &all.spent);
            let cost = start.elapsed().as_nanos();
            self.cost.add(u64::try_from(cost).unwrap_or(0));
        }
        progress.base_len = Some(now.word_count());
        mem::swap(&mut progress.base, &mut progress.now);
        Ok(())
    }
}

impl Job for Arc<Reporter> {
    fn run(&self) {
        self.catch_up(&mut self.progress.lock());
    }
}

/// Logs what happened from `base` to `now`; `all` is the time of all CPUs.
fn log(base: Record<'_>, now: Record<'_>, all: &Spent) {
    let print = |line: Line| pr_info!("{}\n", line.as_str());

    // What has no time has no shares, and no line.
    if let Some(shares) = all.shares() {
        print(line::cpu(Whose::All, &shares));
    }
    if now.cpu_count() <= params::PER_CPU_MAX.value() as usize {
        for (id, spent) in spent_per_cpu(base, now) {
            if let Some(shares) = spent.shares() {
                print(line::cpu(Whose::Cpu(id), &shares));
            }
        }
    }
    let memory = now.memory();
    print(line::memory(&memory, vmstat::buffers(), vmstat::PAGE_KIB));
    print(line::swap(
        &base.memory(),
        &memory,
        elapsed_ns(base, now),
        vmstat::PAGE_KIB,
    ));
}
