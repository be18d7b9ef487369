// SPDX-License-Identifier: GPL-2.0-or-later

//! A census: all processes are met one after the other, compared with the census before, and the first of
//! them, by CPU time and by memory, are listed.
//!
//! The kernel's list of processes has them in the order in which they came, and nothing changes that
//! order: new ones join at its end. So those that are left come in the order of the census before, and
//! one place in it is enough to find them again.

use super::source::tasks::{Task, Tasks};

/// Most processes that a census meets.
pub const MAX_PROCESSES: usize = 32_768;

/// A process has to use one CPU for a 200th of the time to be listed for that: 0.5 %.
const LISTED_PART: u64 = 200;

/// How long before the census a process may have started that joined the list after it, in nanoseconds.
const FORK_NS: u64 = 100_000_000;

/// A process, as a walk meets it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Process {
    /// Its process ID.
    pub pid: u32,
    /// `CLOCK_BOOTTIME` when it started, in nanoseconds.
    pub start_boot_ns: u64,
    /// Number of threads.
    pub threads: u64,
    /// CPU time of all its threads, in nanoseconds.
    pub cpu_ns: u64,
    /// CPU time of its children that it has waited for, and of theirs, in nanoseconds.
    pub children_ns: u64,
    /// Resident pages, as far as known without a look at each CPU; none when somebody changes what it is.
    pub rss_pages: Option<u64>,
    /// Whether it is a thread of the kernel. When such a one ends, nobody is told of its CPU time.
    pub is_kernel: bool,
}

impl Process {
    /// `cpu_ns`, if it is CPU time that somebody is told of.
    #[inline(always)]
    fn told_ns(&self, cpu_ns: u64) -> u64 {
        if self.is_kernel {
            0
        } else {
            cpu_ns
        }
    }
}

/// What is kept of a process until the next census.
///
/// One that has the same number in the next census is the same one, unless it started since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pid: u32,
    /// At most [`u32::MAX`].
    rss_pages: u32,
    cpu_ns: u64,
}

/// What of the census before is needed for the next.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// `CLOCK_MONOTONIC` when it began, in nanoseconds.
    pub mono_ns: u64,
    /// `CLOCK_BOOTTIME` then.
    pub boot_ns: u64,
    /// Number of its [`Seen`].
    pub seen: usize,
    /// CPU time of all processes.
    cpu_ns: u64,
    /// CPU time of children that were waited for.
    children_ns: u64,
    /// What was found too little of those that have ended.
    owed_ns: u64,
    /// What a record has of it.
    pub tasks: Tasks,
}

/// A process that is listed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listed {
    /// What it is listed for.
    value: u64,
    /// The process.
    pub process: Process,
    /// What it has used since the census before.
    pub used_ns: u64,
}

/// The first by some value, as many as have room.
#[derive(Debug)]
pub struct Ranking<'a> {
    places: &'a mut [Listed],
    len: usize,
    /// What a process has to have more than.
    least: u64,
}

impl<'a> Ranking<'a> {
    /// An empty one, of those that have at least `min`.
    fn new(places: &'a mut [Listed], min: u64) -> Self {
        Self {
            least: match places.len() {
                0 => u64::MAX,
                _ => min.saturating_sub(1),
            },
            places,
            len: 0,
        }
    }

    #[inline(always)]
    fn offer(&mut self, value: u64, process: &Process, used_ns: u64, rss_pages: u64) {
        if value > self.least {
            self.take(value, process, used_ns, rss_pages);
        }
    }

    #[cold]
    fn take(&mut self, value: u64, process: &Process, used_ns: u64, rss_pages: u64) {
        let place = if self.len < self.places.len() {
            self.len
        } else {
            self.last()
        };
        self.len = self.len.max(place.saturating_add(1));
        if let Some(place) = self.places.get_mut(place) {
            *place = Listed {
                value,
                process: Process {
                    rss_pages: Some(rss_pages),
                    ..*process
                },
                used_ns,
            };
        }
        if self.len == self.places.len() {
            let last = self.places.get(self.last());
            self.least = last.map_or(u64::MAX, |last| last.value);
        }
    }

    /// The place of the one that has least.
    fn last(&self) -> usize {
        let last = self
            .listed()
            .enumerate()
            .min_by_key(|(_, listed)| listed.value);
        last.map_or(0, |(place, _)| place)
    }

