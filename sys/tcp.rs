// SPDX-License-Identifier: GPL-2.0

//! The counters of TCP in the initial network namespace.
//!
//! C headers: [`include/net/snmp.h`](srctree/include/net/snmp.h),
//! [`include/net/netns/mib.h`](srctree/include/net/netns/mib.h)

use super::{
    cpu,
    layout, //
};
use crate::model::source::tcp::Tcp;
use kernel::{
    bindings,
    prelude::*, //
};

/// Whether the kernel has TCP.
pub(crate) const HAS_TCP: bool = cfg!(CONFIG_INET);

/// Counters of one kind, `mibs` of the C structure: a row of `unsigned long` per CPU.
type Mib = *const c_ulong;

/// What `/proc/net/snmp` and `/proc/net/netstat` show of TCP, over IPv4 and IPv6 together, added up
/// over all CPUs that can ever be online. All zero where the kernel has no TCP.
///
/// # Context
///
/// Any context; takes no locks. The counters are read one after the other.
pub(crate) fn counters() -> Tcp {
    let mut sum = Tcp::default();
    if !HAS_TCP {
        return sum;
    }
    let (tcp, net) = (
        mib(layout::NET_TCP_STATISTICS),
        mib(layout::NET_NET_STATISTICS),
    );
    let mut established = 0u64;
    for cpu in cpu::possible() {
        // SAFETY: `mib` returns what `alloc_percpu()` gave for the initial namespace, which is
        // never freed.
        let (tcp, net) = unsafe { (cpu.per_cpu_ptr(tcp), cpu.per_cpu_ptr(net)) };
        let add = |sum: &mut u64, mib: Mib, item: usize| {
            // SAFETY: `mib` points to the live counters of a CPU, of which `item` is one, by
            // `layout.c`. That CPU changes them as we look, hence the volatile read.
            let count = unsafe { mib.add(item).read_volatile() };
            *sum = sum.wrapping_add(count as u64);
        };
        add(&mut sum.segments_in, tcp, layout::TCP_IN_SEGS);
        add(&mut sum.segments_out, tcp, layout::TCP_OUT_SEGS);
        add(
            &mut sum.segments_retransmitted,
            tcp,
            layout::TCP_RETRANS_SEGS,
        );
        add(&mut sum.syns_retransmitted, net, layout::TCP_SYN_RETRANS);
        add(&mut sum.listen_overflows, net, layout::TCP_LISTEN_OVERFLOWS);
        add(&mut sum.listen_drops, net, layout::TCP_LISTEN_DROPS);
        add(&mut established, tcp, layout::TCP_CURR_ESTAB);
    }
    // A connection may be counted on one CPU and end on another, so only the sum means something,
    // and what changes meanwhile may take it below zero.
    sum.established = u64::try_from(established as i64).unwrap_or(0);
    sum
}

/// The counters at an offset of `struct net`.
fn mib(offset: usize) -> Mib {
    let field = (&raw const bindings::init_net).wrapping_byte_add(offset);
    // SAFETY: By `layout.c` there is a pointer to per-CPU memory, which `inet_init()` set at boot,
    // before any module is loaded, and nothing changes it after that.
    unsafe { field.cast::<Mib>().read() }
}
