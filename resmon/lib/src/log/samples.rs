// SPDX-License-Identifier: GPL-2.0-or-later

//! From lines to samples: those of one sample follow each other, in the order of `model/`.

use std::collections::HashMap;
use std::vec;

use super::boots::Placed;
use super::line::Line;
use crate::sample::{Event, EventState, FromLog, Sample};

/// Samples out of the lines that the module writes while it runs.
#[derive(Debug)]
pub(super) struct LineSamples {
    entries: vec::IntoIter<Placed>,
    /// When the last line is, in seconds since 1970 or, without a clock, since boot.
    end_s: Option<f64>,
    has_wall_clock: bool,
    /// The usual time from one sample to the next, in each load of the module.
    intervals: HashMap<(u64, u64), f64>,
    /// The boot and the load of the module.
    life: Option<(u64, u64)>,
    /// The sample that the lines are of.
    open: Option<Open>,
    events: Events,
    /// When the last one was that is not only of events.
    before: Option<When>,
    /// Those that are done.
    done: Option<Sample>,
}

/// When a line was written.
#[derive(Clone, Copy, Debug)]
struct When {
    stamp_us: Option<u64>,
    wall_s: Option<f64>,
    is_coarse: bool,
}

#[derive(Debug)]
struct Open {
    sample: Sample,
    began: When,
    /// When its last line was written, and which one that was.
    last: When,
    rank: u32,
    /// Whether there are lines of it besides events.
    has_lines: bool,
    more: Vec<crate::Source>,
}

/// The numbers of events, which the lines do not have.
#[derive(Debug, Default)]
struct Events {
    last: u64,
    /// Those that are open, by what they are and what they are about.
    open: HashMap<(String, Option<String>), u64>,
}

impl Events {
    fn numbered(&mut self, event: Event) -> Event {
        let key = (event.name.clone(), event.subject.clone());
        let begun = self.open.remove(&key);
        let number = begun.filter(|_| event.state == EventState::End);
        let number = number.unwrap_or_else(|| {
            self.last += 1;
            self.last
        });
        if event.state == EventState::Begin {
            self.open.insert(key, number);
        }
        Event { number, ..event }
    }
}

impl When {
    fn of(placed: &Placed) -> Self {
        Self {
            stamp_us: placed.entry.stamp_us,
            wall_s: placed.entry.wall_s,
            is_coarse: placed.entry.is_coarse,
        }
    }

    /// Seconds from another one to this, and whether they are exact.
    fn since(&self, other: &Self) -> Option<(f64, bool)> {
        if let (Some(one), Some(now)) = (other.stamp_us, self.stamp_us) {
            return Some((now.checked_sub(one)? as f64 / 1e6, true));
        }
        let (one, now) = (other.wall_s?, self.wall_s?);
        Some((now - one, !(self.is_coarse || other.is_coarse)))
    }

    /// In seconds since 1970, or else since boot.
    fn time_s(&self) -> f64 {
        let since_boot_s = || self.stamp_us.map(|stamp_us| stamp_us as f64 / 1e6);
        self.wall_s.or_else(since_boot_s).unwrap_or(0.0)
    }
}

impl LineSamples {
    pub(super) fn new(entries: Vec<Placed>) -> Self {
        let last = entries.last();
        Self {
            end_s: last.map(|last| When::of(last).time_s()),
            has_wall_clock: last.is_some_and(|last| last.entry.wall_s.is_some()),
            intervals: intervals(&entries),
            entries: entries.into_iter(),
            life: None,
            open: None,
            events: Events::default(),
            before: None,
            done: None,
        }
    }

    /// Whether the newest line has the time of day.
    pub(super) fn has_wall_clock(&self) -> bool {
        self.has_wall_clock
    }

    /// When the newest line was written, in the time of the samples; none when there is none.
    pub(super) fn end_s(&self) -> Option<f64> {
        self.end_s
    }

    /// The usual time from one sample to the next in a load of the module.
    pub(super) fn interval_s(&self, boot: u64, load: u64) -> Option<f64> {
        self.intervals.get(&(boot, load)).copied()
    }

    fn add(&mut self, placed: &Placed) {
        let entry = &placed.entry;
        let Some(line) = Line::parse(&entry.text, entry.is_whole) else {
            return;
        };
        let (boot, load) = self.life.unwrap_or((placed.boot, 0));
        let is_boot = boot != placed.boot;
        let load = match line {
            _ if is_boot => 0,
            Line::Loaded(_) if self.open.is_some() || self.before.is_some() => load + 1,
            _ => load,
        };
        let when = When::of(placed);
        if self.life != Some((placed.boot, load)) {
            self.close();
            self.before = None;
            self.events = Events::default();
            self.life = Some((placed.boot, load));
        }
        if matches!(line, Line::Loaded(_) | Line::Unloaded | Line::Panic(_)) {
            self.close();
            return;
        }
        let goes_on = self
            .open
            .as_ref()
            .is_some_and(|open| open.goes_on(&line, &when));
        if !goes_on {
            self.close();
        }
        let line = match line {
            Line::Alert(event, victim) => Line::Alert(self.events.numbered(event), victim),
            line => line,
        };
        let interval_s = self.interval_s(placed.boot, load);
        let open = self.open.get_or_insert_with(|| {
            let from = FromLog {
                boot: placed.boot,
                load,
                has_wall_clock: when.wall_s.is_some(),
                at_panic: false,
            };
            let since_boot_s = when.stamp_us.map(|stamp_us| stamp_us as f64 / 1e6);
            Open {
                sample: Sample::from_log(from, when.time_s(), since_boot_s, interval_s),
                began: when,
                last: when,
                rank: 0,
                has_lines: false,
                more: Vec::new(),
            }
        });
        open.add(line, when);
    }

