// SPDX-License-Identifier: GPL-2.0

//! `tcp …`.

use anyhow::Result;

use super::field::{fields, hundredths, number};

/// The `tcp` line. Rates are in hundredths per second.
#[derive(Debug, Clone, PartialEq)]
pub struct Tcp {
    /// `in`, `out`, `retrans`, `syn_retrans`, `listen_overflows` and `listen_drops`.
    pub rates: [u64; 6],
    pub established: u64,
}

pub(super) fn tcp(text: &str) -> Result<Tcp> {
    let [rates @ .., established] = fields(
        text,
        [
            "in",
            "out",
            "retrans",
            "syn_retrans",
            "listen_overflows",
            "listen_drops",
            "established",
        ],
    )?;
    let rate = |at: usize| hundredths(rates[at], "/s");
    Ok(Tcp {
        rates: [rate(0)?, rate(1)?, rate(2)?, rate(3)?, rate(4)?, rate(5)?],
        established: number(established, "")?,
    })
}

#[cfg(test)]
pub mod tests {
    use super::super::examples::{assert_bad, changed, parsed};
    use super::super::Line;
    use super::*;

    pub const TCP: &str = "tcp in=10.25/s out=8.00/s retrans=0.50/s syn_retrans=0.25/s listen_overflows=1.00/s listen_drops=2.00/s established=12";

    #[test]
    fn good_lines() {
        let expected = Tcp {
            rates: [1025, 800, 50, 25, 100, 200],
            established: 12,
        };
        assert_eq!(parsed(TCP).unwrap(), Line::Tcp(expected));
    }

    #[test]
    fn bad_lines() {
        assert_bad([
            changed(TCP, "10.25/s", "10.25"),
            changed(TCP, "8.00/s", "8/s"),
            changed(TCP, "established=12", "established=12.00/s"),
            changed(TCP, " listen_drops=2.00/s", ""),
            changed(TCP, "syn_retrans", "synretrans"),
            "tcp stale".into(),
        ]);
    }
}
