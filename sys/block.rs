// SPDX-License-Identifier: GPL-2.0

//! Whole block devices and what they count.
//!
//! C headers: [`include/linux/blk_types.h`](srctree/include/linux/blk_types.h),
//! [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h),
//! [`include/linux/part_stat.h`](srctree/include/linux/part_stat.h)

use super::{
    clock::{
        self,
        NSEC_PER_JIFFY, //
    },
    cpu,
    layout, //
};
use crate::model::{
    source::disk::{
        Completed,
        Disk,
        HAS_SLAVES, //
    },
    text::Text, //
};
use core::{
    ops::ControlFlow,
    ptr, //
};
use kernel::{bindings, prelude::*};

#[cfg(not(CONFIG_BLOCK))]
compile_error!("resource_monitor needs a kernel with CONFIG_BLOCK");

/// A reference to an inode, or none.
///
/// # Invariants
///
/// The pointer is null or stands for one reference to an inode.
struct HeldInode(*mut bindings::inode);

impl Drop for HeldInode {
    /// Gives the reference back. If it is the last one, the inode is freed here, so this may
    /// sleep.
    fn drop(&mut self) {
        // SAFETY: By the type's invariant; `iput()` does nothing with null.
        unsafe { bindings::iput(self.0) };
    }
}

/// Hands each whole block device that has had any I/O, and has a capacity, to `visit`, until that
/// breaks off. Returns the number of whole devices with a capacity after that, which are not read.
///
/// The list of block devices (`block_class`) is not exported. This walks the inodes of the pseudo
/// file system that all block devices are in, as `sync_bdevs()` does: the device that is looked at
/// is held by a reference to its inode, so that the lock need not be held, and that reference is
/// given back only when the next inode is held.
///
/// # Context
///
/// Process context, may sleep.
pub(crate) fn for_each_disk(visit: impl FnMut(&Disk) -> ControlFlow<()>) -> usize {
    walk(ControlFlow::Continue(()), visit)
}

/// Returns the number of whole block devices that have a capacity, used or not.
///
/// # Context
///
/// Process context. Takes a spinlock for as long as the walk takes, as `si_meminfo()` does.
pub(crate) fn count_disks() -> usize {
    walk(ControlFlow::Break(()), |_| ControlFlow::Break(()))
}

/// Does what [`for_each_disk`] does; from the first device on it only counts if `flow` says so.
fn walk(mut flow: ControlFlow<()>, mut visit: impl FnMut(&Disk) -> ControlFlow<()>) -> usize {
    // SAFETY: The pseudo file system is mounted at boot and never goes.
    let (lock, head) = unsafe {
        let superblock = bindings::blockdev_superblock;
        (
            &raw mut (*superblock).s_inode_list_lock,
            &raw mut (*superblock).s_inodes,
        )
    };
    let mut held = HeldInode(ptr::null_mut());
    let mut left_out = 0usize;
    // SAFETY: The lock is that of the list. Nothing sleeps while it is held.
    unsafe { bindings::spin_lock(lock) };
    // New devices are added in front. From the back, those that come first do not shift, and are
    // the first that there is room for.
    // SAFETY: The lock is held.
    let mut node = unsafe { (*head).prev };
    while !ptr::eq(node, head) {
        // SAFETY: Each node of this list is the `i_sb_list` of an inode.
        let inode = unsafe { kernel::container_of!(node, bindings::inode, i_sb_list) };
        // SAFETY: The lock is held, and an inode on the list is live: `evict()` takes it off the
        // list, under the lock, before it frees it.
        let device = unsafe { whole_device(inode) };
        if flow.is_break() {
            // SAFETY: As above, and the device is in one allocation with its inode.
            let counts = device.is_some_and(|device| unsafe { sectors(device) } != 0);
            left_out = left_out.saturating_add(usize::from(counts));
        } else if device.is_some() {
            // SAFETY: As above. An inode that is being freed gives null.
            let grabbed = unsafe { bindings::igrab(inode) };
            if !grabbed.is_null() {
                // SAFETY: The lock is held.
                unsafe { bindings::spin_unlock(lock) };
                // INVARIANT: `igrab()` took the reference. What was held before is given back
                // here, without the lock. The inode cannot leave the list while it is held, so
                // its node is where to go on.
                held = HeldInode(grabbed);
                // The look before spares other devices the reference. This one is in order with
                // whoever adds the device.
                // SAFETY: The inode is held.
                let device = unsafe { added_device(grabbed) };
                // SAFETY: The inode of a whole device keeps the device, its counters and its
                // `gendisk`: all of these are freed in `bdev_free_inode()`.
                if let Some(disk) = device.and_then(|device| unsafe { read(device) }) {
                    flow = visit(&disk);
                }
                // SAFETY: As above.
                unsafe { bindings::spin_lock(lock) };
            }
        }
        // SAFETY: The lock is held, and `node` is on the list.
        node = unsafe { (*node).prev };
    }
    // SAFETY: The lock is held.
    unsafe { bindings::spin_unlock(lock) };
    drop(held);
    left_out
}

