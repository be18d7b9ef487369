// SPDX-License-Identifier: GPL-2.0

//! What the threads of a model share.

use std::sync::Mutex;

use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread::{self, ThreadId};

/// A word that loom watches.
pub(crate) struct Word {
    word: AtomicU64,
    /// The last store, and whose it is.
    last: Mutex<(ThreadId, u64)>,
}

impl Word {
    pub(crate) fn new(value: u64) -> Self {
        Self {
            word: AtomicU64::new(value),
            last: Mutex::new((thread::current().id(), value)),
        }
    }

    /// Who has made the last store gets its value, and learns nothing of other threads by that. So
    /// loom is not told: it remembers only the last access to a word, and to change the order of a
    /// load and a later store of another thread it must not have seen that thread's own load in
    /// between.
    pub(crate) fn load(&self, ordering: Ordering) -> u64 {
        let (owner, value) = *self.last.lock().unwrap();
        if owner == thread::current().id() {
            value
        } else {
            self.word.load(ordering)
        }
    }

    pub(crate) fn store(&self, value: u64, ordering: Ordering) {
        self.word.store(value, ordering);
        *self.last.lock().unwrap() = (thread::current().id(), value);
    }
}
