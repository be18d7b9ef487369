// SPDX-License-Identifier: GPL-2.0

//! The edge to the kernel's C side: one safe wrapper per facility.
//!
//! This is the only folder that names `bindings` or writes `unsafe`. Each wrapper says in which
//! context it may be called and which C source it mirrors.

pub(crate) mod block;
pub(crate) mod capability;
pub(crate) mod clock;
pub(crate) mod cpu;
pub(crate) mod cpu_hotplug;
pub(crate) mod cpustat;
pub(crate) mod identity;
pub(crate) mod irq_work;
pub(crate) mod job;
pub(crate) mod kstat;
pub(crate) mod kthread;
mod layout;
pub(crate) mod loadavg;
pub(crate) mod log;
pub(crate) mod miscdevice;
pub(crate) mod module_ref;
pub(crate) mod netdev;
mod notifier;
pub(crate) mod oom;
pub(crate) mod panic;
pub(crate) mod param;
pub(crate) mod param_entry;
pub(crate) mod psi;
pub(crate) mod reboot;
pub(crate) mod reserved;
pub(crate) mod rwonce;
pub(crate) mod statfs;
pub(crate) mod task;
mod task_fields;
pub(crate) mod tcp;
pub(crate) mod utsname;
pub(crate) mod vmstat;
pub(crate) mod workqueue;
