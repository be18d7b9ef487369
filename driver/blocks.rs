// SPDX-License-Identifier: GPL-2.0

//! The older records: encoded, in blocks, in memory that is there from the start.
//!
//! A ring of blocks, each of frames, one after the other. A record comes here when it leaves the ring of
//! plain records (`driver/history.rs`). The reporter never waits for readers: they copy a block and then
//! check whether the writer has come round to it. Nothing is decoded here.
//!
//! Where the memory outlives the machine (`driver/region.rs`), it has blocks of earlier lives as well. Numbers go on
//! from these, so those of this life are the last ones.
//!
//! Programs read them by `driver/block_reader.rs`, which finds them by `driver/block_headers.rs`.
//!
//! The newest block is open: it grows. What its header has to say is not in the block yet, but in one of
//! two copies, of which the writer changes the one that nobody is told to read. In the block is one that says whose
//! records these are, for who finds it in a dump of the machine; each frame says for itself whether it is whole.
//!
//! `tests/loom` runs this file outside the kernel, in every order that threads can take.

use super::{
    block_memory::BlockMemory,
    copy,
    life::Life, //
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
        sum::Sum,
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

/// What lives before this one have left.
#[derive(Clone, Copy, Default)]
pub(crate) struct Earlier {
    /// Number of the oldest block.
    pub(crate) oldest: u64,
    /// The header of the newest; none when there is no block. In the memory it is closed, unless it is open.
    pub(crate) newest: Option<Header>,
    /// Which copy has it, if it is open: its records are to be gone on with.
    pub(crate) open: Option<usize>,
    /// Records of other boots.
    pub(crate) records: u64,
}

/// The blocks that are kept.
#[pin_data]
pub(crate) struct Blocks {
    pub(super) memory: BlockMemory,
    /// Whose records are kept from now on.
    pub(super) life: Life,
    /// Words of [`Writer::memory`].
    encoder_words: usize,
    /// Number of the oldest block. What is before it may be overwritten at any time.
    pub(super) oldest: Atomic<u64>,
    /// Number of the first block of this life; [`u64::MAX`] when it has none.
    pub(super) first_own: Atomic<u64>,
    /// How often the open block has grown; 0 before the first time. The copy of its header that is to be read is
    /// that for this version.
    pub(super) version: Atomic<u64>,
    /// Records of this life.
    records: RwOnce<u64>,
    /// Bytes of these.
    bytes: RwOnce<u64>,
    /// Records of other boots.
    pub(super) earlier: RwOnce<u64>,
    /// Uncontended: only the reporter uses it, unless other boots' records are erased.
    #[pin]
    pub(super) writer: Mutex<Writer>,
}

/// What the writer knows.
pub(super) struct Writer {
    encoder: Encoder,
    /// What it keeps from record to record.
    memory: KVVec<u64>,
    /// The header of the open block, or of the newest. It has no records before the first of them came.
    pub(super) header: Header,
    /// Words of its frames.
    frame_words: usize,
    /// Whether that block is closed.
    is_closed: bool,
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
    /// Blocks in `memory`, behind those that lives before this one have left there.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(
        memory: BlockMemory,
        capacity: &Capacity,
        life: Life,
        earlier: &Earlier,
    ) -> Result<Arc<Self>> {
        let encoder_words = match memory.blocks.len() {
            0 => 0,
            _ => frame::memory_words(capacity.max_record_words),
        };
        let header = earlier.newest.unwrap_or_default();
        let words = header.size_bytes as usize / WORD_BYTES;
        let writer = Writer {
            encoder: Encoder::new(capacity.tick_ns, capacity.first_group),
            memory: KVVec::from_elem(0u64, encoder_words, GFP_KERNEL)?,
            header,
            frame_words: words.saturating_sub(Header::LEN),
            is_closed: earlier.open.is_none(),
        };
        // The version that has its copy there.
        let version = earlier
            .open
            .map_or(0u64, |copy| copy.saturating_add(2) as u64);
        let blocks = Arc::pin_init(
            pin_init!(Self {
                memory,
                life,
                encoder_words,
                oldest: Atomic::new(earlier.oldest),
                first_own: Atomic::new(u64::MAX),
                version: Atomic::new(version),
                records: RwOnce::new(0),
                bytes: RwOnce::new(0),
                earlier: RwOnce::new(earlier.records),
                writer <- new_mutex!(writer, "Blocks::writer"),
            }),
            GFP_KERNEL,
        )?;
        if earlier.open.is_none() && earlier.newest.is_some() {
            blocks.publish(&header);
        }
        Ok(blocks)
    }

    /// Encodes a record behind those that are there.
    ///
    /// # Context
    ///
    /// Process context, may sleep. Only the reporter calls this.
    pub(crate) fn keep(&self, kept: Kept, record: Parts<'_, RwOnce<u64>>) {
        if self.memory.blocks.is_empty() {
            return;
        }
        let writer = &mut *self.writer.lock();
        if writer.is_open() && self.append(writer, kept, record) {
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
        self.memory
            .write_back(left.0.get(..words).unwrap_or_default());
        writer.frame_words = writer.frame_words.saturating_add(words);
        header.size_bytes = Header::LEN
            .saturating_add(writer.frame_words)
            .saturating_mul(WORD_BYTES) as u64;
        header.records = header.records.saturating_add(1);
        header.next_seq = kept.seq.saturating_add(1);
        header.last_boot_ns = kept.boot_ns;
        if self.is_own(header) {
            self.records.increase(1);
            self.bytes.increase(words.saturating_mul(WORD_BYTES) as u64);
        } else if self.is_of_other_boot(header) {
            self.earlier.increase(1);
        }
        self.publish(header);
        true
    }

    /// Lets readers see how far the open block has come.
    pub(super) fn publish(&self, header: &Header) {
        let version = self.version.load(Relaxed).wrapping_add(1);
        // Readers must see that the other copy is the one to read before a word of this one changes.
        rwonce::write_barrier();
        let place = self.memory.copy(version);
        let sum_place = copy::put(place, header);
        if self.memory.outlives() {
            let words = place.get(..Header::LEN).unwrap_or_default();
            copy::store(&copy::add_up(Sum::new(), words).words(), sum_place);
            self.memory.write_back(place);
        }
        self.version.store(version, Release);
    }

    /// Closes the open block, if there is one: the next record begins another.
    pub(super) fn close(&self) {
        self.close_open(&mut self.writer.lock());
    }

    /// Closes the open block, if there is one of another life.
    pub(super) fn close_unless_of(&self, boot_id: u64, load_id: u64) {
        let writer = &mut *self.writer.lock();
        if (writer.header.boot_id, writer.header.load_id) != (boot_id, load_id) {
            self.close_open(writer);
        }
    }

    fn close_open(&self, writer: &mut Writer) {
        if let Some(piece) = self
            .piece(writer.header.number)
            .filter(|_| writer.is_open())
        {
            piece.begin(&writer.header.sealed(writer.frame_words));
        }
        writer.is_closed = true;
    }

    /// Closes the open block, and begins the next one with its first record.
    fn begin_next(&self, writer: &mut Writer, kept: Kept) {
        self.close_open(writer);
        let header = &mut writer.header;
        let mut number = header.number;
        if header.records != 0 {
            number = number.saturating_add(1);
            if let Some(gone) = number.checked_sub(self.memory.blocks.len() as u64) {
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
            piece.mark(&header.opened());
        }
        if self.is_own(header) && self.first_own.load(Relaxed) == u64::MAX {
            self.first_own.store(number, Relaxed);
        }
        writer.is_closed = false;
        writer.frame_words = 0;
        writer.encoder.start_group();
    }

    /// Drops the oldest block. Its words may be overwritten from here on.
    fn drop_block(&self, number: u64) {
        if number < self.oldest.load(Relaxed) {
            // It was erased.
            return;
        }
        if let Ok(Some(header)) = self.closed_header(number) {
            self.uncount(&header);
        }
        self.oldest.store(number.saturating_add(1), Release);
        // Readers must see that it is gone before a word changes.
        rwonce::write_barrier();
    }

    /// Does not count the records of a block any more.
    fn uncount(&self, header: &Header) {
        let take = |counter: &RwOnce<u64>, count| {
            counter.write(counter.read().saturating_sub(count));
        };
        if self.is_own(header) {
            take(&self.records, header.records);
            take(&self.bytes, header.size_bytes);
        } else if self.is_of_other_boot(header) {
            take(&self.earlier, header.records);
        }
    }

    /// Whether a block is of this life.
    #[inline(always)]
    fn is_own(&self, header: &Header) -> bool {
        header.load_id == self.life.load_id
    }

    /// Whether a block is of another boot.
    #[inline(always)]
    pub(super) fn is_of_other_boot(&self, header: &Header) -> bool {
        header.boot_id != self.life.boot_id
    }

    /// How many records of this life the blocks have, and how many bytes these take.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.records.read(), self.bytes.read())
    }

    /// How many records of other boots they have.
    pub(crate) fn earlier_records(&self) -> u64 {
        self.earlier.read()
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

impl Writer {
    /// Whether records can be added to the block that it knows.
    fn is_open(&self) -> bool {
        self.header.records != 0 && !self.is_closed
    }
}
