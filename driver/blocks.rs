// SPDX-License-Identifier: GPL-2.0

//! The older records: encoded, in blocks, in memory that is allocated once at load.
//!
//! A ring of blocks, each of frames, one after the other. A record comes here when it leaves the ring of
//! plain records (`driver/history.rs`). The reporter never waits for readers: they copy a block and then
//! check whether the writer has come round to it. Nothing is decoded here.
//!
//! Programs read them by `driver/block_reader.rs`.
//!
//! The newest block is open: it grows. What its header has to say is not in the block yet, but in one of
//! two copies, of which the writer changes the one that nobody is told to read. In the block is one that says whose
//! records these are, for who finds it in a dump of the machine; each frame says for itself whether it is whole.
//!
//! `tests/loom` runs this file outside the kernel, in every order that threads can take.

use super::{
    copy,
    cursor::Lapped,
    piece::Piece, //
};
use crate::{
    model::{
        block::Header,
        frame::{
            self,
            Encoder,
            Parts,
            Word, //
        },
        record::WORD_BYTES,
        words::Words, //
    },
    sys::rwonce::{
        self,
        RwOnce, //
    }, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            ordering::{
                Acquire,
                Relaxed,
                Release, //
            },
            Atomic, //
        },
        Arc,
        Mutex, //
    },
};

/// How much room there is for blocks.
pub(crate) struct Capacity {
    /// How many there are; none is possible.
    pub(crate) blocks: usize,
    /// Words of each, its header included.
    pub(crate) block_words: usize,
    /// Words of the largest record.
    pub(crate) max_record_words: usize,
    /// Nanoseconds of a tick of the kernel's clock, of which many times are multiples.
    pub(crate) tick_ns: u64,
    /// The number of the first group of frames, drawn at random.
    pub(crate) first_group: u32,
}

/// The blocks that are kept.
#[pin_data]
pub(crate) struct Blocks {
    blocks: KVec<Piece>,
    /// Words of [`Writer::memory`].
    encoder_words: usize,
    /// Number of the oldest block. What is before it may be overwritten at any time.
    pub(super) oldest: Atomic<u64>,
    /// How often the open block has grown; 0 before the first time. Its header is in
    /// `open[version % 2]`.
    version: Atomic<u64>,
    open: [Copy; 2],
    /// Records in all blocks.
    records: RwOnce<u64>,
    /// Bytes of all blocks.
    bytes: RwOnce<u64>,
    /// Uncontended: only the reporter uses it.
    #[pin]
    writer: Mutex<Writer>,
}

/// A copy of a header.
type Copy = [RwOnce<u64>; Header::LEN];

/// What the writer knows.
struct Writer {
    encoder: Encoder,
    /// What it keeps from record to record.
    memory: KVVec<u64>,
    /// The header of the open block. It has no records before the first of them came.
    header: Header,
    /// Words of its frames.
    frame_words: usize,
}

/// What of a record is in the header of its block.
#[derive(Clone, Copy)]
pub(crate) struct Kept {
    pub(crate) seq: u64,
    pub(crate) boot_ns: u64,
    pub(crate) load_id: u64,
    pub(crate) boot_id: u64,
}

