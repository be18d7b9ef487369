// SPDX-License-Identifier: GPL-2.0

//! What the log says when the machine dies, whatever it said before: the last minute, what is wrong, and who
//! uses most. So it reaches whatever keeps the log then: a console, `netconsole`, `pstore`.
//!
//! Everything else has stopped, maybe in the middle of something. Nothing is sampled any more.

use super::{
    history::History,
    kept_records::KeptRecord,
    lives::Lives,
    log::{
        logged_bytes,
        memory_of, //
    },
    params,
    pending::Pending,
    record_buffer::RecordBuffer,
    source::tasks::places, //
};
use crate::{
    model::{
        brief::Brief,
        event::{
            Event,
            BEGIN,
            ONGOING, //
        },
        line::{
            Line,
            Lines, //
        },
        panic_log::{
            self,
            Thinning,
            MAX_SAMPLE_BYTES, //
        },
        record::{
            Record,
            WORD_BYTES, //
        },
        source::{
            cpu::spent_together,
            taken,
            tasks::{
                self,
                Task,
                Tasks, //
            },
            Snapshot, //
        }, //
    },
    sys::{
        clock,
        log,
        panic::PanicHandler,
        vmstat, //
    },
};
use core::{
    cell::Cell,
    mem, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// A sample that is there.
#[derive(Clone, Copy)]
enum Found {
    /// The reporter has made a record of it.
    Kept(KeptRecord),
    /// It has not come to it.
    Pending { seq: u64, taken_mono_ns: u64 },
}

impl Found {
    fn taken_mono_ns(&self) -> u64 {
        match self {
            Self::Kept(kept) => kept.taken_mono_ns,
            Self::Pending { taken_mono_ns, .. } => *taken_mono_ns,
        }
    }

    fn has_sources(&self) -> bool {
        matches!(self, Self::Kept(kept) if kept.has_sources)
    }
}

/// Where samples are.
struct Rings {
    history: Arc<History>,
    pending: Arc<Pending>,
}

impl Rings {
    /// All samples, from the oldest to the newest.
    fn samples(&self) -> impl Iterator<Item = Found> + Clone + '_ {
        let kept = self.history.kept_records();
        let next_seq = kept
            .clone()
            .last()
            .map_or(0, |newest| newest.seq.saturating_add(1));
        let others = next_seq.max(self.pending.oldest_seq())..self.pending.next_seq();
        let pending = others.filter_map(|seq| {
            let taken_mono_ns = self.pending.taken_mono_ns(seq)?;
            Some(Found::Pending { seq, taken_mono_ns })
        });
        Iterator::chain(kept.map(Found::Kept), pending)
    }

    fn read(&self, found: &Found, to: &mut RecordBuffer) {
        match found {
            Found::Kept(kept) => to.read_kept(&self.history, kept),
            Found::Pending { seq, .. } => {
                to.read_pending(&self.pending, *seq);
            }
        }
    }
}

/// Samples that are compared, and memory for the line that is being made.
struct Samples {
    /// That of the line before, and whether it has more than CPU and memory.
    then: RecordBuffer,
    then_has_sources: bool,
    /// The last one before that which has, if it has not.
    sources_then: RecordBuffer,
    now: RecordBuffer,
    line: Line,
}

impl Samples {
    /// Begins with the sample that the first line is compared with.
    fn begin(&mut self, rings: &Rings, first: &Found) {
        self.sources_then.clear();
        self.then_has_sources = first.has_sources();
        rings.read(first, &mut self.then);
    }

    /// Logs a sample, compared with that of the line before, whose place it takes. What the kernel may not have
    /// counted in so short a time is not logged.
    fn log(&mut self, rings: &Rings, found: &Found, boot_ns: u64, room: &Room) {
        rings.read(found, &mut self.now);
        let (Some(then), Some(now)) = (self.then.record(), self.now.record()) else {
            return;
        };
        let all = spent_together(then, now);
        if !all.is_counted(now.elapsed_ns_since(&then)) {
            return;
        }
        let sources_then = if self.then_has_sources {
            then
        } else {
            self.sources_then.record().unwrap_or(then)
        };
        let brief = Brief::between(sources_then, now);
        let taken_boot_ns = now.header().taken_boot_ns.unwrap_or(boot_ns);
        let line = self.line.start("");
        brief.line(&all.spent, &memory_of(now), vmstat::PAGE_KIB, line);
        room.print(panic_log::ago(boot_ns.saturating_sub(taken_boot_ns), line));
        mem::swap(&mut self.then, &mut self.now);
        if self.then_has_sources && !found.has_sources() {
            mem::swap(&mut self.sources_then, &mut self.now);
        }
        self.then_has_sources = found.has_sources();
    }
}

/// All that is needed for it, since nothing can be allocated then.
pub(super) struct PanicLog {
    rings: Rings,
    lives: Arc<Lives>,
    samples: Samples,
    tasks_then: KVec<Task>,
    tasks_now: KVec<Task>,
}

