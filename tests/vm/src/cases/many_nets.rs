// SPDX-License-Identifier: GPL-2.0

//! More network interfaces than the module has room for.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use anyhow::{ensure, Result};
use resmon::model::source::net::Net;
use resmon::Record;

use super::{device, net, Case, Clock, Guest, Needs};
use crate::module;
use crate::netlink;
use crate::trace::{Call, Trace};

pub const CASES: &[Case] = &[
    Case {
        name: "thousands of interfaces",
        needs: Needs::FunctionTracer,
        clock: Clock::Instructions,
        run: thousands,
    },
    Case {
        name: "interfaces whose index was chosen",
        needs: Needs::Drivers,
        clock: Clock::Any,
        run: chosen_index,
    },
];

/// The interfaces that the module has room for.
const ROOM: usize = 512;

/// A line of `/proc/net/dev` has this many bytes at least.
const LINE_BYTES: usize = 123;

/// `/proc/net/dev` leaves RCU after each page.
const PAGE_BYTES: usize = 4096;

/// Asks an interface for its counters.
const ASK: &str = "dev_get_stats";

/// These begin and end an RCU read-side critical section, within which there may be others.
const READ_LOCK: &str = "__rcu_read_lock";
const READ_UNLOCK: &str = "__rcu_read_unlock";

/// Interfaces of a group. They go when this goes out of scope.
struct Dummies;

impl Dummies {
    const GROUP: u32 = 4000;

    fn create(count: usize) -> Result<Dummies> {
        let dummies = Dummies;
        for n in 0..count {
            netlink::add_dummy(&Self::name(n), Self::GROUP, 0)?;
        }
        Ok(dummies)
    }

    fn name(n: usize) -> String {
        format!("dummy{n}")
    }
}

impl Drop for Dummies {
    fn drop(&mut self) {
        let _ = netlink::delete_group(Self::GROUP);
    }
}

/// The interfaces in the kernel's order, which is that of their indices, but for a loopback that was
/// never used.
fn in_order() -> Result<Vec<(String, net::Counters)>> {
    let counters = net::counters()?;
    let mut by_index = BTreeMap::new();
    for (name, counters) in counters {
        if name != "lo" || counters.rx_packets + counters.tx_packets > 0 {
            by_index.insert(netlink::index(&name)?, (name, counters));
        }
    }
    Ok(by_index.into_values().collect())
}

/// The kernel lists interfaces by age and finds them by index, and the oldest may have the largest.
fn chosen_index(guest: &Guest) -> Result<()> {
    let dummies = Dummies;
    for (n, index) in [50_000, 300, 0x7fff_fff0, 4095, 4096]
        .into_iter()
        .enumerate()
    {
        netlink::add_dummy(&Dummies::name(n), Dummies::GROUP, index)?;
    }
    let module = device::load_idle(guest, "activity=0 pressure=0 disk=0 fs=0")?;
    let record = device::wait_for(0)?;
    let entries: Vec<Net> = device::raw(&record)?.entries().collect();
    let recorded: Vec<_> = entries.iter().map(|net| net.name.as_bytes()).collect();
    let all = in_order()?;
    let due: Vec<_> = all.iter().map(|(name, _)| name.as_bytes()).collect();
    ensure!(
        recorded == due,
        "the record has {} interfaces, expected {:?}: {entries:?}",
        entries.len(),
        all
    );
    drop(dummies);
    module.unload().map(drop)
}

/// At rest, so that each number is the one before and after.
fn check_record(record: &Record, all: &[(String, net::Counters)]) -> Result<()> {
    let left_out = device::section::<Net>(record)?.left_out;
    let due = (all.len() - ROOM) as u64;
    ensure!(left_out == due, "{left_out} are left out, not {due}");
    let entries: Vec<Net> = device::raw(record)?.entries().collect();
    ensure!(entries.len() == ROOM, "{} have room", entries.len());
    for (entry, (name, counters)) in entries.iter().zip(all) {
        let recorded = net::Counters {
            rx_bytes: entry.rx.bytes,
            rx_packets: entry.rx.packets,
            tx_bytes: entry.tx.bytes,
            tx_packets: entry.tx.packets,
            errors: entry.rx.errors + entry.tx.errors,
            drops: entry.rx.drops + entry.tx.drops,
        };
        ensure!(
            entry.name.as_bytes() == name.as_bytes() && recorded == *counters,
            "{name} has {counters:?}, the record has {entry:?}"
        );
    }
    Ok(())
}

