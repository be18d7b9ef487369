// SPDX-License-Identifier: GPL-2.0

//! Parsers of what procfs says about the same counters.

use std::collections::BTreeMap;

use anyhow::{anyhow, ensure, Context, Result};

/// Per CPU: user nice system idle iowait irq softirq steal guest guest_nice, in USER_HZ ticks.
pub type Stat = BTreeMap<u32, [u64; 10]>;

/// The per-CPU lines of `/proc/stat`, which lists online CPUs only.
///
/// The first line, which sums them up, is left out because it counts offline CPUs too.
pub fn stat(text: &str) -> Result<Stat> {
    let mut cpus = Stat::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let Some(cpu) = words.next().and_then(|word| word.strip_prefix("cpu")) else {
            continue;
        };
        if cpu.is_empty() {
            continue;
        }
        let times = words
            .map(|word| {
                word.parse()
                    .with_context(|| format!("expected a number, found {word:?} in {line:?}"))
            })
            .collect::<Result<Vec<u64>>>()?;
        let times = times.try_into().map_err(|times: Vec<u64>| {
            anyhow!("expected ten times, found {} in {line:?}", times.len())
        })?;
        let cpu = cpu
            .parse()
            .with_context(|| format!("expected the number of a CPU, found {line:?}"))?;
        cpus.insert(cpu, times);
    }
    ensure!(
        !cpus.is_empty(),
        "expected a line of a CPU in /proc/stat, found {text:.200}"
    );
    Ok(cpus)
}

/// The load averages, in hundredths.
pub fn loadavg(text: &str) -> Result<[u64; 3]> {
    let mut words = text.split_ascii_whitespace();
    let mut hundredths = || -> Result<u64> {
        let word = words
            .next()
            .with_context(|| format!("expected three load averages, found {text:?}"))?;
        let unexpected = || format!("expected a load average with two decimals, found {word:?}");
        let (whole, part) = word.split_once('.').with_context(unexpected)?;
        ensure!(part.len() == 2, unexpected());
        let [whole, part] =
            [whole, part].map(|digits| digits.parse::<u64>().with_context(unexpected));
        Ok(whole? * 100 + part?)
    };
    Ok([hundredths()?, hundredths()?, hundredths()?])
}

/// The first number of a line of `/proc/stat`, such as `intr`: the sum of the others.
pub fn stat_sum(text: &str, name: &str) -> Result<u64> {
    let mut words = text
        .lines()
        .map(str::split_ascii_whitespace)
        .find_map(|mut words| (words.next() == Some(name)).then_some(words))
        .with_context(|| format!("expected {name} in /proc/stat, found {text:.200}"))?;
    let sum = words
        .next()
        .with_context(|| format!("expected a number after {name}, found the end of its line"))?;
    sum.parse()
        .with_context(|| format!("expected a number after {name}, found {sum:?}"))
}

/// One of the counters of `/proc/vmstat`.
pub fn vmstat(text: &str, name: &str) -> Result<u64> {
    let value = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find_map(|(key, value)| (key == name).then_some(value))
        .with_context(|| format!("expected {name} in /proc/vmstat, found {text:.200}"))?;
    value
        .parse()
        .with_context(|| format!("expected a number after {name}, found {value:?}"))
}

/// For how long `some` or all (`full`) tasks were held up since boot, in microseconds, from a file
/// of `/proc/pressure`.
pub fn pressure_us(text: &str, whose: &str) -> Result<u64> {
    let total = text
        .lines()
        .filter(|line| line.split(' ').next() == Some(whose))
        .find_map(|line| line.split(' ').find_map(|word| word.strip_prefix("total=")))
        .with_context(|| format!("no total of {whose} in {text:?}"))?;
    total
        .parse()
        .with_context(|| format!("expected microseconds as the total of {whose}, found {total:?}"))
}

/// Amounts in kB by name.
pub fn meminfo(text: &str) -> Result<BTreeMap<String, u64>> {
    let mut amounts = BTreeMap::new();
    for line in text.lines() {
        let unexpected = || format!("expected a name and an amount, found {line:?}");
        let (name, rest) = line.split_once(':').with_context(unexpected)?;
        let amount = rest.trim().trim_end_matches(" kB").parse();
        amounts.insert(name.to_string(), amount.with_context(unexpected)?);
    }
    ensure!(
        !amounts.is_empty(),
        "/proc/meminfo is empty, expected amounts"
    );
    Ok(amounts)
}

