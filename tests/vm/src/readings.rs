// SPDX-License-Identifier: GPL-2.0

//! Files of procfs, read over and over beside what a case does.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{anyhow, Context, Result};

use crate::kmsg::{monotonic, read_again};

pub struct Reading {
    /// The monotonic time before and after it.
    pub begun: Duration,
    pub done: Duration,
    /// What the files had, in the order in which they were given.
    pub texts: Vec<String>,
}

/// A thread that reads. It ends when this goes out of scope.
pub struct Reader {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Vec<Reading>>>>,
}

impl Reader {
    /// Reads these files at such distances. Returns once there is a first reading.
    pub fn start(paths: &[&'static str], every: Duration) -> Result<Reader> {
        let open = |path: &&'static str| File::open(path).context(*path);
        let files = paths.iter().map(open).collect::<Result<Vec<_>>>()?;
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let (started, running) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("reader".into())
            .spawn(move || keep_reading(&files, every, &seen, &started))?;
        let mut reader = Reader {
            stop,
            thread: Some(thread),
        };
        match running.recv() {
            Ok(()) => Ok(reader),
            Err(_) => Err(reader
                .join()
                .err()
                .unwrap_or_else(|| anyhow!("the reader ended at once, expected a first reading"))),
        }
    }

    fn join(&mut self) -> Result<Vec<Reading>> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self
            .thread
            .take()
            .context("the reader has ended, expected it to run")?;
        thread.join().map_err(|_| anyhow!("the reader panicked"))?
    }

    /// Reads once more, and gives all readings.
    pub fn stop(mut self) -> Result<Vec<Reading>> {
        self.join()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.join();
    }
}

fn keep_reading(
    files: &[File],
    every: Duration,
    stop: &AtomicBool,
    started: &Sender<()>,
) -> Result<Vec<Reading>> {
    // The others must not keep this from reading.
    rustix::process::setpriority_process(None, -20).context("nice -20")?;
    let mut readings = Vec::new();
    loop {
        let last = stop.load(Ordering::Relaxed);
        let begun = monotonic();
        let texts = files.iter().map(read_again).collect::<Result<_>>()?;
        let done = monotonic();
        readings.push(Reading { begun, done, texts });
        if last {
            return Ok(readings);
        }
        let _ = started.send(());
        thread::sleep(every);
    }
}
