// SPDX-License-Identifier: GPL-2.0

//! Samples the other sources, makes records of all for the device, and logs rates, in a context that
//! may sleep.

use super::{
    cost::{
        nanoseconds,
        Cost,
        CostMeter, //
    },
    history::History,
    params,
    pending::Pending,
    progress::Progress,
    record_writer::RecordWriter,
    sources::Sources, //
};
use crate::{
    model::{
        record::SectionHeader,
        source::memory::Buffers, //
    },
    sys::{
        clock,
        job::Job,
        vmstat, //
    },
};
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
        NSEC_PER_SEC, //
    }, //
};

/// How long a record and the log wait for sources that are late, in nanoseconds; less at short
/// intervals.
const MAX_WAIT_NS: u64 = 2 * NSEC_PER_SEC as u64;

/// Follows the samples that are taken.
#[pin_data]
pub(crate) struct Reporter {
    pending: Arc<Pending>,
    history: Arc<History>,
    /// Number of changes to parameters that affect the log.
    changes: Atomic<u64>,
    /// Practically uncontended, since a job never runs concurrently with itself.
    #[pin]
    progress: Mutex<Progress>,
    cost: CostMeter,
}

/// The buffers of one round, and when they were read.
#[derive(Clone, Copy)]
struct RoundBuffers {
    mono_ns: u64,
    buffers: Buffers,
}

impl RoundBuffers {
    /// Reads the buffers once, so that lines and record agree, and the list of block devices is
    /// walked once.
    fn read() -> Self {
        Self {
            mono_ns: clock::monotonic_ns(Instant::now()),
            buffers: Buffers {
                buffers: vmstat::buffers(),
            },
        }
    }

    /// Adds them to a record.
    fn record(&self, record: &mut RecordWriter<'_>) {
        let header = SectionHeader {
            first_mono_ns: self.mono_ns,
            last_mono_ns: self.mono_ns,
            ..SectionHeader::of::<Buffers>(1)
        };
        record.section(&header, &[self.buffers]);
    }
}

/// A sample whose record is open until its last section is added.
struct OpenSample<'a> {
    record: RecordWriter<'a>,
    /// Whether its CPU and memory are in the log.
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
        let progress = Progress::new(sources)?;
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
        self.progress.lock().announce();
    }

    /// Says in the log what remains to be said when no sample comes any more.
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

    /// Opens the record of the next sample, and logs its CPU and memory if that is due. None when
    /// the sample was overwritten.
    fn report(
        &self,
        progress: &mut Progress,
        buffers: Buffers,
        end: u64,
    ) -> Option<OpenSample<'_>> {
        let start = Instant::<Monotonic>::now();
        let seq = progress.read_next(&self.pending)?;
        let is_newest = progress.next_seq == end;
        let record = self.history.begin(seq, progress.now.words());
        let is_logged =
            progress.is_due(seq) && progress.log(seq, &self.pending, buffers, is_newest);
        Some(OpenSample {
            record,
            is_logged,
            cost_ns: nanoseconds(start.elapsed()),
        })
    }

    /// Publishes the record of a sample that is not the newest any more, as it is.
    fn publish(&self, sample: OpenSample<'_>) {
        sample.record.publish();
        self.cost.add(sample.cost_ns);
    }

    /// Adds the sources to the record of the newest sample, publishes it, and logs the sources if
    /// CPU and memory were logged.
    fn complete(
        &self,
        mut sample: OpenSample<'_>,
        progress: &mut Progress,
        buffers: &RoundBuffers,
    ) {
        let start = Instant::<Monotonic>::now();
        buffers.record(&mut sample.record);
        progress
            .sources
            .for_each(|source| source.record(&mut sample.record));
        sample.record.publish();
        if sample.is_logged {
            progress.log_sources();
        }
        let cost_ns = nanoseconds(start.elapsed());
        self.cost.add(sample.cost_ns.saturating_add(cost_ns));
    }
}

/// When a round that began at `start_ns` does not wait any longer for sources.
fn deadline_ns(start_ns: u64) -> u64 {
    start_ns.saturating_add(MAX_WAIT_NS.min(params::interval_ns() / 2))
}

impl Job for Arc<Reporter> {
    /// Runs once for each sample, unless it was late for the one before. Samples that come meanwhile
    /// are left to the next run.
    fn run(&self) {
        let progress = &mut *self.progress.lock();
        let start_ns = clock::monotonic_ns(Instant::now());
        progress.take_changes(self.changes.load(Acquire));
        progress.sources.begin();
        let buffers = RoundBuffers::read();
        // CPU and memory wait for nothing. All samples but the newest have nothing else.
        let end = self.pending.next_seq();
        let mut newest = None;
        while progress.next_seq < end {
            // One record can be open at a time.
            if let Some(before) = newest.take() {
                self.publish(before);
            }
            newest = self.report(progress, buffers.buffers, end);
        }
        progress.behind.say_in_time(start_ns);
        if let Some(newest) = newest {
            progress.sources.wait(deadline_ns(start_ns));
            self.complete(newest, progress, &buffers);
        }
    }
}
