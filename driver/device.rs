// SPDX-License-Identifier: GPL-2.0

//! `/dev/resource_monitor`: the records, for programs.

use super::{
    history::History,
    reader::Reader, //
};
use crate::{
    model::{
        ioctl::{
            self,
            Info, //
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
            Registration, //
        },
    },
};
use kernel::{
    ioctl::{
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

    fn poll(reader: &Reader) -> (bool, &PollCondVar) {
        (reader.has_next(), reader.readable())
    }

    fn ioctl(reader: &Reader, command: u32, argument: UserPtr, may_write: bool) -> Result {
        match command {
            ioctl::INFO => put(argument, &info(reader.history())),
            ioctl::SEEK => put(argument, &reader.seek(get(argument)?)?),
            ioctl::SAMPLE | ioctl::SET_INTERVAL if !may_write => Err(EBADF),
            ioctl::SAMPLE => put(argument, &super::sample_now()?),
            ioctl::SET_INTERVAL if !capability::is_admin() => Err(EPERM),
            ioctl::SET_INTERVAL => super::set_interval(get(argument)?),
            _ => Err(ENOTTY),
        }
    }
}

/// What a program can ask about the records.
fn info(history: &History) -> Info {
    let (_, oldest_seq) = history.find(0);
    Info {
        version: ioctl::VERSION,
        record_version: record::VERSION,
        max_record_bytes: history.max_record_bytes() as u64,
        history_bytes: history.size_bytes() as u64,
        history_records: history.max_records(),
        oldest_seq,
        next_seq: history.next_seq(),
        interval_ms: super::interval_ms(),
    }
}

/// Hands `words` to a program.
fn write(to: UserPtr, words: &[u64]) -> Result {
    let len = words.len().saturating_mul(WORD_BYTES);
    let mut writer = UserSlice::new(to, len).writer();
    writer.write_slice(AsBytes::as_bytes(words))
}

/// Hands `value` to a program.
fn put<T: Words>(to: UserPtr, value: &T) -> Result {
    let mut writer = UserSlice::new(to, T::LEN.saturating_mul(WORD_BYTES)).writer();
    let mut result = Ok(());
    value.put(&mut |word| {
        if result.is_ok() {
            result = writer.write(&word);
        }
    });
    result
}

/// Gets a word of a program.
fn get(from: UserPtr) -> Result<u64> {
    UserSlice::new(from, WORD_BYTES).reader().read()
}
