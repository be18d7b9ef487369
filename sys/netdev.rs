// SPDX-License-Identifier: GPL-2.0

//! The network interfaces of the initial network namespace.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use super::{
    clock,
    layout::{
        self,
        Words, //
    }, //
};
use crate::model::{
    source::net::{
        Carried,
        Net,
        HAS_LOWER,
        HAS_UPPER,
        LOOPBACK,
        MAX_NAME, //
    },
    text::Text, //
};
use core::ptr;
use kernel::{
    bindings,
    prelude::*,
    sync::rcu,
    time::Instant, //
};

#[cfg(not(CONFIG_NET))]
compile_error!("resource_monitor needs a kernel with CONFIG_NET");

/// `struct rtnl_link_stats64`, which is a row of `__u64`.
type LinkStats = Words<{ layout::LINK_STATS_SIZE.div_ceil(size_of::<u64>()) }>;

extern "C" {
    /// See `include/linux/netdevice.h`; not in the kernel's bindings.
    fn dev_get_stats(dev: *mut bindings::net_device, storage: *mut LinkStats) -> *mut LinkStats;

    /// See `include/linux/netdevice.h`; not in the kernel's bindings.
    fn netdev_next_lower_dev_rcu(
        dev: *mut bindings::net_device,
        iter: *mut *mut bindings::list_head,
    ) -> *mut bindings::net_device;
}

/// Hands each interface to `visit`, as it is now: what `/proc/net/dev` shows. Drops that a driver
/// counts as missed are drops.
///
/// # Context
///
/// Process context; RCU is read-locked all the while, so `visit` must not sleep. Drivers are asked
/// for their counters and may take their time.
pub(crate) fn for_each(mut visit: impl FnMut(&Net)) {
    let mut stats = LinkStats::zeroed();
    let _rcu = rcu::read_lock();
    let head: *const bindings::list_head = (&raw const bindings::init_net)
        .wrapping_byte_add(layout::NET_DEV_BASE_HEAD)
        .cast();
    let mut node = head;
    loop {
        // SAFETY: `node` is the head of the list, which lives as long as the kernel, or the node
        // of an interface that was found on the list in this RCU read-side critical section;
        // `unlist_netdevice()` is followed by a grace period. As `list_next_rcu()` does it.
        node = unsafe { (&raw const (*node).next).read_volatile() };
        if ptr::eq(node, head) {
            break;
        }
        // SAFETY: Each node of this list is the `dev_list` of a `struct net_device`, which is
        // live, as said above.
        let net = unsafe {
            let device = node.byte_sub(layout::NET_DEVICE_DEV_LIST);
            read(device.cast::<bindings::net_device>(), &mut stats)
        };
        if let Some(net) = net {
            visit(&net);
        }
    }
}

/// Reads an interface; none for a loopback that was never used.
///
/// # Safety
///
/// `device` must be an interface of the initial namespace that was found under RCU, which is still
/// read-locked.
unsafe fn read(device: *const bindings::net_device, stats: &mut LinkStats) -> Option<Net> {
    // SAFETY: By this function's contract.
    let flags = unsafe { flags(device) };
    // SAFETY: As above; the index is an `int` above zero.
    let index: u32 = unsafe { layout::read_field(device, layout::NET_DEVICE_IFINDEX) };
    // SAFETY: As above; the storage is as large as the structure. `dev_seq_show()` calls this
    // with RCU read-locked as well.
    unsafe { dev_get_stats(device.cast_mut(), stats) };
    let net = Net {
        taken_mono_ns: clock::monotonic_ns(Instant::now()),
        index,
        address: device.addr(),
        // SAFETY: As above; the name is an array of more than `MAX_NAME` bytes with a NUL.
        name: unsafe { name(device.byte_add(layout::NET_DEVICE_NAME).cast()) },
        rx: Carried {
            bytes: stats.at(layout::LINK_STATS_RX_BYTES),
            packets: stats.at(layout::LINK_STATS_RX_PACKETS),
            errors: stats.at(layout::LINK_STATS_RX_ERRORS),
            drops: stats
                .at(layout::LINK_STATS_RX_DROPPED)
                .saturating_add(stats.at(layout::LINK_STATS_RX_MISSED)),
        },
        tx: Carried {
            bytes: stats.at(layout::LINK_STATS_TX_BYTES),
            packets: stats.at(layout::LINK_STATS_TX_PACKETS),
            errors: stats.at(layout::LINK_STATS_TX_ERRORS),
            drops: stats.at(layout::LINK_STATS_TX_DROPPED),
        },
        flags: Some(flags),
    };
    let is_loopback = flags & LOOPBACK != 0;
    let is_unused = net.rx.packets == 0 && net.tx.packets == 0;
    (!(is_loopback && is_unused)).then_some(net)
}