/// CPU lists such as `0-2,4`.
pub fn cpu_list(text: &str) -> Result<Vec<u32>> {
    let mut cpus = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let unexpected = || format!("expected a CPU list such as 0-2,4, found {text:?}");
        let first: u32 = first.parse().with_context(unexpected)?;
        let last: u32 = last.parse().with_context(unexpected)?;
        cpus.extend(first..=last);
    }
    Ok(cpus)
}

/// When the timer whose callback's name ends with `function` expires, from `/proc/timer_list`.
pub fn timer_expiry_ns(list: &str, function: &str) -> Result<Option<u64>> {
    // ` #3: <address>, callback [module], S:01`, and ` # expires at 5-5 nsecs [in …]` below.
    let mut lines = list.lines();
    let wanted = |line: &str| line.starts_with(" #") && line.contains(&format!("{function}, S:"));
    if !lines.any(wanted) {
        return Ok(None);
    }
    let line = lines.next().with_context(|| {
        format!("expected the expiry of {function}'s timer, found the end of the list")
    })?;
    let unexpected = || format!("expected the expiry of {function}'s timer, found {line:?}");
    let expiry = line
        .strip_prefix(" # expires at ")
        .and_then(|rest| rest.split_once('-'))
        .with_context(unexpected)?;
    Ok(Some(expiry.0.parse().with_context(unexpected)?))
}

/// The per cent of time between two readings, in the order and by the definitions of the log:
/// user nice system idle iowait irq softirq steal guest, user and nice without guest time.
pub fn percentages<'a>(
    pairs: impl Iterator<Item = (&'a [u64; 10], &'a [u64; 10])>,
) -> Result<[f64; 9]> {
    let mut sums = [0; 10];
    for (before, after) in pairs {
        for ((sum, before), after) in sums.iter_mut().zip(before).zip(after) {
            *sum += after.saturating_sub(*before);
        }
    }
    let [user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice] = sums;
    let shares = [
        user.saturating_sub(guest),
        nice.saturating_sub(guest_nice),
        system,
        idle,
        iowait,
        irq,
        softirq,
        steal,
        guest + guest_nice,
    ];
    let total: u64 = shares.iter().sum();
    ensure!(
        total > 0,
        "0 ticks were counted between two readings of /proc/stat, expected more"
    );
    Ok(shares.map(|share| share as f64 * 100.0 / total as f64))
}

/// The fields of `/proc/PID/stat`.
pub struct StatFields<'a> {
    pub comm: &'a str,
    /// From the third one on.
    rest: Vec<&'a str>,
}

impl StatFields<'_> {
    /// A field by its number in proc(5), from 4 on.
    pub fn number(&self, number: usize) -> Result<u64> {
        let field = number.checked_sub(3).and_then(|at| self.rest.get(at));
        let field = field.with_context(|| format!("no field {number}"))?;
        field.parse().with_context(|| format!("field {number}"))
    }
}

