// SPDX-License-Identifier: GPL-2.0

//! `disk=NAME …`.

use anyhow::Result;

use super::field::{fields, hundredths, number, tenths, unescaped};

/// Rates are in hundredths per second, or of a kB per second.
#[derive(Debug, Clone, PartialEq)]
pub struct Disk {
    pub name: String,
    pub r: u64,
    pub w: u64,
    pub rkb: u64,
    pub wkb: u64,
    pub inflight: u64,
    /// In tenths of a per cent.
    pub busy: u32,
    /// In hundredths of a millisecond.
    pub await_ms: u64,
    pub d: u64,
    pub dkb: u64,
}

pub(super) fn disk(name: &str, text: &str) -> Result<Disk> {
    let [r, w, rkb, wkb, inflight, busy, await_ms, d, dkb] = fields(
        text,
        [
            "r", "w", "rkB", "wkB", "inflight", "busy", "await", "d", "dkB",
        ],
    )?;
    Ok(Disk {
        name: unescaped(name)?,
        r: hundredths(r, "/s")?,
        w: hundredths(w, "/s")?,
        rkb: hundredths(rkb, "/s")?,
        wkb: hundredths(wkb, "/s")?,
        inflight: number(inflight, "")?,
        busy: tenths(busy)?,
        await_ms: hundredths(await_ms, "ms")?,
        d: hundredths(d, "/s")?,
        dkb: hundredths(dkb, "/s")?,
    })
}

#[cfg(test)]
pub mod tests {
    use super::super::examples::{assert_bad, changed, parsed};
    use super::super::{Hanging, Line};
    use super::*;

    pub const DISK: &str = "disk=vda r=0.00/s w=1.20/s rkB=0.00/s wkB=19.20/s inflight=3 busy=0.1% await=0.52ms d=0.07/s dkB=5.00/s";

    #[test]
    fn good_lines() {
        assert_eq!(
            parsed(DISK).unwrap(),
            Line::Disk(Disk {
                name: "vda".into(),
                r: 0,
                w: 120,
                rkb: 0,
                wkb: 1920,
                inflight: 3,
                busy: 1,
                await_ms: 52,
                d: 7,
                dkb: 500,
            })
        );
        assert_eq!(parsed("disk stale").unwrap(), Line::Stale(Hanging::Disk));
        assert_eq!(parsed("disk ... and 48 more").unwrap(), Line::MoreDisks(48));
        let full = parsed("disk table is full: 3 devices are not sampled").unwrap();
        assert_eq!(full, Line::TableFull("disk".into(), 3));
    }

    #[test]
    fn bad_lines() {
        assert_bad([
            changed(DISK, "vda", ""),
            changed(DISK, "vda", "v\\x"),
            changed(DISK, "19.20/s", "19.20kB/s"),
            changed(DISK, "19.20/s", "19/s"),
            changed(DISK, "0.52ms", "0.52"),
            changed(DISK, "inflight=3", "inflight=-1"),
            changed(DISK, "busy=0.1%", "busy=100.1%"),
            changed(DISK, "d=0.07/s dkB=5.00/s", "dkB=5.00/s d=0.07/s"),
            "disk ... and 0 more".into(),
            "disk ... and more".into(),
            "disk table is full: 3 are not sampled".into(),
            "disk table is full: many devices are not sampled".into(),
        ]);
    }
}
