// SPDX-License-Identifier: GPL-2.0

//! Takes a sample each time the timer fires.
//!
//! A sample of many CPUs is taken in pieces (`model/pieces.rs`): the callback reads some CPUs, and comes
//! again a little later for the next ones. Only the last piece publishes the sample.
//!
//! ```text
//!   due: one piece                last piece: publish
//!   is all, publish   ┌──────────────────────────────────────────┐
//!     ┌───────┐       ▼                                          │
//!     │    ┌──────────────┐  due: first piece, CPUs are left  ┌──────┐  next piece,
//!     └──► │    Closed    │ ────────────────────────────────► │ Open │ ◄┐ CPUs are left
//!          └──────────────┘                                   └──────┘  │
//!                     ▲    restart, SAMPLE, unload: abandoned    │  └───┘
//!                     └──────────────────────────────────────────┘
//! ```

use super::{
    cost::{
        nanoseconds,
        CostMeter, //
    },
    interval,
    life::Life,
    pending::{
        Pending,
        SampleWriter, //
    },
    threads::WakeReporter, //
};
use crate::{
    model::{
        pieces::{
            cpus_of_piece,
            GAP_NS, //
        },
        record::Header,
        source::{
            cpu::Cpu,
            memory::Memory, //
        }, //
    },
    sys::{
        clock,
        cpu::CpuSet,
        cpu_hotplug::CpuEpochs,
        cpustat,
        irq_work::IrqWork,
        rwonce::RwOnce,
        vmstat, //
    },
};
use kernel::{
    impl_has_hr_timer,
    prelude::*,
    sync::{
        Arc,
        ArcBorrow, //
    },
    time::{
        hrtimer::{
            HrTimer,
            HrTimerCallback,
            HrTimerCallbackContext,
            HrTimerRestart,
            RelativeHardMode, //
        },
        Delta,
        Instant,
        Monotonic, //
    },
};

/// The timer, and what its callback needs.
///
/// The callback runs in hard interrupt context, on `PREEMPT_RT` too, so that nothing that user
/// space does delays a sample. It is the only writer of everything in here, except that who has
/// cancelled the timer may abandon the open sample.
#[pin_data]
pub(crate) struct Sampler {
    #[pin]
    timer: HrTimer<Self>,
    epochs: CpuEpochs,
    life: Life,
    pub(super) pending: Arc<Pending>,
    wake: Arc<IrqWork<WakeReporter>>,
    pub(super) open: OpenSample,
    pub(super) late: RwOnce<u64>,
    pub(super) missed: RwOnce<u64>,
    pub(super) cost: CostMeter,
}

/// The sample that is being taken, or the next one.
pub(crate) struct OpenSample {
    /// When the next sample is due, by `CLOCK_MONOTONIC`; 0 when the timer was just started, and says
    /// so itself.
    due_mono_ns: RwOnce<u64>,
    /// Number of the first CPU of the next piece; 0 when no sample is open.
    next_cpu: RwOnce<usize>,
    /// The CPUs that were online at the first piece.
    cpus: CpuSet,
    /// CPUs that were read.
    cpus_read: RwOnce<usize>,
    /// CPUs of a piece.
    piece_cpus: RwOnce<usize>,
    /// When the first piece was taken, by `CLOCK_MONOTONIC`.
    taken_mono_ns: RwOnce<u64>,
    /// Ticks that were missed before this sample.
    missed: RwOnce<u64>,
    /// Whether it is late: 1 or 0.
    late: RwOnce<u64>,
    /// Time in the callback for the pieces before.
    cost_ns: RwOnce<u64>,
    /// That of the longest of them.
    longest_ns: RwOnce<u64>,
}

impl OpenSample {
    fn new() -> Result<Self> {
        Ok(Self {
            due_mono_ns: RwOnce::new(0),
            next_cpu: RwOnce::new(0),
            cpus: CpuSet::new()?,
            cpus_read: RwOnce::new(0),
            piece_cpus: RwOnce::new(0),
            taken_mono_ns: RwOnce::new(0),
            missed: RwOnce::new(0),
            late: RwOnce::new(0),
            cost_ns: RwOnce::new(0),
            longest_ns: RwOnce::new(0),
        })
    }

    /// Forgets the open sample and when the next one is due. The timer must be cancelled.
    pub(super) fn abandon(&self) {
        self.next_cpu.write(0);
        self.due_mono_ns.write(0);
    }
}