/// The flags of a record: what the interface is, and what lies below and above it.
///
/// # Safety
///
/// `device` must be an interface of the initial namespace that was found under RCU, which is still
/// read-locked.
unsafe fn flags(device: *const bindings::net_device) -> u64 {
    // SAFETY: By this function's contract; the flags are an `unsigned int`.
    let kernel_flags: u32 = unsafe { layout::read_field(device, layout::NET_DEVICE_FLAGS) };
    let upper = device.wrapping_byte_add(layout::NET_DEVICE_ADJ_LIST_UPPER);
    // SAFETY: By this function's contract; the field is the head of a list, whose first word is
    // its `next`. It is compared, not followed.
    let first_upper: usize = unsafe { layout::read_field(upper, 0) };
    let mut flags = 0;
    if kernel_flags & bindings::net_device_flags_IFF_LOOPBACK != 0 {
        flags |= LOOPBACK;
    }
    if first_upper != upper.addr() {
        flags |= HAS_UPPER;
    }
    // SAFETY: By this function's contract.
    if unsafe { has_lower(device) } {
        flags |= HAS_LOWER;
    }
    flags
}

/// Whether an interface is on top of another one of the initial namespace. One that is on top of an
/// interface of another namespace alone, as a macvlan that was moved here, counts for itself.
///
/// # Safety
///
/// As that of [`flags`].
unsafe fn has_lower(device: *const bindings::net_device) -> bool {
    let mut node: *mut bindings::list_head = device
        .wrapping_byte_add(layout::NET_DEVICE_ADJ_LIST_LOWER)
        .cast_mut()
        .cast();
    loop {
        // SAFETY: By this function's contract. The walk begins at the head of the list, and each
        // call leaves it at a node, which RCU keeps. `netdev_for_each_lower_dev()` does the same.
        let lower = unsafe { netdev_next_lower_dev_rcu(device.cast_mut(), &mut node) };
        if lower.is_null() {
            return false;
        }
        // SAFETY: RCU keeps what is on the list, and an interface always has a namespace.
        let namespace: usize =
            unsafe { layout::read_field(lower.cast_const(), layout::NET_DEVICE_ND_NET) };
        if namespace == (&raw const bindings::init_net).addr() {
            return true;
        }
    }
}

/// Copies a name up to its NUL. One that is changed meanwhile may come out mixed, as it may in
/// `/proc/net/dev`.
///
/// # Safety
///
/// `name` must point to `MAX_NAME` live bytes.
unsafe fn name(name: *const u8) -> Text<MAX_NAME> {
    let mut copy = [0; MAX_NAME];
    let mut len = 0;
    for (index, to) in copy.iter_mut().enumerate() {
        // SAFETY: By this function's contract. Others may change it, hence the volatile read.
        *to = unsafe { name.add(index).read_volatile() };
        if *to == 0 {
            break;
        }
        len = index.wrapping_add(1);
    }
    Text::new(copy.get(..len).unwrap_or_default())
}
