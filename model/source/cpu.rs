// SPDX-License-Identifier: GPL-2.0-or-later

//! What the CPUs spend their time on.
//!
//! Counters are not trusted. Idle and iowait may step backwards (the kernel says so above
//! `get_cpu_idle_time_us()`), so every difference is clamped at zero.

use super::super::line::Lines;
use super::super::rates::{share, PerMille};
use super::super::record::{Content, Record, Section};
use super::super::words::{self, words};

words! {
    /// Time that a CPU has spent in each mode since boot, in nanoseconds.
    ///
    /// As in the kernel, `user` includes `guest` and `nice` includes `guest_nice`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Times: "resource_monitor_times" {
        /// `CPUTIME_USER`.
        pub user: u64,
        /// `CPUTIME_NICE`.
        pub nice: u64,
        /// `CPUTIME_SYSTEM`.
        pub system: u64,
        /// `CPUTIME_SOFTIRQ`.
        pub softirq: u64,
        /// `CPUTIME_IRQ`.
        pub irq: u64,
        /// `CPUTIME_IDLE`.
        pub idle: u64,
        /// `CPUTIME_IOWAIT`.
        pub iowait: u64,
        /// `CPUTIME_STEAL`.
        pub steal: u64,
        /// `CPUTIME_GUEST`.
        pub guest: u64,
        /// `CPUTIME_GUEST_NICE`.
        pub guest_nice: u64,
    }
}

words! {
    /// The counters of one online CPU.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Cpu: "resource_monitor_cpu", kind 2 "cpu" "CPUS" {
        /// The CPU's number.
        pub id: u32,
        /// Changes when the CPU has gone offline: counters of two epochs are not comparable.
        pub epoch: u32,
        /// Time in each mode.
        pub times: Times,
    }
}

/// How many CPUs were online.
pub fn count(record: Record<'_>) -> usize {
    let counts = record.sections().map(|section| section.count::<Cpu>());
    counts.fold(0, usize::saturating_add)
}

/// The online CPUs, by ascending number. They are in one section.
pub fn online(record: Record<'_>) -> impl Iterator<Item = Cpu> + '_ {
    let mut sections = record.sections();
    let section = sections.find(|section| section.header().kind == Cpu::KIND);
    section.unwrap_or_default().entries()
}

/// The word of a [`Cpu`] that has the time stolen from it.
const STEAL_AT: usize = 9;

/// The time stolen from the CPUs of a section together, in nanoseconds.
pub fn steal_ns(section: &Section<'_>) -> u64 {
    let words = section.column::<Cpu>(STEAL_AT);
    words.fold(0, u64::saturating_add)
}

/// What a CPU can do. Unlike in [`Times`], none contains another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// User programs of normal priority, without guests.
    User,
    /// Niced user programs, without guests.
    Nice,
    /// The kernel, on behalf of a program or itself.
    System,
    /// Nothing to do.
    Idle,
    /// Nothing to do but wait for a disk.
    Iowait,
    /// Hardware interrupts.
    Irq,
    /// Soft interrupts.
    Softirq,
    /// Taken by the hypervisor.
    Steal,
    /// Guests of this machine, niced or not.
    Guest,
}

/// Number of modes.
const MODES: usize = Mode::ALL.len();

impl Mode {
    /// All modes, in the order of their numbers and of the log.
    pub const ALL: [Self; 9] = [
        Self::User,
        Self::Nice,
        Self::System,
        Self::Idle,
        Self::Iowait,
        Self::Irq,
        Self::Softirq,
        Self::Steal,
        Self::Guest,
    ];

    /// Its name, as in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Nice => "nice",
            Self::System => "system",
            Self::Idle => "idle",
            Self::Iowait => "iowait",
            Self::Irq => "irq",
            Self::Softirq => "softirq",
            Self::Steal => "steal",
            Self::Guest => "guest",
        }
    }
}

/// Nanoseconds that were spent in each mode, up to 584 years of CPU time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent([u64; MODES]);

impl Spent {
    /// The time spent from `before` to `after`.
    pub fn between(before: &Times, after: &Times) -> Self {
        let grown = |then: u64, now: u64| now.saturating_sub(then);
        let guest = grown(before.guest, after.guest);
        let guest_nice = grown(before.guest_nice, after.guest_nice);
        // In the order of `Mode::ALL`.
        Self([
            grown(before.user, after.user).saturating_sub(guest),
            grown(before.nice, after.nice).saturating_sub(guest_nice),
            grown(before.system, after.system),
            grown(before.idle, after.idle),
            grown(before.iowait, after.iowait),
            grown(before.irq, after.irq),
            grown(before.softirq, after.softirq),
            grown(before.steal, after.steal),
            guest.saturating_add(guest_nice),
        ])
    }

