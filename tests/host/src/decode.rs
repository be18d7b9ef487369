// SPDX-License-Identifier: GPL-2.0

//! Decodes blocks, in the benchmark's guest, where a nanosecond is an instruction.

use std::fs;
use std::time::Instant;

use anyhow::{anyhow, ensure, Context, Result};
use model::block::Block;
use model::frame::{memory_words, Decoder};

use crate::args::Args;
use crate::sizes::words_of;

/// The words of the longest record.
const MAX_RECORD_WORDS: usize = 1 << 20;

pub fn command(mut args: Args) -> Result<bool> {
    let [path] = args.exactly(["FILE"])?;
    let bytes = fs::read(&path).with_context(|| path.clone())?;
    let words = words_of(&bytes).with_context(|| path.clone())?;
    let mut memory = vec![0; memory_words(MAX_RECORD_WORDS)];
    let mut decoder = Decoder::new();
    let (mut records, mut record_words) = (0_u64, 0_u64);
    let start = Instant::now();
    let mut left = words.as_slice();
    while !left.is_empty() {
        let block = Block::parse(left).map_err(|why| anyhow!("no block: {why:?}"))?;
        left = left.get(block.words().len()..).unwrap_or_default();
        for frame in block.frames() {
            let frame = frame.map_err(|why| anyhow!("no frame: {why:?}"))?;
            let record = decoder.decode(&mut memory, &frame);
            let record = record.map_err(|why| anyhow!("not decoded: {why:?}"))?;
            records += 1;
            record_words += record.len() as u64;
        }
    }
    let took = start.elapsed();
    ensure!(records > 0, "there is no record");
    println!(
        "decode records={records} words={record_words} all={}",
        took.as_nanos()
    );
    Ok(true)
}
