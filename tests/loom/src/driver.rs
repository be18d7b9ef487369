// SPDX-License-Identifier: GPL-2.0

//! Files of the module.

// The device uses more of them than the models.
#![allow(dead_code)]

#[path = "../../../driver/block_headers.rs"]
pub(crate) mod block_headers;
#[path = "../../../driver/block_memory.rs"]
pub(crate) mod block_memory;
#[path = "../../../driver/block_reader.rs"]
pub(crate) mod block_reader;
#[path = "../../../driver/blocks.rs"]
pub(crate) mod blocks;
#[path = "../../../driver/copy.rs"]
pub(crate) mod copy;
#[path = "../../../driver/cursor.rs"]
pub(crate) mod cursor;
#[path = "../../../driver/forget.rs"]
pub(crate) mod forget;
#[path = "../../../driver/history.rs"]
pub(crate) mod history;
#[path = "../../../driver/life.rs"]
pub(crate) mod life;
/// Without what is for dumps and for the next boot, as the module's header of the ring is.
pub(crate) mod piece;
#[path = "../../../driver/reader.rs"]
pub(crate) mod reader;
#[path = "../../../driver/record_reader.rs"]
pub(crate) mod record_reader;
#[path = "../../../driver/record_writer.rs"]
pub(crate) mod record_writer;
#[path = "../../../driver/ring.rs"]
pub(crate) mod ring;
pub(crate) mod ring_memory;
#[path = "../../../driver/slots.rs"]
pub(crate) mod slots;
