// SPDX-License-Identifier: GPL-2.0-or-later

//! The lines that the module writes of two records, by its own code, in the order of driver/log.rs.

use std::cell::RefCell;

use resmon::model::brief::Brief;
use resmon::model::line::{Line, Lines};
use resmon::model::record::{Content, Record};
use resmon::model::source::activity::{swapped, Activity};
use resmon::model::source::cpu::{self, spent_per_cpu, spent_together, Whose};
use resmon::model::source::disk::Disk;
use resmon::model::source::fs::Fs;
use resmon::model::source::load::Load;
use resmon::model::source::memory::{self, Buffers, Memory};
use resmon::model::source::net::Net;
use resmon::model::source::pressure::Pressure;
use resmon::model::source::running::Running;
use resmon::model::source::tasks::{self, Task, Tasks};
use resmon::model::source::tcp::Tcp;
use resmon::model::source::{Entry, Snapshot};

/// What a record has of a source, and when that was read.
fn taken<C: Content>(record: Record<'_>) -> Option<(u64, Vec<C>)> {
    let section = record
        .sections()
        .find(|section| section.header().kind == C::KIND)?;
    // Each path has a section of its own.
    Some((section.header().first_mono_ns, record.entries().collect()))
}

fn snapshot<E>(taken: &(u64, Vec<E>)) -> Snapshot<'_, E> {
    Snapshot {
        taken_mono_ns: taken.0,
        entries: &taken.1,
    }
}

/// The lines that `log` prints.
pub fn printed(log: impl FnOnce(&mut Lines<'_>)) -> Vec<String> {
    let printed = RefCell::new(Vec::new());
    let mut line = Line::new();
    let print = |line: &Line| printed.borrow_mut().push(line.as_str().to_owned());
    log(&mut Lines::new(&mut line, &print));
    printed.into_inner()
}

struct Written<'a> {
    before: Record<'a>,
    after: Record<'a>,
    brief: Brief,
    full: Vec<String>,
}

impl Written<'_> {
    fn add<E: Entry>(&mut self) {
        let (before, after) = (taken::<E>(self.before), taken::<E>(self.after));
        if let Some(after) = &after {
            let before = before.as_ref().map(snapshot);
            let lines = printed(|lines| E::log(before, snapshot(after), lines));
            self.full.extend(lines);
            E::sum(
                before.map(Snapshot::taken),
                snapshot(after).taken(),
                &mut self.brief,
            );
        }
    }

    fn add_cpu_and_memory(&mut self, page_kib: u64) {
        let (before, after) = (self.before, self.after);
        let memory: Memory = after.entries().next().unwrap();
        let buffers = after.entries::<Buffers>().next().unwrap_or_default();
        let (then, now) = (taken::<Activity>(before), taken::<Activity>(after));
        let swapped = then.as_ref().zip(now.as_ref());
        let swapped = swapped.and_then(|(then, now)| swapped_between(then, now));
        let lines = printed(|lines| {
            if let Some(shares) = spent_together(before, after).spent.shares() {
                cpu::log(Whose::All, &shares, lines);
            }
            for (id, spent) in spent_per_cpu(before, after) {
                if let Some(shares) = spent.shares() {
                    cpu::log(Whose::Cpu(id), &shares, lines);
                }
            }
            memory::log(&memory, buffers.buffers, page_kib, lines);
            memory::log_swap(&memory, swapped, page_kib, lines);
        });
        self.full.extend(lines);
    }

    fn add_tasks(&mut self) {
        let totals = |record| taken::<Tasks>(record).and_then(|(_, all)| all.first().copied());
        let Some((totals_now, now)) = totals(self.after).zip(taken::<Task>(self.after)) else {
            return;
        };
        let then = taken::<Task>(self.before);
        let before = totals(self.before).zip(then.as_ref().map(snapshot));
        let lines = printed(|lines| tasks::log(before, &totals_now, snapshot(&now), true, lines));
        self.full.extend(lines);
    }
}

fn swapped_between(
    then: &(u64, Vec<Activity>),
    now: &(u64, Vec<Activity>),
) -> Option<memory::Swapped> {
    swapped(snapshot(then), snapshot(now))
}

/// All lines of a sample, and the one that sums it up.
pub fn lines(before: &resmon::Record, after: &resmon::Record) -> (Vec<String>, String) {
    let (before, after) = (before.raw().unwrap(), after.raw().unwrap());
    let mut written = Written {
        before,
        after,
        brief: Brief::default(),
        full: Vec::new(),
    };
    let memory: Memory = after.entries().next().unwrap();
    let page_kib = memory.page_bytes / 1024;
    written.add_cpu_and_memory(page_kib);
    written.add::<Load>();
    written.add::<Running>();
    written.add::<Activity>();
    written.add::<Pressure>();
    written.add::<Disk>();
    written.add::<Net>();
    written.add::<Tcp>();
    written.add::<Fs>();
    written.add_tasks();
    let spent = spent_together(before, after).spent;
    let brief = printed(|lines| written.brief.log(&spent, &memory, page_kib, lines));
    (written.full, brief.concat())
}

/// The lines with the kernel's time stamp, a tenth of a millisecond after each other, and the module's name.
pub fn stamped(lines: &[String], stamp_us: u64) -> String {
    let lines = lines.iter().zip((stamp_us..).step_by(100));
    let each = lines.map(|(line, at)| {
        let (seconds, micros) = (at / 1_000_000, at % 1_000_000);
        format!("[{seconds:5}.{micros:06}] resource_monitor: {line}\n")
    });
    each.collect()
}