/// The block device of `inode`, if it is a whole one that was added and not removed since.
///
/// What was set before it was added need not be seen yet; see [`added_device`].
///
/// # Safety
///
/// `inode` must be a live inode of the block devices' pseudo file system.
unsafe fn whole_device(inode: *mut bindings::inode) -> Option<*const bindings::block_device> {
    // SAFETY: The inode is live. Both fields may change as we look; they are single loads.
    let (mode, hashed) = unsafe {
        (
            (&raw const (*inode).i_mode).read_volatile(),
            !(&raw const (*inode).i_hash.pprev).read_volatile().is_null(),
        )
    };
    // The root of the file system is no block device. A device is hashed by `bdev_add()` when all
    // of it is there, and unhashed when it is removed.
    if u32::from(mode) & bindings::S_IFMT != bindings::S_IFBLK || !hashed {
        return None;
    }
    // SAFETY: The inode is that of a block device.
    let device: *const bindings::block_device = unsafe { bindings::I_BDEV(inode) };
    // SAFETY: The device is in one allocation with its inode. The number of a partition is
    // constant; other flags in this word change, as a whole.
    let flags = unsafe { (&raw const (*device).__bd_flags.counter).read_volatile() };
    (flags as u32 & bindings::BD_PARTNO == 0).then_some(device)
}

/// As [`whole_device`], of which all can be used that was set before the device was added.
///
/// # Safety
///
/// As for [`whole_device`].
unsafe fn added_device(inode: *mut bindings::inode) -> Option<*const bindings::block_device> {
    // `__insert_inode_hash()` has this lock when it hashes the inode. So if the inode is hashed
    // now, whoever added the device has released the lock since, and what was written before that
    // is seen from here on.
    // SAFETY: By this function's contract. Nothing sleeps while the lock is held.
    unsafe {
        let lock = &raw mut (*inode).i_lock;
        bindings::spin_lock(lock);
        let device = whole_device(inode);
        bindings::spin_unlock(lock);
        device
    }
}

/// The capacity of a device, which others may change.
///
/// # Safety
///
/// `device` must be live.
unsafe fn sectors(device: *const bindings::block_device) -> u64 {
    // SAFETY: By this function's contract; a single load.
    unsafe { (&raw const (*device).bd_nr_sectors).read_volatile() }
}

