// SPDX-License-Identifier: GPL-2.0

//! Parsers of what procfs says about the same counters.

use std::collections::BTreeMap;

use anyhow::{ensure, Context, Result};

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
            .map(|word| word.parse().with_context(|| format!("{line:?}")))
            .collect::<Result<Vec<u64>>>()?;
        let times = times
            .try_into()
            .ok()
            .with_context(|| format!("not ten times in {line:?}"))?;
        cpus.insert(cpu.parse().with_context(|| format!("{line:?}"))?, times);
    }
    ensure!(!cpus.is_empty(), "no CPU in /proc/stat");
    Ok(cpus)
}

/// Amounts in kB by name.
pub fn meminfo(text: &str) -> Result<BTreeMap<String, u64>> {
    let mut amounts = BTreeMap::new();
    for line in text.lines() {
        let (name, rest) = line.split_once(':').with_context(|| format!("{line:?}"))?;
        let amount = rest.trim().trim_end_matches(" kB").parse();
        amounts.insert(
            name.to_string(),
            amount.with_context(|| format!("{line:?}"))?,
        );
    }
    ensure!(!amounts.is_empty(), "/proc/meminfo is empty");
    Ok(amounts)
}

/// CPU lists such as `0-2,4`.
pub fn cpu_list(text: &str) -> Result<Vec<u32>> {
    let mut cpus = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let first: u32 = first
            .parse()
            .with_context(|| format!("CPU list {text:?}"))?;
        let last: u32 = last.parse().with_context(|| format!("CPU list {text:?}"))?;
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
    let line = lines.next().context("the list ends within a timer")?;
    let expiry = line
        .strip_prefix(" # expires at ")
        .and_then(|rest| rest.split_once('-'))
        .with_context(|| format!("{line:?}"))?;
    Ok(Some(expiry.0.parse().with_context(|| format!("{line:?}"))?))
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
        "no time passed between two readings of /proc/stat"
    );
    Ok(shares.map(|share| share as f64 * 100.0 / total as f64))
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
            assert!(stat(bad).is_err(), "{bad:?}");
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
        assert!(timer_expiry_ns(" #0: <0>, f, S:01\n # expires at x-1\n", "f").is_err());
        assert!(timer_expiry_ns(" #0: <0>, f, S:01\n", "f").is_err());
    }

    #[test]
    fn meminfo_amounts() {
        let amounts = meminfo("MemTotal:  2031616 kB\nHugePages_Total:       0\n").unwrap();
        assert_eq!(amounts["MemTotal"], 2_031_616);
        for bad in ["", "MemTotal 5 kB\n", "MemTotal: x kB\n"] {
            assert!(meminfo(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn lists_of_cpus() {
        assert_eq!(cpu_list("0-2,4\n").unwrap(), [0, 1, 2, 4]);
        assert_eq!(cpu_list("0\n").unwrap(), [0]);
        assert!(cpu_list("").is_err());
        assert!(cpu_list("0-").is_err());
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
        assert!(percentages([(&before, &before)].into_iter()).is_err());
    }
}
