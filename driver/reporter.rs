// SPDX-License-Identifier: GPL-2.0

//! Samples the other sources, makes records of all for those who read the device, and logs rates,
//! in a context that may sleep.

use super::{
    cost::{
        nanoseconds,
        Cost,
        CostMeter, //
    },
    history::{
        History,
        RecordWriter, //
    },
    params,
    pending::Pending,
    source::Sources, //
};
use crate::{
    model::{
        line::{
            self,
            Line,
            Swapped,
            Whose, //
        },
        rates::{
            elapsed_ns,
            spent_per_cpu,
            spent_together,
            Spent, //
        },
        record::{
            Buffers,
            Record,
            SectionHeader, //
        },
        source::activity::swapped, //
    },
    sys::{
        clock,
        job::Job,
        log,
        vmstat, //
    },
};
use core::mem;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            ordering::{
                Acquire,
                Relaxed,
                Release, //
            },
            Atomic, //
        },
        Arc,
        Mutex, //
    },
    time::{
        Instant,
        Monotonic,
        NSEC_PER_MSEC,
        NSEC_PER_SEC, //
    }, //
};

/// How long the log waits for sources that are late, in nanoseconds; less at short intervals.
const MAX_WAIT_NS: u64 = 2 * NSEC_PER_SEC as u64;

/// How long the log does not say again that it is behind, in nanoseconds: it may be behind because
/// printing is slow.
const BEHIND_PAUSE_NS: u64 = 60 * NSEC_PER_SEC as u64;

/// Follows the samples that are taken.
#[pin_data]
pub(crate) struct Reporter {
    pending: Arc<Pending>,
    history: Arc<History>,
    /// How often what goes to the log was changed.
    changes: Atomic<u64>,
    #[pin]
    progress: Mutex<Progress>,
    cost: CostMeter,
}

/// How far the log has come. The mutex around it is hardly ever waited for: a job never runs twice
/// at once.
struct Progress {
    /// Sequence number of the next sample to look at.
    next_seq: u64,
    /// The [`Reporter::changes`] that this progress takes into account.
    changes: u64,
    /// The [`params::LOG_EVERY`] that this progress is one of. The parameter may change while
    /// samples are looked at.
    log_every: u64,
    /// How many words of `base` are a sample, if there is one.
    base_len: Option<usize>,
    /// The sample that the next one is compared with, in memory for the largest record.
    base: KVVec<u64>,
    /// Memory for the sample that is being logged.
    now: KVVec<u64>,
    /// What was not looked at.
    behind: Behind,
    /// What is sampled besides.
    sources: Sources,
    /// Memory for the line that is being made.
    line: Line,
}

/// A sample was gone before it was looked at.
struct Overwritten;

/// The samples that were gone before they were looked at.
#[derive(Default)]
struct Behind {
    /// How many of them the log does not know of.
    unsaid: u64,
    /// The sequence number of the last one.
    last_seq: u64,
    /// When that was last said, by `CLOCK_MONOTONIC`.
    said_mono_ns: Option<u64>,
}

impl Behind {
    /// Counts the samples from `seq` to before `next_seq`.
    fn add(&mut self, seq: u64, next_seq: u64) {
        self.unsaid = self.unsaid.saturating_add(next_seq.saturating_sub(seq));
        self.last_seq = next_seq.saturating_sub(1);
    }

    /// Says how many there are, if there are any and that was not said for a while.
    fn say_in_time(&mut self, now_ns: u64) {
        let is_time = self
            .said_mono_ns
            .is_none_or(|said| now_ns.saturating_sub(said) >= BEHIND_PAUSE_NS);
        if is_time && self.say() {
            self.said_mono_ns = Some(now_ns);
        }
    }

    /// Says how many there are, if there are any. Returns whether there were.
    fn say(&mut self) -> bool {
        let count = mem::take(&mut self.unsaid);
        if count != 0 {
            pr_warn!(
                "log is behind: {} samples up to {} are not in it\n",
                count,
                self.last_seq
            );
        }
        count != 0
    }
}

/// Hands a line to the kernel's log.
fn print(line: &Line) {
    log::info(line.as_str());
}

/// The newest sample, of which there is more to come.
struct Latest<'a> {
    record: RecordWriter<'a>,
    /// Whether there are lines of it in the log.
    is_logged: bool,
    /// The time that it took so far.
    cost_ns: u64,
}

