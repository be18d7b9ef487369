// SPDX-License-Identifier: GPL-2.0-or-later

//! Tests of the model on the host: tables of known answers, and properties that hold for any
//! counters, those that go backwards and those at the end of their range included.

// A test that panics has failed, as it should.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod any;
mod block;
mod brief;
mod census;
mod crc32c;
mod event;
mod frame;
mod generated;
mod header;
mod line;
mod logged;
mod panic_log;
mod pieces;
mod rates;
mod record;
mod reserved;
mod ring_header;
mod setting;
mod source;
mod sum;
mod util;
