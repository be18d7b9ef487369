// SPDX-License-Identifier: GPL-2.0

//! What network interfaces carry.

use super::super::line::Line;
use super::{Busiest, Entry, Snapshot, Text};

/// Bytes of the longest name of an interface (`IFNAMSIZ`, without the NUL).
pub const MAX_NAME: usize = 15;

/// What went through an interface in one direction since it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Packets that were bad.
    pub errors: u64,
    /// Packets that were dropped though they were not bad.
    pub drops: u64,
}

impl Carried {
    /// Whether `self` can have come of `before` by counting on.
    fn continues(&self, before: &Self) -> bool {
        self.bytes >= before.bytes && self.packets >= before.packets
    }

    /// What came to it from `before` on.
    fn since(&self, before: &Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(before.bytes),
            packets: self.packets.saturating_sub(before.packets),
            errors: self.errors.saturating_sub(before.errors),
            drops: self.drops.saturating_sub(before.drops),
        }
    }
}

/// A network interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    /// `ifindex`, which the kernel does not give twice unless it is told to.
    pub index: u32,
    /// The name.
    pub name: Text<MAX_NAME>,
    /// Received.
    pub rx: Carried,
    /// Transmitted.
    pub tx: Carried,
}

/// What an interface carried in between.
#[derive(Clone, Copy)]
struct Rates<'a> {
    name: &'a [u8],
    rx: Carried,
    tx: Carried,
}

impl Net {
    /// Whether the two are of one interface. One whose counters went backwards was made anew, or
    /// its driver began anew: there is nothing to compare with.
    fn continues(&self, before: &Self) -> bool {
        self.index == before.index && self.rx.continues(&before.rx) && self.tx.continues(&before.tx)
    }
}

impl Entry for Net {
    /// `net=eth0 rx=…kB/s tx=…kB/s rxp=…/s txp=…/s err=…/s drop=…/s`
    fn log(
        before: Option<Snapshot<'_, Self>>,
        after: Snapshot<'_, Self>,
        line: &mut Line,
        print: &mut dyn FnMut(&Line),
    ) {
        let Some(before) = before else { return };
        let elapsed_ns = after.elapsed_ns(&before);
        let mut busiest = Busiest::new();
        for (then, now) in after.pairs(before, |then, now| now.continues(then)) {
            let rates = Rates {
                name: now.name.as_bytes(),
                rx: now.rx.since(&then.rx),
                tx: now.tx.since(&then.tx),
            };
            let bytes = rates.rx.bytes.saturating_add(rates.tx.bytes);
            busiest.add(bytes, rates);
        }
        for net in busiest.shown() {
            let errors = net.rx.errors.saturating_add(net.tx.errors);
            let drops = net.rx.drops.saturating_add(net.tx.drops);
            line.start("net=")
                .name(net.name)
                .kib_rate(" rx=", net.rx.bytes, 1024, elapsed_ns)
                .kib_rate(" tx=", net.tx.bytes, 1024, elapsed_ns)
                .rate(" rxp=", net.rx.packets, elapsed_ns)
                .rate(" txp=", net.tx.packets, elapsed_ns)
                .rate(" err=", errors, elapsed_ns)
                .rate(" drop=", drops, elapsed_ns);
            print(line);
        }
        busiest.log_more("net", line, print);
    }
}
