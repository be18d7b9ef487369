// SPDX-License-Identifier: GPL-2.0

//! How full the file systems at some paths are. Each path is requested for itself, since each may
//! hang alone.

use super::{
    queued::Queued,
    round::Rounds,
    table::Table,
    Outcome, //
    Room,
    SampledSource,
    Source,
};
use crate::{
    driver::{
        cost::CostMeter,
        log::Log,
        record_writer::RecordWriter, //
    },
    model::{
        event::watch::Watch,
        line::{
            Line,
            Lines, //
        },
        record::section_words,
        setting::Paths,
        source::fs::{
            Fs,
            Path,
            State,
            MAX_PATHS, //
        }, //
    },
    sys::{
        param::{
            switch_param,
            text_param,
            ParamLock,
            SwitchParam, //
        },
        statfs, //
    }, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};

switch_param! {
    /// Whether file systems are sampled.
    static SWITCH = "fs" {
        description: "Sample the file systems at fs_paths",
    }
}

text_param! {
    /// Where file systems are looked at.
    static PATHS: Paths = "fs_paths" {
        description: "Where file systems are looked at: up to 16 absolute paths of at most 200 \
                      bytes, separated by commas, default /",
        default: "/",
        changed: crate::driver::fs_paths_changed,
    }
}

/// What is mounted at a path.
struct FileSystem {
    path: Path,
}

impl Source for FileSystem {
    type Entry = Fs;
    const CAPACITY: usize = 1;
    const MAY_HANG: bool = true;

    fn switch() -> &'static SwitchParam {
        &SWITCH
    }

    fn label<'a>(&self, line: &'a mut Line) -> &'a mut Line {
        line.text("fs=").name(self.path.as_bytes())
    }

    fn when_stale(&self) -> Option<Fs> {
        Some(Fs {
            path: self.path,
            state: State::Stale,
        })
    }

    fn take(&self, table: &mut Table<Fs>) -> Outcome {
        let state = match statfs::usage(self.path.as_bytes()) {
            Ok(Some(usage)) => State::Mounted(usage),
            Ok(None) => State::Absent,
            Err(error) => State::Failed(error.to_errno().unsigned_abs()),
        };
        table.push(Fs {
            path: self.path,
            state,
        });
        Outcome::Snapshot
    }
}

type Watched = Queued<FileSystem>;

fn is_at(watched: &Watched, path: &[u8]) -> bool {
    watched.source().path.as_bytes() == path
}

/// The file systems at the paths of a parameter.
#[pin_data]
pub(crate) struct FileSystems {
    rounds: Arc<Rounds>,
    #[pin]
    list: Mutex<List>,
}

struct List {
    /// In the order of the paths.
    watched: KVec<Watched>,
    /// Those that are not watched any more, but whose request is pending: dropping them may wait for its
    /// completion. There is room for [`MAX_PATHS`].
    given_up: KVec<Watched>,
}

impl FileSystems {
    /// Begins to watch the paths of the parameter.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(rounds: Arc<Rounds>, lock: &mut ParamLock) -> Result<Arc<Self>> {
        let list = List {
            watched: KVec::new(),
            given_up: KVec::with_capacity(MAX_PATHS, GFP_KERNEL)?,
        };
        let file_systems = Arc::pin_init(
            pin_init!(Self {
                rounds,
                list <- new_mutex!(list, "FileSystems::list"),
            }),
            GFP_KERNEL,
        )?;
        file_systems.watch_only(PATHS.text(lock))?;
        Ok(file_systems)
    }

    /// Watches the paths in `text`, and no others. Those that were watched before go on.
    ///
    /// # Context
    ///
    /// Process context, may sleep; with the parameter lock held, so that one caller at a time
    /// changes the list.
    ///
    /// # Errors
    ///
    /// Then nothing has changed. `ENOMEM` when there is no memory, `EBUSY` when too many paths that
    /// were given up are still pending.
    pub(crate) fn watch_only(&self, text: &[u8]) -> Result {
        // Memory is allocated without the lock, since those that are watched need it.
        let mut new = KVec::with_capacity(MAX_PATHS, GFP_KERNEL)?;
        for path in Paths::of(text) {
            if !self.list.lock().has(path) {
                let path = Path::new(path);
                new.push(Queued::new(&self.rounds, FileSystem { path })?, GFP_KERNEL)?;
            }
        }
        let watched = KVec::with_capacity(MAX_PATHS, GFP_KERNEL)?;
        let mut gone = KVec::with_capacity(2 * MAX_PATHS, GFP_KERNEL)?;
        self.list
            .lock()
            .replace(text, watched, &mut new, &mut gone)?;
        // Dropping these waits for nothing.
        drop(gone);
        Ok(())
    }
}

