// SPDX-License-Identifier: GPL-2.0-or-later

//! Records of numbers that nobody has chosen.

use resmon::model::record::Header;
use resmon::model::source::activity::Activity;
use resmon::model::source::cpu::{Cpu, Times};
use resmon::model::source::disk::{Completed, Disk};
use resmon::model::source::fs::{Fs, State, Usage};
use resmon::model::source::load::Load;
use resmon::model::source::memory::{Buffers, Memory};
use resmon::model::source::net::{Carried, Net};
use resmon::model::source::pressure::Pressure;
use resmon::model::source::running::Running;
use resmon::model::source::tasks::{Task, Tasks};
use resmon::model::source::tcp::Tcp;
use resmon::model::text::Text;
use resmon::Record;

use crate::util::Made;

fn header(seq: u64, mono_ns: u64) -> Header {
    Header {
        seq,
        taken_mono_ns: mono_ns,
        due_mono_ns: mono_ns,
        taken_wall_ns: 1_700_000_000_000_000_000 + mono_ns,
        interval_ns: 1_000_000_000,
        boot_id: Some(1),
        load_id: Some(2),
        ..Header::of(0)
    }
}

const SECOND_NS: u64 = 1_000_000_000;

/// A name of eight bytes, of which none is the end of a text.
fn odd(any: u64) -> [u8; 8] {
    (any | 0x0101_0101_0101_0101).to_le_bytes()
}

/// What a machine has at one time, by numbers that nobody has chosen.
pub fn record(seq: u64, any: &[u64]) -> Record {
    let at = seq * SECOND_NS + 7 * SECOND_NS;
    // They only grow from one time to the other.
    let counter = |index: usize| any[index % any.len()] % (1 << 27) * seq;
    // No share of the time is more than all of it.
    let time = |index: usize| any[index % any.len()] % SECOND_NS * seq;
    let level = |index: usize| any[(index + 7) % any.len()] % (1 << 30);
    let completed = |index| Completed {
        ios: counter(index),
        sectors: counter(index + 1),
        time_ns: counter(index + 2),
    };
    let carried = |index| Carried {
        bytes: counter(index),
        packets: counter(index + 1),
        errors: counter(index + 2),
        drops: counter(index + 3),
    };
    let total = level(0) + level(1) + 1;
    let memory = Memory {
        total,
        free: level(1),
        available: level(1),
        file: level(2) + level(3),
        swap_cache: level(3),
        shmem: level(4),
        slab_reclaimable: level(5),
        slab_unreclaimable: level(6),
        dirty: level(7),
        writeback: level(8),
        anon: level(9),
        mapped: level(10),
        page_tables: level(11),
        swap_free: level(12),
        page_bytes: 4096,
    };
    let cpu = |id: u32, index: usize| Cpu {
        id,
        epoch: 1,
        times: Times {
            user: time(index) + SECOND_NS * seq,
            nice: time(index + 1),
            system: time(index + 2),
            softirq: time(index + 3),
            irq: time(index + 4),
            idle: time(index + 5),
            iowait: time(index + 6),
            steal: time(index + 7),
            ..Times::default()
        },
    };
    let task = |pid: u32, index: usize| Task {
        pid,
        start_boot_ns: 5,
        comm: Text::new(&odd(any[index])),
        cpu_ns: time(index),
        rss_kb: level(index) + 1,
        since_mono_ns: at - SECOND_NS,
        ..Task::default()
    };
    Made::of(header(seq, at))
        .with(at, &[cpu(0, 0), cpu(1, 3), cpu(7, 9)])
        .with(at, &[memory])
        .with(at, &[Buffers { buffers: 0 }])
        .with(
            at,
            &[Load {
                one_minute: level(1) >> 4,
                five_minutes: level(2),
                fifteen_minutes: level(3),
            }],
        )
        .with(
            at,
            &[Running {
                running: level(1) % 100_000,
                blocked: level(2),
                memory_stalled: level(3),
            }],
        )
        .with(
            at,
            &[Activity {
                faults: counter(1),
                major_faults: counter(2),
                paged_in_sectors: counter(3),
                paged_out_sectors: counter(4),
                swapped_in_pages: counter(5) / 8,
                swapped_out_pages: counter(6) / 8,
                oom_kills: level(4),
                device_interrupts: counter(7),
                cpu_interrupts: counter(8),
                soft_interrupts: counter(9),
            }],
        )
        .with(
            at,
            &[Pressure {
                cpu_some_ns: time(1),
                memory_some_ns: time(2),
                memory_full_ns: time(3),
                io_some_ns: time(4),
                io_full_ns: time(5),
            }],
        )
        .with(
            at,
            &[Disk {
                taken_mono_ns: at,
                seq: 4,
                name: Text::new(&odd(any[2])),
                reads: completed(1),
                writes: completed(4),
                discards: completed(7),
                flushes: Completed::default(),
                busy_ns: time(6),
                in_flight: level(5),
                flags: Some(0),
                major: Some(254),
                minor: Some(0),
            }],
        )
        .with(
            at,
            &[Net {
                taken_mono_ns: at,
                index: 2,
                name: Text::new(b"eth0"),
                rx: carried(3),
                tx: carried(8),
                flags: Some(0),
                address: 0,
            }],
        )
        .with(
            at,
            &[Tcp {
                segments_in: counter(1),
                segments_out: counter(2),
                segments_retransmitted: counter(3),
                syns_retransmitted: counter(4),
                listen_overflows: counter(5),
                listen_drops: counter(6),
                established: level(6),
            }],
        )
        .with(
            at,
            &[
                Fs {
                    path: Text::new(b"/"),
                    state: State::Mounted(Usage {
                        kind: Text::new(b"ext4"),
                        block_bytes: 4096,
                        blocks: level(1) + level(2),
                        free: level(2),
                        available: level(2),
                        inodes: 100,
                        free_inodes: 40,
                        flags: Some(0),
                    }),
                },
                Fs {
                    path: Text::new(b"/a\tb"),
                    state: State::Absent,
                },
                Fs {
                    path: Text::new(b"/c"),
                    state: State::Failed(5),
                },
                Fs {
                    path: Text::new(b"/d"),
                    state: State::Stale,
                },
            ],
        )
        .with(
            at,
            &[Tasks {
                processes: level(1),
                threads: level(2),
                ended_ns: time(3),
            }],
        )
        .with(at, &[task(1, 1), task(44, 2)])
        .record()
}
