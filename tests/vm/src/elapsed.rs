// SPDX-License-Identifier: GPL-2.0

//! Rates against counts, without knowing when exactly a sample was taken.
//!
//! All the numbers of one line are over the same time. Each of them, together with the count that
//! it must come from, says which time that was; they are right when they all agree, and when it is
//! about an interval. So a count that is wrong by a few per cent shows, however late a sample is.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::{bail, ensure, Result};

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
        let shown = |hundredths: f64| format!("{:.2}/s", hundredths / 100.0);
        self.ratio(what, amount * 100.0, hundredths, u64::MAX, shown)
    }

    /// The share of the time that `seconds` are, as it is logged: in tenths of a per cent.
    pub fn share(&mut self, what: &str, seconds: f64, tenths: u32) -> Result<()> {
        let shown = |tenths: f64| format!("{:.1} %", tenths / 10.0);
        self.ratio(what, seconds * 1000.0, tenths.into(), 1000, shown)
    }

    /// What is logged at its `limit` may stand for anything above. `shown` is how the log has it.
    fn ratio(
        &mut self,
        what: &str,
        amount: f64,
        logged: u64,
        limit: u64,
        shown: fn(f64) -> String,
    ) -> Result<()> {
        // Floating-point numbers are only so exact.
        const BIT: f64 = 1e-9;
        if amount == 0.0 {
            ensure!(
                logged == 0,
                "{what} is {}, expected {}, since nothing was counted",
                shown(logged as f64),
                shown(0.0)
            );
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
            "{what} is {}, so over {least:.4} to {most:.4} s; expected {} to {}, since the rest \
             of the line is over {:.4} to {:.4} s",
            shown(logged as f64),
            shown((amount / self.high - 1.0).max(0.0)),
            shown((amount / self.low + 1.0).min(limit as f64)),
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

/// Parameters that switch all sources off except these, and except the load averages, by which a sample
/// that has its sources' lines is known here.
pub fn only(sources: &[&str]) -> String {
    module::only(&[sources, &["load"]].concat())
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
    let mut found = 0;
    for number in count..=most {
        let time = Duration::from_millis(interval_ms * (number + 1) as u64);
        let mut samples = module.wait(from, number, time)?;
        samples.retain(|sample| counts(sample));
        found = samples.len();
        if found >= count {
            return Ok(samples);
        }
    }
    bail!("{found} of {most} samples have the lines of the sources, expected {count} or more")
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
    let mut last = String::new();
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
        last = match <[Sample; 1]>::try_from(showing) {
            Ok([sample]) if are_answered => {
                return Ok(Window {
                    before,
                    after,
                    sample,
                    interval: Duration::from_millis(interval_ms),
                })
            }
            Ok(_) => "a sample was late".to_string(),
            Err(showing) => format!("the work shows in {} samples", showing.len()),
        };
        crate::report(&format!("# {last}: once more"));
        interval_ms *= 2;
        module::write("interval_ms", &interval_ms.to_string())?;
    }
    bail!("expected the work to show in just one sample, but in the last of {TRIES} tries {last}")
}

/// Takes the one of a sample's things that `wanted` tells.
pub fn one<'a, T: Debug>(
    things: &'a [T],
    what: &str,
    wanted: impl Fn(&T) -> bool,
) -> Result<&'a T> {
    let found: Vec<_> = things.iter().filter(|thing| wanted(thing)).collect();
    match found[..] {
        [one] => Ok(one),
        _ => bail!(
            "expected one {what}, found {found:?} among {}",
            things.len()
        ),
    }
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
        assert_eq!(
            elapsed.rate("c", 240.0, 20_003).unwrap_err().to_string(),
            "c is 200.03/s, so over 1.1998 to 1.1999 s; expected 199.98/s to 200.02/s, since the \
             rest of the line is over 1.1999 to 1.2001 s"
        );
        elapsed.share("d", 0.6, 500).unwrap();
        assert_eq!(
            elapsed.share("e", 0.6, 510).unwrap_err().to_string(),
            "e is 51.0 %, so over 1.1742 to 1.1788 s; expected 49.9 % to 50.1 %, since the rest \
             of the line is over 1.1999 to 1.2001 s"
        );
        elapsed.rate("nothing", 0.0, 0).unwrap();
        elapsed.rate("nothing", 0.0, 1).unwrap_err();
        elapsed.rate("something", 30.0, 0).unwrap_err();
    }

    #[test]
    fn the_time_must_be_about_an_interval() {
        second()
            .rate("less than half a second", 30.0, 6100)
            .unwrap_err();
        second().rate("two seconds", 30.0, 1500).unwrap_err();
        second().rate("a second", 30.0, 3000).unwrap();
    }

    #[test]
    fn a_share_is_never_above_all() {
        second().share("busy", 1.49, 1000).unwrap();
        second().share("busy", 0.4, 1000).unwrap_err();
    }

    #[test]
    fn one_is_neither_none_nor_two() {
        let is_two = |n: &u32| *n == 2;
        assert_eq!(*one(&[1, 2], "two", is_two).unwrap(), 2);
        one(&[1], "two", is_two).unwrap_err();
        one(&[2, 2], "two", is_two).unwrap_err();
    }
}
