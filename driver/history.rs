// SPDX-License-Identifier: GPL-2.0

//! The records that are kept for readers of the device, in memory that is taken once at load.
//!
//! A ring of words: records of any length, one after the other. The reporter writes, and never
//! waits for who reads; a reader copies, and then looks whether it was overtaken. What is overtaken
//! is lost to it, and counted.
//!
//! Places in the ring are counted in words since load, so they only grow.
//!
//! `tests/loom` runs this file outside the kernel, in every order that threads can take.

use crate::{
    model::{
        record::{
            section_words,
            Content,
            SectionHeader,
            LOST_AT,
            SEQ_AT,
            SIZE_AT,
            WORD_BYTES, //
        },
        words::Words, //
    },
    sys::rwonce::{
        self,
        RwOnce, //
    }, //
};
use kernel::{
    new_spinlock,
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
        poll::PollCondVar,
        Arc,
        SpinLock, //
    },
};

/// How many words a reader copies before it hands them on.
const CHUNK_WORDS: usize = 64;

/// How much room there is for records.
pub(crate) struct Capacity {
    /// Words of all records: at least two of the largest.
    pub(crate) words: usize,
    /// Words of the largest record.
    pub(crate) max_record_words: usize,
    /// Most records that are kept.
    pub(crate) max_records: u64,
}

/// The records that are kept.
#[pin_data]
pub(crate) struct History {
    words: KVVec<RwOnce<u64>>,
    max_record_words: usize,
    max_records: u64,
    /// Records from `oldest` to `end`.
    kept: RwOnce<u64>,
    /// Place of the oldest record. What is before it may be overwritten at any time.
    oldest: Atomic<u64>,
    /// Place after the newest record.
    end: Atomic<u64>,
    /// Sequence number after that of the newest record.
    next_seq: Atomic<u64>,
    #[pin]
    readable: PollCondVar,
    /// `end` and `next_seq` change together under this lock, and a reader's place goes back under
    /// it. Readers who begin to wait look at both under it. It is held for a few instructions.
    #[pin]
    newest: SpinLock<()>,
}

/// How far a reader has come.
pub(crate) struct Cursor {
    /// Place of the next record.
    at: u64,
    /// Its sequence number, unless it is lost.
    seq: u64,
}

impl Cursor {
    /// The place of the next record.
    pub(crate) fn place(&self) -> u64 {
        self.at
    }
}

/// A record was overwritten while it was read.
struct Overtaken;

/// What can happen to a reader.
pub(crate) enum NotRead {
    /// There is no record yet.
    None,
    /// The next one does not fit.
    TooLong,
    /// It could not be handed on.
    Failed(Error),
}

