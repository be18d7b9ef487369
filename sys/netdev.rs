// SPDX-License-Identifier: GPL-2.0

//! The network interfaces of the initial network namespace.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use super::{
    clock,
    layout::{
        self,
        WordBuffer, //
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
use core::ops::ControlFlow;
use kernel::{
    bindings,
    prelude::*,
    sync::rcu, //
};

#[cfg(not(CONFIG_NET))]
compile_error!("resource_monitor needs a kernel with CONFIG_NET");

/// `struct rtnl_link_stats64`, which is a row of `__u64`.
type LinkStats = WordBuffer<{ layout::LINK_STATS_SIZE.div_ceil(size_of::<u64>()) }>;

extern "C" {
    /// See `include/linux/netdevice.h`; not in the kernel's bindings.
    fn dev_get_stats(dev: *mut bindings::net_device, storage: *mut LinkStats) -> *mut LinkStats;

    /// See `include/linux/netdevice.h`; not in the kernel's bindings.
    fn netdev_next_lower_dev_rcu(
        dev: *mut bindings::net_device,
        iter: *mut *mut bindings::list_head,
    ) -> *mut bindings::net_device;
}

/// Most interfaces that are looked at in one RCU read-side critical section.
///
/// Grace periods of the whole machine wait for such a section, and a driver may take its time over
/// its counters. `/proc/net/dev` leaves RCU after each page that it fills, and a line of an
/// interface has 123 bytes or more, so it has up to 33 of them in a page of 4 KiB.
const MAX_PER_SECTION: usize = 32;

/// Hands each interface to `each`, by ascending index.
///
/// This goes on from the index of the last one, as `/proc/net/dev` does: an interface that comes or
/// goes meanwhile may be missed, but none that stays.
///
/// # Context
///
/// Process context; RCU is read-locked while `each` runs, so that must not sleep. It keeps the
/// interface until then.
fn walk(mut each: impl FnMut(*const bindings::net_device)) {
    let interfaces = (&raw const bindings::init_net)
        .wrapping_byte_add(layout::NET_DEV_BY_INDEX)
        .cast::<bindings::xarray>()
        .cast_mut();
    let mut index: c_ulong = 0;
    let max = max_index();
    loop {
        let _rcu = rcu::read_lock();
        for _ in 0..MAX_PER_SECTION {
            // SAFETY: The array is in a static of the kernel, initialized before any module is
            // loaded. RCU is read-locked, so what is found is live until `_rcu` goes:
            // `unlist_netdevice()` takes an interface out of the array, and a grace period
            // follows.
            let device =
                unsafe { bindings::xa_find(interfaces, &mut index, max, bindings::XA_PRESENT) };
            if device.is_null() {
                return;
            }
            each(device.cast());
            index = index.saturating_add(1);
        }
    }
}

/// Returns an index that no interface exceeds, except one that is registered later.
///
/// The array is searched slot by slot, and most of a machine's slots are empty: without a bound the
/// search behind the last interface costs more than all interfaces. The list of interfaces has no
/// gaps, but a walk over it cannot leave RCU and go on. So a long list sets no bound: there the
/// empty slots hardly count.
///
/// # Context
///
/// Process context; takes no locks.
fn max_index() -> c_ulong {
    let head: *const bindings::list_head = (&raw const bindings::init_net)
        .wrapping_byte_add(layout::NET_DEV_BASE_HEAD)
        .cast();
    let mut node = head;
    let mut max: u32 = 0;
    let _rcu = rcu::read_lock();
    for _ in 0..=MAX_PER_SECTION {
        // SAFETY: `node` is the head of the list, in a static of the kernel, or in an interface that
        // was found on it since RCU is read-locked. That keeps the interface, and its `next`, which
        // `unlist_netdevice()` leaves alone. Others may change it, hence the volatile read.
        node = unsafe { (&raw const (*node).next).read_volatile() };
        if node == head {
            return max as c_ulong;
        }
        let device = node.wrapping_byte_sub(layout::NET_DEVICE_DEV_LIST);
        // SAFETY: As above, and only interfaces are on the list; the index is an `int` above zero.
        max = max.max(unsafe { layout::read_field(device, layout::NET_DEVICE_IFINDEX) });
    }
    c_ulong::MAX
}

/// Returns the number of interfaces. None of them is asked for anything.
///
/// # Context
///
/// Process context; takes no locks.
pub(crate) fn count() -> usize {
    let mut count = 0usize;
    walk(|_| count = count.saturating_add(1));
    count
}

/// Hands each interface to `visit`, as it is now, until that breaks off: what `/proc/net/dev` shows.
/// Drops that a driver counts as missed are drops. Returns the number of interfaces after that; these
/// are not asked for anything.
///
/// # Context
///
/// Process context; RCU is read-locked while `visit` runs, so that must not sleep. Drivers are asked
/// for their counters and may take their time.
pub(crate) fn for_each(mut visit: impl FnMut(&Net) -> ControlFlow<()>) -> usize {
    let mut stats = LinkStats::zeroed();
    let mut flow = ControlFlow::Continue(());
    let mut left_out = 0usize;
    walk(|device| {
        if flow.is_break() {
            left_out = left_out.saturating_add(1);
        // SAFETY: `walk` keeps the interface while this runs.
        } else if let Some(net) = unsafe { read(device, &mut stats) } {
            flow = visit(&net);
        }
    });
    left_out
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
        taken_mono_ns: clock::monotonic_now_ns(),
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
