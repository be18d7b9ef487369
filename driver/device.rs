// SPDX-License-Identifier: GPL-2.0

//! `/dev/resource_monitor`: the records, for programs.

use super::{
    block_reader::{
        From,
        Order, //
    },
    history::History,
    reader::Reader, //
};
use crate::{
    model::{
        ioctl::{
            self,
            Info,
            Life,
            SeekBlocks, //
        },
        record::{
            self,
            WORD_BYTES, //
        },
        words::Words, //
    },
    sys::{
        capability,
        miscdevice::{
            Device,
            Ready,
            Registration, //
        },
    },
};
use kernel::{
    ioctl::{
        _IO,
        _IOR,
        _IOW,
        _IOWR, //
    },
    prelude::*,
    sync::{
        poll::PollCondVar,
        Arc, //
    },
    transmute::AsBytes,
    uaccess::{
        UserPtr,
        UserSlice, //
    },
};

// Records are little-endian, and so is what programs are told of them.
#[cfg(target_endian = "big")]
compile_error!("resource_monitor needs a little-endian kernel");

// On some architectures the parts of a command's number are elsewhere, so that programs which go by
// the header would ask for what nobody knows.
const _: () = {
    const TYPE: u32 = 0xbc;
    assert!(ioctl::INFO == _IOR::<[u64; Info::LEN]>(TYPE, 0));
    assert!(ioctl::SEEK == _IOWR::<u64>(TYPE, 1));
    assert!(ioctl::SAMPLE == _IOR::<u64>(TYPE, 2));
    assert!(ioctl::SET_INTERVAL == _IOW::<u64>(TYPE, 3));
    assert!(ioctl::TEST_EVENT == _IOR::<u64>(TYPE, 5));
    assert!(ioctl::SEEK_BLOCKS == _IOW::<[u64; SeekBlocks::LEN]>(TYPE, 4));
    assert!(ioctl::LIFE == _IOWR::<[u64; Life::LEN]>(TYPE, 6));
    assert!(ioctl::FORGET == _IO(TYPE, 7));
};

/// The device.
pub(crate) struct Records {
    history: Arc<History>,
}

impl Records {
    /// Makes the device file.
    ///
    /// # Errors
    ///
    /// Those of [`Registration::new`].
    pub(super) fn register(history: Arc<History>) -> Result<Pin<KBox<Registration<Self>>>> {
        Registration::new(c"resource_monitor", Self { history })
    }
}

impl Device for Records {
    type Open = Reader;

    fn open(&self) -> Result<Pin<KBox<Reader>>> {
        Reader::new(self.history.clone())
    }

    fn read(reader: &Reader, to: UserPtr, len: usize, may_block: bool) -> Result<usize> {
        if len == 0 {
            return Ok(0);
        }
        let words = reader.read(len / WORD_BYTES, may_block, |offset, words| {
            write(
                to.wrapping_byte_add(offset.saturating_mul(WORD_BYTES)),
                words,
            )
        })?;
        Ok(words.saturating_mul(WORD_BYTES))
    }

    fn poll(reader: &Reader) -> Ready {
        Ready {
            to_read: reader.has_next(),
            is_urgent: reader.has_event(),
        }
    }

    fn changed(reader: &Reader) -> &PollCondVar {
        reader.readable()
    }

    fn ioctl(reader: &Reader, command: u32, argument: UserPtr, may_write: bool) -> Result {
        if let Some(words) = ioctl::info_words(command) {
            return put_words(argument, &info(reader.history()), words);
        }
        match command {
            ioctl::SEEK_BLOCKS => seek_blocks(reader, &get_all(argument)?),
            ioctl::SEEK => put(argument, &reader.seek(get(argument)?)?),
            ioctl::LIFE => put(
                argument,
                &super::lives()?.get(get(argument)?).ok_or(ENOENT)?,
            ),
            ioctl::SAMPLE | ioctl::SET_INTERVAL | ioctl::TEST_EVENT | ioctl::FORGET
                if !may_write =>
            {
                Err(EBADF)
            }
            ioctl::SAMPLE => put(argument, &super::sample_now()?),
            ioctl::SET_INTERVAL | ioctl::TEST_EVENT | ioctl::FORGET if !capability::is_admin() => {
                Err(EPERM)
            }
            ioctl::FORGET => {
                super::lives()?.forget();
                Ok(())
            }
            ioctl::TEST_EVENT => put(argument, &super::test_event()?),
            ioctl::SET_INTERVAL => super::set_interval(get(argument)?),
            _ => Err(ENOTTY),
        }
    }
}

