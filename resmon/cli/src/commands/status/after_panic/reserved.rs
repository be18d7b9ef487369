// SPDX-License-Identifier: GPL-2.0-or-later

//! Memory that is reserved for the history, so that it outlives a reset, and firmware that clears it.

use std::fs;

use super::{is_missing, Found, Root, Way};

/// What the module has in reserved memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reserved {
    /// How large that is; 0 when it uses none.
    pub bytes: u64,
    /// Records of other boots in it.
    pub records: u64,
    /// How many boots these are.
    pub boots: u64,
}

/// What the firmware is asked to do at a reset, by the kernel's boot stub as a rule.
pub(super) const VARIABLE: &str =
    "sys/firmware/efi/efivars/MemoryOverwriteRequestControl-e20939be-32d4-41be-a150-897f85d49829";

/// The name by which the module asks for it.
const LABEL: &str = "resmon";

impl Root<'_> {
    pub(super) fn reserved(&self, reserved: &Reserved) -> Way {
        const NAME: &str = "reserved";
        let Reserved {
            bytes,
            records,
            boots,
        } = *reserved;
        if bytes > 0 {
            let size = bytes as f64 / 1_048_576.0;
            let holds = match (records, boots) {
                (0, _) => "no records of earlier boots".to_owned(),
                (_, 1) => format!("{records} records of 1 earlier boot"),
                _ => format!("{records} records of {boots} earlier boots"),
            };
            return Way::ready(
                NAME,
                format!("the history outlives a reset in {size:.1} MiB of memory, where there are {holds}"),
            );
        }
        let line = match self.file("proc/cmdline") {
            Found::Text(line) => line,
            Found::Missing | Found::Unreadable => return Way::unknown(NAME, "/proc/cmdline"),
        };
        match is_asked_for(&line) {
            true => Way::missing(
                NAME,
                "reserve_mem= has a part for resmon, which the module does not use",
                "dmesg | grep -e reserve_mem -e 'history ends' says why",
            ),
            false => Way::missing(
                NAME,
                "the history ends with this boot, as no memory is reserved for it",
                "restart with reserve_mem=8M:256M:resmon",
            ),
        }
    }

    /// Whether memory is cleared at the next reset.
    pub(super) fn firmware(&self) -> Way {
        const NAME: &str = "firmware";
        /// Of the value, which follows 4 bytes of attributes.
        const CLEAR_MEMORY: u8 = 1;
        let value = match fs::read(self.0.join(VARIABLE)) {
            Ok(bytes) => bytes.get(4).copied(),
            Err(error) if is_missing(error.kind()) => {
                return Way::ready(NAME, "nothing has asked it to clear memory at a reset");
            }
            Err(_) => None,
        };
        match value {
            Some(value) if value & CLEAR_MEMORY != 0 => Way::missing(
                NAME,
                "it clears memory at the next reset, and what is reserved as well",
                "pstore and kdump keep theirs; resmon status --help says how to take that back",
            ),
            Some(_) => Way::ready(NAME, "nothing has asked it to clear memory at a reset"),
            None => Way::unknown(NAME, "MemoryOverwriteRequestControl"),
        }
    }
}

/// Whether a command line of the kernel reserves memory for the module, as `reserve_mem=8M:256M:resmon`.
fn is_asked_for(line: &str) -> bool {
    let mut sizes = line
        .split([' ', '\n'])
        .filter_map(|word| word.strip_prefix("reserve_mem="));
    sizes.any(|size| size.rsplit(':').next() == Some(LABEL))
}
