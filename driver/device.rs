// SPDX-License-Identifier: GPL-2.0

//! `/dev/resource_monitor`: the records, for programs.

use super::history::{
    Cursor,
    History,
    NotRead, //
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
        rwonce::RwOnce, //
    },
};
use kernel::{
    ioctl::{
        _IOR,
        _IOW,
        _IOWR, //
    },
    new_mutex,
    prelude::*,
    sync::{
        poll::PollCondVar,
        Arc,
        Mutex, //
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
pub(super) struct Records {
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

/// Somebody who reads.
#[pin_data]
pub(super) struct Reader {
    history: Arc<History>,
    /// Threads that share an open file read one after the other. Nobody waits for a record with
    /// this lock.
    #[pin]
    cursor: Mutex<Cursor>,
    /// The place of the cursor, for those who only look whether there is a record: whoever reads
    /// holds the lock until the program's memory is there, which may take long.
    place: RwOnce<u64>,
}

impl Reader {
    /// Reads what there is: whole records, as many as fit.
    fn read_some(&self, to: UserPtr, len: usize) -> Result<usize> {
        let mut cursor = self.cursor.lock();
        let result = self.read_at(&mut cursor, to, len);
        self.place.write(cursor.place());
        result
    }

    fn read_at(&self, cursor: &mut Cursor, to: UserPtr, len: usize) -> Result<usize> {
        let mut done = 0usize;
        loop {
            let left = len.saturating_sub(done);
            let read = self
                .history
                .read(cursor, left / WORD_BYTES, |offset, words| {
                    let offset = offset.saturating_mul(WORD_BYTES).saturating_add(done);
                    write(to.wrapping_byte_add(offset), words)
                });
            match read {
                Ok(words) => done = done.saturating_add(words.saturating_mul(WORD_BYTES)),
                // What was read before counts.
                Err(_) if done != 0 => return Ok(done),
                Err(NotRead::None) => return Err(EAGAIN),
                Err(NotRead::TooLong) => return Err(EINVAL),
                Err(NotRead::Failed(error)) => return Err(error),
            }
        }
    }

    fn has_next(&self) -> bool {
        self.history.has_next(self.place.read())
    }

    fn info(&self) -> Info {
        let history = &self.history;
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

    /// Goes to the record `seq`, or to the oldest, and gives the number of the next one.
    fn seek(&self, seq: u64) -> Result<u64> {
        let mut cursor = self.cursor.lock();
        if seq > self.history.next_seq() {
            return Err(EINVAL);
        }
        let (found, next) = self.history.find(seq);
        // Another thread may wait for what is there now. All readers are woken, so only then.
        let is_back = found.place() < cursor.place();
        self.place.write(found.place());
        *cursor = found;
        if is_back {
            self.history.readable().notify_all();
        }
        Ok(next)
    }
}

impl Device for Records {
    type Open = Reader;

    fn open(&self) -> Result<Pin<KBox<Reader>>> {
        let history = self.history.clone();
        let cursor = history.cursor();
        KBox::pin_init(
            pin_init!(Reader {
                history,
                place: RwOnce::new(cursor.place()),
                cursor <- new_mutex!(cursor, "Reader::cursor"),
            }),
            GFP_KERNEL,
        )
    }

    fn read(reader: &Reader, to: UserPtr, len: usize, may_block: bool) -> Result<usize> {
        if len == 0 {
            return Ok(0);
        }
        loop {
            match reader.read_some(to, len) {
                Err(error) if error == EAGAIN && may_block => {
                    reader.history.wait(reader.place.read())?;
                }
                result => return result,
            }
        }
    }

    fn poll(reader: &Reader) -> (bool, &PollCondVar) {
        (reader.has_next(), reader.history.readable())
    }

    fn ioctl(reader: &Reader, command: u32, argument: UserPtr, may_write: bool) -> Result {
        match command {
            ioctl::INFO => put(argument, &reader.info()),
            ioctl::SEEK => put(argument, &reader.seek(get(argument)?)?),
            ioctl::SAMPLE | ioctl::SET_INTERVAL if !may_write => Err(EBADF),
            ioctl::SAMPLE => put(argument, &super::sample_now()?),
            ioctl::SET_INTERVAL if !capability::is_admin() => Err(EPERM),
            ioctl::SET_INTERVAL => super::set_interval(get(argument)?),
            _ => Err(ENOTTY),
        }
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
