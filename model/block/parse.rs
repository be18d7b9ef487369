// SPDX-License-Identifier: GPL-2.0-or-later

//! Blocks out of words.

use super::super::frame::{self, Frame};
use super::{Header, Invalid};

/// A whole block, as its words.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    header: Header,
    words: &'a [u64],
    frames: &'a [u64],
}

impl<'a> Block<'a> {
    /// Takes the block that `words` begin with, if it is whole. There may be more words after it. Its
    /// frames are looked at one by one, by [`Self::frames`].
    pub fn parse(words: &'a [u64]) -> Result<Self, Invalid> {
        let header = Header::parse(words)?;
        let block = || {
            let (size, head) = header.extent()?;
            let words = words.get(..size)?;
            Some((words, words.get(head..)?))
        };
        let (words, frames) = block().ok_or(Invalid::Size(header.size_bytes))?;
        Ok(Self {
            header,
            words,
            frames,
        })
    }

    /// What it begins with.
    pub fn header(&self) -> Header {
        self.header
    }

    /// The words of the whole block.
    pub fn words(&self) -> &'a [u64] {
        self.words
    }

    /// Its frames.
    pub fn frames(&self) -> Frames<'a> {
        Frames { rest: self.frames }
    }
}

/// The frames in some words.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    rest: &'a [u64],
}

impl<'a> Iterator for Frames<'a> {
    /// A frame, or why the words up to the next one, or to the end, are none.
    type Item = Result<Frame<'a>, frame::Invalid>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut first = None;
        loop {
            if self.rest.is_empty() {
                return first.map(Err);
            }
            match (Frame::parse(self.rest), first) {
                // It comes next.
                (Ok(_), Some(why)) => return Some(Err(why)),
                (Ok(frame), None) => {
                    let size = frame.words().len();
                    self.rest = self.rest.get(size..).unwrap_or_default();
                    return Some(Ok(frame));
                }
                (Err(why), _) => {
                    first = first.or(Some(why));
                    self.rest = self.rest.get(1..).unwrap_or_default();
                }
            }
        }
    }
}
