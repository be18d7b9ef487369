// SPDX-License-Identifier: GPL-2.0

//! `load …`.

use anyhow::Result;

use super::field::{fields, hundredths};

/// Load averages, in hundredths.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    pub one: u64,
    pub five: u64,
    pub fifteen: u64,
}

pub(super) fn load(text: &str) -> Result<Load> {
    let [one, five, fifteen] = fields(text, ["1m", "5m", "15m"])?;
    Ok(Load {
        one: hundredths(one, "")?,
        five: hundredths(five, "")?,
        fifteen: hundredths(fifteen, "")?,
    })
}

#[cfg(test)]
pub mod tests {
    use super::super::examples::{assert_bad, changed, parsed};
    use super::super::Line;
    use super::*;

    pub const LOAD: &str = "load 1m=0.52 5m=10.48 15m=0.40";

    #[test]
    fn good_lines() {
        let (one, five, fifteen) = (52, 1048, 40);
        assert_eq!(
            parsed(LOAD).unwrap(),
            Line::Load(Load { one, five, fifteen })
        );
    }

    #[test]
    fn bad_lines() {
        assert_bad([
            changed(LOAD, "0.52", "0.5"),
            changed(LOAD, "0.52", "0.520"),
            changed(LOAD, "0.52", ".52"),
            changed(LOAD, "0.52", "00.52"),
            changed(LOAD, "0.52", "-0.52"),
            changed(LOAD, "0.52", "0.5x"),
            changed(LOAD, "0.52", "0.+5"),
            changed(LOAD, "0.52", "999999999999999999.00"),
            changed(LOAD, " 15m=0.40", ""),
            changed(LOAD, "1m=0.52 5m=10.48", "5m=10.48 1m=0.52"),
            "load stale".into(),
        ]);
    }
}
