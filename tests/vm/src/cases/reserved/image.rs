// SPDX-License-Identifier: GPL-2.0

//! Reserved memory as a test sees it, and where in it which record lies.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::FileExt;

use anyhow::{bail, ensure, Context, Result};
use resmon::model::block::{self, Block};
use resmon::model::record::{self, LOAD_ID_AT, SEQ_AT, SIZE_AT, WORD_BYTES};
use resmon::model::reserved::open::COPY_WORDS;
use resmon::model::reserved::{
    Found, Head, Layout, HEAD_AT, LIVES_AT, OPEN_AT, PAGE_WORDS, RING_AT,
};
use resmon::model::sum::SUM_WORDS;
use resmon::model::words::Words;
use resmon::{Device, Records};
use rustix::io::Errno;
use rustix::system::finit_module;

/// What tests see the memory by.
const POKE: &str = "/poke.ko";
const FILE: &str = "/sys/kernel/debug/poke/region";

/// Which load of the module a record is of, and its number there.
pub type Key = (u64, u64);

/// Records as the module gives them.
pub type Shown = BTreeMap<Key, Vec<u8>>;

/// The reserved memory. While the module is loaded, it is the module's.
pub struct Region(File);

impl Region {
    pub fn open() -> Result<Self> {
        match finit_module(File::open(POKE)?, &CString::default(), 0) {
            Ok(()) | Err(Errno::EXIST) => (),
            Err(errno) => bail!("insmod {POKE}: {errno}"),
        }
        let file = OpenOptions::new().read(true).write(true).open(FILE);
        Ok(Self(file.context(FILE)?))
    }

    pub fn read(&self) -> Result<Vec<u64>> {
        let bytes = fs::read(FILE)?;
        let words = bytes.chunks_exact(WORD_BYTES);
        Ok(words
            .map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default()))
            .collect())
    }

    pub fn write(&self, words: &[u64]) -> Result<()> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        Ok(self.0.write_all_at(&bytes, 0)?)
    }
}

/// The records of those lives that have ended.
pub fn shown() -> Result<Shown> {
    let mut shown = Shown::new();
    for boot in Device::boots()? {
        for record in Records::new(Device::ended_lives(&boot)?) {
            let record = record?;
            let before = shown.insert(key(&record)?, record.to_bytes());
            ensure!(before.is_none(), "{:?} is shown twice", record.header());
        }
    }
    Ok(shown)
}

pub fn key(record: &resmon::Record) -> Result<Key> {
    let header = record.header();
    Ok((header.load_id.context("no load")?, header.seq))
}

/// A block in memory.
pub struct BlockAt {
    /// Its first word.
    pub at: usize,
    pub header: block::Header,
    pub is_open: bool,
}

/// A plain record that is in no block: the words from its first one to behind its sum, in the ring, which it may
/// go around.
struct PlainAt {
    at: usize,
    words: usize,
    key: Key,
}

/// Memory with what some lives have left.
pub struct Image {
    pub words: Vec<u64>,
    pub layout: Layout,
    /// All records that were published.
    pub records: Shown,
    pub blocks: Vec<BlockAt>,
    plain: Vec<PlainAt>,
}

impl Image {
    /// Looks for the records in memory, of which each must be there.
    pub fn of(words: Vec<u64>, records: Shown) -> Result<Self> {
        let heads = HEAD_AT.map(|at| &words[at..at + Head::LEN]);
        let Found::Divided(layout) = Found::of(heads, words.len()) else {
            bail!("the memory begins with {:x?}", heads[0]);
        };
        let mut image = Self {
            words,
            layout,
            records,
            blocks: Vec::new(),
            plain: Vec::new(),
        };
        image.find_blocks();
        image.find_plain()?;
        let all: BTreeSet<Key> = image.records.keys().copied().collect();
        ensure!(
            image.expected(&[]) == all,
            "of {} records {} were found in memory",
            all.len(),
            image.expected(&[]).len()
        );
        Ok(image)
    }

    /// The words of the ring.
    pub fn ring(&self) -> Range<usize> {
        RING_AT + PAGE_WORDS..RING_AT + self.layout.ring_words
    }

    /// The words of what is known of the lives.
    pub fn lives(&self) -> Range<usize> {
        LIVES_AT..RING_AT
    }

    /// The words of the two headers of the open block.
    pub fn open(&self) -> Range<usize> {
        OPEN_AT..OPEN_AT + 2 * COPY_WORDS
    }

    fn find_blocks(&mut self) {
        let first = RING_AT + self.layout.ring_words;
        let at = |place: usize| first + place * self.layout.block_words;
        let in_place = |place: usize| {
            let words = &self.words[at(place)..at(place) + block::Header::LEN];
            words.try_into().unwrap_or([0; block::Header::LEN])
        };
        let copy = |number: usize| {
            let words = &self.words[OPEN_AT + number * COPY_WORDS..][..COPY_WORDS];
            words.try_into().unwrap_or([0; COPY_WORDS])
        };
        let open = self.layout.open_block(&[copy(0), copy(1)], in_place);
        let mut blocks = Vec::new();
        for place in 0..self.layout.blocks {
            if let Some(header) = self.layout.closed_block(&in_place(place), place) {
                blocks.push(BlockAt {
                    at: at(place),
                    header,
                    is_open: false,
                });
            }
        }
        if let Some((header, _)) = open {
            blocks.push(BlockAt {
                at: at(header.number as usize % self.layout.blocks),
                header,
                is_open: true,
            });
        }
        self.blocks = blocks;
    }