impl Blocks {
    /// Makes room for blocks.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(capacity: &Capacity) -> Result<Arc<Self>> {
        let mut blocks = KVec::with_capacity(capacity.blocks, GFP_KERNEL)?;
        let mut is_easy = true;
        for _ in 0..capacity.blocks {
            blocks.push(Piece::new(capacity.block_words, &mut is_easy)?, GFP_KERNEL)?;
        }
        let encoder_words = match capacity.blocks {
            0 => 0,
            _ => frame::memory_words(capacity.max_record_words),
        };
        let writer = Writer {
            encoder: Encoder::new(capacity.tick_ns, capacity.first_group),
            memory: KVVec::from_elem(0u64, encoder_words, GFP_KERNEL)?,
            header: Header::default(),
            frame_words: 0,
        };
        Arc::pin_init(
            pin_init!(Self {
                blocks,
                encoder_words,
                oldest: Atomic::new(0u64),
                version: Atomic::new(0u64),
                open: [(); 2].map(|()| [(); Header::LEN].map(|()| RwOnce::new(0))),
                records: RwOnce::new(0),
                bytes: RwOnce::new(0),
                writer <- new_mutex!(writer, "Blocks::writer"),
            }),
            GFP_KERNEL,
        )
    }

    /// Encodes a record behind those that are there.
    ///
    /// # Context
    ///
    /// Process context, may sleep. Only the reporter calls this.
    pub(crate) fn keep(&self, kept: Kept, record: Parts<'_, RwOnce<u64>>) {
        if self.blocks.is_empty() {
            return;
        }
        let writer = &mut *self.writer.lock();
        if writer.header.records != 0 && self.append(writer, kept, record) {
            return;
        }
        // The block is full, or there is none yet. What does not fit into one of its own is not kept; the
        // numbers say so.
        self.begin_next(writer, kept);
        self.append(writer, kept, record);
    }

    /// Adds a frame to the open block. Returns whether it fits.
    fn append(&self, writer: &mut Writer, kept: Kept, record: Parts<'_, RwOnce<u64>>) -> bool {
        let header = &mut writer.header;
        let used = Header::LEN.saturating_add(writer.frame_words);
        let block = self.block(header.number);
        let mut left = Left(block.get(used..).unwrap_or_default());
        let Ok(words) = writer.encoder.encode(&mut writer.memory, record, &mut left) else {
            return false;
        };
        writer.frame_words = writer.frame_words.saturating_add(words);
        header.size_bytes = Header::LEN
            .saturating_add(writer.frame_words)
            .saturating_mul(WORD_BYTES) as u64;
        header.records = header.records.saturating_add(1);
        header.next_seq = kept.seq.saturating_add(1);
        header.last_boot_ns = kept.boot_ns;
        self.records.increase(1);
        self.bytes.increase(words.saturating_mul(WORD_BYTES) as u64);
        self.publish(header);
        true
    }

    /// Lets readers see how far the open block has come.
    fn publish(&self, header: &Header) {
        let version = self.version.load(Relaxed).wrapping_add(1);
        // Readers must see that the other copy is the one to read before a word of this one changes.
        rwonce::write_barrier();
        copy::put(self.copy(version), header);
        self.version.store(version, Release);
    }

    /// Closes the open block, and begins the next one with its first record.
    fn begin_next(&self, writer: &mut Writer, kept: Kept) {
        let header = &mut writer.header;
        let mut number = header.number;
        if header.records != 0 {
            copy::put(self.block(number), &header.sealed(writer.frame_words));
            number = number.saturating_add(1);
            if let Some(gone) = number.checked_sub(self.blocks.len() as u64) {
                self.drop_block(gone);
            }
        }
        *header = Header {
            boot_id: kept.boot_id,
            load_id: kept.load_id,
            number,
            first_seq: kept.seq,
            first_boot_ns: kept.boot_ns,
            ..Header::default()
        };
        if let Some(piece) = self.piece(number) {
            piece.mark(&header.sealed(0));
        }
        writer.frame_words = 0;
        writer.encoder.start_group();
    }

    /// Drops the oldest block. Its words may be overwritten from here on.
    fn drop_block(&self, number: u64) {
        if let Ok(header) = self.closed_header(number) {
            self.records
                .write(self.records.read().saturating_sub(header.records));
            self.bytes
                .write(self.bytes.read().saturating_sub(header.size_bytes));
        }
        self.oldest.store(number.saturating_add(1), Release);
        // Readers must see that it is gone before a word changes.
        rwonce::write_barrier();
    }

    /// The memory of a block; none when there are no blocks.
    fn piece(&self, number: u64) -> Option<&Piece> {
        let at = number.checked_rem(self.blocks.len() as u64)?;
        self.blocks.get(at as usize)
    }

    /// The words of a block.
    pub(super) fn block(&self, number: u64) -> &[RwOnce<u64>] {
        self.piece(number).map(Piece::words).unwrap_or_default()
    }

    fn copy(&self, version: u64) -> &Copy {
        let [even, odd] = &self.open;
        if version % 2 == 0 {
            even
        } else {
            odd
        }
    }

    /// The header of the open block; none when there is no block yet.
    pub(super) fn open_header(&self) -> Option<Header> {
        loop {
            let version = self.version.load(Acquire);
            if version == 0 {
                return None;
            }
            let header = get(self.copy(version));
            // The words must have been read before the version is.
            rwonce::read_barrier();
            if self.version.load(Relaxed) == version {
                return header;
            }
        }
    }

    /// The header of a block that is closed.
    fn closed_header(&self, number: u64) -> Result<Header, Lapped> {
        let header = get(self.block(number));
        self.check(number)?;
        header.ok_or(Lapped)
    }

    /// The header of a block of which `open` is the newest.
    pub(super) fn header(&self, number: u64, open: &Header) -> Result<Header, Lapped> {
        if number == open.number {
            self.check(number)?;
            return Ok(*open);
        }
        self.closed_header(number)
    }

    /// Whether all that was loaded from the block was of it.
    pub(super) fn check(&self, number: u64) -> Result<(), Lapped> {
        // The words must have been read before the number of the oldest block is.
        rwonce::read_barrier();
        if number < self.oldest.load(Relaxed) {
            return Err(Lapped);
        }
        Ok(())
    }

    /// The header of the oldest block; none when there is no block yet.
    pub(crate) fn oldest(&self) -> Option<Header> {
        loop {
            let open = self.open_header()?;
            let oldest = self.oldest.load(Acquire);
            if let Ok(header) = self.header(oldest.min(open.number), &open) {
                return Some(header);
            }
        }
    }

    /// How many records the blocks have, and how many bytes these take.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.records.read(), self.bytes.read())
    }

    /// Bytes of the largest block.
    pub(crate) fn block_bytes(&self) -> usize {
        self.block(0).len().saturating_mul(WORD_BYTES)
    }

    /// Bytes of all of them.
    pub(crate) fn size_bytes(&self) -> usize {
        self.blocks.len().saturating_mul(self.block_bytes())
    }

    /// How many there are, and how many of them are not in one piece of memory.
    pub(super) fn pieces(&self) -> (usize, usize) {
        let scattered = self.blocks.iter().filter(|block| !block.is_whole());
        (self.blocks.len(), scattered.count())
    }

    /// Bytes of what it takes to encode records.
    pub(crate) fn encoder_bytes(&self) -> usize {
        self.encoder_words.saturating_mul(WORD_BYTES)
    }
}

impl Word for RwOnce<u64> {
    #[inline(always)]
    fn read(&self) -> u64 {
        RwOnce::read(self)
    }
}

/// What is left of a block.
struct Left<'a>(&'a [RwOnce<u64>]);

impl frame::Output for Left<'_> {
    #[inline(always)]
    fn put(&mut self, at: usize, word: u64) -> Option<()> {
        self.0.get(at)?.write(word);
        Some(())
    }

    #[inline(always)]
    fn get(&self, at: usize) -> u64 {
        self.0.get(at).map_or(0, RwOnce::read)
    }
}

/// Reads a header, which may be one of which half was overwritten.
fn get<'a>(places: impl IntoIterator<Item = &'a RwOnce<u64>>) -> Option<Header> {
    let mut words = [0; Header::LEN];
    for (word, place) in words.iter_mut().zip(places) {
        *word = place.read();
    }
    Header::from_words(&words)
}
