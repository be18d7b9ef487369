// SPDX-License-Identifier: GPL-2.0

//! `vm …`.

use anyhow::Result;

use super::field::{fields, hundredths, number};

/// The `vm` line. Rates are in hundredths per second, or of a kB per second.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    pub faults: u64,
    pub majfaults: u64,
    pub pgin: u64,
    pub pgout: u64,
    pub irqs: u64,
    pub softirqs: u64,
    pub oom_kills: u64,
}

pub(super) fn activity(text: &str) -> Result<Activity> {
    let [faults, majfaults, pgin, pgout, irqs, softirqs, oom_kills] = fields(
        text,
        [
            "faults",
            "majfaults",
            "pgin",
            "pgout",
            "irqs",
            "softirqs",
            "oom_kills",
        ],
    )?;
    Ok(Activity {
        faults: hundredths(faults, "/s")?,
        majfaults: hundredths(majfaults, "/s")?,
        pgin: hundredths(pgin, "kB/s")?,
        pgout: hundredths(pgout, "kB/s")?,
        irqs: hundredths(irqs, "/s")?,
        softirqs: hundredths(softirqs, "/s")?,
        oom_kills: number(oom_kills, "")?,
    })
}

#[cfg(test)]
pub mod tests {
    use super::super::examples::{assert_bad, changed, parsed};
    use super::super::Line;
    use super::*;

    pub const VM: &str = "vm faults=12.20/s majfaults=0.00/s pgin=0.00kB/s pgout=3.20kB/s irqs=251.00/s softirqs=97.40/s oom_kills=0";

    #[test]
    fn good_lines() {
        assert_eq!(
            parsed(VM).unwrap(),
            Line::Activity(Activity {
                faults: 1220,
                majfaults: 0,
                pgin: 0,
                pgout: 320,
                irqs: 25_100,
                softirqs: 9740,
                oom_kills: 0,
            })
        );
    }

    #[test]
    fn bad_lines() {
        assert_bad([
            changed(VM, "12.20/s", "12.20"),
            changed(VM, "3.20kB/s", "3.20/s"),
            changed(VM, "oom_kills=0", "oom_kills=0.00/s"),
            changed(VM, " irqs=251.00/s", ""),
            changed(VM, "majfaults", "major"),
            "vm stale".into(),
        ]);
    }
}