    /// The time that was spent in `mode`.
    pub fn of(&self, mode: Mode) -> u64 {
        self.0.get(mode as usize).copied().unwrap_or_default()
    }

    /// Adds the time of another CPU.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(more);
        }
    }

    /// The time in all modes together.
    pub fn total(&self) -> u64 {
        self.0.into_iter().fold(0, u64::saturating_add)
    }

    /// The share of each mode; none when no time has passed, since then there is no share.
    pub fn shares(&self) -> Option<Shares> {
        let whole = self.total();
        (whole != 0).then(|| Shares(self.0.map(|part| share(part, whole))))
    }
}

impl From<[u64; MODES]> for Spent {
    /// Takes the times in the order of [`Mode::ALL`].
    fn from(times: [u64; MODES]) -> Self {
        Self(times)
    }
}

/// The share of each mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares([PerMille; MODES]);

impl Shares {
    /// The share of `mode`.
    #[inline(always)]
    pub fn of(&self, mode: Mode) -> PerMille {
        self.0.get(mode as usize).copied().unwrap_or_default()
    }
}

impl From<[PerMille; MODES]> for Shares {
    /// Takes the shares in the order of [`Mode::ALL`].
    fn from(shares: [PerMille; MODES]) -> Self {
        Self(shares)
    }
}

/// What each CPU spent between two records, by ascending number.
///
/// A CPU counts when it was online in both records and in the same epoch: one that was offline in
/// between has no common base.
pub fn spent_per_cpu<'a>(
    before: Record<'a>,
    after: Record<'a>,
) -> impl Iterator<Item = (u32, Spent)> + 'a {
    let mut earlier = online(before).peekable();
    online(after).filter_map(move |now: Cpu| {
        while earlier.next_if(|then| then.id < now.id).is_some() {}
        let then = earlier.next_if(|then| then.id == now.id)?;
        (then.epoch == now.epoch).then(|| (now.id, Spent::between(&then.times, &now.times)))
    })
}

/// What all CPUs have spent between two records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Together {
    /// The sum over the CPUs.
    pub spent: Spent,
    /// Whether each CPU has spent any time. One that has not was not looked at by the kernel in
    /// between.
    pub every_cpu_counted: bool,
}

impl Together {
    /// Whether what was spent in `elapsed_ns` is known. The kernel counts a busy CPU's time when its tick comes. A
    /// CPU whose tick has stopped for good is not waited for.
    pub fn is_counted(&self, elapsed_ns: u64) -> bool {
        const LONG_NS: u64 = 1_000_000_000;
        self.every_cpu_counted || elapsed_ns >= LONG_NS
    }
}

/// The sum of [`spent_per_cpu`].
pub fn spent_together(before: Record<'_>, after: Record<'_>) -> Together {
    let mut together = Together {
        spent: Spent::default(),
        every_cpu_counted: true,
    };
    for (_, spent) in spent_per_cpu(before, after) {
        together.spent.add(&spent);
        together.every_cpu_counted &= spent.total() != 0;
    }
    together
}

/// Whose CPU time a line shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// All online CPUs together.
    All,
    /// One CPU.
    Cpu(u32),
}

/// `cpu=all user=12.3% nice=…`
pub fn log(whose: Whose, shares: &Shares, lines: &mut Lines<'_>) {
    lines.line(|line| {
        match whose {
            Whose::All => line.text("cpu=all"),
            Whose::Cpu(id) => line.text("cpu=").number(u64::from(id)),
        }
        .percent(" user=", shares.of(Mode::User))
        .percent(" nice=", shares.of(Mode::Nice))
        .percent(" system=", shares.of(Mode::System))
        .percent(" idle=", shares.of(Mode::Idle))
        .percent(" iowait=", shares.of(Mode::Iowait))
        .percent(" irq=", shares.of(Mode::Irq))
        .percent(" softirq=", shares.of(Mode::Softirq))
        .percent(" steal=", shares.of(Mode::Steal))
        .percent(" guest=", shares.of(Mode::Guest))
    });
}
