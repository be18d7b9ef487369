// SPDX-License-Identifier: GPL-2.0

//! The commands of the device. This is the only folder of the library with `unsafe`.

use std::os::fd::AsFd;

use model::ioctl::{self, Info};
use model::words::Words;
use rustix::io;
use rustix::ioctl::{Getter, Setter, Updater};

/// See [`ioctl::INFO`].
pub(crate) fn info(device: impl AsFd) -> io::Result<Option<Info>> {
    type Words = [u64; <Info as model::words::Words>::LEN];
    // SAFETY: The command writes as many words as the type has, and any words are valid there.
    let get = unsafe { Getter::<{ ioctl::INFO }, Words>::new() };
    // SAFETY: As above. On a file of another driver, whose command of the same number would have
    // to have the same size, it fails as one that is not known.
    let words = unsafe { rustix::ioctl::ioctl(device, get) }?;
    Ok(Info::get(&mut words.into_iter()))
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
    // SAFETY: The command writes one word.
    let get = unsafe { Getter::<{ ioctl::SAMPLE }, u64>::new() };
    // SAFETY: As above.
    unsafe { rustix::ioctl::ioctl(device, get) }
}

/// See [`ioctl::SET_INTERVAL`].
pub(crate) fn set_interval(device: impl AsFd, interval_ms: u64) -> io::Result<()> {
    // SAFETY: The command reads one word.
    let set = unsafe { Setter::<{ ioctl::SET_INTERVAL }, u64>::new(interval_ms) };
    // SAFETY: As above.
    unsafe { rustix::ioctl::ioctl(device, set) }
}
