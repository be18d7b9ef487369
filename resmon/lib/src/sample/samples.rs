// SPDX-License-Identifier: GPL-2.0-or-later

//! From records to samples: each is compared with the one before it.

use std::io::Read;

use crate::life::is_one_life;
use crate::{Record, Records, Result, WallClock};

use super::census::Kept;
use super::Sample;

/// Samples of records, each with the one before it.
#[derive(Debug)]
pub struct Samples<R> {
    records: Records<R>,
    clock: WallClock,
    /// How many records were read.
    count: u64,
    before: Option<Record>,
    /// What the samples after a census repeat of it.
    kept: Option<Kept>,
}

impl<R: Read> Samples<R> {
    /// Makes samples of `records`. The first one needs two.
    pub fn new(records: Records<R>) -> Self {
        Self::by_clock(records, WallClock::default())
    }

    /// Makes samples of `records`, which were taken when `clock` says so.
    pub fn by_clock(records: Records<R>, clock: WallClock) -> Self {
        Self {
            records,
            clock,
            count: 0,
            before: None,
            kept: None,
        }
    }

    /// The next sample; none when [`Records::try_next`] has none.
    ///
    /// # Errors
    ///
    /// Those of [`Records::try_next`].
    pub fn try_next(&mut self) -> Result<Option<Sample>> {
        while let Some(record) = self.records.try_next()? {
            let time_s = self.clock.time_s(self.count, &record.header());
            self.count += 1;
            // Recordings that were put together may have the same record more than once.
            let is_known = self.before.as_ref().is_some_and(|before| {
                let (before, now) = (before.header(), record.header());
                now.boot_id.is_some() && is_one_life(&before, &now) && now.seq <= before.seq
            });
            if is_known {
                continue;
            }
            let before = self.before.replace(record);
            let sample = before
                .zip(self.before.as_ref())
                .and_then(|(before, now)| Sample::between(&before, now));
            if let Some(mut sample) = sample {
                sample.set_time(time_s);
                match &self.kept {
                    Some(kept) if kept.is_of(&sample) => sample.keep(kept),
                    _ => self.kept = Kept::of(&sample),
                }
                return Ok(Some(sample));
            }
        }
        Ok(None)
    }

    /// The records that the samples are made of.
    pub fn records(&self) -> &Records<R> {
        &self.records
    }
}

impl<R: Read> Iterator for Samples<R> {
    type Item = Result<Sample>;

    fn next(&mut self) -> Option<Self::Item> {
        self.try_next().transpose()
    }
}
