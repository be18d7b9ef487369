// SPDX-License-Identifier: GPL-2.0

//! `pressure …`.

use anyhow::Result;

use super::field::{fields, tenths};

/// In tenths of a per cent.
#[derive(Debug, Clone, PartialEq)]
pub struct Pressure {
    pub cpu_some: u32,
    pub mem_some: u32,
    pub mem_full: u32,
    pub io_some: u32,
    pub io_full: u32,
}

pub(super) fn pressure(text: &str) -> Result<Pressure> {
    let [cpu_some, mem_some, mem_full, io_some, io_full] = fields(
        text,
        ["cpu_some", "mem_some", "mem_full", "io_some", "io_full"],
    )?;
    Ok(Pressure {
        cpu_some: tenths(cpu_some)?,
        mem_some: tenths(mem_some)?,
        mem_full: tenths(mem_full)?,
        io_some: tenths(io_some)?,
        io_full: tenths(io_full)?,
    })
}

#[cfg(test)]
pub mod tests {
    use super::super::examples::{assert_bad, changed, parsed};
    use super::super::{Hanging, Line};
    use super::*;

    pub const PRESSURE: &str =
        "pressure cpu_some=0.0% mem_some=1.5% mem_full=0.5% io_some=100.0% io_full=99.9%";

    #[test]
    fn good_lines() {
        assert_eq!(
            parsed(PRESSURE).unwrap(),
            Line::Pressure(Pressure {
                cpu_some: 0,
                mem_some: 15,
                mem_full: 5,
                io_some: 1000,
                io_full: 999,
            })
        );
        assert_eq!(
            parsed("pressure stale").unwrap(),
            Line::Stale(Hanging::Pressure)
        );
    }

    #[test]
    fn bad_lines() {
        assert_bad([
            changed(PRESSURE, "99.9%", "100.1%"),
            changed(PRESSURE, "99.9%", "99.90%"),
            changed(PRESSURE, " io_full=99.9%", ""),
            changed(PRESSURE, "io_full", "cpu_full"),
            "pressure ... and 1 more".into(),
        ]);
    }
}
