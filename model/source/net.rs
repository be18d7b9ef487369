// SPDX-License-Identifier: GPL-2.0-or-later

//! What network interfaces carry.

use super::super::brief::{Brief, Flow};
use super::super::busiest::Busiest;
use super::super::line::Lines;
use super::super::rates::rate;
use super::super::text::{is_numbered, Text};
use super::super::words::{self, words};
use super::{pairs, Entry, Snapshot, Taken};
use core::borrow::Borrow;

/// Bytes of the longest name of an interface (`IFNAMSIZ`, without the NUL).
pub const MAX_NAME: usize = 15;

words! {
    /// What went through an interface in one direction since it came.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Carried: "resource_monitor_carried" {
        /// Bytes.
        pub bytes: u64,
        /// Packets.
        pub packets: u64,
        /// Packets that were bad.
        pub errors: u64,
        /// Packets that were dropped though they were not bad.
        pub drops: u64,
    }
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

words! {
    /// A network interface.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Net: "resource_monitor_net", kind 7 "net" "NETS" {
        /// `CLOCK_MONOTONIC` when its counters were read, in nanoseconds.
        pub taken_mono_ns: u64,
        /// `ifindex`, which the kernel does not give twice unless it is told to, or an interface brings
        /// its own along from another namespace.
        pub index: u32,
        /// The name.
        pub name: Text<MAX_NAME>,
        /// Received.
        pub rx: Carried,
        /// Transmitted.
        pub tx: Carried,
        /// [`LOOPBACK`], [`HAS_LOWER`] and [`HAS_UPPER`].
        pub flags: Option<u64>,
    } else {
        /// Where the kernel has it: no two have the same at one time. It is not in records.
        pub address: usize = 0,
    }
}

/// Flag of the interface of the machine to itself.
pub const LOOPBACK: u64 = 1 << 0;

/// Flag of an interface on top of another one of the same namespace, as a bridge, a bond or a VLAN
/// is: what it carries goes through that one too, which counts it as well.
pub const HAS_LOWER: u64 = 1 << 1;

/// Flag of an interface below another one, as a port of a bridge.
pub const HAS_UPPER: u64 = 1 << 2;

impl Net {
    /// Whether the two are of one interface. One whose counters went backwards was made anew, or
    /// its driver began anew: there is nothing to compare with.
    pub fn continues(&self, before: &Self) -> bool {
        self.index == before.index
            && self.address == before.address
            && self.rx.continues(&before.rx)
            && self.tx.continues(&before.tx)
    }

    /// Whether what the interface carries goes through another one, too, or stays in the machine. Then it
    /// is not part of a total.
    ///
    /// A record of version 1 does not have the former. There only the names that these interfaces mostly
    /// have are left: bridges, bonds and the like, and VLANs, which have a number behind a dot.
    pub fn is_carried_again(&self) -> bool {
        let name = self.name.as_bytes();
        let is_vlan = || {
            let mut parts = name.rsplitn(2, |byte| *byte == b'.');
            let number = parts.next().unwrap_or_default();
            parts.next().is_some() && !number.is_empty() && number.iter().all(u8::is_ascii_digit)
        };
        match self.flags {
            Some(flags) => flags & (LOOPBACK | HAS_LOWER) != 0,
            None => {
                name == b"lo"
                    || ["br", "virbr", "docker", "bond", "team", "vlan"]
                        .iter()
                        .any(|kind| is_numbered(name, kind))
                    || is_vlan()
            }
        }
    }

    fn elapsed_ns(&self, before: &Self) -> u64 {
        self.taken_mono_ns.saturating_sub(before.taken_mono_ns)
    }
}

impl Entry for Net {
    /// `net=eth0 rx=…kB/s tx=…kB/s rxp=…/s txp=…/s err=…/s drop=…/s`
    fn log(before: Option<Snapshot<'_, Self>>, after: Snapshot<'_, Self>, lines: &mut Lines<'_>) {
        let Some(before) = before else { return };
        let mut busiest = Busiest::new();
        for (then, now) in after.pairs(before, |then, now| now.continues(then)) {
            let bytes = |net: &Self| net.rx.bytes.saturating_add(net.tx.bytes);
            let elapsed_ns = now.elapsed_ns(then);
            let carried = bytes(now).saturating_sub(bytes(then));
            busiest.add(rate(carried, 1, elapsed_ns), (then, now));
        }
        for (then, now) in busiest.shown() {
            let elapsed_ns = now.elapsed_ns(then);
            let (rx, tx) = (now.rx.since(&then.rx), now.tx.since(&then.tx));
            lines.line(|line| {
                line.text("net=")
                    .name(now.name.as_bytes())
                    .kib_rate(" rx=", rx.bytes, elapsed_ns)
                    .kib_rate(" tx=", tx.bytes, elapsed_ns)
                    .rate(" rxp=", rx.packets, elapsed_ns)
                    .rate(" txp=", tx.packets, elapsed_ns)
                    .rate(" err=", rx.errors.saturating_add(tx.errors), elapsed_ns)
                    .rate(" drop=", rx.drops.saturating_add(tx.drops), elapsed_ns)
            });
        }
        busiest.log_more("net", lines);
    }

    fn sum<T: Borrow<Self>>(
        before: Option<Taken<impl Iterator<Item = T> + Clone>>,
        after: Taken<impl Iterator<Item = T>>,
        brief: &mut Brief,
    ) {
        let Some(before) = before else { return };
        let mut flow = Flow::default();
        let pairs = pairs(before.entries, after.entries, |then, now| {
            now.borrow().continues(then.borrow())
        });
        for (then, now) in pairs {
            let (then, now) = (then.borrow(), now.borrow());
            if now.is_carried_again() {
                continue;
            }
            flow.add(
                now.rx.bytes.saturating_sub(then.rx.bytes),
                now.tx.bytes.saturating_sub(then.tx.bytes),
                now.elapsed_ns(then),
            );
        }
        brief.nets = Some(flow);
    }
}
