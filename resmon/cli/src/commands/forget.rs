// SPDX-License-Identifier: GPL-2.0-or-later

//! Has the module erase the records of other boots.

use std::io::{self, Write};

use resmon::{Boot, Device};

use crate::error::Result;

pub fn run() -> Result<()> {
    let device = Device::open_writable().map_err(|error| match error {
        // To open the device for this takes the same as to do it.
        resmon::Error::PermissionDenied(_) => {
            resmon::Error::NotAdmin("erase the records of other boots")
        }
        error => error,
    })?;
    let boots = Device::boots()?;
    device.forget()?;
    writeln!(io::stdout(), "{}", erased(&boots))?;
    Ok(())
}

/// What was erased of some boots.
fn erased(boots: &[Boot]) -> String {
    let others = || boots.iter().filter(|boot| !boot.is_running());
    let records = others().fold(0_u64, |sum, boot| sum.saturating_add(boot.records));
    let (record, boot) = (
        plural("record", records),
        plural("boot", others().count() as u64),
    );
    match records {
        0 => "there were no records of other boots".into(),
        _ => format!("erased {record} of {boot}"),
    }
}

fn plural(what: &str, count: u64) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use resmon::Ended;

    fn boot(records: u64, ended: Ended) -> Boot {
        Boot {
            id: None,
            kernel: None,
            booted_s: 0.0,
            from_s: 0.0,
            to_s: 0.0,
            ended: Some(ended),
            records,
            lives: Vec::new(),
        }
    }

    #[test]
    fn what_was_erased_is_counted() {
        let running = boot(99, Ended::Running);
        let [one, two] = [boot(1, Ended::Panic), boot(1233, Ended::Unknown)];
        assert_eq!(
            erased(&[two, one.clone(), running.clone()]),
            "erased 1234 records of 2 boots"
        );
        assert_eq!(erased(&[one, running.clone()]), "erased 1 record of 1 boot");
        for none in [&[running][..], &[]] {
            assert_eq!(erased(none), "there were no records of other boots");
        }
    }
}