impl PanicLog {
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    #[inline(never)]
    pub(super) fn new(
        history: Arc<History>,
        pending: Arc<Pending>,
        lives: Arc<Lives>,
    ) -> Result<KBox<Self>> {
        let words = history.max_record_bytes() / WORD_BYTES;
        let places = places();
        let log = Self {
            rings: Rings { history, pending },
            lives,
            samples: Samples {
                then: RecordBuffer::new(words)?,
                then_has_sources: false,
                sources_then: RecordBuffer::new(words)?,
                now: RecordBuffer::new(words)?,
                line: Line::new(),
            },
            tasks_then: KVec::with_capacity(places, GFP_KERNEL)?,
            tasks_now: KVec::with_capacity(places, GFP_KERNEL)?,
        };
        Ok(KBox::new(log, GFP_KERNEL)?)
    }

    /// Logs samples of the last minute up to the one that was taken at `newest_ns`, as many as there is room for.
    fn log_samples(&mut self, newest_ns: u64, boot_ns: u64, room: &Room) {
        let Self { rings, samples, .. } = self;
        let lines = room.left() / MAX_SAMPLE_BYTES;
        let mut all = rings.samples();
        let Some(mut first) = all.next().filter(|_| lines != 0) else {
            return;
        };
        let start_ns = Thinning::start_ns(newest_ns);
        let mut ahead = all.clone();
        while let Some(next) = ahead.next().filter(|next| next.taken_mono_ns() <= start_ns) {
            first = next;
            all = ahead.clone();
        }
        samples.begin(rings, &first);
        let mut thinning = Thinning::new(first.taken_mono_ns(), newest_ns, lines);
        for found in all.filter(|found| thinning.takes(found.taken_mono_ns())) {
            samples.log(rings, &found, boot_ns, room);
        }
    }

    /// Logs the events that are open in the newest record that tells of them, in at most half of the room, and who
    /// used most in its census.
    fn log_rest(&mut self, half: usize, print: &dyn Fn(&Line)) {
        let history = &self.rings.history;
        let records = history.kept_records().filter(|kept| kept.has_sources);
        let Some(newest) = records.clone().last() else {
            return;
        };
        let Samples {
            then, now, line, ..
        } = &mut self.samples;
        now.read_kept(history, &newest);
        let Some(record) = now.record() else {
            return;
        };
        let room = Room::new(half / 2);
        let events = record.entries::<Event>();
        for event in events.filter(|event| matches!(event.state, BEGIN | ONGOING)) {
            let open = Event {
                state: ONGOING,
                ..event
            };
            open.log(record.header().taken_mono_ns, 0, line);
            if room.take(line) {
                print(line);
            }
        }
        let Some((mono_ns, totals)) = read_census(record, &mut self.tasks_now) else {
            return;
        };
        // The census before is in the record before the one that first had this.
        let earlier = records.take_while(|kept| kept.taken_mono_ns < mono_ns);
        let (before, _) = earlier.fold((None, None), |(_, last), kept| (last, Some(kept)));
        let before = before.and_then(|before| {
            then.read_kept(history, &before);
            read_census(then.record()?, &mut self.tasks_then)
        });
        tasks::log(
            before.map(|(mono_ns, totals)| (totals, snapshot(mono_ns, &self.tasks_then))),
            &totals,
            snapshot(mono_ns, &self.tasks_now),
            params::NAMES.is("log"),
            &mut Lines::new(line, print),
        );
    }
}

/// Reads when the census of a record was taken, its totals, and its processes.
fn read_census(record: Record<'_>, processes: &mut KVec<Task>) -> Option<(u64, Tasks)> {
    processes.clear();
    if let Some(taken) = taken::<Task>(record) {
        for task in taken.entries {
            // Records have no more than there are places for.
            let _ = processes.push_within_capacity(task);
        }
    }
    let mut totals = taken::<Tasks>(record)?;
    Some((totals.mono_ns, totals.entries.next()?))
}

fn snapshot(taken_mono_ns: u64, entries: &[Task]) -> Snapshot<'_, Task> {
    Snapshot {
        taken_mono_ns,
        entries,
    }
}

impl PanicHandler for KBox<PanicLog> {
    fn run(&mut self) {
        // First, whatever may go wrong below.
        self.lives.note_panic();
        let room = Room::new((params::PANIC_LOG_KB.value() as usize).saturating_mul(1024));
        let newest = self.rings.samples().last();
        let Some(newest) = newest.filter(|_| room.left() != 0) else {
            return;
        };
        let (wall_ns, boot_ns) = clock::wall_and_boot_fast_ns();
        room.print(panic_log::head(wall_ns, self.samples.line.start("")));
        // What comes last may take half of the room. How much it takes is known when its lines were made once.
        let half = room.left() / 2;
        let rest = Room::new(half);
        self.log_rest(half, &|line| {
            rest.take(line);
        });
        let rest = Room::new(half.saturating_sub(rest.left()));
        let samples = Room::new(room.left().saturating_sub(rest.left()));
        self.log_samples(newest.taken_mono_ns(), boot_ns, &samples);
        self.log_rest(half, &|line| rest.print(line));
    }
}

/// Bytes that may still be logged.
struct Room(Cell<usize>);

impl Room {
    fn new(bytes: usize) -> Self {
        Self(Cell::new(bytes))
    }

    fn left(&self) -> usize {
        self.0.get()
    }

    /// Takes the room for a line. Returns whether there is so much.
    fn take(&self, line: &Line) -> bool {
        let left = self.left().checked_sub(logged_bytes(line));
        left.inspect(|left| self.0.set(*left)).is_some()
    }

    /// Logs a line, if there is room for it.
    fn print(&self, line: &Line) {
        if self.take(line) {
            log::emergency(line.as_str());
        }
    }
}