impl List {
    fn has(&self, path: &[u8]) -> bool {
        let is_at = |watched: &Watched| is_at(watched, path);
        self.watched.iter().any(is_at) || self.given_up.iter().any(is_at)
    }

    /// Fills `watched` with those at the paths in `text`, old ones or `new` ones, and goes on with
    /// it. What is not watched any more goes to `gone`, or is given up.
    fn replace(
        &mut self,
        text: &[u8],
        mut watched: KVec<Watched>,
        new: &mut KVec<Watched>,
        gone: &mut KVec<Watched>,
    ) -> Result {
        let stays = |old: &Watched| Paths::of(text).any(|path| is_at(old, path));
        let late_ones = |place: &[Watched]| {
            let late_ones = place.iter().filter(|old| !stays(old) && old.is_pending());
            late_ones.count()
        };
        if late_ones(&self.watched).saturating_add(late_ones(&self.given_up)) > MAX_PATHS {
            return Err(EBUSY);
        }
        // Nothing fails from here on: there is room for everything.
        for path in Paths::of(text) {
            let mut places = [&mut self.watched, &mut self.given_up, &mut *new].into_iter();
            if let Some(one) = places.find_map(|place| take_out(place, |one| is_at(one, path))) {
                put(&mut watched, one);
            }
        }
        while let Some(answered) = take_out(&mut self.given_up, |old| !old.is_pending()) {
            put(gone, answered);
        }
        for old in self.watched.drain_all() {
            put(
                if old.is_pending() {
                    &mut self.given_up
                } else {
                    gone
                },
                old,
            );
        }
        self.watched = watched;
        Ok(())
    }
}

/// Takes the first that `is_wanted` out of `place`.
fn take_out(place: &mut KVec<Watched>, is_wanted: impl Fn(&Watched) -> bool) -> Option<Watched> {
    let at = place.iter().position(is_wanted)?;
    place.remove(at).ok()
}

/// Puts `one` into a place that has room for it.
fn put(place: &mut KVec<Watched>, one: Watched) {
    let fits = place.push_within_capacity(one);
    debug_assert!(fits.is_ok());
}

impl SampledSource for Arc<FileSystems> {
    fn announce(&self, _lines: &mut Lines<'_>) {}

    fn room(&self) -> Room {
        // Each path has a section of its own.
        let words = section_words::<Fs>(FileSystem::CAPACITY);
        Room {
            usual_words: words.saturating_mul(self.list.lock().watched.len()),
            max_words: words.saturating_mul(MAX_PATHS),
        }
    }

    fn begin(&mut self, now_ns: u64) -> bool {
        for watched in &mut self.list.lock().watched {
            watched.begin(now_ns);
        }
        false
    }

    fn record(&self, record: &mut RecordWriter<'_>) {
        for watched in &self.list.lock().watched {
            watched.record(record);
        }
    }

    fn watch(&self, watch: &mut Watch<'_>) {
        for watched in &self.list.lock().watched {
            watched.watch(watch);
        }
    }

    fn log(&mut self, log: &mut Log<'_>) {
        for watched in &mut self.list.lock().watched {
            watched.log(log);
        }
    }

    fn restart(&mut self) {
        for watched in &mut self.list.lock().watched {
            watched.restart();
        }
    }

    fn cost(&self, add: &mut dyn FnMut(&CostMeter)) {
        for watched in &self.list.lock().watched {
            watched.cost(add);
        }
    }
}
