// SPDX-License-Identifier: GPL-2.0-or-later

//! The commands of the device. This is the only folder of the library with `unsafe`.

use std::os::fd::AsFd;

use model::ioctl::{self, Info, Life};
use model::words::Words;
use rustix::io;
use rustix::ioctl::{NoArg, Setter, Updater};

/// See [`ioctl::INFO`].
pub(crate) fn info(device: impl AsFd) -> io::Result<Option<Info>> {
    let mut words = [0_u64; Info::LEN];
    // SAFETY: The command writes as many words, and any words are valid there.
    let update = unsafe { Updater::<{ ioctl::INFO }, _>::new(&mut words) };
    // SAFETY: As above. The number says how many bytes are written, to other drivers too.
    unsafe { rustix::ioctl::ioctl(device, update) }?;
    Ok(Info::from_words(&words))
}

/// See [`ioctl::SEEK`].
pub(crate) fn seek(device: impl AsFd, seq: u64) -> io::Result<u64> {
    let mut word = seq;
    // SAFETY: The command reads and writes one word.
    let update = unsafe { Updater::<{ ioctl::SEEK }, u64>::new(&mut word) };
    // SAFETY: As above.
    unsafe { rustix::ioctl::ioctl(device, update) }?;
    Ok(word)
}

/// See [`ioctl::SAMPLE`].
pub(crate) fn sample(device: impl AsFd) -> io::Result<u64> {
    let mut word = 0_u64;
    // SAFETY: The command writes one word.
    let update = unsafe { Updater::<{ ioctl::SAMPLE }, u64>::new(&mut word) };
    // SAFETY: As above.
    unsafe { rustix::ioctl::ioctl(device, update) }?;
    Ok(word)
}

/// See [`ioctl::TEST_EVENT`].
pub(crate) fn test_event(device: impl AsFd) -> io::Result<u64> {
    let mut word = 0_u64;
    // SAFETY: The command writes one word.
    let update = unsafe { Updater::<{ ioctl::TEST_EVENT }, u64>::new(&mut word) };
    // SAFETY: As above.
    unsafe { rustix::ioctl::ioctl(device, update) }?;
    Ok(word)
}

/// See [`ioctl::SET_INTERVAL`].
pub(crate) fn set_interval(device: impl AsFd, interval_ms: u64) -> io::Result<()> {
    // SAFETY: The command reads one word.
    let set = unsafe { Setter::<{ ioctl::SET_INTERVAL }, u64>::new(interval_ms) };
    // SAFETY: As above.
    unsafe { rustix::ioctl::ioctl(device, set) }
}

/// See [`ioctl::SEEK_BLOCKS`].
pub fn seek_blocks(device: impl AsFd, order: u64, by: u64, from: u64) -> io::Result<()> {
    // SAFETY: The command reads three words.
    let set = unsafe { Setter::<{ ioctl::SEEK_BLOCKS }, [u64; 3]>::new([order, by, from]) };
    // SAFETY: As above.
    unsafe { rustix::ioctl::ioctl(device, set) }
}

/// See [`ioctl::LIFE`].
pub(crate) fn life(device: impl AsFd, index: u64) -> io::Result<Life> {
    let mut words = [0_u64; Life::LEN];
    words[0] = index;
    // SAFETY: The command reads the first of the words and writes all of them, and any words are valid there.
    let update = unsafe { Updater::<{ ioctl::LIFE }, _>::new(&mut words) };
    // SAFETY: As above. The number says how many bytes are written, to other drivers too.
    unsafe { rustix::ioctl::ioctl(device, update) }?;
    // Any words are a life.
    Life::from_words(&words).ok_or(io::Errno::RANGE)
}

/// See [`ioctl::FORGET`].
pub(crate) fn forget(device: impl AsFd) -> io::Result<()> {
    // SAFETY: The command has no argument.
    let command = unsafe { NoArg::<{ ioctl::FORGET }>::new() };
    // SAFETY: As above.
    unsafe { rustix::ioctl::ioctl(device, command) }
}