/// Reads a device; none when it was never used or has no capacity, as a loop device without a
/// file.
///
/// # Safety
///
/// `device` must be one that [`added_device`] has found, and whose inode is held.
unsafe fn read(device: *const bindings::block_device) -> Option<Disk> {
    // SAFETY: By this function's contract.
    let sectors = unsafe { sectors(device) };
    // SAFETY: As above; the pointer is set before the device is added, and constant from then on.
    let stats = unsafe { (*device).bd_stats }.cast_const();
    if sectors == 0 || stats.is_null() {
        return None;
    }
    // SAFETY: As above. Whoever begins or ends a request changes the stamp.
    let read_stamp = || unsafe { (&raw const (*device).bd_stamp).read_volatile() };
    let count = || {
        let mut counted = Counted::default();
        for cpu in cpu::possible() {
            // SAFETY: The counters are per-CPU memory that lives as long as the device.
            unsafe { counted.add(cpu.per_cpu_ptr(stats).cast()) };
        }
        counted
    };
    // Who changes the stamp adds the time since the one before to the counters, so the two belong
    // together. On a disk that is never at rest, nearly all of the time has been added anyway.
    const TRIES: usize = 3;
    let (mut stamp, mut counted) = (read_stamp(), count());
    for _ in 1..TRIES {
        let now = read_stamp();
        if now == stamp {
            break;
        }
        (stamp, counted) = (now, count());
    }
    let [reads, writes, discards, flushes] = counted.completed;
    if [reads, writes, discards, flushes]
        .iter()
        .all(|done| done.ios == 0)
    {
        return None;
    }
    // What a CPU completes that another began makes one of them negative; only the sum counts.
    let in_flight = u64::try_from(counted.in_flight).unwrap_or(0);
    // SAFETY: A number that the timer interrupt changes.
    let now = unsafe { (&raw const bindings::jiffies).read_volatile() };
    // `update_io_ticks()` adds the time since the stamp when a request begins or ends. What is
    // under way since then is busy too.
    let since_stamp = match in_flight {
        0 => 0,
        // The clock goes round, and the stamp may be newer than what was read.
        _ => u64::try_from(now.wrapping_sub(stamp) as isize).unwrap_or(0),
    };
    // SAFETY: As above: `bd_disk` is set before the device is added, and lives as long as the
    // device. The name and the numbers are set before the disk is added; a new `diskseq` for a new
    // medium is a single store.
    let (seq, name, major, minor, has_slaves) = unsafe {
        let disk = (*device).bd_disk;
        (
            (&raw const (*disk).diskseq).read_volatile(),
            CStr::from_char_ptr((&raw const (*disk).disk_name).cast()),
            (*disk).major,
            (*disk).first_minor,
            has_slaves(disk),
        )
    };
    Some(Disk {
        taken_mono_ns: clock::monotonic_now_ns(),
        seq,
        name: Text::new(name.to_bytes()),
        reads,
        writes,
        discards,
        flushes,
        busy_ns: counted
            .io_ticks
            .saturating_add(since_stamp)
            .saturating_mul(NSEC_PER_JIFFY),
        in_flight,
        flags: Some(if has_slaves { HAS_SLAVES } else { 0 }),
        // Device numbers are not negative.
        major: Some(major as u32),
        minor: Some(minor as u32),
    })
}

/// Whether a driver has said by `bd_link_disk_holder()` that the disk is made of others.
///
/// # Safety
///
/// `disk` must be live.
#[cfg(CONFIG_BLOCK_HOLDER_DEPRECATED)]
unsafe fn has_slaves(disk: *const bindings::gendisk) -> bool {
    // SAFETY: By this function's contract. The list is initialised with the disk. Others change it
    // under a mutex; whether it is empty is a single load, which is compared and not followed.
    let first = unsafe { (&raw const (*disk).slave_bdevs.next).read_volatile() };
    // SAFETY: By this function's contract; only the address is taken.
    !ptr::eq(first, unsafe { &raw const (*disk).slave_bdevs })
}

/// The option comes with any driver that makes disks of others.
///
/// # Safety
///
/// None.
#[cfg(not(CONFIG_BLOCK_HOLDER_DEPRECATED))]
unsafe fn has_slaves(_disk: *const bindings::gendisk) -> bool {
    false
}

/// `part_stat_read_all()`: the counters of a device, added up over the CPUs.
#[derive(Default)]
struct Counted {
    /// By `enum stat_group`: reads, writes, discards, flushes.
    completed: [Completed; bindings::stat_group_NR_STAT_GROUPS as usize],
    /// Jiffies with requests under way.
    io_ticks: u64,
    /// Requests begun less requests ended.
    in_flight: i64,
}

impl Counted {
    /// Adds the counters of one CPU.
    ///
    /// # Safety
    ///
    /// `stats` must point to a live `struct disk_stats`.
    unsafe fn add(&mut self, stats: *const u64) {
        let word = |offset: usize, index: usize| -> u64 {
            // SAFETY: By this function's contract; the fields below are arrays of `u64` and
            // `unsigned long`, by `enum stat_group` or by direction.
            unsafe { layout::read_field(stats.wrapping_add(index), offset) }
        };
        for (group, done) in self.completed.iter_mut().enumerate() {
            done.time_ns = done
                .time_ns
                .wrapping_add(word(layout::DISK_STATS_NSECS, group));
            done.sectors = done
                .sectors
                .wrapping_add(word(layout::DISK_STATS_SECTORS, group));
            done.ios = done.ios.wrapping_add(word(layout::DISK_STATS_IOS, group));
        }
        self.io_ticks = self
            .io_ticks
            .wrapping_add(word(layout::DISK_STATS_IO_TICKS, 0));
        for direction in 0..2 {
            let count = word(layout::DISK_STATS_IN_FLIGHT, direction) as i64;
            self.in_flight = self.in_flight.wrapping_add(count);
        }
    }
}
