// SPDX-License-Identifier: GPL-2.0

//! What the tests build records from.

use model::record::{Cpu, Header, Memory, Times};

/// The words of a record.
pub fn words(header: Header, memory: Memory, cpus: &[Cpu]) -> Vec<u64> {
    let mut words = header.to_words().to_vec();
    words.extend(memory.to_words());
    for cpu in cpus {
        words.extend(cpu.to_words());
    }
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
