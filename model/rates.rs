// SPDX-License-Identifier: GPL-2.0-or-later

//! What happened between two records: shares of CPU time and rates.
//!
//! Counters are not trusted. Idle and iowait may step backwards (the kernel says so above
//! `get_cpu_idle_time_us()`), so every difference is clamped at zero, nothing wraps, and a share
//! is never outside 0 to 100 %.

use super::record::{Cpu, Record, Times};

/// Nanoseconds that were spent in each mode, up to 584 years of CPU time. Unlike in [`Times`], no
/// time is counted twice: `user` and `nice` exclude guests, and `guest` holds those of both kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// User programs of normal priority, without guests.
    pub user: u64,
    /// Niced user programs, without guests.
    pub nice: u64,
    /// The kernel, on behalf of a program or itself.
    pub system: u64,
    /// Nothing to do.
    pub idle: u64,
    /// Nothing to do but wait for a disk.
    pub iowait: u64,
    /// Hardware interrupts.
    pub irq: u64,
    /// Soft interrupts.
    pub softirq: u64,
    /// Taken by the hypervisor.
    pub steal: u64,
    /// Guests of this machine, niced or not.
    pub guest: u64,
}

impl Spent {
    /// The time spent from `before` to `after`.
    pub fn between(before: &Times, after: &Times) -> Self {
        let guest = after.guest.saturating_sub(before.guest);
        let guest_nice = after.guest_nice.saturating_sub(before.guest_nice);
        Self {
            user: after.user.saturating_sub(before.user).saturating_sub(guest),
            nice: after
                .nice
                .saturating_sub(before.nice)
                .saturating_sub(guest_nice),
            system: after.system.saturating_sub(before.system),
            idle: after.idle.saturating_sub(before.idle),
            iowait: after.iowait.saturating_sub(before.iowait),
            irq: after.irq.saturating_sub(before.irq),
            softirq: after.softirq.saturating_sub(before.softirq),
            steal: after.steal.saturating_sub(before.steal),
            guest: guest.saturating_add(guest_nice),
        }
    }

    /// Adds the time of another CPU.
    pub fn add(&mut self, other: &Self) {
        self.user = self.user.saturating_add(other.user);
        self.nice = self.nice.saturating_add(other.nice);
        self.system = self.system.saturating_add(other.system);
        self.idle = self.idle.saturating_add(other.idle);
        self.iowait = self.iowait.saturating_add(other.iowait);
        self.irq = self.irq.saturating_add(other.irq);
        self.softirq = self.softirq.saturating_add(other.softirq);
        self.steal = self.steal.saturating_add(other.steal);
        self.guest = self.guest.saturating_add(other.guest);
    }

    /// The time in all modes together.
    pub fn total(&self) -> u64 {
        [
            self.user,
            self.nice,
            self.system,
            self.idle,
            self.iowait,
            self.irq,
            self.softirq,
            self.steal,
            self.guest,
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }

    /// The share of each mode; none when no time has passed, since then there is no share.
    pub fn shares(&self) -> Option<Shares> {
        let whole = self.total();
        if whole == 0 {
            return None;
        }
        Some(Shares {
            user: share(self.user, whole),
            nice: share(self.nice, whole),
            system: share(self.system, whole),
            idle: share(self.idle, whole),
            iowait: share(self.iowait, whole),
            irq: share(self.irq, whole),
            softirq: share(self.softirq, whole),
            steal: share(self.steal, whole),
            guest: share(self.guest, whole),
        })
    }
}

/// A share of the whole in tenths of a percent, 0 to 1000.
pub type PerMille = u32;

/// The share of each mode; the modes are those of [`Spent`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// See [`Spent::user`].
    pub user: PerMille,
    /// See [`Spent::nice`].
    pub nice: PerMille,
    /// See [`Spent::system`].
    pub system: PerMille,
    /// See [`Spent::idle`].
    pub idle: PerMille,
    /// See [`Spent::iowait`].
    pub iowait: PerMille,
    /// See [`Spent::irq`].
    pub irq: PerMille,
    /// See [`Spent::softirq`].
    pub softirq: PerMille,
    /// See [`Spent::steal`].
    pub steal: PerMille,
    /// See [`Spent::guest`].
    pub guest: PerMille,
}

/// `part` of `whole` in tenths of a percent, rounded to the nearest; 0 when `whole` is 0. More than
/// the whole counts as the whole.
pub fn share(part: u64, whole: u64) -> PerMille {
    let part = part.min(whole);
    // Long times on many CPUs would overflow the product: drop low bits of both, which are worth
    // less than a billionth of the whole.
    let spare_bits: u32 = 12;
    let excess = spare_bits.saturating_sub(whole.leading_zeros());
    let (part, whole) = (part >> excess, whole >> excess);
    let scaled = part.saturating_mul(1000).saturating_add(whole / 2);
    let rounded = scaled.checked_div(whole).unwrap_or(0);
    u32::try_from(rounded).unwrap_or(1000)
}

/// What each CPU spent between two records, by ascending number.
///
/// A CPU counts when it was online in both records and in the same epoch: one that was offline in
/// between has no common base.
pub fn spent_per_cpu<'a>(
    before: Record<'a>,
    after: Record<'a>,
) -> impl Iterator<Item = (u32, Spent)> + 'a {
    let mut earlier = before.cpus().peekable();
    after.cpus().filter_map(move |now: Cpu| {
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

/// Nanoseconds of `CLOCK_MONOTONIC` between two records; 0 when they are out of order.
pub fn elapsed_ns(before: Record<'_>, after: Record<'_>) -> u64 {
    let (then, now) = (before.header().taken_mono_ns, after.header().taken_mono_ns);
    now.saturating_sub(then)
}

/// `grown` times `scale` per second, rounded to the nearest; 0 when no time has passed. A `scale`
/// of 100 gives hundredths.
pub fn rate(grown: u64, scale: u64, elapsed_ns: u64) -> u64 {
    // The products below must have room. Microseconds leave it for up to a day, and for a scale of
    // up to 100 and more; of a longer time nobody misses what is below a millisecond. Samples less
    // than a microsecond apart have no rate.
    const MICROSECONDS_BELOW: u64 = 1 << 46;
    let (elapsed, per_second) = if elapsed_ns < MICROSECONDS_BELOW {
        (elapsed_ns / 1_000, 1_000_000)
    } else {
        (elapsed_ns / 1_000_000, 1_000)
    };
    let scale = scale.saturating_mul(per_second);
    let (Some(whole), Some(rest)) = (grown.checked_div(elapsed), grown.checked_rem(elapsed)) else {
        return 0;
    };
    let of_rest = rest
        .saturating_mul(scale)
        .saturating_add(elapsed / 2)
        .checked_div(elapsed)
        .unwrap_or(0);
    whole.saturating_mul(scale).saturating_add(of_rest)
}

/// The share of `elapsed_ns` that `spent_ns` is, at most the whole.
pub fn share_of_time(spent_ns: u64, elapsed_ns: u64) -> PerMille {
    share(spent_ns.min(elapsed_ns), elapsed_ns)
}
