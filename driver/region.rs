// SPDX-License-Identifier: GPL-2.0

//! Reserved memory as where the history lies, so that it outlives the machine: `reserve_mem=8M:256M:resmon` on the
//! kernel's command line. `model/reserved/` says what lies where in it.

use super::{
    block_memory::BlockMemory,
    capacity::Capacity,
    copy,
    piece::Piece, //
};
use crate::{
    model::{
        record::WORD_BYTES,
        reserved::{
            Found,
            Head,
            Layout,
            HEAD_AT,
            LIVES_AT,
            OPEN_AT,
            RING_AT, //
        },
        words::Words, //
    },
    sys::reserved::{
        NotFound,
        Part, //
    }, //
};
use kernel::prelude::*;

/// The name under which memory is reserved.
const NAME: &CStr = c"resmon";

/// The memory, divided.
pub(super) struct Region {
    pub(super) layout: Layout,
    /// What is known of the lives.
    pub(super) lives: Piece,
    pub(super) ring: Piece,
    pub(super) blocks: BlockMemory,
    /// Whether what was there was of no use, since it was divided otherwise.
    pub(super) starts_over: bool,
}

/// Why the history does not lie there.
#[derive(Clone, Copy)]
pub(super) enum Refused {
    NotFound(NotFound),
    /// There are so many bytes, and so many are needed.
    TooSmall {
        bytes: usize,
        needed_bytes: usize,
    },
}

impl Region {
    /// Takes the memory that is reserved for it, as it was divided before, or divides it for what `capacity` asks
    /// for at least: then nothing is left of what was there.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(super) fn take(capacity: &Capacity) -> Result<Self, Refused> {
        let part = Part::reserved_as(NAME).map_err(Refused::NotFound)?;
        let memory = Piece::Reserved(part);
        let words = memory.words().len();
        let (ring_words, block_words) = (capacity.ring_words, capacity.blocks.block_words);
        let needed = Layout::divide(words, ring_words, block_words, capacity.least_blocks);
        let needed = needed.ok_or_else(|| {
            let needed = Layout::least_words(ring_words, block_words, capacity.least_blocks);
            Refused::TooSmall {
                bytes: words.saturating_mul(WORD_BYTES),
                needed_bytes: needed.saturating_mul(WORD_BYTES),
            }
        })?;
        let heads = HEAD_AT.map(|at| memory.words().get(at..).unwrap_or_default());
        let [first, second] = heads.map(|head| {
            let mut words = [0; Head::LEN];
            copy::load(head, &mut words);
            words
        });
        let found = Found::of([&first, &second], words);
        let layout = match found {
            Found::Divided(layout) if layout.has_room_for(&needed) => layout,
            _ => {
                // First, so that it is not taken for divided memory while it is erased.
                for head in heads {
                    memory.erase(head.get(..Head::LEN).unwrap_or_default());
                }
                memory.erase(memory.words());
                needed
            }
        };
        for head in heads {
            copy::put(head, &layout.head());
            memory.write_back(head.get(..Head::LEN).unwrap_or_default());
        }
        let starts_over = !matches!(found, Found::Nothing) && found != Found::Divided(layout);
        Self::of(memory, layout, starts_over)
            .map_err(|error| Refused::NotFound(NotFound::Failed(error)))
    }

    /// The memory in its parts.
    fn of(mut memory: Piece, layout: Layout, starts_over: bool) -> Result<Self> {
        let reserved_bytes = memory.words().len().saturating_mul(WORD_BYTES);
        let mut next = |words| memory.split_first(words).ok_or(EINVAL);
        next(OPEN_AT)?;
        let open = next(LIVES_AT.saturating_sub(OPEN_AT))?;
        let lives = next(RING_AT.saturating_sub(LIVES_AT))?;
        let ring = next(layout.ring_words)?;
        let mut blocks = KVec::with_capacity(layout.blocks, GFP_KERNEL)?;
        for _ in 0..layout.blocks {
            blocks.push(next(layout.block_words)?, GFP_KERNEL)?;
        }
        Ok(Self {
            layout,
            lives,
            ring,
            blocks: BlockMemory {
                blocks,
                open,
                reserved_bytes,
            },
            starts_over,
        })
    }
}
