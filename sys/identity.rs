// SPDX-License-Identifier: GPL-2.0

//! What tells one load of the module from another, and one boot of the machine from another.
//!
//! The kernel's own boot ID (`/proc/sys/kernel/random/boot_id`) is not exported, so this derives
//! another one from what is fixed for as long as the kernel runs and differs between boots.
//!
//! C headers: [`include/linux/random.h`](srctree/include/linux/random.h),
//! [`include/linux/siphash.h`](srctree/include/linux/siphash.h),
//! [`include/linux/pid_namespace.h`](srctree/include/linux/pid_namespace.h),
//! [`include/net/netns/hash.h`](srctree/include/net/netns/hash.h)

use super::layout;
use kernel::{
    bindings,
    sync::rcu, //
};

/// A number at random.
///
/// # Context
///
/// Any context; the generator's own locks, which are held for a few instructions. Early at boot
/// the number may be foreseeable.
pub(crate) fn random() -> u64 {
    let mut number = 0u64;
    // SAFETY: The place may be written, and is as long as it says.
    unsafe { bindings::get_random_bytes((&raw mut number).cast(), size_of::<u64>()) };
    number
}

/// The identity of this boot: the same whenever it is asked for, and another after a reboot.
///
/// It is a hash (SipHash, which is made to keep its key secret) of a constant, with what is fixed
/// for a boot as the key:
///
/// - when the first process was started, by `CLOCK_MONOTONIC` in nanoseconds. It survives an
///   `execve()`, and wall-clock time, which is set later, has no part in it;
/// - what the kernel drew at random for the hash tables of the initial network namespace
///   (`net_hash_mix()`).
///
/// So two boots have the same identity by chance once in at least 2^32 pairs of boots that started
/// the first process in the same nanosecond. Who knows an identity cannot work back to the key
/// but by trying: some 2^55 keys when the start is known to the 10 ms that `/proc/1/stat` shows.
///
/// # Context
///
/// Process context, not in a process that is forking; takes no locks (RCU).
pub(crate) fn boot() -> u64 {
    /// What is hashed. It only has to be always the same: "RESMON" and a version.
    const MESSAGE: u64 = u64::from_be_bytes(*b"RESMON\0\x01");
    // SAFETY: The namespace is a static; the mix is a `u32` that is set before any module is.
    let mix: u32 =
        unsafe { layout::read_field(&raw const bindings::init_net, layout::NET_HASH_MIX) };
    let key = bindings::siphash_key_t {
        key: [first_process_started_ns(), u64::from(mix)],
    };
    // SAFETY: The key is a live structure.
    unsafe { bindings::siphash_1u64(MESSAGE, &key) }
}

/// When the first process was started, in nanoseconds of `CLOCK_MONOTONIC`.
fn first_process_started_ns() -> u64 {
    let _rcu = rcu::read_lock();
    // SAFETY: RCU is read-locked, which keeps the number and the task, and the namespace is a
    // static. Where there is no such number, there is no task.
    let task = unsafe {
        let pid = bindings::find_pid_ns(1, &raw mut bindings::init_pid_ns);
        bindings::pid_task(pid, bindings::pid_type_PIDTYPE_PID)
    };
    if task.is_null() {
        return 0;
    }
    // SAFETY: As above. The start is set before the task has its number, and constant: when another
    // thread of the process calls `execve()`, it takes it over (`de_thread()`).
    unsafe { (&raw const (*task).start_time).read_volatile() }
}