impl Reporter {
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(
        pending: Arc<Pending>,
        history: Arc<History>,
        sources: Sources,
    ) -> Result<Arc<Self>> {
        let words = Pending::record_words();
        let progress = Progress {
            next_seq: 0,
            changes: 0,
            log_every: u64::from(params::LOG_EVERY.value()),
            base_len: None,
            base: KVVec::from_elem(0, words, GFP_KERNEL)?,
            now: KVVec::from_elem(0, words, GFP_KERNEL)?,
            behind: Behind::default(),
            sources,
            line: Line::new(),
        };
        Arc::pin_init(
            pin_init!(Self {
                pending,
                history,
                changes: Atomic::new(0u64),
                progress <- new_mutex!(progress, "Reporter::progress"),
                cost: CostMeter::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// Says in the log what this kernel does not offer.
    pub(crate) fn announce(&self) {
        let mut progress = self.progress.lock();
        let Progress { sources, line, .. } = &mut *progress;
        if !vmstat::HAS_SWAP {
            line.start("no swap: the kernel is built without CONFIG_SWAP");
            print(line);
        }
        sources.for_each(|source| source.announce(line, &mut print));
    }

    /// Says in the log what it did not get round to say, when no sample comes any more.
    pub(crate) fn finish(&self) {
        self.progress.lock().behind.say();
    }

    /// What the reports have cost so far.
    pub(crate) fn cost(&self) -> Cost {
        self.cost.read()
    }

    /// What taking the other sources has cost so far, in nanoseconds: all together for each of
    /// `samples`, and the most that one of them took at a time.
    pub(crate) fn sources_cost(&self, samples: u64) -> (u64, u64) {
        let (mut total_ns, mut max_ns) = (0u64, 0u64);
        self.progress.lock().sources.for_each(|source| {
            source.cost(&mut |meter| {
                let cost = meter.read();
                total_ns = total_ns.saturating_add(cost.total_ns);
                max_ns = max_ns.max(cost.max_ns);
            });
        });
        (total_ns.checked_div(samples).unwrap_or(0), max_ns)
    }

    /// Begins anew with the next sample, since what goes to the log was changed.
    ///
    /// # Context
    ///
    /// Any context; takes no locks. One caller at a time.
    pub(crate) fn start_over(&self) {
        let changes = self.changes.load(Relaxed).wrapping_add(1);
        // Whoever sees that there was a change sees what was changed.
        self.changes.store(changes, Release);
    }

    /// Takes changes into account: what was logged before them is no base for what comes.
    fn take_changes(&self, progress: &mut Progress) {
        let changes = self.changes.load(Acquire);
        if changes != progress.changes {
            progress.changes = changes;
            progress.log_every = u64::from(params::LOG_EVERY.value());
            progress.base_len = None;
            progress.sources.for_each(|source| source.start_over());
        }
    }

    /// Begins the records of the samples that were not looked at yet, and logs CPU and memory of
    /// those that are due. All but the latest have nothing else.
    ///
    /// Those that come meanwhile are left to the next run.
    fn catch_up<'a>(&'a self, progress: &mut Progress, buffers: Buffers) -> Option<Latest<'a>> {
        let end = self.pending.next_seq();
        let mut latest = None;
        while progress.next_seq < end {
            let seq = progress.next_seq;
            progress.next_seq = seq.saturating_add(1);
            // There can be one open record at a time.
            if let Some(Latest {
                record, cost_ns, ..
            }) = latest.take()
            {
                record.publish();
                self.cost.add(cost_ns);
            }
            match self.report(seq, progress, buffers, progress.next_seq == end) {
                Ok(now) => latest = Some(now),
                Err(Overwritten) => {
                    progress.next_seq = progress.next_seq.max(self.pending.oldest_seq());
                    progress.behind.add(seq, progress.next_seq);
                }
            }
        }
        latest
    }

    /// Begins the record of the sample `seq`, and logs it if that is due.
    fn report(
        &self,
        seq: u64,
        progress: &mut Progress,
        buffers: Buffers,
        is_latest: bool,
    ) -> Result<Latest<'_>, Overwritten> {
        let start = Instant::<Monotonic>::now();
        let now = self
            .pending
            .read(seq, &mut progress.now)
            .ok_or(Overwritten)?;
        let len = now.len();
        let record = self.history.begin(seq, now);
        let is_due = seq.checked_rem(progress.log_every) == Some(0);
        Ok(Latest {
            record,
            is_logged: is_due && self.log(seq, len, progress, buffers, is_latest),
            cost_ns: nanoseconds(start.elapsed()),
        })
    }

    /// Logs the sample `seq`, the first `len` words of `progress.now`, compared with the one that
    /// was logged before. Returns whether there was anything to log. The sources were sampled for
    /// the latest sample alone.
    fn log(
        &self,
        seq: u64,
        len: usize,
        progress: &mut Progress,
        buffers: Buffers,
        is_latest: bool,
    ) -> bool {
        let Some(now) = progress.now.get(..len).and_then(record) else {
            return false;
        };
        let base = match progress.base_len {
            Some(len) => progress.base.get(..len),
            // The sample right before is as good, if there is one.
            None => seq
                .checked_sub(1)
                .and_then(|before| self.pending.read(before, &mut progress.base)),
        };
        let base = base.and_then(record);
        if let Some(base) = base {
            let all = spent_together(base, now);
            // The kernel counts a busy CPU's time when its tick comes. A sample that follows a
            // late one may be here first; the next one then stands for both. A CPU whose tick
            // has stopped for good must not hold up the log.
            if !all.every_cpu_counted && elapsed_ns(base, now) < NSEC_PER_SEC as u64 {
                return false;
            }
            let activity = progress.sources.activity().filter(|_| is_latest);
            let swapped = activity.and_then(|(then, now)| swapped(then, now));
            let line = &mut progress.line;
            log_record(base, now, buffers, &all.spent, swapped, line);
        }
        let is_logged = base.is_some();
        progress.base_len = Some(len);
        mem::swap(&mut progress.base, &mut progress.now);
        is_logged
    }
}

/// The record that these words are.
fn record(words: &[u64]) -> Option<Record<'_>> {
    Record::new(words).ok()
}

