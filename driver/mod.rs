// SPDX-License-Identifier: GPL-2.0

//! The wiring: what runs when, and what starts and stops it.

mod cost;
mod history;
mod params;
mod reporter;
mod sampler;
mod source;

use crate::sys::{
    cpu,
    irq_work::{
        IrqWork,
        IrqWorkHandler, //
    },
    kthread::Worker,
    param::{
        ParamLock,
        ParamLocked, //
    }, //
};
use history::History;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use reporter::Reporter;
use sampler::{
    Sampler,
    Sampling, //
};
use source::{
    FileSystems,
    Round,
    Sources, //
};

/// What runs while the module is loaded. A parameter may be written before it is there and while
/// it goes, so it is reached under the parameter lock.
static MONITOR: ParamLocked<Option<Monitor>> = ParamLocked::new(None);

/// Everything that runs.
struct Monitor {
    sampling: Sampling,
    reporter: Arc<Reporter>,
    file_systems: Arc<FileSystems>,
}

/// Starts sampling, and says so in the log.
///
/// # Context
///
/// Process context, may sleep.
///
/// # Errors
///
/// `ENOMEM` when there is no memory, `ENOSPC` when the kernel has no CPU hotplug state left, `EINTR`
/// when the calling process is being killed.
pub(crate) fn start() -> Result {
    let mut lock = ParamLock::acquire();
    let history = History::new()?;
    let round = Round::new()?;
    let file_systems = FileSystems::new(round.clone(), &mut lock)?;
    let sources = Sources::new(round, file_systems.clone())?;
    let reporter = Reporter::new(history.clone(), sources)?;
    let worker = Worker::start(c"resource_mon", reporter.clone())?;
    let wake = IrqWork::new(WakeReporter(worker))?;
    let sampler = Sampler::new(history, wake)?;
    // Nothing fails from here on.
    pr_info!(
        "loaded version={} interval={}ms cpus={}\n",
        crate::VERSION,
        params::INTERVAL_MS.value(),
        cpu::online().count(),
    );
    reporter.announce();
    let sampling = Sampling::start(sampler);
    *MONITOR.get(&mut lock) = Some(Monitor {
        sampling,
        reporter,
        file_systems,
    });
    Ok(())
}

/// Ends sampling and says in the log what was done.
///
/// # Context
///
/// Process context, may sleep: waits for the timer callback and for the reporter.
pub(crate) fn stop() {
    let monitor = MONITOR.get(&mut ParamLock::acquire()).take();
    if let Some(Monitor {
        sampling, reporter, ..
    }) = monitor
    {
        // From here on no sample is taken, nor logged.
        let taken = sampling.stop();
        let reported = reporter.cost();
        let (sources_avg_ns, sources_max_ns) = reporter.sources_cost(taken.samples);
        pr_info!(
            "unloaded samples={} late={} missed={} callback_avg={}ns callback_max={}ns \
             report_avg={}ns report_max={}ns sources_avg={}ns sources_max={}ns\n",
            taken.samples,
            taken.late,
            taken.missed,
            taken.cost.average_ns(),
            taken.cost.max_ns,
            reported.average_ns(),
            reported.max_ns,
            sources_avg_ns,
            sources_max_ns,
        );
    }
}

/// Begins a new interval now, as long as the parameter says.
fn interval_changed(lock: &mut ParamLock) {
    if let Some(monitor) = MONITOR.get(lock) {
        monitor.sampling.restart();
    }
}

/// Has the log begin anew.
fn log_every_changed(lock: &mut ParamLock) {
    if let Some(monitor) = MONITOR.get(lock) {
        monitor.reporter.start_over();
    }
}

/// Watches other file systems.
fn fs_paths_changed(text: &[u8], lock: &mut ParamLock) -> Result {
    match MONITOR.get(lock) {
        Some(monitor) => monitor.file_systems.watch_only(text),
        // Those of the value in force are watched from the start.
        None => Ok(()),
    }
}

/// Wakes the reporter. That takes locks which others hold, those of the scheduler; so the timer
/// callback raises this interrupt work instead.
struct WakeReporter(Worker<Arc<Reporter>>);

impl IrqWorkHandler for WakeReporter {
    fn run(&self) {
        self.0.ask();
    }
}
