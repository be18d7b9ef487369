// SPDX-License-Identifier: GPL-2.0-or-later

//! The lives that the module has records of: of this boot, and of earlier ones where memory is reserved for
//! them.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use model::block;
use model::ioctl;
use model::record::WORD_BYTES;
use model::words::Words;
use rustix::io::{self, Errno};
use rustix::time::{clock_gettime, ClockId};

use crate::boots::{boots, Boot, Ended, Life};
use crate::life::{ahead_now_ns, wall_offset_ns};
use crate::record::words_of;
use crate::{sys, Error, Id, Recording, Records, Result};

use super::{Blocks, Device, SEEK_BLOCKS};

/// What failed where [`Error::TooOld`] and others speak of lives.
const LIST: &str = "list the boots that there are records of";

/// What failed where they speak of records that were to be erased.
const FORGET: &str = "erase the records of other boots";

/// An identity of a boot and one of a load.
type LifeId = (Option<Id>, Option<Id>);

impl Device {
    /// The lives that the module has records of, oldest first. The last one runs.
    ///
    /// # Errors
    ///
    /// [`Error::TooOld`] and [`Error::Command`].
    pub fn lives(&self) -> Result<Vec<Life>> {
        let lives = ask_all(|index| sys::life(&self.file, index));
        let lives = lives.map_err(|errno| match errno {
            Errno::NOTTY => Error::TooOld(LIST),
            errno => Error::command(LIST, errno),
        })?;
        let now = Now {
            boot_ns: boot_ns(),
            wall_ahead_ns: ahead_now_ns(),
        };
        Ok(lives.iter().map(|life| Life::of(life, &now)).collect())
    }

    /// The boots that the module has records of, oldest first. The last one is this boot.
    ///
    /// # Errors
    ///
    /// Those of [`Device::open`] and [`Device::lives`], and [`Error::Read`].
    pub fn boots() -> Result<Vec<Boot>> {
        let device = Self::open()?;
        let mut lives = device.lives()?;
        let oldest_ns = device.info()?.oldest_boot_ns.filter(|ns| *ns != 0);
        if let (Some(running), Some(oldest_ns)) = (lives.last_mut(), oldest_ns) {
            running.first_boot_ns = oldest_ns;
        }
        if lives.len() > 1 {
            complete(&mut lives, device.into_all_blocks()?)?;
        }
        Ok(boots(lives))
    }

    /// The records of those lives of a boot that have ended. Those of the one that runs, if it is of this
    /// boot, follow them.
    ///
    /// # Errors
    ///
    /// Those of [`Device::open`] and of [`Recording::open`].
    pub fn ended_lives(boot: &Boot) -> Result<Recording> {
        let lives = boot.lives.iter();
        let ended = lives.filter(|life| life.ended != Some(Ended::Running));
        let ended: HashSet<_> = ended.map(Life::id).collect();
        let mut bytes = Vec::new();
        if !ended.is_empty() {
            for block in Self::open()?.into_all_blocks()? {
                let block = block?;
                if header_of(&block).is_some_and(|header| ended.contains(&id_of(&header))) {
                    bytes.extend(block);
                }
            }
        }
        let recording = Recording::of_bytes(bytes)?;
        // What the header of a block says of it, each of its records says, too.
        recording.only(|boot_id, load_id| ended.contains(&(boot_id, load_id)))
    }

    /// The records of those lives of this boot that have ended; none when there are none. Those of the one that
    /// runs follow them.
    ///
    /// # Errors
    ///
    /// Those of [`Device::ended_lives`].
    pub fn earlier_lives() -> Result<Option<Recording>> {
        let lives = match Self::open()?.lives() {
            // It keeps no others.
            Err(Error::TooOld(_)) => return Ok(None),
            lives => lives?,
        };
        let Some(boot) = boots(lives).pop().filter(|boot| boot.lives.len() > 1) else {
            return Ok(None);
        };
        match Self::ended_lives(&boot) {
            // Those of the life that runs can be read nevertheless.
            Err(Error::Invalid(_) | Error::Version { .. } | Error::Truncated) => Ok(None),
            recording => Ok(Some(recording?).filter(|recording| !recording.is_empty())),
        }
    }

    /// Erases the records of other boots, from the reserved memory, too.
    ///
    /// # Errors
    ///
    /// [`Error::NotAdmin`], [`Error::TooOld`], and [`Error::ReadOnly`] unless the device was opened by
    /// [`Device::open_writable`].
    pub fn forget(&self) -> Result<()> {
        sys::forget(&self.file).map_err(|errno| match errno {
            Errno::NOTTY => Error::TooOld(FORGET),
            errno => Error::command(FORGET, errno),
        })
    }

