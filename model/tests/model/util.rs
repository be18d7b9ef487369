// SPDX-License-Identifier: GPL-2.0-or-later

//! What the tests build records from.

use model::record::{section_words, Content, Header, SectionHeader};
use model::source::cpu::{Cpu, Times};
use model::source::memory::Memory;
use model::words::Words;

/// Adds a section of `entries`.
pub fn push_section<C: Content>(words: &mut Vec<u64>, entries: &[C]) {
    SectionHeader::of::<C>(entries.len()).put(&mut |word| words.push(word));
    for entry in entries {
        entry.put(&mut |word| words.push(word));
    }
}

/// The words of a value.
pub fn words_of(value: &impl Words) -> Vec<u64> {
    let mut words = Vec::new();
    value.put(&mut |word| words.push(word));
    words
}

/// The value that these words are.
pub fn value_of<T: Words>(words: impl IntoIterator<Item = u64>) -> T {
    let words: Vec<u64> = words.into_iter().take(T::LEN).collect();
    T::from_words(&words).expect("expected as many words as the value has")
}

/// How many words a record of CPU and memory has.
pub fn words_for(cpus: usize) -> usize {
    Header::LEN + section_words::<Memory>(1) + section_words::<Cpu>(cpus)
}

/// The words of a record, with the sizes that it has.
pub fn words(header: Header, memory: Memory, cpus: &[Cpu]) -> Vec<u64> {
    let Header {
        magic,
        version,
        size_bytes,
        header_bytes,
        ..
    } = Header::of(words_for(cpus.len()));
    let mut words = words_of(&Header {
        magic,
        version,
        size_bytes,
        header_bytes,
        ..header
    });
    push_section(&mut words, &[memory]);
    push_section(&mut words, cpus);
    words
}

/// A record of `cpus` that was taken at `mono_ns`.
pub fn record_at(mono_ns: u64, cpus: &[Cpu]) -> Vec<u64> {
    let header = Header {
        taken_mono_ns: mono_ns,
        ..Header::default()
    };
    words(header, Memory::default(), cpus)
}

/// A CPU that has only been in user programs and idle.
pub fn cpu(id: u32, epoch: u32, user: u64, idle: u64) -> Cpu {
    Cpu {
        id,
        epoch,
        times: Times {
            user,
            idle,
            ..Times::default()
        },
    }
}