    /// Those that are listed, in no order.
    pub fn listed(&self) -> impl Iterator<Item = &Listed> {
        self.places.iter().take(self.len)
    }
}

/// Both rankings.
#[derive(Debug)]
pub struct Rankings<'a> {
    /// By CPU time since the census before.
    pub by_cpu: Ranking<'a>,
    /// By resident memory.
    pub by_memory: Ranking<'a>,
}

impl Rankings<'_> {
    /// Those that are in either, each once.
    pub fn listed(&self) -> impl Iterator<Item = &Listed> {
        let is_in_first = |listed: &&Listed| {
            let pid = listed.process.pid;
            self.by_cpu.listed().any(|first| first.process.pid == pid)
        };
        let others = self.by_memory.listed();
        self.by_cpu
            .listed()
            .chain(others.filter(move |listed| !is_in_first(listed)))
    }
}

/// A census that is being taken.
pub struct Census<'a> {
    before: Option<Totals>,
    /// Who started from here on, by `CLOCK_BOOTTIME`, was not there in the census before.
    new_ns: u64,
    /// Those of the census before that have not been met again.
    rest: &'a [Seen],
    now: &'a mut [Seen],
    rankings: Rankings<'a>,
    totals: Totals,
    /// CPU time before of those that were met again.
    met_ns: u64,
    /// How many of the census before may still be looked at out of order.
    patience: usize,
}