    /// The blocks of all lives, oldest first.
    fn into_all_blocks(self) -> Result<Blocks> {
        let block_bytes = self.info()?.block_bytes.unwrap_or(0);
        sys::seek_blocks(&self.file, ioctl::OLDEST_FIRST, ioctl::BY_NUMBER, 0)
            .map_err(|errno| Error::command(SEEK_BLOCKS, errno))?;
        Ok(Blocks {
            file: self.file,
            buffer: vec![0; usize::try_from(block_bytes).unwrap_or(usize::MAX)],
        })
    }
}

/// What the clocks show.
struct Now {
    boot_ns: u64,
    wall_ahead_ns: i128,
}

impl Life {
    fn of(life: &ioctl::Life, now: &Now) -> Self {
        let ended = Ended::of(life.ended);
        let is_running = ended == Ended::Running;
        Self {
            boot_id: Some(Id(life.boot_id)),
            load_id: Some(Id(life.load_id)),
            kernel: Some(String::from_utf8_lossy(life.kernel.as_bytes()).into_owned())
                .filter(|kernel| !kernel.is_empty()),
            first_boot_ns: life.begin_boot_ns,
            last_boot_ns: match is_running {
                true => now.boot_ns,
                false => life.end_boot_ns,
            },
            // A clock that was set back behind the boot has made it negative.
            wall_ahead_ns: match is_running {
                true => now.wall_ahead_ns,
                false => i128::from(life.wall_ahead_ns as i64),
            },
            ended: Some(ended),
            records: life.records,
        }
    }

    fn id(&self) -> LifeId {
        (self.boot_id, self.load_id)
    }
}

/// Asks for one life after the other, until there is none any more.
fn ask_all(mut ask: impl FnMut(u64) -> io::Result<ioctl::Life>) -> io::Result<Vec<ioctl::Life>> {
    const TRIES: usize = 4;
    // No module has so many, and one that does not end is not to be asked for ever.
    const MOST: u64 = 1 << 16;
    let mut lives = Vec::new();
    for _ in 0..TRIES {
        lives.clear();
        for index in 0..MOST {
            match ask(index) {
                Ok(life) => lives.push(life),
                Err(Errno::NOENT) => break,
                Err(errno) => return Err(errno),
            }
        }
        // When the last record of the oldest one was overwritten meanwhile, the others have moved up, and one of
        // them was passed over.
        let id = |life: &ioctl::Life| (life.boot_id, life.load_id);
        if ask(0).ok().as_ref().map(id) == lives.first().map(id) {
            break;
        }
    }
    Ok(lives)
}

/// Completes what is known of those lives that have ended by their blocks, of which the oldest come first.
fn complete(lives: &mut [Life], blocks: impl Iterator<Item = Result<Vec<u8>>>) -> Result<()> {
    let ended = lives.iter_mut();
    let ended = ended.filter(|life| life.ended != Some(Ended::Running));
    // Whether a block was seen, and whether the clock is known.
    let mut ended: HashMap<_, _> = ended
        .map(|life| (life.id(), (false, life.wall_ahead_ns != 0, life)))
        .collect();
    for block in blocks {
        let block = block?;
        let Some(header) = header_of(&block) else {
            continue;
        };
        let Some((is_seen, has_clock, life)) = ended.get_mut(&id_of(&header)) else {
            continue;
        };
        // Those of older blocks were written over.
        if !std::mem::replace(is_seen, true) {
            life.first_boot_ns = header.first_boot_ns;
        }
        if !*has_clock {
            let records = Records::new(block.as_slice());
            let newest = records.filter_map(Result::ok).last();
            if let Some(newest) = newest {
                life.wall_ahead_ns = wall_offset_ns(&newest.header());
            }
        }
    }
    Ok(())
}

/// What a block begins with.
fn header_of(block: &[u8]) -> Option<block::Header> {
    const LEN: usize = <block::Header as Words>::LEN;
    let (words, _) = words_of(block.get(..LEN * WORD_BYTES)?);
    block::Header::parse(&words).ok()
}

fn id_of(header: &block::Header) -> LifeId {
    (Some(Id(header.boot_id)), Some(Id(header.load_id)))
}

/// `CLOCK_BOOTTIME` in nanoseconds.
fn boot_ns() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let part = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(part)
}
