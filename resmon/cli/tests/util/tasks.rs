// SPDX-License-Identifier: GPL-2.0-or-later

//! A recording with tasks, in which some are killed as memory runs out.

use resmon::model::event::{Event, Trigger, BEGIN, END, ONGOING};
use resmon::model::source::oom_kill::{OomKill, KILLED, WAS_DYING};
use resmon::model::source::tasks::{Task, Tasks};
use resmon::model::text::Text;
use resmon::Record;

use super::{recording, with_entries, with_section};

const SECOND: u64 = 1_000_000_000;

/// A process of the recording.
#[derive(Clone, Copy)]
pub struct Made {
    pub pid: u32,
    pub uid: u32,
    pub state: u8,
    pub threads: u64,
    pub comm: &'static [u8],
    /// Milliseconds of CPU time that it uses from a record to the next one while it is busy: from one
    /// record to another one.
    pub cpu_ms: u64,
    pub busy: (usize, usize),
    pub rss_kb: u64,
    pub swap_kb: u64,
    /// From a record to the next one.
    pub major_faults: u64,
    pub read_bytes: u64,
    pub written_bytes: u64,
}

const SMALL: Made = Made {
    pid: 1,
    uid: 0,
    state: b'S',
    threads: 1,
    comm: b"systemd",
    cpu_ms: 3,
    busy: (0, usize::MAX),
    rss_kb: 11_000,
    swap_kb: 0,
    major_faults: 0,
    read_bytes: 0,
    written_bytes: 0,
};

#[rustfmt::skip]
pub const USUAL: [Made; 6] = [
    SMALL,
    Made { pid: 4711, uid: 1000, state: b'R', threads: 4, comm: b"stress-ng-vm", cpu_ms: 1900, busy: (30, 39), rss_kb: 181 << 10, ..SMALL },
    Made { pid: 1234, uid: 113, state: b'D', threads: 12, comm: b"postgres", cpu_ms: 310, rss_kb: 88 << 10, swap_kb: 4 << 10, major_faults: 120, read_bytes: 12 << 20, written_bytes: 28 << 20, ..SMALL },
    Made { pid: 62, comm: b"kswapd0", cpu_ms: 81, rss_kb: 0, ..SMALL },
    Made { pid: 890, comm: b"sshd", cpu_ms: 0, rss_kb: 6 << 10, ..SMALL },
    Made { pid: 4_194_304, uid: u32::MAX, state: b'Z', comm: b"", cpu_ms: 0, rss_kb: 5, ..SMALL },
];

/// Names as bad as they can be.
pub const HOSTILE: [&[u8]; 10] = [
    b"a\n21:44:07 b",
    b"\x1b[2J\x1b]0;x\x07",
    b"=1+1,\"b\",c",
    b"\",\"pid\":1,\"",
    b"</text><x a='",
    b"\xff\xfe\xe2\x80\xae|\r\x85",
    b"{x=\"y\"} 1 # \\",
    b" $(id) `id` ;",
    b"\x7f\xc2\x9b2J\xc2\x9d0;x",
    b"\xef\xbf\xbe&\xe2\x80\xa8\xf0\x9f\x92\xa9",
];

/// The names of the usual processes, each with the hostile ones in turn.
pub fn hostile() -> Vec<Made> {
    let names = (100..).zip(HOSTILE);
    names
        .map(|(pid, comm)| Made {
            pid,
            comm,
            cpu_ms: u64::from(pid),
            ..SMALL
        })
        .collect()
}

impl Made {
    /// What it is at the time of a record.
    fn at(&self, record: usize) -> Task {
        let (from, to) = self.busy;
        let busy = record.min(to).saturating_sub(from) as u64;
        let since_begin = record as u64;
        Task {
            pid: self.pid,
            start_boot_ns: 5 * SECOND,
            uid: self.uid,
            state: u32::from(self.state),
            threads: self.threads,
            cgroup_id: 7,
            comm: Text::new(self.comm),
            cpu_ns: SECOND + busy * self.cpu_ms * 1_000_000,
            rss_kb: self.rss_kb,
            swap_kb: self.swap_kb,
            major_faults: since_begin * self.major_faults,
            read_bytes: since_begin * self.read_bytes,
            written_bytes: since_begin * self.written_bytes,
            since_mono_ns: 0,
            since_cpu_ns: 0,
        }
    }
}

/// The record in which the first processes were killed.
pub const KILLED_AT: usize = 44;

/// Who was killed in a record: two, and one more in the next one.
pub fn kills(record: usize, taken_mono_ns: u64, made: &[Made]) -> Vec<OomKill> {
    let kill = |of: &Made, outcome: u32| OomKill {
        mono_ns: taken_mono_ns - SECOND / 2,
        outcome,
        pid: of.pid,
        uid: of.uid,
        comm: Text::new(of.comm),
        anon_kb: of.rss_kb,
        file_kb: 0,
        shmem_kb: 0,
        swap_kb: of.swap_kb,
        oom_score_adj: 0,
        cgroup_id: 7,
        by_pid: made[0].pid,
        by_comm: Text::new(made[0].comm),
    };
    match record.checked_sub(KILLED_AT) {
        Some(0) => vec![kill(&made[1], KILLED), kill(&made[2], WAS_DYING)],
        Some(1) => vec![kill(&made[3], KILLED)],
        _ => Vec::new(),
    }
}

fn event(record: usize, taken_mono_ns: u64) -> Option<Event> {
    let (state, value) = match record.checked_sub(KILLED_AT)? {
        0 => (BEGIN, 2),
        1 => (ONGOING, 1),
        2 => (END, 0),
        _ => return None,
    };
    Some(Event {
        number: 1,
        trigger: Trigger::OomKill as u32,
        state,
        value,
        worst: 2,
        limit: 1,
        for_ns: 0,
        since_mono_ns: taken_mono_ns - (record - KILLED_AT) as u64 * SECOND,
        subject: Text::empty(),
    })
}

/// The recording of a minute with these processes. Every other record has a census of its own. The
/// places of two processes more are empty.
pub fn with_tasks_of(made: &[Made]) -> Vec<Record> {
    let records = recording();
    let times: Vec<_> = records.iter().map(|it| it.header().taken_mono_ns).collect();
    let add = |(at, record): (usize, &Record)| {
        let census = at / 2 * 2;
        let tasks = made.iter().map(|made| made.at(census));
        let empty = [Task::default(); 2];
        let tasks: Vec<Task> = tasks.chain(empty).collect();
        let totals = Tasks {
            processes: 143,
            threads: 311,
            ended_ns: census as u64 * 12_000_000,
        };
        let record = with_entries(record, times[census], &[totals]);
        let record = with_entries(&record, times[census], &tasks);
        let kills = kills(at, times[at], made);
        let record = match kills.is_empty() {
            true => record,
            false => with_entries(&record, times[at], &kills),
        };
        match event(at, times[at]) {
            Some(event) => with_section(&record, &event),
            None => record,
        }
    };
    records.iter().enumerate().map(add).collect()
}

pub fn with_tasks() -> Vec<Record> {
    with_tasks_of(&USUAL)
}
