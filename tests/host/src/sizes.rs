// SPDX-License-Identifier: GPL-2.0

//! How many bytes the samples of recordings take once they are encoded, and whether the bars are met.

use std::fs;
use std::path::Path;

use anyhow::{bail, ensure, Context, Result};
use model::frame::{max_words, memory_words, Decoder, Encoder, Frame, Parts};
use model::record::{Record, SIZE_AT, WORD_BYTES};
use model::source::cpu::{spent_per_cpu, Mode};
use model::source::tasks::{Task, Tasks};
use model::words::Content;

use crate::args::Args;

/// The tick of Debian's kernel.
const TICK_NS: u64 = 4_000_000;

/// The worst mean of as many samples counts, or of all where there are fewer.
const WINDOW: usize = 50;

/// Of each CPU under load, in thousandths.
const LEAST_BUSY: u64 = 600;

/// What a recording must not exceed, in bytes a sample, and what it must show.
struct Bar {
    /// What its file is called, without the ending.
    name: &'static str,
    what: &'static str,
    most_bytes: usize,
    /// What processes may add to that, on average.
    most_task_bytes: usize,
    /// Whether each CPU is busy, and both disks and interfaces move.
    is_loaded: bool,
}

const BARS: [Bar; 4] = [
    Bar {
        name: "loaded",
        what: "4 CPUs, under a load that never rests",
        most_bytes: 340,
        most_task_bytes: 250,
        is_loaded: true,
    },
    Bar {
        name: "idle",
        what: "4 CPUs, idle",
        most_bytes: 180,
        most_task_bytes: 60,
        is_loaded: false,
    },
    Bar {
        name: "mixed",
        what: "64 CPUs, half of them under load",
        most_bytes: 950,
        most_task_bytes: 250,
        is_loaded: false,
    },
    Bar {
        name: "build",
        what: "2 CPUs, beside a build of the kernel",
        most_bytes: 340,
        most_task_bytes: 250,
        is_loaded: false,
    },
];

pub fn command(mut args: Args) -> Result<bool> {
    let must_meet = args.switch("--check");
    let recordings = args.rest()?;
    ensure!(
        !recordings.is_empty(),
        "expected recordings; see hosttest --help"
    );
    println!(
        "\nBytes of a sample: as a record, and encoded, the mean of all and of the worst {WINDOW}"
    );
    println!("                                       samples   record     mean    worst  at most");
    let mut is_missed = false;
    for path in recordings {
        let name = Path::new(&path).file_stem();
        let bar = BARS
            .iter()
            .find(|bar| name.is_some_and(|name| name == bar.name));
        let bar = bar.with_context(|| {
            let names: Vec<&str> = BARS.iter().map(|bar| bar.name).collect();
            format!("{path} is not called as one of {names:?}")
        })?;
        let bytes = fs::read(&path).with_context(|| path.clone())?;
        let records = records(&bytes).with_context(|| path.clone())?;
        if bar.is_loaded {
            check_load(&records).with_context(|| path.clone())?;
        }
        let mut show = |what: &str,
                        records: &[Vec<u64>],
                        most: &dyn Fn(usize, usize) -> (usize, usize)|
         -> Result<usize> {
            let frames = frames(records).with_context(|| path.clone())?;
            let words = records.iter().map(Vec::len).sum::<usize>();
            let record = words * WORD_BYTES / records.len();
            let mean = frames.iter().sum::<usize>() / frames.len();
            let worst = worst_mean(&frames).context("too few records")?;
            let (value, most) = most(mean, worst);
            let is_met = value <= most;
            is_missed |= !is_met;
            println!(
                "{what:<38} {:7}  {record:7}  {mean:7}  {worst:7}  {most:7}  {}",
                records.len(),
                if is_met { "met" } else { "MISSED" }
            );
            Ok(mean)
        };
        let without: Vec<Vec<u64>> = records
            .iter()
            .map(|words| without_tasks(words))
            .collect::<Result<_>>()?;
        let mean = show(bar.what, &without, &|_, worst| (worst, bar.most_bytes))?;
        let most = mean + bar.most_task_bytes;
        show("  with processes, the mean", &records, &|mean, _| {
            (mean, most)
        })?;
    }
    if must_meet && is_missed {
        bail!("a bar was missed");
    }
    Ok(true)
}

/// Bytes as words.
pub fn words_of(bytes: &[u8]) -> Result<Vec<u64>> {
    let words = bytes.chunks_exact(WORD_BYTES);
    let left = words.remainder().len();
    ensure!(left == 0, "{left} bytes are left");
    words
        .map(|word| Ok(u64::from_le_bytes(word.try_into()?)))
        .collect()
}

/// The records of a recording, as their words.
pub fn records(bytes: &[u8]) -> Result<Vec<Vec<u64>>> {
    let words = words_of(bytes)?;
    let mut left = words.as_slice();
    let mut records = Vec::new();
    while let Some(size) = left.get(SIZE_AT) {
        let size = usize::try_from(*size)? / WORD_BYTES;
        let (record, rest) = left.split_at_checked(size).context("the end is missing")?;
        ensure!(
            Record::new(record).is_ok(),
            "record {} is none",
            records.len()
        );
        records.push(record.to_vec());
        left = rest;
    }
    Ok(records)
}

