// SPDX-License-Identifier: GPL-2.0

//! The edge to the kernel's C side: one safe wrapper per facility.
//!
//! This is the only folder that names `bindings` or writes `unsafe`. Each wrapper says in which
//! context it may be called and which C source it mirrors.

pub(crate) mod clock;
pub(crate) mod cpu;
pub(crate) mod cpu_hotplug;
pub(crate) mod cpustat;
pub(crate) mod irq_work;
pub(crate) mod kthread;
pub(crate) mod param;
pub(crate) mod rwonce;
pub(crate) mod vmstat;
