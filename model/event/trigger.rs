// SPDX-License-Identifier: GPL-2.0-or-later

//! What makes an event: each trigger once, with its name, its unit and what holds unless it is changed.

use super::super::line::Line;

/// What a value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Tenths of a percent.
    PerMille,
    /// A number of things.
    Count,
    /// Nanoseconds.
    Nanoseconds,
}

impl Unit {
    /// Adds a value to a line: `41.0%`, `17`, or `2.0s`.
    pub fn log(self, value: u64, line: &mut Line) {
        const TENTH_NS: u64 = 100_000_000;
        match self {
            Self::PerMille => line.tenths(value).text("%"),
            Self::Count => line.number(value),
            Self::Nanoseconds => line
                .tenths(value.saturating_add(TENTH_NS / 2) / TENTH_NS)
                .text("s"),
        };
    }
}

/// Which values are bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// Those of the threshold and above it.
    High,
    /// Those below the threshold.
    Low,
}

/// The largest value of triggers whose low values are bad.
pub(super) const MAX_LOW: u64 = 1000;

impl Bad {
    /// Whether an event can begin with this value.
    pub fn is(self, value: u64, limit: u64) -> bool {
        match self {
            Self::High => value >= limit,
            Self::Low => value < limit,
        }
    }

    /// Whether an event can end with this value: beyond the threshold by a third of the way. Where that is more than
    /// can be, half of what is left counts.
    pub(super) fn is_over(self, value: u64, limit: u64) -> bool {
        match self {
            Self::High => value.saturating_mul(4) < limit.saturating_mul(3),
            Self::Low => {
                let third = limit.saturating_mul(4) / 3;
                value > third.min(limit.saturating_add(MAX_LOW) / 2)
            }
        }
    }
}

/// What makes an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its name in the parameter, in the log, and everywhere else.
    pub name: &'static str,
    /// The unit of its values.
    pub unit: Unit,
    /// Which values are bad.
    pub bad: Bad,
    /// The threshold, unless another one is set; that of [`Trigger::RunQueue`] is for each CPU.
    pub limit: u64,
    /// How long it has to last, unless that is set, in seconds.
    pub for_s: u64,
    /// Whether the machine may be dying: then the log has all lines, and samples are taken faster.
    pub is_severe: bool,
    /// What it means, as the end of a sentence that begins with an amount.
    pub meaning: &'static str,
}

/// Makes [`Trigger`] of the list of them.
macro_rules! triggers {
    ($($trigger:ident = $number:literal $name:literal $unit:ident $bad:ident $limit:literal for $for_s:literal s,
        $severity:ident, $meaning:literal;)*) => {
        /// What makes an event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Trigger {
            $(
                #[doc = $meaning]
                $trigger = $number,
            )*
        }

        impl Trigger {
            /// All of them, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$trigger),*];

            /// The one of a number.
            pub fn of_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$trigger),)*
                    _ => None,
                }
            }

            /// Its place in [`Self::ALL`].
            pub const fn index(self) -> usize {
                // The numbers begin at 1, and are in order.
                (self as usize).wrapping_sub(1)
            }

            /// A bit of its own.
            pub(super) const fn bit(self) -> u32 {
                1u32.wrapping_shl(self.index() as u32)
            }

            /// What it is.
            pub const fn description(self) -> Description {
                match self {
                    $(Self::$trigger => Description {
                        name: $name,
                        unit: Unit::$unit,
                        bad: Bad::$bad,
                        limit: $limit,
                        for_s: $for_s,
                        is_severe: Severity::$severity.is_severe(),
                        meaning: $meaning,
                    },)*
                }
            }
        }
    };
}

/// What the log makes of an event.
#[derive(Clone, Copy)]
enum Severity {
    /// A line at its begin and one at its end.
    Notable,
    /// All lines, and more samples.
    Severe,
}

impl Severity {
    const fn is_severe(self) -> bool {
        matches!(self, Self::Severe)
    }
}

triggers! {
    OomKill = 1 "oom_kill" Count High 1 for 0 s, Severe, "processes that the kernel killed as memory ran out";
    MemoryFull = 2 "mem_full" PerMille High 100 for 2 s, Severe, "of the time in which all tasks waited for memory";
    MemorySome = 3 "mem_some" PerMille High 400 for 10 s, Severe, "of the time in which some tasks waited for memory";
    MemoryAvailable = 4 "mem_avail" PerMille Low 50 for 0 s, Severe, "of the memory available";
    MemoryFalling = 5 "mem_falling" Count Low 3 for 0 s, Severe, "intervals until no memory is available, at the rate of the last three";
    IoFull = 6 "io_full" PerMille High 500 for 10 s, Severe, "of the time in which all tasks waited for I/O";
    CpuSome = 7 "cpu_some" PerMille High 800 for 30 s, Notable, "of the time in which some tasks waited for a CPU";
    Steal = 8 "steal" PerMille High 200 for 10 s, Notable, "of the time of all CPUs taken by the hypervisor";
    RunQueue = 9 "run_queue" Count High 4 for 10 s, Notable, "tasks that run or wait for a CPU";
    FsFull = 10 "fs_full" PerMille High 950 for 0 s, Notable, "of a watched file system used, as df shows it";
    FsStuck = 11 "fs_stuck" Nanoseconds High 30_000_000_000 for 0 s, Notable, "for which a watched file system has not answered";
    DiskStuck = 12 "disk_stuck" Nanoseconds High 10_000_000_000 for 0 s, Notable, "for which a disk has had requests and completed none";
    Late = 13 "late" PerMille High 100 for 0 s, Notable, "of the samples of a minute late or missed";
    Test = 14 "test" Count High 1 for 0 s, Notable, "event that a program asked for";
}
