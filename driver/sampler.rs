// SPDX-License-Identifier: GPL-2.0

//! Takes a sample each time the timer fires.

use super::{
    cost::{
        Cost,
        CostMeter, //
    },
    params,
    pending::Pending,
    wake::WakeReporter, //
};
use crate::{
    model::{
        record::Header,
        source::{
            cpu::Cpu,
            memory::Memory, //
        }, //
    },
    sys::{
        clock,
        cpu,
        cpu_hotplug::CpuEpochs,
        cpustat,
        identity,
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
            ArcHrTimerHandle,
            HrTimer,
            HrTimerCallback,
            HrTimerCallbackContext,
            HrTimerPointer,
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
/// space does delays a sample. It is the only writer of everything in here.
#[pin_data]
pub(crate) struct Sampler {
    #[pin]
    timer: HrTimer<Self>,
    epochs: CpuEpochs,
    /// [`Header::load_id`].
    load_id: u64,
    /// [`Header::boot_id`].
    boot_id: u64,
    pending: Arc<Pending>,
    wake: IrqWork<WakeReporter>,
    late: RwOnce<u64>,
    missed: RwOnce<u64>,
    cost: CostMeter,
}

/// What a sampler has done from load to unload.
pub(crate) struct Totals {
    /// Samples taken.
    pub(crate) samples: u64,
    /// Samples taken more than a tenth of the interval after they were due.
    pub(crate) late: u64,
    /// Samples not taken, since the one before was so late that their time had passed.
    pub(crate) missed: u64,
    /// Time in the timer callback.
    pub(crate) cost: Cost,
}

impl Sampler {
    pub(super) fn new(pending: Arc<Pending>, wake: IrqWork<WakeReporter>) -> Result<Arc<Self>> {
        let epochs = CpuEpochs::watch()?;
        Arc::pin_init(
            pin_init!(Self {
                timer <- HrTimer::new(),
                epochs,
                load_id: identity::random(),
                boot_id: identity::boot(),
                pending,
                wake,
                late: RwOnce::new(0),
                missed: RwOnce::new(0),
                cost: CostMeter::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// Takes one sample; `tick` says when. Its sequence number is given here.
    fn sample(&self, tick: Header) {
        let Some(mut record) = self.pending.begin() else {
            return;
        };
        for cpu in cpu::online() {
            record.push_cpu(&Cpu {
                id: cpu.id(),
                epoch: self.epochs.of(cpu),
                times: cpustat::fetch(cpu),
            });
        }
        let cpus_mono_ns = clock::monotonic_ns(Instant::now());
        let header = Header {
            seq: record.seq(),
            ..tick
        };
        let memory = Memory {
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
        };
        record.publish(&header, &memory, cpus_mono_ns);
        self.wake.raise();
    }
}

impl HrTimerCallback for Sampler {
    type Pointer<'a> = Arc<Self>;

    /// Takes no lock, allocates nothing, prints nothing.
    fn run(
        this: ArcBorrow<'_, Self>,
        mut context: HrTimerCallbackContext<'_, Self>,
    ) -> HrTimerRestart {
        let taken = Instant::now();
        let due = this.timer.expires();
        let interval = interval();
        // The next tick is due a whole number of intervals after this one was, so that being late
        // does not add up.
        let missed = context.forward(taken, interval).saturating_sub(1);
        this.missed.increase(missed);
        this.sample(Header {
            taken_mono_ns: clock::monotonic_ns(taken),
            taken_wall_ns: clock::wall_ns(taken),
            due_mono_ns: clock::monotonic_ns(due),
            interval_ns: u64::try_from(interval.as_nanos()).unwrap_or(0),
            missed_ticks: this.missed.read(),
            late_samples: this.late.read(),
            previous_cost_ns: this.cost.last_ns(),
            taken_boot_ns: Some(clock::boot_ns(taken)),
            load_id: Some(this.load_id),
            boot_id: Some(this.boot_id),
            ..Header::default()
        });

        let lateness = (taken - due).as_nanos();
        if lateness > interval.as_nanos() / 10 {
            this.late.increase(1);
        }
        let cost = taken.elapsed().as_nanos();
        this.cost.add(u64::try_from(cost).unwrap_or(0));
        HrTimerRestart::Restart
    }
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Sampler {
        mode: RelativeHardMode<Monotonic>, field: self.timer
    }
}

/// The interval in force.
fn interval() -> Delta {
    Delta::from_millis(i64::from(params::INTERVAL_MS.value()))
}

/// A sampler whose timer is running.
pub(crate) struct RunningTimer {
    sampler: Arc<Sampler>,
    timer: Option<ArcHrTimerHandle<Sampler>>,
    /// The last sample that somebody has asked for. It may not have been taken yet.
    asked: Option<u64>,
}

impl RunningTimer {
    /// Starts the timer: the first sample is taken now, as the base of the next.
    pub(super) fn start(sampler: Arc<Sampler>) -> Self {
        let timer = sampler.clone().start(Delta::ZERO);
        Self {
            sampler,
            timer: Some(timer),
            asked: None,
        }
    }

    /// Whether the next sample is one that somebody has asked for.
    fn is_asked(&self) -> bool {
        self.asked == Some(self.sampler.pending.next_seq())
    }

    /// Begins a new interval now.
    ///
    /// # Context
    ///
    /// Process context, may sleep: waits for the callback.
    pub(super) fn restart(&mut self) {
        // The callback must not run while the timer is started again: it would forward a timer
        // that is already queued. Dropping a handle cancels the timer, whichever handle started
        // it, so the old one goes first.
        self.timer = None;
        let first = if self.is_asked() {
            Delta::ZERO
        } else {
            interval()
        };
        self.timer = Some(self.sampler.clone().start(first));
    }

    /// Takes a sample now, and begins a new interval. Gives the sample's sequence number.
    ///
    /// # Context
    ///
    /// Process context, may sleep: waits for the callback.
    pub(super) fn sample_now(&mut self) -> u64 {
        if let Some(seq) = self.asked.filter(|_| self.is_asked()) {
            return seq;
        }
        // As in `restart`. Without the timer nobody takes a sample, so the next one is this.
        self.timer = None;
        let seq = self.sampler.pending.next_seq();
        self.asked = Some(seq);
        self.timer = Some(self.sampler.clone().start(Delta::ZERO));
        seq
    }

    /// Stops the timer and everything that it sets going.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    pub(super) fn stop(self) -> Totals {
        let Self { sampler, timer, .. } = self;
        drop(timer);
        let totals = Totals {
            samples: sampler.pending.next_seq(),
            late: sampler.late.read(),
            missed: sampler.missed.read(),
            cost: sampler.cost.read(),
        };
        // This is the last reference: the interrupt work and the reporter's thread end with the
        // sampler, and both wait for what they run.
        drop(sampler);
        totals
    }
}
