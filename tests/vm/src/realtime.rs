// SPDX-License-Identifier: GPL-2.0

//! Real-time tasks, which take all of a CPU.

use std::fs;
use std::hint::black_box;
use std::process::Command;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure, Context, Result};
use rustix::thread::{gettid, sched_setaffinity, CpuSet};

use crate::{kthread, load};

/// Where each CPU has what it leaves to other tasks when real-time tasks take all of it.
pub const FAIR_SERVER: &str = "/sys/kernel/debug/sched/fair_server";

/// While this lives, nothing of these CPUs is left to other tasks.
pub struct NoFairServer(Vec<(String, String)>);

impl NoFairServer {
    pub fn of(cpus: impl Iterator<Item = u32>) -> Result<NoFairServer> {
        let mut taken = NoFairServer(Vec::new());
        for cpu in cpus {
            let path = format!("{FAIR_SERVER}/cpu{cpu}/runtime");
            let runtime_ns = fs::read_to_string(&path).context(path.clone())?;
            fs::write(&path, "0").context(path.clone())?;
            taken.0.push((path, runtime_ns));
        }
        Ok(taken)
    }
}

impl Drop for NoFairServer {
    fn drop(&mut self) {
        for (path, runtime_ns) in &self.0 {
            // A later case would fail for it.
            let _ = fs::write(path, runtime_ns.trim());
        }
    }
}

/// A real-time thread that waits on its CPU, to take all of it for a while.
pub struct Spinner {
    go: Sender<Duration>,
    thread: JoinHandle<Result<()>>,
}

impl Spinner {
    /// Makes a thread, and returns once it is ready.
    pub fn start(cpu: u32) -> Result<Spinner> {
        let (go, gone) = mpsc::channel();
        let (started, ready) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("spinner".into())
            .spawn(move || spin(cpu, &started, &gone))?;
        let spinner = Spinner { go, thread };
        if ready.recv().is_err() {
            spinner.join()?;
            anyhow::bail!("the spinner ended at once");
        }
        Ok(spinner)
    }

    /// Lets it take its CPU.
    pub fn go(&self, time: Duration) -> Result<()> {
        self.go.send(time).context("the spinner is gone")
    }

    /// Waits until it is done.
    pub fn join(self) -> Result<()> {
        drop(self.go);
        self.thread
            .join()
            .map_err(|_| anyhow!("the spinner panicked"))?
    }
}

fn spin(cpu: u32, started: &Sender<()>, gone: &Receiver<Duration>) -> Result<()> {
    load::pin(cpu)?;
    let thread = gettid().as_raw_nonzero().to_string();
    let output = Command::new("/fifo")
        .arg(&thread)
        .output()
        .context("/fifo")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "/fifo: {}", errors.trim());
    started.send(())?;
    while let Ok(time) = gone.recv() {
        let end = Instant::now() + time;
        let mut turns = 0_u64;
        // To ask for the time may be a call, and of an emulated device.
        while Instant::now() < end {
            for _ in 0..100_000 {
                turns = black_box(turns + 1);
            }
        }
    }
    Ok(())
}

/// Keeps the thread on one CPU that the module wakes for each sample.
pub fn pin_reporter(cpu: u32) -> Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(cpu as usize);
    sched_setaffinity(Some(kthread::find(kthread::REPORTER)?), &cpus)
        .with_context(|| format!("cannot move {} to CPU {cpu}", kthread::REPORTER))
}
