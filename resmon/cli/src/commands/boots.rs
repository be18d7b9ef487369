// SPDX-License-Identifier: GPL-2.0-or-later

//! The boots that there are records of.

#[cfg(test)]
mod tests;

use std::io::{self, Write};

use resmon::{Boot, Device, Ended, Id, Info};
use serde::Serialize;

use crate::args::Boots;
use crate::boots::{doubt, tell};
use crate::error::{Error, Result};
use crate::events::printable;
use crate::json;
use crate::recordings;
use crate::samples::names;
use crate::time::time;

pub fn run(args: &Boots) -> Result<()> {
    let boots = match args.from.as_slice() {
        [] => Device::boots()?,
        from => {
            let boots = recordings::open(from)?.boots();
            if boots.is_empty() {
                let from = names(from);
                return Err(Error::Other(format!("{from}: there is no record in it")));
            }
            boots
        }
    };
    let mut text = Vec::new();
    if args.json {
        for (index, boot) in indexed(&boots) {
            text.extend(json::line(&Line::of(index, boot))?);
        }
    } else {
        text = table(&boots).into_bytes();
    }
    io::stdout().write_all(&text)?;
    if args.from.is_empty() {
        tell(match boots.len() {
            0 | 1 => Some(none_before(&Device::open()?.info()?)),
            _ => doubt(&boots),
        });
    }
    Ok(())
}

/// The boots with the numbers that they have: the newest has 0.
fn indexed(boots: &[Boot]) -> impl Iterator<Item = (i64, &Boot)> {
    let first = 1_i64.saturating_sub_unsigned(boots.len() as u64);
    (first..).zip(boots)
}

/// A line of JSON. What is not known is null.
#[derive(Serialize)]
struct Line<'a> {
    index: i64,
    module_boot_id: Option<Id>,
    kernel: Option<&'a str>,
    from_time_s: f64,
    to_time_s: f64,
    ended: Option<&'static str>,
    samples: u64,
}

impl<'a> Line<'a> {
    fn of(index: i64, boot: &'a Boot) -> Self {
        Self {
            index,
            module_boot_id: boot.id,
            kernel: boot.kernel.as_deref(),
            from_time_s: boot.from_s,
            to_time_s: boot.to_s,
            ended: boot.ended.map(Ended::name),
            samples: boot.records,
        }
    }
}

const TITLES: [&str; 7] = ["IDX", "BOOT ID", "KERNEL", "FROM", "TO", "ENDED", "SAMPLES"];

/// What goes to the right.
const NUMBERS: [&str; 2] = ["IDX", "SAMPLES"];

/// A line for each boot, below the titles.
fn table(boots: &[Boot]) -> String {
    const SHORT: usize = 8;
    let none = || "-".to_owned();
    let mut lines = vec![TITLES.map(str::to_owned)];
    lines.extend(indexed(boots).map(|(index, boot)| {
        [
            index.to_string(),
            boot.id.map_or_else(none, |id| {
                id.to_string().chars().take(SHORT).collect::<String>()
            }),
            boot.kernel.as_deref().map_or_else(none, printable),
            time(boot.from_s),
            time(boot.to_s),
            boot.ended.map_or_else(none, |ended| match ended {
                Ended::Unknown => "unknown (reset, power loss or hang)".into(),
                ended => ended.name().into(),
            }),
            boot.records.to_string(),
        ]
    }));
    let widths: Vec<usize> = (0..TITLES.len())
        .map(|column| {
            let values = lines.iter().filter_map(|line| line.get(column));
            values.map(|value| value.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let text = lines.iter().map(|line| {
        let columns = line.iter().zip(&widths).zip(TITLES);
        let columns = columns.map(|((value, width), title)| match NUMBERS.contains(&title) {
            true => format!("{value:>width$}"),
            false => format!("{value:width$}"),
        });
        columns.collect::<Vec<_>>().join(" ") + "\n"
    });
    text.collect()
}

/// Why there are no records of an earlier boot.
fn none_before(info: &Info) -> String {
    match info.reserved_bytes {
        Some(1..) => "there are no records of an earlier boot: the machine was off, its firmware has cleared the \
                      reserved memory, they were erased, or this is the first boot with it; resmon status says more"
            .into(),
        _ => "there are no records of an earlier boot, since no memory is reserved for them, as the kernel parameter \
              reserve_mem=8M:256M:resmon does; resmon status says more, and resmon boots --from FOLDER lists what \
              was saved"
            .into(),
    }
}
