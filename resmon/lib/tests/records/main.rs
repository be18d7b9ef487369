// SPDX-License-Identifier: GPL-2.0-or-later

//! Samples of records that are made here, word by word.
#![allow(clippy::unwrap_used)]

mod boots;
mod columns;
mod events;
mod lives;
mod tasks;
mod totals;
mod util;
mod versions;
