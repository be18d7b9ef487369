// SPDX-License-Identifier: GPL-2.0-or-later

//! Which boot is meant, and whether it is the one that it seems to be.

#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::PathBuf;

use resmon::{Boot, Device, Recording};

use crate::args::BootId;
use crate::error::{Error, Result};
use crate::samples::names;
use crate::time::{span, time};

/// The records of a boot of the device; none for the one that runs.
pub fn of_device(id: &BootId) -> Result<Option<Recording>> {
    let boots = Device::boots()?;
    let boot = find(id, &boots, &[])?;
    if boot.is_running() {
        return Ok(None);
    }
    if matches!(id, BootId::Back(_)) {
        tell(doubt(&boots));
    }
    let recording = Device::ended_lives(boot)?;
    if recording.is_empty() {
        return Err(Error::Other(format!(
            "the records of boot {id} cannot be read any more: newer ones were written over them"
        )));
    }
    Ok(Some(recording))
}

/// The records of a boot of the recordings `from`, of which `recording` has all.
pub fn of_recording(id: &BootId, recording: Recording, from: &[PathBuf]) -> Result<Recording> {
    let boots = recording.boots();
    let boot = find(id, &boots, from)?;
    Ok(recording.of_boot(boot)?)
}

/// The boot that is meant, of some in their order.
fn find<'b>(id: &BootId, boots: &'b [Boot], from: &[PathBuf]) -> Result<&'b Boot> {
    let place = match id {
        BootId::Back(back) => (boots.len() as u64)
            .checked_sub(1)
            .and_then(|last| last.checked_sub(*back)),
        BootId::Nth(place) => place.checked_sub(1),
        BootId::Id(begin) => {
            let is_meant = |boot: &Boot| {
                boot.id
                    .is_some_and(|id| id.to_string().starts_with(begin.as_str()))
            };
            if boots.iter().filter(|boot| is_meant(boot)).count() > 1 {
                return Err(Error::Other(format!(
                    "more than one boot has an ID that begins with {id}: give more digits"
                )));
            }
            let place = boots.iter().position(is_meant);
            place.map(|place| place as u64)
        }
    };
    let boot = place.and_then(|place| boots.get(usize::try_from(place).ok()?));
    boot.ok_or_else(|| {
        let of = match from {
            [] => String::new(),
            from => format!(" --from {}", names(from)),
        };
        let count = boots.len();
        Error::Other(format!(
            "there are no records of boot {id}; resmon boots{of} lists {count}"
        ))
    })
}

/// Why the last boot but one of the device may not be the one right before this one, if there is a reason: there
/// may have been others, of which nothing is left.
pub fn doubt(boots: &[Boot]) -> Option<String> {
    /// No machine takes longer from its end to its begin.
    const LONG_S: f64 = 600.0;
    /// Clocks that are set by a network, or drift while they are not, differ by less.
    const SLACK_S: f64 = 60.0;
    let [.., before, this] = boots else {
        return None;
    };
    let off_s = this.booted_s - before.to_s;
    let (end, begin) = (time(before.to_s), time(this.booted_s));
    if off_s > LONG_S {
        return Some(format!(
            "boot -1 ended at {end}, {} before this one began at {begin}: if the machine ran in between, there are \
             no records of that",
            span(off_s)
        ));
    }
    (off_s < -SLACK_S).then(|| {
        format!(
            "by the clock, boot -1 ended at {end}, after this one began at {begin}: the clock was wrong in one of \
             them, and it need not be the boot right before this one"
        )
    })
}

/// Says on standard error what is no error.
pub fn tell(text: Option<String>) {
    if let Some(text) = text {
        // When nobody listens, there is nobody to tell.
        let _ = writeln!(io::stderr(), "resmon: {text}");
    }
}