impl Job for Arc<Reporter> {
    /// Runs once for each sample, unless it was late for the one before.
    fn run(&self) {
        let mut progress = self.progress.lock();
        let start_ns = clock::monotonic_ns(Instant::now());
        self.take_changes(&mut progress);
        progress.sources.begin();
        // Once, so that lines and record agree, and the list of block devices is walked once.
        let buffers_mono_ns = clock::monotonic_ns(Instant::now());
        let buffers = Buffers {
            buffers: vmstat::buffers(),
        };
        // CPU and memory wait for nobody.
        let latest = self.catch_up(&mut progress, buffers);
        progress.behind.say_in_time(start_ns);
        let Some(latest) = latest else {
            return;
        };
        let interval_ns =
            u64::from(params::INTERVAL_MS.value()).saturating_mul(NSEC_PER_MSEC as u64);
        let until_ns = start_ns.saturating_add(MAX_WAIT_NS.min(interval_ns / 2));
        let Progress { sources, line, .. } = &mut *progress;
        sources.wait(until_ns);
        let start = Instant::<Monotonic>::now();
        let Latest {
            mut record,
            is_logged,
            cost_ns,
        } = latest;
        let header = SectionHeader {
            first_mono_ns: buffers_mono_ns,
            last_mono_ns: buffers_mono_ns,
            ..SectionHeader::of::<Buffers>(1)
        };
        record.section(&header, &[buffers]);
        sources.for_each(|source| source.record(&mut record));
        record.publish();
        if is_logged {
            sources.for_each(|source| source.log(line, &mut print));
        }
        self.cost
            .add(cost_ns.saturating_add(nanoseconds(start.elapsed())));
    }
}

/// Logs what happened from `base` to `now`; `all` is the time of all CPUs.
fn log_record(
    base: Record<'_>,
    now: Record<'_>,
    buffers: Buffers,
    all: &Spent,
    swapped: Option<Swapped>,
    line: &mut Line,
) {
    // What has no time has no shares, and no line.
    if let Some(shares) = all.shares() {
        line::cpu(line, Whose::All, &shares);
        print(line);
    }
    if now.cpu_count() <= params::PER_CPU_MAX.value() as usize {
        for (id, spent) in spent_per_cpu(base, now) {
            if let Some(shares) = spent.shares() {
                line::cpu(line, Whose::Cpu(id), &shares);
                print(line);
            }
        }
    }
    let memory = now.memory().unwrap_or_default();
    line::memory(line, &memory, buffers.buffers, vmstat::PAGE_KIB);
    print(line);
    if vmstat::HAS_SWAP {
        line::swap(line, &memory, swapped, vmstat::PAGE_KIB);
        print(line);
    }
}
