// SPDX-License-Identifier: GPL-2.0

use crate::util::{cpu, words};
use model::record::{words_for, Cpu, Header, Memory, Record, Times, CPUS_AT};
use proptest::prelude::*;

#[test]
fn a_record_reads_as_it_was_written() {
    // Each number is another, so that no two fields can be swapped unnoticed.
    let header = Header::from_words(&(1..=7).collect::<Vec<_>>()).expect("7 words");
    let memory = Memory::from_words(&(101..=116).collect::<Vec<_>>()).expect("16 words");
    let first = Cpu::from_words(&(201..=212).collect::<Vec<_>>()).expect("12 words");
    assert_eq!((header.seq, header.previous_cost_ns), (1, 7));
    assert_eq!((memory.total, memory.swapped_out), (101, 116));
    assert_eq!(
        (
            first.id,
            first.epoch,
            first.times.user,
            first.times.guest_nice
        ),
        (201, 202, 203, 212)
    );

    let second = cpu(300, 0, 5, 6);
    let words = words(header, memory, &[first, second]);
    let record = Record::new(&words).expect("a whole record");
    assert_eq!(record.header(), header);
    assert_eq!(record.memory(), memory);
    assert_eq!(record.cpu_count(), 2);
    assert_eq!(record.cpus().collect::<Vec<_>>(), [first, second]);
    assert_eq!(words.len(), words_for(2));
}

#[test]
fn what_is_too_short_is_no_record() {
    assert!(Record::new(&[0; CPUS_AT - 1]).is_none());
    assert_eq!(Record::new(&[0; CPUS_AT]).expect("no CPU").cpu_count(), 0);
}

proptest! {
    #[test]
    fn any_words_can_be_looked_at(words in prop::collection::vec(any::<u64>(), 0..200)) {
        if let Some(record) = Record::new(&words) {
            let _ = (record.header(), record.memory());
            prop_assert!(record.cpus().count() <= record.cpu_count());
        }
    }

    #[test]
    fn any_cpu_reads_as_it_was_written(id: u32, epoch: u32, times: [u64; 10]) {
        let [user, nice, system, softirq, irq, idle, iowait, steal, guest, guest_nice] = times;
        let times = Times {
            user, nice, system, softirq, irq, idle, iowait, steal, guest, guest_nice,
        };
        let cpu = Cpu { id, epoch, times };
        prop_assert_eq!(Cpu::from_words(&cpu.to_words()), Some(cpu));
    }
}
