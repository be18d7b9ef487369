// SPDX-License-Identifier: GPL-2.0

//! The wiring: what runs when, and what starts and stops it.

#![deny(unsafe_code)]

mod behind;
mod block_headers;
mod block_memory;
mod block_reader;
mod blocks;
mod capacity;
mod copy;
mod cost;
mod cursor;
mod device;
mod earlier;
mod events;
mod forget;
mod history;
mod interval;
mod kept_records;
mod life;
mod life_table;
mod lives;
mod log;
mod oom_marks;
mod open_round;
mod panic_log;
mod params;
mod pending;
mod piece;
mod place;
mod progress;
mod reader;
mod record_buffer;
mod record_reader;
mod record_writer;
mod region;
mod reporter;
mod ring;
mod ring_memory;
mod running_timer;
mod sampler;
mod slots;
mod source;
mod sources;
mod threads;
mod trouble;

use crate::model::{
    event::rules::Alerts,
    setting::Setting, //
};
use crate::sys::{
    cpu,
    identity,
    irq_work::IrqWork,
    miscdevice::Registration,
    oom::OomProbe,
    panic::PanicNotifier,
    param::{
        ParamLock,
        ParamLocked, //
    },
    reboot::RebootNotifier, //
};
use capacity::Capacity;
use device::Records;
use events::Events;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use life::Life;
use lives::{
    EndOfBoot,
    Lives, //
};
use oom_marks::{
    OomMarks,
    OomWatch, //
};
use panic_log::PanicLog;
use pending::Pending;
use place::Begun;
use reporter::Reporter;
use running_timer::Timer;
use sampler::Sampler;
use source::{
    fs::FileSystems,
    round::Rounds, //
};
use sources::Sources;
use threads::WakeReporter;

const MSEC_PER_MIN: u64 = 60_000;

/// What runs while the module is loaded. A parameter may be written before it is there and while
/// it goes, so it is reached under the parameter lock.
static MONITOR: ParamLocked<Option<Monitor>> = ParamLocked::new(None);