/// How often interfaces were asked: all together, and in the RCU read-side critical section that had
/// most of it.
fn asked(calls: &[Call]) -> (usize, usize) {
    // Of each thread, how deep it is in sections, and how often it has asked in them.
    let mut threads: BTreeMap<u32, (i32, usize)> = BTreeMap::new();
    let (mut total, mut longest) = (0, 0);
    for call in calls {
        let (depth, asked) = threads.entry(call.thread).or_default();
        match &*call.function {
            ASK => {
                total += 1;
                *asked += 1;
                longest = longest.max(*asked);
            }
            READ_LOCK => *depth += 1,
            _ => *depth -= 1,
        }
        // Below zero: it was in a section when tracing began.
        if *depth <= 0 {
            (*depth, *asked) = (0, 0);
        }
    }
    (total, longest)
}

fn thousands(guest: &Guest) -> Result<()> {
    let count = if guest.is_debug() { 700 } else { 4000 };
    net::silence()?;
    let dummies = Dummies::create(count)?;
    // Some of those that have room have numbers of their own, and so has one that has none.
    for (n, used) in (1..).zip([0, 31, 33, 400, 600]) {
        let name = Dummies::name(used);
        netlink::add_address(&name, Ipv4Addr::new(10, 79, n, 1), 24)?;
        netlink::set_up(&name, true)?;
        net::broadcast([79, n], u64::from(n), 100 * usize::from(n))?;
    }
    let all = in_order()?;
    let used = all.iter().filter(|(_, counters)| counters.tx_packets > 0);
    ensure!(
        used.count() >= 5 && all.len() >= count,
        "{} interfaces",
        all.len()
    );

    // It is loaded, and takes its first sample.
    let trace = Trace::start(&[ASK, READ_LOCK, READ_UNLOCK])?;
    let module = device::load_idle(guest, &module::only(&["net"]))?;
    let calls = trace.end()?;
    let record = device::wait_for(0)?;
    ensure!(in_order()? == all, "they were not at rest");
    check_record(&record, &all)?;

    let (total, longest) = asked(&calls);
    // The loopback is asked, too, to see whether it was used.
    ensure!(
        (ROOM..=ROOM + 1).contains(&total),
        "{total} interfaces were asked, but {ROOM} have room"
    );
    ensure!(
        (1..=PAGE_BYTES / LINE_BYTES).contains(&longest),
        "{longest} interfaces were asked with RCU read-locked"
    );
    let line = format!(
        "net table is full: {} devices are not sampled",
        all.len() - ROOM
    );
    module::write("log_every", "1")?;
    let opened = resmon::Device::open_writable()?;
    let mark = guest.log.mark("log_every=1")?;
    device::take(&opened)?;
    device::take(&opened)?;
    let said = guest.log.since(mark)?;
    ensure!(
        said.iter().any(|record| record.text.ends_with(&line)),
        "the log does not have {line:?}"
    );
    drop(opened);
    drop(dummies);
    module.unload().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_told_apart() {
        let calls = |functions: &[(u32, &str)]| -> Vec<Call> {
            let call = |(thread, function): &(u32, &str)| Call {
                thread: *thread,
                function: function.to_string(),
            };
            functions.iter().map(call).collect()
        };
        let one = [
            (1, READ_UNLOCK),
            (1, READ_LOCK),
            (1, ASK),
            (2, READ_LOCK),
            (2, READ_UNLOCK),
            (1, READ_LOCK),
            (1, READ_UNLOCK),
            (1, ASK),
            (1, READ_UNLOCK),
        ];
        assert_eq!(asked(&calls(&one)), (2, 2));
        assert_eq!(asked(&calls(&[one, one].concat())), (4, 2));
    }
}
