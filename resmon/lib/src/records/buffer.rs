// SPDX-License-Identifier: GPL-2.0-or-later

//! Bytes of a source that were read and not used yet.

use std::io::{ErrorKind, Read};

use crate::{Error, Result};

/// What was read is from `start` to `end`.
#[derive(Debug)]
pub struct Buffer {
    memory: Vec<u8>,
    start: usize,
    end: usize,
}

/// What came of reading.
pub enum Filled {
    More,
    /// There will be more.
    NotYet,
    Ended,
}

impl Buffer {
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            memory: vec![0; capacity],
            start: 0,
            end: 0,
        }
    }

    /// The bytes that are there.
    pub fn bytes(&self) -> &[u8] {
        self.memory.get(self.start..self.end).unwrap_or_default()
    }

    /// The first bytes are not needed any more.
    pub fn pass(&mut self, bytes: usize) {
        self.start += bytes;
    }

    /// Reads more from `source`, where `needed` bytes are wanted in all.
    pub fn fill(&mut self, source: &mut impl Read, needed: usize) -> Result<Filled> {
        self.memory.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.memory.len() < needed {
            // A size is believed as far as bytes follow: garbage shall not take much memory.
            let size = needed.min(self.memory.len().saturating_mul(2));
            self.memory.resize(size, 0);
        }
        let room = self.memory.get_mut(self.end..).unwrap_or_default();
        loop {
            match source.read(room) {
                Ok(0) => return Ok(Filled::Ended),
                Ok(read) => {
                    self.end += read;
                    return Ok(Filled::More);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Filled::NotYet),
                Err(error) => return Err(Error::Read(error)),
            }
        }
    }
}
