// SPDX-License-Identifier: GPL-2.0

//! Rates against counts, without knowing when exactly a sample was taken.
//!
//! All the numbers of one line are over the same time. Each of them, together with the count that
//! it must come from, says which time that was; they are right when they all agree, and when it is
//! about an interval. So a count that is wrong by a few per cent shows, however late a sample is.

use std::time::Duration;

use anyhow::{bail, ensure, Context, Result};

use crate::cases::{sleep_ms, Guest, LATE};
use crate::kmsg::Mark;
use crate::lines::{FsState, Part, Sample};
use crate::module::{self, Module};

/// The seconds that may lie between the two readings that a line comes from.
#[derive(Debug, Clone, Copy)]
pub struct Elapsed {
    low: f64,
    high: f64,
}

impl Elapsed {
    /// About an interval: each of the two samples may have been late.
    pub fn around(interval: Duration) -> Elapsed {
        let late = LATE.max(interval / 2);
        Elapsed {
            low: (interval / 4)
                .max(interval.saturating_sub(late))
                .as_secs_f64(),
            high: (interval + late).as_secs_f64(),
        }
    }

    /// `amount` per second, as it is logged: in hundredths, give or take one.
    pub fn rate(&mut self, what: &str, amount: f64, hundredths: u64) -> Result<()> {
        self.ratio(what, amount * 100.0, hundredths, u64::MAX)
    }

    /// The share of the time that `seconds` are, as it is logged: in tenths of a per cent.
    pub fn share(&mut self, what: &str, seconds: f64, tenths: u32) -> Result<()> {
        self.ratio(what, seconds * 1000.0, tenths.into(), 1000)
    }

    /// What is logged at its `limit` may stand for anything above.
    fn ratio(&mut self, what: &str, amount: f64, logged: u64, limit: u64) -> Result<()> {
        // Floating-point numbers are only so exact.
        const BIT: f64 = 1e-9;
        if amount == 0.0 {
            ensure!(logged == 0, "{what} is {logged} of the last digit, not 0");
            return Ok(());
        }
        let least = match logged {
            logged if logged >= limit => 0.0,
            logged => amount / (logged + 1) as f64 * (1.0 - BIT),
        };
        let most = match logged {
            0 | 1 => f64::INFINITY,
            logged => amount / (logged - 1) as f64 * (1.0 + BIT),
        };
        let narrowed = Elapsed {
            low: self.low.max(least),
            high: self.high.min(most),
        };
        ensure!(
            narrowed.low <= narrowed.high,
            "{what} is {logged} of the last digit, so over {least:.4} to {most:.4} s, \
             but the rest of the line is over {:.4} to {:.4} s",
            self.low,
            self.high
        );
        *self = narrowed;
        Ok(())
    }
}

/// How many times longer everything may take here than on a stock kernel.
pub fn slowness(guest: &Guest) -> u32 {
    if guest.is_debug() {
        3
    } else {
        1
    }
}

/// Whether the sources have lines in a sample. When it is late, the module logs the CPUs and the
/// memory of all samples, but samples the sources only once. The source `load` is always there, so it
/// must be on.
fn is_whole(sample: &Sample) -> bool {
    matches!(sample.load, Part::Taken(_))
}

/// Whether none of them is stale, as it may be for once on a machine that is busy.
fn is_answered(sample: &Sample) -> bool {
    is_whole(sample)
        && sample.disks != Part::Stale
        && sample.nets != Part::Stale
        && sample.fs.iter().all(|line| line.state != FsState::Stale)
}

/// Waits for `count` samples that have lines of the sources.
pub fn wait(
    module: &Module<'_>,
    from: Mark,
    count: usize,
    interval_ms: u64,
) -> Result<Vec<Sample>> {
    wait_for(module, from, count, interval_ms, is_whole)
}

/// Waits for `count` samples that have lines of the sources, none of which is stale.
pub fn wait_answered(
    module: &Module<'_>,
    from: Mark,
    count: usize,
    interval_ms: u64,
) -> Result<Vec<Sample>> {
    wait_for(module, from, count, interval_ms, is_answered)
}

fn wait_for(
    module: &Module<'_>,
    from: Mark,
    count: usize,
    interval_ms: u64,
    counts: impl Fn(&Sample) -> bool,
) -> Result<Vec<Sample>> {
    let most = 3 * count + 3;
    for number in count..=most {
        let time = Duration::from_millis(interval_ms * (number + 1) as u64);
        let mut samples = module.wait(from, number, time)?;
        samples.retain(|sample| counts(sample));
        if samples.len() >= count {
            return Ok(samples);
        }
    }
    bail!("not even {count} of {most} samples have the lines of the sources")
}

