// SPDX-License-Identifier: GPL-2.0-or-later

//! What is asked of this machine at each scrape, since records do not have it. It says nothing
//! about the machine of a recording.

use rustix::system;

use super::family::{Family, Label, Labels, Unit};

/// The names of the machine and its kernel, and all swap.
pub fn families() -> Vec<Family> {
    let uname = system::uname();
    let labels = [
        ("sysname", uname.sysname()),
        ("release", uname.release()),
        ("version", uname.version()),
        ("machine", uname.machine()),
        ("nodename", uname.nodename()),
        ("domainname", uname.domainname()),
    ];
    let labels = labels.map(|(name, text)| Label::bytes(name, text.to_bytes()));
    let memory = system::sysinfo();
    let swap_bytes = memory.totalswap.saturating_mul(memory.mem_unit.into());
    vec![
        Family::gauge(
            (
                "node_uname_info",
                None,
                "Names of the machine and its kernel, as uname gives them.",
            ),
            labels.into(),
            1,
        ),
        Family::gauge(
            (
                "node_memory_SwapTotal",
                Some(Unit::Bytes),
                "Memory, as the field of this name in /proc/meminfo.",
            ),
            Labels::new(),
            swap_bytes,
        ),
    ]
}