impl Sampler {
    pub(super) fn new(
        pending: Arc<Pending>,
        wake: Arc<IrqWork<WakeReporter>>,
        life: Life,
    ) -> Result<Arc<Self>> {
        let open = OpenSample::new()?;
        let epochs = CpuEpochs::watch()?;
        Arc::pin_init(
            pin_init!(Self {
                timer <- HrTimer::new(),
                epochs,
                life,
                pending,
                wake,
                open,
                late: RwOnce::new(0),
                missed: RwOnce::new(0),
                cost: CostMeter::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// Opens the sample that is due at `due_mono_ns`, and returns its record.
    fn begin(&self, taken: Instant<Monotonic>, due_mono_ns: u64) -> Option<SampleWriter<'_>> {
        let open = &self.open;
        let interval_ns = interval::ns();
        let taken_mono_ns = clock::monotonic_ns(taken);
        let late_ns = taken_mono_ns.saturating_sub(due_mono_ns);
        // The next sample is due a whole number of intervals after this one was, so that being late
        // does not add up.
        let missed = late_ns.checked_div(interval_ns).unwrap_or(0);
        let until_next_ns = missed.saturating_add(1).saturating_mul(interval_ns);
        open.due_mono_ns
            .write(due_mono_ns.saturating_add(until_next_ns));
        open.taken_mono_ns.write(taken_mono_ns);
        open.missed.write(missed);
        open.late.write(u64::from(late_ns > interval_ns / 10));
        open.cost_ns.write(0);
        open.longest_ns.write(0);
        open.piece_cpus.write(cpus_of_piece(
            open.cpus.set_to_online(),
            interval_ns,
            gap_ns(),
        ));
        self.pending.begin(&Header {
            taken_mono_ns,
            taken_wall_ns: clock::wall_ns(taken),
            due_mono_ns,
            interval_ns,
            missed_ticks: self.missed.read().wrapping_add(missed),
            late_samples: self.late.read(),
            previous_cost_ns: self.cost.last_ns(),
            taken_boot_ns: Some(clock::boot_ns(taken)),
            load_id: Some(self.life.load_id),
            boot_id: Some(self.life.boot_id),
            ..Header::of(0)
        })
    }

    /// Reads the CPUs of a piece into `record`. Publishes that with the last one, and otherwise
    /// returns whether CPUs are left.
    fn piece(&self, mut record: SampleWriter<'_>) -> bool {
        let open = &self.open;
        let next =
            open.cpus
                .each_still_online(open.next_cpu.read(), open.piece_cpus.read(), |cpu| {
                    record.push_cpu(&Cpu {
                        id: cpu.id(),
                        epoch: self.epochs.of(cpu),
                        times: cpustat::fetch(cpu),
                    });
                });
        if let Some(next) = next {
            open.next_cpu.write(next);
            open.cpus_read.write(record.cpu_count());
            return true;
        }
        let cpus_mono_ns = clock::monotonic_now_ns();
        record.publish(&memory(), open.taken_mono_ns.read(), cpus_mono_ns);
        open.next_cpu.write(0);
        self.missed.increase(open.missed.read());
        self.late.increase(open.late.read());
        self.wake.raise();
        false
    }

    /// Counts the time in the callback since `start`, in which a piece was taken.
    fn count_cost(&self, start: Instant<Monotonic>, is_open: bool) {
        let open = &self.open;
        let piece_ns = nanoseconds(start.elapsed());
        let cost_ns = open.cost_ns.read().saturating_add(piece_ns);
        let longest_ns = open.longest_ns.read().max(piece_ns);
        if is_open {
            open.cost_ns.write(cost_ns);
            open.longest_ns.write(longest_ns);
        } else {
            self.cost.add_in_parts(cost_ns, longest_ns);
        }
    }
}

/// The memory counters now.
fn memory() -> Memory {
    Memory {
        total: vmstat::total(),
        free: vmstat::free(),
        available: vmstat::available(),
        file: vmstat::file(),
        swap_cache: vmstat::swap_cache(),
        shmem: vmstat::shmem(),
        slab_reclaimable: vmstat::slab_reclaimable(),
        slab_unreclaimable: vmstat::slab_unreclaimable(),
        dirty: vmstat::dirty(),
        writeback: vmstat::writeback(),
        anon: vmstat::anon(),
        mapped: vmstat::mapped(),
        page_tables: vmstat::page_tables(),
        swap_free: vmstat::swap_free(),
        page_bytes: vmstat::PAGE_BYTES,
    }
}

/// Nanoseconds from the end of a piece to the next one.
fn gap_ns() -> u64 {
    GAP_NS.max(clock::timer_resolution_ns())
}

impl HrTimerCallback for Sampler {
    type Pointer<'a> = Arc<Self>;

    /// Takes no lock, allocates nothing, prints nothing.
    fn run(
        this: ArcBorrow<'_, Self>,
        mut context: HrTimerCallbackContext<'_, Self>,
    ) -> HrTimerRestart {
        let start = Instant::now();
        let expired_ns = clock::monotonic_ns(this.timer.expires());
        let open = &this.open;
        let record = if open.next_cpu.read() != 0 {
            this.pending.resume(open.cpus_read.read())
        } else {
            let due_ns = match open.due_mono_ns.read() {
                0 => expired_ns,
                due_ns => due_ns,
            };
            this.begin(start, due_ns)
        };
        let is_open = record.is_some_and(|record| this.piece(record));
        let next_ns = if is_open {
            clock::monotonic_now_ns().saturating_add(gap_ns())
        } else {
            open.due_mono_ns.read()
        };
        // By exactly as much as is missing; it has expired, so that is more than nothing. A sample that
        // is due already comes at once.
        let step_ns = next_ns
            .max(clock::monotonic_ns(start).saturating_add(1))
            .saturating_sub(expired_ns);
        context.forward(start, Delta::from_nanos(step_ns as i64));
        this.count_cost(start, is_open);
        HrTimerRestart::Restart
    }
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Sampler {
        mode: RelativeHardMode<Monotonic>, field: self.timer
    }
}
