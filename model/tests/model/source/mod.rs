// SPDX-License-Identifier: GPL-2.0-or-later

//! A file per source, each of which makes lines of snapshots; here is what they have in common.

mod activity;
mod cpu;
mod disk;
mod fs;
mod load;
mod memory;
mod net;
mod pairs;
mod pressure;
mod ranking;
mod running;
mod tasks;
mod tcp;
mod text;
mod timed;