/// Everything that runs.
struct Monitor {
    /// Nobody has it open when this goes, since that would keep the module.
    _device: Pin<KBox<Registration<Records>>>,
    timer: Arc<Timer>,
    reporter: Arc<Reporter>,
    file_systems: Arc<FileSystems>,
    /// None where the kernel tells of no kill.
    oom: Option<OomProbe<OomWatch>>,
    lives: Arc<Lives>,
    _panic: PanicNotifier<KBox<PanicLog>>,
    _reboot: RebootNotifier<EndOfBoot>,
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
/// when the calling process is being killed, `EBUSY` when the kernel has no device number left.
pub(crate) fn start() -> Result {
    let mut lock = ParamLock::acquire();
    let pending = Pending::new()?;
    let rounds = Rounds::new()?;
    let file_systems = FileSystems::new(rounds.clone(), &mut lock)?;
    let marks = OomMarks::new()?;
    let mut sources = Sources::new(rounds.clone(), file_systems.clone(), marks.clone())?;
    let capacity = Capacity::of_machine(sources.room().and(Events::ROOM));
    let life = Life {
        boot_id: identity::boot(),
        load_id: identity::random(),
    };
    let Begun {
        history,
        lives,
        about_records,
        place,
    } = place::begin(capacity, life)?;
    let timer = Timer::new()?;
    interval::set_fast(false);
    let reporter = Reporter::new(
        pending.clone(),
        history.clone(),
        rounds,
        sources,
        timer.clone(),
        marks.clone(),
        lives.clone(),
    )?;
    set_alerts(&reporter, params::ALERTS.text(&mut lock));
    let wake = IrqWork::new(WakeReporter::new(reporter.clone())?)?;
    let wake = Arc::new(wake, GFP_KERNEL)?;
    let panic_log = PanicLog::new(history.clone(), pending.clone(), lives.clone())?;
    let sampler = Sampler::new(pending, wake.clone(), life)?;
    let oom = OomProbe::register(Arc::new(OomWatch { marks, wake }, GFP_KERNEL)?)?;
    let panic = PanicNotifier::register(panic_log)?;
    let reboot = RebootNotifier::register(EndOfBoot(lives.clone()))?;
    // Last: an open file pins the module, but does not do so if `init` fails afterwards.
    let device = Records::register(history.clone())?;
    pr_info!(
        "loaded version={} interval={}ms cpus={} history_kB={} plain_kB={} \
         encoder_kB={} reach={}min oom={}\n",
        crate::VERSION,
        params::INTERVAL_MS.value(),
        cpu::online_count(),
        history.blocks().size_bytes() / 1024,
        history.plain_bytes() / 1024,
        history.blocks().encoder_bytes().div_ceil(1024),
        about_records.saturating_mul(interval_ms()) / MSEC_PER_MIN,
        if oom.is_some() { "at_once" } else { "counted" },
    );
    place.say(&history);
    if place.is_ordinary() && history.blocks().size_bytes() > params::history_bytes() {
        pr_info!(
            "history raised from {} kB to {} kB: two of the largest records need that\n",
            params::history_bytes() / 1024,
            history.blocks().size_bytes() / 1024,
        );
    }
    let (pieces, scattered) = history.pieces();
    if scattered != 0 {
        pr_info!(
            "history scattered parts={scattered} of={pieces}: a crash dump does not show them\n"
        );
    }
    reporter.announce();
    timer.start(sampler);
    *MONITOR.get(&mut lock) = Some(Monitor {
        _device: device,
        timer,
        reporter,
        file_systems,
        oom,
        lives,
        _panic: panic,
        _reboot: reboot,
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
        timer,
        reporter,
        oom,
        lives,
        ..
    }) = monitor
    {
        // It raises the interrupt work, which ends with the sampler.
        drop(oom);
        // From here on no sample is taken, nor logged.
        let Some(running) = timer.take() else { return };
        let totals = running.stop();
        reporter.say_rest();
        lives.note_unload();
        let reported = reporter.cost();
        let (sources_avg_ns, sources_max_ns) = reporter.sources_cost(totals.samples);
        pr_info!(
            "unloaded samples={} late={} missed={} callback_avg={}ns callback_max={}ns \
             report_avg={}ns report_max={}ns sources_avg={}ns sources_max={}ns\n",
            totals.samples,
            totals.late,
            totals.missed,
            totals.cost.average_ns(),
            totals.cost.max_ns,
            reported.average_ns(),
            reported.max_ns,
            sources_avg_ns,
            sources_max_ns,
        );
    }
}

/// The interval in force, in milliseconds.
fn interval_ms() -> u64 {
    u64::from(params::INTERVAL_MS.value())
}

/// Sets the interval, as a write to the parameter does: the one in force goes on if it is the same.
///
/// # Context
///
/// Process context, may sleep.
///
/// # Errors
///
/// `EINVAL` when it is out of range; the log says so.
fn set_interval(interval_ms: u64) -> Result {
    params::INTERVAL_MS.set_number(interval_ms, &mut ParamLock::acquire())
}

/// Takes a sample now, which restarts the interval, and returns its sequence number.
///
/// # Context
///
/// Process context, may sleep.
///
/// # Errors
///
/// `ENODEV` when the module is not sampling.
fn sample_now() -> Result<u64> {
    let mut lock = ParamLock::acquire();
    let monitor = MONITOR.get(&mut lock).as_mut().ok_or(ENODEV)?;
    monitor.timer.sample_now().ok_or(ENODEV)
}

/// Makes an event as a test, and takes a sample that has it, whose sequence number it returns.
///
/// # Context
///
/// Process context, may sleep.
///
/// # Errors
///
/// `ENODEV` when the module is not sampling.
fn test_event() -> Result<u64> {
    let mut lock = ParamLock::acquire();
    let monitor = MONITOR.get(&mut lock).as_mut().ok_or(ENODEV)?;
    let reporter = &monitor.reporter;
    let seq = monitor.timer.sample_with(|seq| reporter.test_event(seq));
    seq.ok_or(ENODEV)
}

/// What is known of the lives whose records are kept.
///
/// # Context
///
/// Process context, may sleep.
///
/// # Errors
///
/// `ENODEV` when the module is not sampling.
fn lives() -> Result<Arc<Lives>> {
    let mut lock = ParamLock::acquire();
    let monitor = MONITOR.get(&mut lock).as_ref().ok_or(ENODEV)?;
    Ok(monitor.lives.clone())
}

/// Has the triggers be as the parameter says. It was looked at before it became the parameter's value.
#[inline(never)]
fn set_alerts(reporter: &Reporter, text: &[u8]) {
    if let Ok(rules) = Alerts.parse(text) {
        reporter.set_rules(rules);
    }
}

/// Other triggers are on.
fn alerts_changed(text: &[u8], lock: &mut ParamLock) -> Result {
    if let Some(monitor) = MONITOR.get(lock) {
        set_alerts(&monitor.reporter, text);
    }
    Ok(())
}

/// Restarts the interval, which is as long as the parameter says.
fn interval_changed(lock: &mut ParamLock) {
    if let Some(monitor) = MONITOR.get(lock) {
        monitor.timer.restart();
    }
}

/// Restarts the log.
fn log_every_changed(lock: &mut ParamLock) {
    if let Some(monitor) = MONITOR.get(lock) {
        monitor.reporter.restart();
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
