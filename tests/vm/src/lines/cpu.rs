// SPDX-License-Identifier: GPL-2.0

//! `cpu=all …` and `cpu=N …`.

use anyhow::{ensure, Result};

use super::field::{fields, tenths};

pub const SHARES: [&str; 9] = [
    "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest",
];

/// What a CPU's time went to, in tenths of a per cent, in the order of [`SHARES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares(pub [u32; 9]);

impl Shares {
    pub fn percent(&self, name: &str) -> f64 {
        let index = SHARES
            .iter()
            .position(|share| *share == name)
            .expect("a known share");
        f64::from(self.0[index]) / 10.0
    }
}

pub(super) fn shares(text: &str) -> Result<Shares> {
    let mut shares = [0; 9];
    for (share, value) in shares.iter_mut().zip(fields(text, SHARES)?) {
        *share = tenths(value)?;
    }
    let sum: u32 = shares.iter().sum();
    ensure!(
        (995..=1005).contains(&sum),
        "the fields add up to {}.{} %, expected 99.5 % to 100.5 %",
        sum / 10,
        sum % 10
    );
    Ok(Shares(shares))
}

#[cfg(test)]
pub mod tests {
    use super::super::examples::{assert_bad, changed, parsed};
    use super::super::Line;
    use super::*;

    pub const CPU: &str = "user=12.3% nice=0.0% system=4.5% idle=83.2% iowait=0.0% irq=0.0% softirq=0.0% steal=0.0% guest=0.0%";

    #[test]
    fn good_lines() {
        let shares = Shares([123, 0, 45, 832, 0, 0, 0, 0, 0]);
        assert_eq!(
            parsed(&format!("cpu=all {CPU}")).unwrap(),
            Line::CpuAll(shares)
        );
        assert_eq!(
            parsed(&format!("cpu=17 {CPU}")).unwrap(),
            Line::Cpu(17, shares)
        );
        assert_eq!(shares.percent("idle"), 83.2);
    }

    #[test]
    fn bad_lines() {
        let cpu = |from: &str, to: &str| format!("cpu=all {}", changed(CPU, from, to));
        assert_bad([
            format!("cpu=x {CPU}"),
            format!("cpu=01 {CPU}"),
            format!("cpu= {CPU}"),
            format!("cpu=all  {CPU}"),
            format!("cpu=all {CPU} "),
            format!("cpu=all {CPU} more=0.0%"),
            cpu(" guest=0.0%", ""),
            cpu("user=12.3% nice=0.0%", "nice=0.0% user=12.3%"),
            cpu("steal", "stolen"),
            cpu("12.3%", "12.3"),
            cpu("12.3%", "12%"),
            cpu("12.3%", "12.30%"),
            cpu("12.3%", "-0.1%"),
            cpu("12.3%", "013.0%"),
            cpu("12.3%", "12.9%"),
            cpu("12.3%", "11.7%"),
            cpu("12.3%", "100.1%"),
            cpu("12.3%", "NaN%"),
        ]);
    }
}