/// The same record without what is of processes.
fn without_tasks(words: &[u64]) -> Result<Vec<u64>> {
    let record = Record::new(words).map_err(|why| anyhow::anyhow!("no record: {why:?}"))?;
    let header = usize::try_from(record.header().header_bytes)? / WORD_BYTES;
    let mut rest = &words[header..];
    let mut kept = words[..header].to_vec();
    for section in record.sections() {
        let size = usize::try_from(section.header().size_bytes)? / WORD_BYTES;
        let (words, others) = rest.split_at_checked(size).context("a section is cut")?;
        if ![Tasks::KIND, Task::KIND].contains(&section.header().kind) {
            kept.extend(words);
        }
        rest = others;
    }
    ensure!(kept.len() < words.len(), "a record has no processes");
    kept[SIZE_AT] = (kept.len() * WORD_BYTES) as u64;
    Ok(kept)
}

/// The bytes of the records' frames, each of which is decoded again.
fn frames(records: &[Vec<u64>]) -> Result<Vec<usize>> {
    let longest = records.iter().map(Vec::len).max().unwrap_or(0);
    let mut memories = [(); 2].map(|()| vec![0; memory_words(longest)]);
    let [encoding, decoding] = &mut memories;
    let (mut encoder, mut decoder) = (Encoder::new(TICK_NS, 0), Decoder::new());
    let mut sizes = Vec::new();
    for record in records {
        let mut frame = vec![0; max_words(record.len())];
        let size = encoder.encode(encoding, Parts::new(record, &[]), frame.as_mut_slice());
        let size = size.map_err(|why| anyhow::anyhow!("not encoded: {why:?}"))?;
        frame.truncate(size);
        let parsed = Frame::parse(&frame).map_err(|why| anyhow::anyhow!("no frame: {why:?}"))?;
        let decoded = decoder.decode(decoding, &parsed);
        ensure!(decoded == Ok(record.as_slice()), "another record comes out");
        sizes.push(size * WORD_BYTES);
    }
    Ok(sizes)
}

/// The largest mean of samples that follow one another.
fn worst_mean(sizes: &[usize]) -> Option<usize> {
    let samples = WINDOW.min(sizes.len());
    let sums = sizes
        .windows(samples.max(1))
        .map(|window| window.iter().sum::<usize>());
    Some(sums.max()?.div_ceil(samples))
}

/// Whether all that the bar is about was in use from the first record to the last.
fn check_load(records: &[Vec<u64>]) -> Result<()> {
    let [first, .., last] = records else {
        bail!("{} records", records.len());
    };
    let [before, after] = [first, last].map(|words| Record::new(words));
    let (Ok(before), Ok(after)) = (before, after) else {
        bail!("no records");
    };
    let mut cpus = 0;
    for (id, spent) in spent_per_cpu(before, after) {
        let shares = spent.shares().context("a CPU without time")?;
        let idle = [Mode::Idle, Mode::Iowait].map(|mode| u64::from(shares.of(mode)));
        let busy = 1000 - idle.iter().sum::<u64>();
        ensure!(
            busy >= LEAST_BUSY,
            "CPU {id} was busy for {busy} of 1000, expected {LEAST_BUSY}"
        );
        cpus += 1;
    }
    ensure!(cpus == 4, "{cpus} CPUs, expected 4");
    moves::<model::source::disk::Disk>(before, after, 2)?;
    moves::<model::source::net::Net>(before, after, 2)?;
    Ok(())
}

/// Whether so many entries of a kind are in the first and the last record, and each is another one there.
fn moves<C: Content + PartialEq>(
    before: Record<'_>,
    after: Record<'_>,
    least: usize,
) -> Result<()> {
    let entries = |record: Record<'_>| record.entries::<C>().collect::<Vec<_>>();
    let (before, after) = (entries(before), entries(after));
    let moving = before.iter().zip(&after).filter(|(then, now)| then != now);
    let moving = moving.count();
    ensure!(
        moving >= least,
        "{moving} of {} entries of kind {} have moved, expected {least}",
        after.len(),
        C::KIND
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_samples_count() {
        assert_eq!(worst_mean(&[]), None);
        assert_eq!(worst_mean(&[100, 200]), Some(150));
        let mut sizes = vec![100; 3 * WINDOW];
        assert_eq!(worst_mean(&sizes), Some(100));
        sizes[WINDOW..2 * WINDOW].fill(300);
        assert_eq!(worst_mean(&sizes), Some(300));
        sizes[WINDOW] = 250;
        assert_eq!(worst_mean(&sizes), Some(299));
    }

    #[test]
    fn a_recording_that_is_cut_off_is_none() {
        let recording = fs::read(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../resmon/testdata/layers.rec"
        ))
        .unwrap();
        let whole = records(&recording).unwrap();
        assert!(frames(&whole).unwrap().iter().sum::<usize>() < recording.len() / 2);
        assert!(records(&recording[..recording.len() - 8]).is_err());
        // Nobody kept its CPUs busy.
        assert!(check_load(&whole).is_err());
    }
}