impl<'a> Census<'a> {
    /// Begins one, `before` being the census before and what was seen in it. There is room for as many as
    /// are to be met in `now`, and as many are listed by CPU time and by memory as have room in `by_cpu` and in
    /// `by_memory`.
    pub fn begin(
        mono_ns: u64,
        boot_ns: u64,
        before: Option<(Totals, &'a [Seen])>,
        now: &'a mut [Seen],
        by_cpu: &'a mut [Listed],
        by_memory: &'a mut [Listed],
    ) -> Self {
        let (before, seen) = before.unzip();
        let elapsed_ns = before.map_or(0, |before| mono_ns.saturating_sub(before.mono_ns));
        // Without a census before, nobody knows who used how much.
        let min_ns = before.map_or(u64::MAX, |_| (elapsed_ns / LISTED_PART).max(1));
        let seen = seen.unwrap_or_default();
        Self {
            before,
            // Without a census before, nobody is new.
            new_ns: before.map_or(u64::MAX, |before| before.boot_ns),
            rest: seen,
            now,
            rankings: Rankings {
                by_cpu: Ranking::new(by_cpu, min_ns),
                by_memory: Ranking::new(by_memory, 1),
            },
            totals: Totals {
                mono_ns,
                boot_ns,
                ..Totals::default()
            },
            met_ns: 0,
            patience: seen.len().saturating_mul(2),
        }
    }

    /// Meets the next process.
    #[inline(always)]
    pub fn meet(&mut self, process: &Process) {
        let totals = &mut self.totals;
        totals.tasks.threads = totals.tasks.threads.wrapping_add(process.threads);
        totals.cpu_ns = totals.cpu_ns.wrapping_add(process.told_ns(process.cpu_ns));
        totals.children_ns = totals.children_ns.wrapping_add(process.children_ns);
        let then = match self.rest.split_first() {
            Some((first, rest))
                if first.pid == process.pid && process.start_boot_ns < self.new_ns =>
            {
                self.rest = rest;
                self.met_ns = self.met_ns.wrapping_add(process.told_ns(first.cpu_ns));
                *first
            }
            _ => self.meet_another(process),
        };
        let rss_pages = process.rss_pages.unwrap_or(u64::from(then.rss_pages));
        let totals = &mut self.totals;
        if let Some(place) = self.now.get_mut(totals.seen) {
            *place = Seen {
                pid: process.pid,
                rss_pages: rss_pages.min(u64::from(u32::MAX)) as u32,
                cpu_ns: process.cpu_ns,
            };
            totals.seen = totals.seen.wrapping_add(1);
        }
        let used_ns = process.cpu_ns.saturating_sub(then.cpu_ns);
        let rankings = &mut self.rankings;
        rankings.by_cpu.offer(used_ns, process, used_ns, rss_pages);
        rankings
            .by_memory
            .offer(rss_pages, process, used_ns, rss_pages);
    }

    /// Meets one that is not the next of the census before: others have ended, or it is new. Returns what it
    /// had then. One that was not met then, though it was there, had all the CPU time that it has now.
    #[inline(never)]
    fn meet_another(&mut self, process: &Process) -> Seen {
        if process.start_boot_ns >= self.new_ns {
            return Seen::default();
        }
        let ahead = self.rest.iter().take(self.patience).enumerate();
        let found = ahead.into_iter().find(|(_, then)| then.pid == process.pid);
        if let Some((at, then)) = found {
            self.rest = self.rest.get(at.wrapping_add(1)..).unwrap_or_default();
            self.met_ns = self.met_ns.wrapping_add(process.told_ns(then.cpu_ns));
            return *then;
        }
        self.patience = self.patience.saturating_sub(self.rest.len());
        let is_new = process.start_boot_ns.saturating_add(FORK_NS) >= self.new_ns;
        Seen {
            cpu_ns: if is_new { 0 } else { process.cpu_ns },
            ..Seen::default()
        }
    }

    /// Ends it, when `left_out` processes were not met, on a machine of `cpus`. Returns what the next one needs,
    /// and those that are listed.
    pub fn finish(self, left_out: u64, cpus: u64) -> (Totals, Rankings<'a>) {
        (self.totals(left_out, cpus), self.rankings)
    }

    fn totals(&self, left_out: u64, cpus: u64) -> Totals {
        let mut totals = self.totals;
        totals.tasks.processes = (totals.seen as u64).saturating_add(left_out);
        let Some(before) = self.before else {
            return totals;
        };
        // What parents were told of children, without what the census before had of these.
        let told_ns = totals.children_ns.wrapping_sub(before.children_ns);
        let known_ns = before.cpu_ns.wrapping_sub(self.met_ns);
        let ended_ns = (told_ns as i64).saturating_sub_unsigned(known_ns.min(i64::MAX as u64));
        let ended_ns = ended_ns.saturating_sub_unsigned(before.owed_ns);
        // A process may be met before its parent was told, and be gone for the next census, or the other way
        // round. Nobody tells of those for which nobody waits, so what is owed is not kept for ever.
        totals.owed_ns = if before.owed_ns == 0 {
            ended_ns.min(0).unsigned_abs()
        } else {
            0
        };
        let elapsed_ns = totals.mono_ns.saturating_sub(before.mono_ns);
        let most_ns = elapsed_ns.saturating_mul(cpus);
        let ended_ns = (ended_ns.max(0) as u64).min(most_ns);
        totals.tasks.ended_ns = before.tasks.ended_ns.saturating_add(ended_ns);
        totals
    }
}

/// Puts the tasks that are listed now into their places. Who was listed before keeps the place and since when
/// that was; others are listed since the census `before`, and take the place of one of the same name that has
/// gone, if there is one, so that the name stays. `read` makes the task of a process that is listed; none when it
/// is gone.
pub fn place(
    places: &mut [Task],
    rankings: &Rankings<'_>,
    before: Option<&Totals>,
    now: &Totals,
    mut read: impl FnMut(&Listed) -> Option<Task>,
) {
    let is_same = |place: &Task, listed: &Listed| {
        place.pid == listed.process.pid && place.start_boot_ns == listed.process.start_boot_ns
    };
    for place in places.iter_mut() {
        let listed = rankings.listed().find(|listed| is_same(place, listed));
        match listed.and_then(&mut read) {
            Some(task) => {
                *place = Task {
                    since_mono_ns: place.since_mono_ns,
                    since_cpu_ns: place.since_cpu_ns,
                    ..task
                };
            }
            // The rest shows whose place it was.
            None => place.pid = 0,
        }
    }
    for listed in rankings.listed() {
        if places.iter().any(|place| is_same(place, listed)) {
            continue;
        }
        let Some(task) = read(listed) else { continue };
        let find = |is_wanted: &dyn Fn(&Task) -> bool| {
            let is_free = |place: &Task| !place.is_there() && is_wanted(place);
            places.iter().position(is_free)
        };
        let at = find(&|place| place.comm == task.comm).or_else(|| find(&|_| true));
        let Some(place) = at.and_then(|at| places.get_mut(at)) else {
            break;
        };
        *place = Task {
            since_mono_ns: before.map_or(now.mono_ns, |before| before.mono_ns),
            since_cpu_ns: task.cpu_ns.saturating_sub(listed.used_ns),
            ..task
        };
    }
    for place in places.iter_mut().filter(|place| !place.is_there()) {
        *place = Task::default();
    }
}