    /// The sample that was open is done.
    fn close(&mut self) {
        let Some(mut open) = self.open.take() else {
            return;
        };
        if open.has_lines {
            let elapsed = self.before.and_then(|before| open.began.since(&before));
            // Of two whole seconds that are the same nothing is known.
            let elapsed = elapsed.filter(|(seconds, _)| *seconds > 0.0);
            open.sample.elapsed_s = elapsed.map(|(seconds, _)| seconds);
            self.before = Some(open.began);
        }
        open.sample.sum_up(&open.more);
        self.done = Some(open.sample);
    }
}

impl Iterator for LineSamples {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        while self.done.is_none() {
            match self.entries.next() {
                Some(placed) => self.add(&placed),
                None => {
                    self.close();
                    break;
                }
            }
        }
        self.done.take()
    }
}

impl Open {
    /// Whether a line is of this sample, too.
    fn goes_on(&self, line: &Line, when: &When) -> bool {
        /// The lines of a sample are written one after the other.
        const PAUSE_S: f64 = 0.2;
        const COARSE_S: f64 = 1.0;
        let rank = line.rank();
        let is_next =
            rank > self.rank || (rank == self.rank && line.is_one_of_many() && !self.has(line));
        let is_soon = when.since(&self.last).is_some_and(|(pause_s, is_exact)| {
            pause_s <= if is_exact { PAUSE_S } else { COARSE_S }
        });
        is_next && is_soon
    }

    /// Whether there is a line of the same CPU, disk and the like, which then is of the sample before.
    fn has(&self, line: &Line) -> bool {
        let sample = &self.sample;
        match line {
            Line::Cpu(cpu) => sample.cpus.iter().any(|known| known.id >= cpu.id),
            Line::Disk(Some(disk)) => sample.disks.iter().any(|known| known.name == disk.name),
            Line::Net(Some(net)) => sample.nets.iter().any(|known| known.name == net.name),
            Line::FileSystem(Some(fs)) => {
                let mut known = sample.file_systems.iter();
                known.any(|known| known.path == fs.path)
            }
            Line::Task(Some(task)) => sample.top_tasks.iter().any(|known| known.pid == task.pid),
            _ => false,
        }
    }

    fn add(&mut self, line: Line, when: When) {
        self.rank = line.rank();
        self.last = when;
        self.has_lines |= !matches!(line, Line::Alert(..));
        let sample = &mut self.sample;
        match line {
            Line::Loaded(_) | Line::Unloaded | Line::Panic(_) => (),
            Line::Alert(event, victim) => {
                sample.events.push(event);
                let time_s = sample.time_s;
                sample.oom_kills.extend(victim.map(|mut victim| {
                    victim.time_s = time_s;
                    victim
                }));
            }
            Line::CpuAll(cpu) => sample.cpu = cpu,
            Line::Cpu(cpu) => sample.cpus.push(cpu),
            Line::Memory(memory) => sample.memory = memory,
            Line::Swap(swap) => sample.swap = swap,
            Line::Load(load) => sample.load = load,
            Line::Running(running) => sample.running = running,
            Line::Activity(activity) => sample.activity = activity,
            Line::Pressure(pressure) => sample.pressure = pressure,
            Line::Disk(disk) => sample.disks.extend(disk),
            Line::Net(net) => sample.nets.extend(net),
            Line::More(source) => self.more.push(source),
            Line::Stale(source) => {
                sample.incomplete.push(source);
                self.more.push(source);
            }
            Line::Tcp(tcp) => sample.tcp = tcp,
            Line::FileSystem(fs) => sample.file_systems.extend(fs),
            Line::Tasks(tasks) => sample.tasks = tasks,
            Line::Task(task) => sample.top_tasks.extend(task),
            Line::Brief(brief) => brief.add_to(sample),
        }
    }
}

/// The usual time between two samples of each load of the module: as many are apart by more as by less.
fn intervals(entries: &[Placed]) -> HashMap<(u64, u64), f64> {
    let mut steps: HashMap<(u64, u64), (Option<f64>, Vec<f64>)> = HashMap::new();
    let (mut life, mut before): (Option<(u64, u64)>, Option<When>) = (None, None);
    let mut has_any = false;
    for placed in entries {
        let text = &*placed.entry.text;
        let is_loaded = text.starts_with("loaded ");
        let (boot, load) = life.unwrap_or((placed.boot, 0));
        let now = match boot == placed.boot {
            true => (boot, load + u64::from(is_loaded && has_any)),
            false => (placed.boot, 0),
        };
        if life != Some(now) {
            life = Some(now);
            before = None;
            has_any = false;
        }
        let (given, all) = steps.entry(now).or_default();
        if is_loaded {
            if let Some(Line::Loaded(interval_s)) = Line::parse(text, placed.entry.is_whole) {
                *given = interval_s;
            }
            continue;
        }
        has_any = true;
        // Each sample has one of these: all lines or the one, or both, at almost the same time.
        if !["sum ", "mem "].iter().any(|begin| text.starts_with(begin)) {
            continue;
        }
        let when = When::of(placed);
        let step = before.and_then(|before| when.since(&before));
        const SAME_SAMPLE_S: f64 = 0.005;
        match step {
            Some((seconds, _)) if seconds <= SAME_SAMPLE_S => continue,
            Some((seconds, _)) => all.push(seconds),
            None => (),
        }
        before = Some(when);
    }
    let usual = steps.into_iter().filter_map(|(life, (given, mut all))| {
        all.sort_by(f64::total_cmp);
        Some((life, all.get(all.len() / 2).copied().or(given)?))
    });
    usual.collect()
}