/// What was counted before and after the work, and the one sample that shows all of it.
pub struct Window<T> {
    pub before: T,
    pub after: T,
    pub sample: Sample,
    /// The interval of the samples.
    pub interval: Duration,
}

/// Lets `work` happen between two samples. `read` reads the counters, and `shows` tells whether
/// something was going on in a sample; nothing may go on before and after the work.
///
/// As the samples have a thread of their own, and this one may be kept from running, it takes
/// another try, with a longer interval, when the work shows in more than one sample.
pub fn between_samples<T>(
    guest: &Guest,
    module: &Module<'_>,
    mut interval_ms: u64,
    mut read: impl FnMut() -> Result<T>,
    mut work: impl FnMut() -> Result<()>,
    shows: impl Fn(&Sample) -> Result<bool>,
) -> Result<Window<T>> {
    const TRIES: u32 = 6;
    module::write("interval_ms", &interval_ms.to_string())?;
    for _ in 0..TRIES {
        let time = Duration::from_millis(2 * interval_ms);
        let start = guest.log.mark("before the work")?;
        // What follows soon after a sample has begun is over before the next one.
        module.wait_begun(start, 1, time)?;
        sleep_ms(interval_ms / 8);
        let before = read()?;
        work()?;
        let after = read()?;
        let end = guest.log.mark("after the work")?;
        module.wait(end, 2, 2 * time)?;
        let samples = module.wait(start, 1, time)?;
        let are_answered = samples.iter().all(is_answered);
        let mut showing = Vec::new();
        for sample in samples.into_iter().filter(is_answered) {
            if shows(&sample)? {
                showing.push(sample);
            }
        }
        match <[Sample; 1]>::try_from(showing) {
            Ok([sample]) if are_answered => {
                return Ok(Window {
                    before,
                    after,
                    sample,
                    interval: Duration::from_millis(interval_ms),
                })
            }
            Ok(_) => crate::report("# a sample was late: once more"),
            Err(showing) => crate::report(&format!(
                "# the work shows in {} samples: once more",
                showing.len()
            )),
        }
        interval_ms *= 2;
        module::write("interval_ms", &interval_ms.to_string())?;
    }
    bail!("in {TRIES} tries the work never showed in just one sample")
}

/// Takes the one of a sample's things that `wanted` tells.
pub fn one<'a, T>(things: &'a [T], what: &str, wanted: impl Fn(&T) -> bool) -> Result<&'a T> {
    let mut found = things.iter().filter(|thing| wanted(thing));
    let first = found.next().with_context(|| format!("no {what}"))?;
    ensure!(found.next().is_none(), "more than one {what}");
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second() -> Elapsed {
        Elapsed::around(Duration::from_secs(1))
    }

    #[test]
    fn numbers_of_a_line_must_agree() {
        let mut elapsed = second();
        // 30 and 240 in 1.2 s.
        elapsed.rate("a", 30.0, 2500).unwrap();
        elapsed.rate("b", 240.0, 20_000).unwrap();
        assert!(elapsed.rate("c", 240.0, 20_003).is_err());
        elapsed.share("d", 0.6, 500).unwrap();
        assert!(elapsed.share("e", 0.6, 510).is_err());
        elapsed.rate("nothing", 0.0, 0).unwrap();
        assert!(elapsed.rate("nothing", 0.0, 1).is_err());
        assert!(elapsed.rate("something", 30.0, 0).is_err());
    }

    #[test]
    fn the_time_must_be_about_an_interval() {
        assert!(second()
            .rate("less than half a second", 30.0, 6100)
            .is_err());
        assert!(second().rate("two seconds", 30.0, 1500).is_err());
        assert!(second().rate("a second", 30.0, 3000).is_ok());
    }

    #[test]
    fn a_share_is_never_above_all() {
        assert!(second().share("busy", 1.49, 1000).is_ok());
        assert!(second().share("busy", 0.4, 1000).is_err());
    }

    #[test]
    fn one_is_neither_none_nor_two() {
        let is_two = |n: &u32| *n == 2;
        assert_eq!(*one(&[1, 2], "two", is_two).unwrap(), 2);
        assert!(one(&[1], "two", is_two).is_err());
        assert!(one(&[2, 2], "two", is_two).is_err());
    }
}
