// SPDX-License-Identifier: GPL-2.0

//! `net=NAME …`.

use anyhow::Result;

use super::field::{fields, hundredths, unescaped};

/// Rates are in hundredths per second, or of a kB per second.
#[derive(Debug, Clone, PartialEq)]
pub struct Net {
    pub name: String,
    pub rx: u64,
    pub tx: u64,
    pub rxp: u64,
    pub txp: u64,
    pub err: u64,
    pub drop: u64,
}

pub(super) fn net(name: &str, text: &str) -> Result<Net> {
    let [rx, tx, rxp, txp, err, drop] = fields(text, ["rx", "tx", "rxp", "txp", "err", "drop"])?;
    Ok(Net {
        name: unescaped(name)?,
        rx: hundredths(rx, "kB/s")?,
        tx: hundredths(tx, "kB/s")?,
        rxp: hundredths(rxp, "/s")?,
        txp: hundredths(txp, "/s")?,
        err: hundredths(err, "/s")?,
        drop: hundredths(drop, "/s")?,
    })
}

#[cfg(test)]
pub mod tests {
    use super::super::examples::{assert_bad, changed, parsed};
    use super::super::{Hanging, Line};
    use super::*;

    pub const NET: &str =
        "net=eth0 rx=0.10kB/s tx=0.02kB/s rxp=0.20/s txp=0.30/s err=0.40/s drop=0.50/s";

    #[test]
    fn good_lines() {
        assert_eq!(
            parsed(NET).unwrap(),
            Line::Net(Net {
                name: "eth0".into(),
                rx: 10,
                tx: 2,
                rxp: 20,
                txp: 30,
                err: 40,
                drop: 50,
            })
        );
        assert_eq!(parsed("net stale").unwrap(), Line::Stale(Hanging::Net));
        assert_eq!(parsed("net ... and 1 more").unwrap(), Line::MoreNets(1));
    }

    #[test]
    fn bad_lines() {
        assert_bad([
            changed(NET, "0.10kB/s", "0.10/s"),
            changed(NET, "drop=0.50/s", "drop=0.50/s drop=0.50/s"),
        ]);
    }
}