impl History {
    /// Makes room for records.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(capacity: &Capacity) -> Result<Arc<Self>> {
        let mut words = KVVec::with_capacity(capacity.words, GFP_KERNEL)?;
        for _ in 0..capacity.words {
            words.push(RwOnce::new(0), GFP_KERNEL)?;
        }
        Arc::pin_init(
            pin_init!(Self {
                words,
                max_record_words: capacity.max_record_words,
                max_records: capacity.max_records,
                kept: RwOnce::new(0),
                oldest: Atomic::new(0u64),
                end: Atomic::new(0u64),
                next_seq: Atomic::new(0u64),
                readable <- kernel::new_poll_condvar!("History::readable"),
                newest <- new_spinlock!((), "History::newest"),
            }),
            GFP_KERNEL,
        )
    }

    /// Bytes of all records.
    pub(crate) fn size_bytes(&self) -> usize {
        self.words.len().saturating_mul(WORD_BYTES)
    }

    /// Bytes of the largest record.
    pub(crate) fn max_record_bytes(&self) -> usize {
        self.max_record_words.saturating_mul(WORD_BYTES)
    }

    /// Most records that are kept.
    pub(crate) fn max_records(&self) -> u64 {
        self.max_records
    }

    /// Sequence number after that of the newest record.
    pub(crate) fn next_seq(&self) -> u64 {
        self.cursor().seq
    }

    /// A reader that gets what comes from now on.
    pub(crate) fn cursor(&self) -> Cursor {
        let _newest = self.newest.lock();
        Cursor {
            at: self.end.load(Acquire),
            seq: self.next_seq.load(Relaxed),
        }
    }

    /// A reader whose next record is the first one kept that has the sequence number `seq` or a
    /// higher one, and that record's number.
    pub(crate) fn find(&self, seq: u64) -> (Cursor, u64) {
        loop {
            // First, so that it is no later than the end, which goes with the number: the ring may
            // move on in between.
            let oldest = self.oldest.load(Acquire);
            let mut cursor = self.cursor();
            let end = cursor.at;
            cursor.at = oldest;
            let found = loop {
                if cursor.at >= end {
                    break Ok(cursor.seq);
                }
                match self.header(cursor.at) {
                    Ok((kept, _)) if kept >= seq => break Ok(kept),
                    Ok((_, next)) => cursor.at = next,
                    Err(Overtaken) => break Err(Overtaken),
                }
            };
            // Whoever was overtaken begins anew, further on.
            if let Ok(found) = found {
                cursor.seq = found;
                return (cursor, found);
            }
        }
    }

    /// Whether there is a record at `place`, or was one.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn has_next(&self, place: u64) -> bool {
        self.end.load(Acquire) > place
    }

    /// Hands the next record to `write`, in pieces, each with the offset in words that it has in
    /// the record, and goes on to the one after it. Gives its length in words, which is at most
    /// `max_words`. A record that is overtaken is handed over anew, or the next instead.
    pub(crate) fn read(
        &self,
        cursor: &mut Cursor,
        max_words: usize,
        mut write: impl FnMut(usize, &[u64]) -> Result,
    ) -> Result<usize, NotRead> {
        loop {
            if !self.has_next(cursor.at) {
                return Err(NotRead::None);
            }
            let at = cursor.at.max(self.oldest.load(Acquire));
            let Ok((seq, next)) = self.header(at) else {
                continue;
            };
            let len = next.saturating_sub(at) as usize;
            if len > max_words {
                return Err(NotRead::TooLong);
            }
            let lost = seq.saturating_sub(cursor.seq);
            match self.copy(at, len, lost, &mut write) {
                Ok(result) => result.map_err(NotRead::Failed)?,
                Err(Overtaken) => continue,
            }
            *cursor = Cursor {
                at: next,
                seq: seq.wrapping_add(1),
            };
            return Ok(len);
        }
    }

    /// Hands over the `len` words of the record at `at`.
    fn copy(
        &self,
        at: u64,
        len: usize,
        lost: u64,
        write: &mut impl FnMut(usize, &[u64]) -> Result,
    ) -> Result<Result, Overtaken> {
        let mut chunk = [0; CHUNK_WORDS];
        let mut done = 0usize;
        while done < len {
            let count = len.saturating_sub(done).min(CHUNK_WORDS);
            let chunk = chunk.get_mut(..count).unwrap_or_default();
            self.load(at.saturating_add(done as u64), chunk);
            let place = LOST_AT.checked_sub(done);
            if let Some(word) = place.and_then(|place| chunk.get_mut(place)) {
                *word = lost;
            }
            if let Err(error) = write(done, chunk) {
                return Ok(Err(error));
            }
            done = done.saturating_add(count);
        }
        self.check(at)?;
        Ok(Ok(()))
    }

    /// The sequence number of the record at `at`, and the place of the next.
    fn header(&self, at: u64) -> Result<(u64, u64), Overtaken> {
        let size_bytes = self.word(at, SIZE_AT).map_or(0, RwOnce::read);
        let seq = self.word(at, SEQ_AT).map_or(0, RwOnce::read);
        self.check(at)?;
        Ok((seq, at.saturating_add(size_bytes / WORD_BYTES as u64)))
    }

    /// The word `index` of the record at `at`.
    fn word(&self, at: u64, index: usize) -> Option<&RwOnce<u64>> {
        self.around(at.saturating_add(index as u64)).0.first()
    }

    /// Copies the words from `at` on, which may be overwritten meanwhile.
    fn load(&self, at: u64, to: &mut [u64]) {
        let (end, start) = self.around(at);
        let (first, rest) = to
            .split_at_mut_checked(end.len().min(to.len()))
            .unwrap_or_default();
        for (to, from) in first.iter_mut().zip(end) {
            *to = from.read();
        }
        for (to, from) in rest.iter_mut().zip(start) {
            *to = from.read();
        }
    }

    /// The ring from `at` on: what is left until its end, and then from its start.
    fn around(&self, at: u64) -> (&[RwOnce<u64>], &[RwOnce<u64>]) {
        let at = at.checked_rem(self.words.len() as u64).unwrap_or(0) as usize;
        let (start, end) = self.words.split_at_checked(at).unwrap_or_default();
        (end, start)
    }

    /// Whether all that was loaded from the record at `at` was of it.
    fn check(&self, at: u64) -> Result<(), Overtaken> {
        // The words must have been read before the place of the oldest record is looked at.
        rwonce::read_barrier();
        if at < self.oldest.load(Relaxed) {
            return Err(Overtaken);
        }
        Ok(())
    }

    /// Waits until there is a record where `place` says, or something else has changed.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    ///
    /// # Errors
    ///
    /// `ERESTARTSYS` when a signal comes.
    pub(crate) fn wait(&self, place: &RwOnce<u64>) -> Result {
        let mut newest = self.newest.lock();
        // `place` is read under the lock, so `move_back` either changes it before this look, or
        // finds who waits.
        if !self.has_next(place.read()) && self.readable.wait_interruptible(&mut newest) {
            return Err(ERESTARTSYS);
        }
        Ok(())
    }

    /// Makes `place` an earlier one, and tells those who wait.
    pub(crate) fn move_back(&self, place: &RwOnce<u64>, to: u64) {
        let newest = self.newest.lock();
        place.write(to);
        drop(newest);
        self.readable.notify_all();
    }

    /// Who is told when there is a new record.
    pub(crate) fn readable(&self) -> &PollCondVar {
        &self.readable
    }

    /// Begins the next record with the words of a sample; nobody sees it before
    /// [`RecordWriter::publish`]. One that is dropped instead was never there.
    ///
    /// Only the reporter calls this, one record at a time: one that was begun must have been
    /// published or dropped.
    pub(crate) fn begin<'a>(&'a self, seq: u64, sampled: &[u64]) -> RecordWriter<'a> {
        let start = self.end.load(Relaxed);
        let mut record = RecordWriter {
            history: self,
            seq,
            start,
            at: start,
        };
        record.make_room(sampled.len());
        let (end, rest) = self.around(start);
        let (first, second) = sampled
            .split_at_checked(end.len().min(sampled.len()))
            .unwrap_or_default();
        for (place, word) in end.iter().zip(first) {
            place.write(*word);
        }
        for (place, word) in rest.iter().zip(second) {
            place.write(*word);
        }
        record.at = start.saturating_add(sampled.len() as u64);
        record
    }

    /// Gives up the oldest record. Its words may be overwritten from here on.
    fn drop_oldest(&self) {
        let oldest = self.oldest.load(Relaxed);
        let size_bytes = self.word(oldest, SIZE_AT).map_or(0, RwOnce::read);
        let words = size_bytes / WORD_BYTES as u64;
        // Whoever sees the next one as the oldest sees its words as well.
        self.oldest.store(oldest.saturating_add(words), Release);
        self.kept.write(self.kept.read().saturating_sub(1));
        // Readers must see that it is gone before a word changes.
        rwonce::write_barrier();
    }
}

