// SPDX-License-Identifier: GPL-2.0

//! `sum …`, the one line of a sample.

use anyhow::{ensure, Context, Result};

use super::field::{any_tenths, fields, hundredths, number, tenths};

/// What is not known is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Brief {
    /// User, system, idle, iowait and steal, in tenths of a percent.
    pub shares: [u32; 5],
    pub used_kb: u64,
    pub available_kb: u64,
    pub swap_free_kb: u64,
    /// In hundredths.
    pub load: Option<u64>,
    pub running: Option<u64>,
    /// Of the CPUs, memory and I/O, in tenths of a percent.
    pub pressure: Option<[u32; 3]>,
    /// Read, written, received and sent, in tenths of a kB per second.
    pub flows: [Option<u64>; 4],
}

pub(super) fn brief(text: &str) -> Result<Brief> {
    let [user, system, idle, iowait, steal, used, available, swap_free, load, running, pressure, reads, writes, received, sent] =
        fields(
            text,
            [
                "user",
                "system",
                "idle",
                "iowait",
                "steal",
                "used",
                "avail",
                "swap_free",
                "load",
                "run",
                "psi",
                "rkB",
                "wkB",
                "rxkB",
                "txkB",
            ],
        )?;
    let mut shares = [0; 5];
    for (share, value) in shares.iter_mut().zip([user, system, idle, iowait, steal]) {
        *share = tenths(value)?;
    }
    let sum: u32 = shares.iter().sum();
    ensure!(
        sum == 1000,
        "the shares add up to {sum} tenths of a percent, expected 1000"
    );
    let mut flows = [None; 4];
    for (flow, value) in flows.iter_mut().zip([reads, writes, received, sent]) {
        *flow = known(value, |value| any_tenths(value, ""))?;
    }
    Ok(Brief {
        shares,
        used_kb: number(used, "kB")?,
        available_kb: number(available, "kB")?,
        swap_free_kb: number(swap_free, "kB")?,
        load: known(load, |value| hundredths(value, ""))?,
        running: known(running, |value| number(value, ""))?,
        pressure: known(pressure, three_shares)?,
        flows,
    })
}

/// A dash is a value that is not known.
fn known<T>(text: &str, parse: impl Fn(&str) -> Result<T>) -> Result<Option<T>> {
    (text != "-").then(|| parse(text)).transpose()
}

/// `20.0/0.1/40.0%`
fn three_shares(text: &str) -> Result<[u32; 3]> {
    let parts: Vec<&str> = text
        .strip_suffix('%')
        .with_context(|| format!("{text:?} has no % at its end"))?
        .split('/')
        .collect();
    let [cpu, memory, io] = parts[..] else {
        anyhow::bail!("{text:?} has {} parts, expected 3", parts.len());
    };
    let share = |text: &str| tenths(&format!("{text}%"));
    Ok([share(cpu)?, share(memory)?, share(io)?])
}

#[cfg(test)]
mod tests {
    use super::super::examples::{assert_bad, changed, parsed};
    use super::super::Line;
    use super::*;

    const BRIEF: &str =
        "sum user=12.3% system=7.4% idle=79.9% iowait=0.4% steal=0.0% used=77080kB \
                         avail=391556kB swap_free=0kB load=0.05 run=1 psi=0.1/0.0/2.0% rkB=2.0 \
                         wkB=20496.9 rxkB=- txkB=-";

    #[test]
    fn good_lines() {
        let expected = Brief {
            shares: [123, 74, 799, 4, 0],
            used_kb: 77080,
            available_kb: 391_556,
            swap_free_kb: 0,
            load: Some(5),
            running: Some(1),
            pressure: Some([1, 0, 20]),
            flows: [Some(20), Some(204_969), None, None],
        };
        assert_eq!(parsed(BRIEF).unwrap(), Line::Brief(expected));
    }

    #[test]
    fn bad_lines() {
        assert_bad([
            changed(BRIEF, "12.3%", "12.4%"),
            changed(BRIEF, "iowait=0.4% steal=0.0%", "steal=0.0% iowait=0.4%"),
            changed(BRIEF, "used=77080kB", "used=-"),
            changed(BRIEF, "load=0.05", "load=0.5"),
            changed(BRIEF, "psi=0.1/0.0/2.0%", "psi=0.1/0.0/2.0"),
            changed(BRIEF, "psi=0.1/0.0/2.0%", "psi=0.1/0.0%"),
            changed(BRIEF, "rkB=2.0", "rkB=2"),
            changed(BRIEF, " txkB=-", ""),
        ]);
    }
}
