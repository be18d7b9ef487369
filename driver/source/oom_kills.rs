// SPDX-License-Identifier: GPL-2.0

//! The processes that were chosen as memory ran out since the sample before.

use super::{
    Room,
    SampledSource, //
};
use crate::{
    driver::{
        log::Log,
        oom_marks::OomMarks,
        params,
        record_writer::RecordWriter, //
    },
    model::{
        event::watch::Watch,
        line::Lines,
        record::{
            section_words,
            SectionHeader, //
        },
        source::oom_kill::{
            OomKill,
            KILLED,
            MAX_OOM_KILLS, //
        },
        text::Text, //
    }, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// Those of the newest sample.
pub(crate) struct OomKills {
    marks: Arc<OomMarks>,
    taken_mono_ns: u64,
    list: KVec<OomKill>,
    left_out: u64,
}

impl OomKills {
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(marks: Arc<OomMarks>) -> Result<Self> {
        Ok(Self {
            marks,
            taken_mono_ns: 0,
            list: KVec::with_capacity(MAX_OOM_KILLS, GFP_KERNEL)?,
            left_out: 0,
        })
    }

    /// The first that was killed.
    pub(crate) fn killed(&self) -> Option<&OomKill> {
        self.list.iter().find(|victim| victim.outcome == KILLED)
    }
}

impl SampledSource for OomKills {
    fn announce(&self, _lines: &mut Lines<'_>) {}

    fn room(&self) -> Room {
        Room {
            usual_words: 0,
            max_words: section_words::<OomKill>(MAX_OOM_KILLS),
        }
    }

    fn begin(&mut self, now_ns: u64) -> bool {
        if !self.marks.has_new() && self.list.is_empty() {
            return false;
        }
        self.taken_mono_ns = now_ns;
        self.list.clear();
        let has_names = !params::NAMES.is("off");
        let (list, mut full) = (&mut self.list, 0u64);
        let lost = self.marks.take(|mut victim| {
            if !has_names {
                victim.comm = Text::empty();
                victim.by_comm = Text::empty();
            }
            if list.push_within_capacity(victim).is_err() {
                full = full.saturating_add(1);
            }
        });
        self.left_out = lost.saturating_add(full);
        false
    }

    fn record(&self, record: &mut RecordWriter<'_>) {
        if self.list.is_empty() && self.left_out == 0 {
            return;
        }
        let header = SectionHeader {
            left_out: self.left_out,
            first_mono_ns: self.taken_mono_ns,
            last_mono_ns: self.taken_mono_ns,
            ..SectionHeader::of::<OomKill>(self.list.len())
        };
        record.section(&header, &self.list);
    }

    fn watch(&self, _watch: &mut Watch<'_>) {}

    fn log(&mut self, _log: &mut Log<'_>) {}

    fn restart(&mut self) {}
}