/// A record that is being written.
pub(crate) struct RecordWriter<'a> {
    history: &'a History,
    seq: u64,
    start: u64,
    at: u64,
}

impl RecordWriter<'_> {
    /// Adds a section.
    pub(crate) fn section<C: Content>(&mut self, header: &SectionHeader, entries: &[C]) {
        let words = section_words::<C>(entries.len());
        self.make_room(words);
        let (end, start) = self.history.around(self.at);
        let mut places = Iterator::chain(end.iter(), start);
        let mut push = |word| {
            if let Some(place) = places.next() {
                place.write(word);
            }
        };
        header.put(&mut push);
        for entry in entries {
            entry.put(&mut push);
        }
        self.at = self.at.saturating_add(words as u64);
    }

    /// Gives up old records until `words` more have room. Memory was taken for two of the largest
    /// records, so there always are that many.
    fn make_room(&self, words: usize) {
        let history = self.history;
        let end = self.at.saturating_add(words as u64);
        let capacity = history.words.len() as u64;
        while history.kept.read() != 0
            && end.saturating_sub(history.oldest.load(Relaxed)) > capacity
        {
            history.drop_oldest();
        }
    }

    /// Lets readers see the record, and tells those who wait.
    pub(crate) fn publish(self) {
        let Self {
            history,
            seq,
            start,
            at,
        } = self;
        let size_bytes = at.saturating_sub(start).saturating_mul(WORD_BYTES as u64);
        if let Some(word) = history.word(start, SIZE_AT) {
            word.write(size_bytes);
        }
        let newest = history.newest.lock();
        history.end.store(at, Release);
        history.next_seq.store(seq.wrapping_add(1), Relaxed);
        drop(newest);
        history.kept.write(history.kept.read().saturating_add(1));
        // Only now, so that there always is a record between `oldest` and `end`.
        while history.kept.read() > history.max_records {
            history.drop_oldest();
        }
        // Whoever has seen no record under the lock waits by now.
        history.readable.notify_all();
    }
}