/// The name may have blanks and parentheses.
pub fn stat_fields(text: &str) -> Result<StatFields<'_>> {
    let (start, rest) = text.rsplit_once(')').context("no name")?;
    let (_, comm) = start.split_once('(').context("no name")?;
    Ok(StatFields {
        comm,
        rest: rest.split_whitespace().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_lists_the_online_cpus() {
        let cpus = stat("cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 4 5 6 7 8 9 10\ncpu2 1 0 0 0 0 0 0 0 0 0\nintr 5 6\n").unwrap();
        assert_eq!(cpus.keys().copied().collect::<Vec<_>>(), [0, 2]);
        assert_eq!(cpus[&0], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        for bad in [
            "",
            "cpu  1 2\n",
            "cpu0 1 2 3\n",
            "cpu0 1 2 3 4 5 6 7 8 9 x\n",
            "cpux 1 2 3 4 5 6 7 8 9 10\n",
        ] {
            let found = stat(bad);
            assert!(found.is_err(), "{bad:?} gives {found:?}, expected an error");
        }
    }

    #[test]
    fn timer_expiry_of_one_function() {
        let list = "active timers:\n\
             #0: <0000000012345678>, tick_nohz_handler, S:01\n\
             # expires at 111-111 nsecs [in 5 to 5 nsecs]\n\
             #1: <0000000012345679>, _RNvrun [a_module], S:01\n\
             # expires at 222-333 nsecs [in 6 to 6 nsecs]\n"
            .replace("\n#", "\n #");
        let expiry = |function| timer_expiry_ns(&list, function);
        assert_eq!(expiry("[a_module]").unwrap(), Some(222));
        assert_eq!(expiry("tick_nohz_handler").unwrap(), Some(111));
        assert_eq!(expiry("[another]").unwrap(), None);
        timer_expiry_ns(" #0: <0>, f, S:01\n # expires at x-1\n", "f").unwrap_err();
        timer_expiry_ns(" #0: <0>, f, S:01\n", "f").unwrap_err();
    }

    #[test]
    fn load_averages() {
        assert_eq!(
            loadavg("0.52 12.08 0.40 1/90 55\n").unwrap(),
            [52, 1208, 40]
        );
        for bad in [
            "",
            "0.52 0.48",
            "0.5 0.48 0.40",
            "0.52 0.48 0,40",
            "x.52 0 0",
        ] {
            let found = loadavg(bad);
            assert!(found.is_err(), "{bad:?} gives {found:?}, expected an error");
        }
    }

    #[test]
    fn sums_and_counters() {
        let stat = "cpu0 1 2\nintr 55 1 0 3\nctxt 4\nsoftirq 7 0 1\n";
        assert_eq!(stat_sum(stat, "intr").unwrap(), 55);
        assert_eq!(stat_sum(stat, "softirq").unwrap(), 7);
        stat_sum(stat, "soft").unwrap_err();
        stat_sum("intr\n", "intr").unwrap_err();
        let counters = "pgfault 5\npgfault_x 6\noom_kill x\n";
        assert_eq!(vmstat(counters, "pgfault").unwrap(), 5);
        vmstat(counters, "pg").unwrap_err();
        vmstat(counters, "oom_kill").unwrap_err();
    }

    #[test]
    fn totals_of_pressure() {
        let text = "some avg10=0.00 avg60=0.00 avg300=0.00 total=123\n\
                    full avg10=0.00 avg60=0.00 avg300=0.00 total=45\n";
        assert_eq!(pressure_us(text, "some").unwrap(), 123);
        assert_eq!(pressure_us(text, "full").unwrap(), 45);
        pressure_us(text, "so").unwrap_err();
        pressure_us("", "some").unwrap_err();
    }

    #[test]
    fn meminfo_amounts() {
        let amounts = meminfo("MemTotal:  2031616 kB\nHugePages_Total:       0\n").unwrap();
        assert_eq!(amounts["MemTotal"], 2_031_616);
        for bad in ["", "MemTotal 5 kB\n", "MemTotal: x kB\n"] {
            let found = meminfo(bad);
            assert!(found.is_err(), "{bad:?} gives {found:?}, expected an error");
        }
    }

    #[test]
    fn lists_of_cpus() {
        assert_eq!(cpu_list("0-2,4\n").unwrap(), [0, 1, 2, 4]);
        assert_eq!(cpu_list("0\n").unwrap(), [0]);
        cpu_list("").unwrap_err();
        cpu_list("0-").unwrap_err();
    }

    #[test]
    fn guest_time_is_counted_once() {
        let before = [0; 10];
        let after = [30, 20, 10, 40, 0, 0, 0, 0, 10, 5];
        let shares = percentages([(&before, &after)].into_iter()).unwrap();
        assert_eq!(shares, [20.0, 15.0, 10.0, 40.0, 0.0, 0.0, 0.0, 0.0, 15.0]);
        // Counters that went backwards count as no time.
        let shares = percentages(
            [(
                &[0, 0, 0, 9, 9, 0, 0, 0, 0, 0],
                &[0, 0, 5, 9, 4, 0, 0, 0, 0, 0],
            )]
            .into_iter(),
        )
        .unwrap();
        assert_eq!(shares[2], 100.0);
        percentages([(&before, &before)].into_iter()).unwrap_err();
    }
}