    /// Where each record lies that is in no block.
    fn find_plain(&mut self) -> Result<()> {
        let ring = &self.words[self.ring()];
        let word = |at: usize| ring[at % ring.len()];
        let in_blocks: BTreeSet<Key> = self.blocks.iter().flat_map(BlockAt::keys).collect();
        for at in (0..ring.len()).filter(|at| ring[*at] == record::MAGIC) {
            let key = (word(at + LOAD_ID_AT), word(at + SEQ_AT));
            let words = word(at + SIZE_AT) as usize / WORD_BYTES;
            let Some(record) = self.records.get(&key).filter(|_| !in_blocks.contains(&key)) else {
                continue;
            };
            let found = (at..at + words.min(ring.len())).flat_map(|at| word(at).to_le_bytes());
            ensure!(
                found.eq(record.iter().copied()),
                "record {key:?} is another one in the ring"
            );
            self.plain.push(PlainAt {
                at,
                words: words + SUM_WORDS,
                key,
            });
        }
        Ok(())
    }

    /// Words of plain records, with their sums.
    pub fn plain_words(&self) -> Vec<usize> {
        let ring = self.ring();
        let all = self
            .plain
            .iter()
            .flat_map(|plain| plain.at..plain.at + plain.words);
        all.map(|at| ring.start + at % ring.len()).collect()
    }

    /// Words of the frames of all blocks.
    pub fn frame_words(&self) -> Vec<usize> {
        self.blocks.iter().flat_map(BlockAt::frames).collect()
    }

    /// What must be shown where these words are other ones.
    pub fn expected(&self, damaged: &[usize]) -> BTreeSet<Key> {
        let damaged: BTreeSet<usize> = damaged.iter().copied().collect();
        let hit = |words: Range<usize>| damaged.range(words).next().copied();
        let mut expected = BTreeSet::new();
        if HEAD_AT.iter().all(|at| hit(*at..*at + Head::LEN).is_some()) {
            return expected;
        }
        for block in &self.blocks {
            let is_headless = hit(block.at..block.at + block::Header::LEN).is_some()
                || block.is_open && hit(self.open()).is_some();
            if !is_headless {
                expected.extend(block.whole(&self.words, &damaged));
            }
        }
        let ring = self.ring();
        for plain in &self.plain {
            let mut words = plain.at..plain.at + plain.words;
            if !words.any(|at| damaged.contains(&(ring.start + at % ring.len()))) {
                expected.insert(plain.key);
            }
        }
        expected
    }

    /// Fails when something is shown that was not recorded, or something is not that has to be.
    pub fn check(&self, shown: &Shown, expected: &BTreeSet<Key>) -> Result<()> {
        for (key, bytes) in shown {
            ensure!(
                self.records.get(key) == Some(bytes),
                "record {key:x?} is shown and was not recorded so"
            );
        }
        let missing: Vec<&Key> = expected
            .iter()
            .filter(|key| !shown.contains_key(key))
            .collect();
        ensure!(
            missing.is_empty(),
            "{} of {} records that are whole are not shown, first {:x?}",
            missing.len(),
            expected.len(),
            missing[0]
        );
        Ok(())
    }
}

impl BlockAt {
    fn keys(&self) -> impl Iterator<Item = Key> {
        let load = self.header.load_id;
        (self.header.first_seq..self.header.next_seq).map(move |seq| (load, seq))
    }

    /// The words of its frames.
    fn frames(&self) -> Range<usize> {
        self.at + block::Header::LEN..self.at + self.header.size_bytes as usize / WORD_BYTES
    }

    /// The records that can be decoded where words are damaged: of each group of frames those before the first
    /// one that is.
    fn whole(&self, words: &[u64], damaged: &BTreeSet<usize>) -> Vec<Key> {
        let frames = &words[self.frames()];
        // In its place an open block has another header.
        let mut block = Vec::new();
        self.header
            .sealed(frames.len())
            .put(&mut |word| block.push(word));
        block.extend(frames);
        let frames = Block::parse(&block).map(|block| block.frames());
        let mut at = self.frames().start;
        let mut is_whole = false;
        let mut whole = Vec::new();
        for (key, frame) in self.keys().zip(frames.into_iter().flatten().flatten()) {
            let words = at..at + frame.words().len();
            at = words.end;
            is_whole = (is_whole || frame.is_key()) && damaged.range(words).next().is_none();
            if is_whole {
                whole.push(key);
            }
        }
        whole
    }
}