/// What a program can ask about the records.
fn info(history: &History) -> Info {
    let (_, oldest_seq) = history.find(0);
    let blocks = history.blocks();
    let (block_records, block_used_bytes) = blocks.totals();
    let block_memory_bytes = blocks.size_bytes() as u64;
    Info {
        version: ioctl::VERSION,
        record_version: record::VERSION,
        max_record_bytes: history.max_record_bytes() as u64,
        history_bytes: block_memory_bytes.saturating_add(history.plain_bytes() as u64),
        history_records: block_records.saturating_add(history.plain_records()),
        oldest_seq,
        next_seq: history.next_seq(),
        interval_ms: super::interval_ms(),
        block_bytes: Some(blocks.block_bytes() as u64),
        block_oldest_seq: Some(
            blocks
                .oldest_own()
                .map_or(oldest_seq, |block| block.first_seq),
        ),
        oldest_boot_ns: Some(history.oldest_boot_ns().unwrap_or(0)),
        block_records: Some(block_records),
        block_used_bytes: Some(block_used_bytes),
        block_memory_bytes: Some(block_memory_bytes),
        reserved_bytes: Some(blocks.reserved_bytes() as u64),
        earlier_records: Some(blocks.earlier_records()),
    }
}

/// Goes to the blocks that a program asks for.
fn seek_blocks(reader: &Reader, seek: &SeekBlocks) -> Result {
    let order = match seek.order {
        ioctl::OLDEST_FIRST => Order::OldestFirst,
        ioctl::NEWEST_FIRST => Order::NewestFirst,
        _ => return Err(EINVAL),
    };
    let from = match seek.by {
        ioctl::BY_SEQ => From::Seq(seek.from),
        ioctl::BY_BOOT_NS => From::Boot(seek.from),
        ioctl::BY_NUMBER => From::Number(seek.from),
        _ => return Err(EINVAL),
    };
    reader.seek_blocks(order, from);
    Ok(())
}

/// Hands `words` to a program.
fn write(to: UserPtr, words: &[u64]) -> Result {
    let len = words.len().saturating_mul(WORD_BYTES);
    let mut writer = UserSlice::new(to, len).writer();
    writer.write_slice(AsBytes::as_bytes(words))
}

/// Hands `value` to a program.
fn put<T: Words>(to: UserPtr, value: &T) -> Result {
    put_words(to, value, T::LEN)
}

/// Hands the first `len` words of `value` to a program, with zeros behind its last one.
fn put_words<T: Words>(to: UserPtr, value: &T, len: usize) -> Result {
    let mut writer = UserSlice::new(to, len.saturating_mul(WORD_BYTES)).writer();
    let mut result = Ok(());
    let mut left = len;
    let mut write = |word| {
        if let Some(rest) = left.checked_sub(1).filter(|_| result.is_ok()) {
            left = rest;
            result = writer.write(&word);
        }
    };
    value.put(&mut write);
    (T::LEN..len).for_each(|_| write(0));
    result
}

/// Gets a structure of a program.
fn get_all<T: Words>(from: UserPtr) -> Result<T> {
    let mut words = [0; MAX_ARGUMENT_WORDS];
    let words = words.get_mut(..T::LEN).ok_or(EINVAL)?;
    let mut reader = UserSlice::new(from, T::LEN.saturating_mul(WORD_BYTES)).reader();
    for word in &mut *words {
        *word = reader.read()?;
    }
    T::from_words(words).ok_or(EINVAL)
}

/// Most words of what a program hands over.
const MAX_ARGUMENT_WORDS: usize = SeekBlocks::LEN;

/// Gets a word of a program.
fn get(from: UserPtr) -> Result<u64> {
    UserSlice::new(from, WORD_BYTES).reader().read()
}
