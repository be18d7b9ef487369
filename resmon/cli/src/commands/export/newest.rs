// SPDX-License-Identifier: GPL-2.0-or-later

//! The newest record, as a scrape shows it.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use resmon::model::record::Header;
use resmon::Record;

use super::family::{Family, Shown};
use super::machine;
use super::metrics::{self, Began, Census};

/// The newest record, and what needs more than one.
#[derive(Debug)]
pub struct Newest {
    header: Header,
    shown: Shown,
    /// When it came from the device; none for that of a recording, which is never too old.
    received: Option<Instant>,
    lost_records: u64,
    began: Began,
    /// Of tasks, if these are wanted.
    census: Option<Census>,
}

impl Newest {
    /// The newest record, after those whose events were counted, with a census of tasks if these are
    /// wanted.
    pub fn new(
        record: &Record,
        received: Option<Instant>,
        began: Began,
        census: Option<Census>,
    ) -> Self {
        let mut newest = Self {
            header: record.header(),
            shown: Shown::default(),
            received,
            lost_records: 0,
            began,
            census,
        };
        newest.replace(record, received);
        newest
    }

    pub fn replace(&mut self, record: &Record, received: Option<Instant>) {
        let header = record.header();
        if begins_anew(&self.header, &header) {
            self.shown = Shown::default();
            self.began = Began::default();
            self.census = self.census.take().map(|_| Census::default());
        }
        if let Some(record) = record.raw() {
            self.began.add(record);
            if let Some(census) = &mut self.census {
                census.add(record);
            }
        }
        self.lost_records = self.lost_records.saturating_add(header.lost_records);
        let families =
            metrics::of_record(record, self.lost_records, &self.began, self.census.as_ref());
        self.shown.replace(families);
        self.header = header;
        self.received = received;
    }

    /// Whether the record is as new as it should be.
    pub fn is_up(&self, now: Instant) -> bool {
        let patience = Duration::from_nanos(self.header.interval_ns)
            .saturating_mul(3)
            .saturating_add(Duration::from_secs(5));
        let age = self.received.map(|at| now.saturating_duration_since(at));
        age.is_none_or(|age| age <= patience)
    }

    /// What a scrape shows.
    pub fn families(&self, now: Instant) -> Vec<Arc<Family>> {
        let (time, machine) = match self.received {
            Some(_) => {
                let time = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
                (time, machine::families())
            }
            // A recording may be of another machine, and is of another time.
            None => (Duration::from_nanos(self.header.taken_wall_ns), Vec::new()),
        };
        let of_scrape = metrics::of_scrape(time, self.is_up(now));
        let others = machine.into_iter().chain(of_scrape).map(Arc::new);
        self.shown
            .families()
            .iter()
            .cloned()
            .chain(others)
            .collect()
    }
}

/// Whether the records are of two boots, or of two loads of the module: what counts since load, and
/// the epochs of CPUs, begin again. A module that gives no identity has numbers that go back then.
fn begins_anew(before: &Header, after: &Header) -> bool {
    let identity = |header: &Header| (header.boot_id, header.load_id);
    let goes_back = after.seq <= before.seq || after.taken_mono_ns <= before.taken_mono_ns;
    identity(before) != identity(after) || (identity(after) == (None, None) && goes_back)
}
