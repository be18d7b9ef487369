// SPDX-License-Identifier: GPL-2.0

//! Loads that keep one CPU busy in one known way.

use std::fs::File;
use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};
use rustix::fd::OwnedFd;
use rustix::net::{self, AddressFamily, SocketType};
use rustix::process::setpriority_process;
use rustix::thread::{sched_setaffinity, CpuSet};

use crate::netlink;

/// The port that packets are thrown at.
const PORT: u16 = 9;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    User,
    Nice,
    System,
    SoftIrq,
}

/// A running load. It ends when this goes out of scope.
pub struct Load {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    /// Starts a load on `cpu`, and returns once it runs.
    pub fn start(kind: Kind, cpu: u32) -> Result<Load> {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let (started, running) = mpsc::channel();
        let thread = thread::Builder::new()
            .name(format!("{kind:?} load"))
            .spawn(move || {
                if let Err(error) = run(kind, cpu, &seen, &started) {
                    let _ = started.send(Err(error));
                }
            })?;
        let load = Load {
            stop,
            thread: Some(thread),
        };
        running
            .recv()
            .with_context(|| format!("the {kind:?} load ended at once, expected it to run"))?
            .with_context(|| format!("{kind:?} load"))?;
        Ok(load)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(kind: Kind, cpu: u32, stop: &AtomicBool, started: &Sender<Result<()>>) -> Result<()> {
    pin(cpu)?;
    setpriority_process(None, if kind == Kind::Nice { 19 } else { 0 }).context("nice")?;
    match kind {
        Kind::User | Kind::Nice => {
            started.send(Ok(()))?;
            let mut turns = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                for _ in 0..10_000 {
                    turns = black_box(turns + 1);
                }
            }
        }
        Kind::System => {
            // The time goes into clearing the buffer, which is the kernel's work.
            let zero = File::open("/dev/zero")?;
            let mut buffer = vec![1; 1 << 20];
            started.send(Ok(()))?;
            while !stop.load(Ordering::Relaxed) {
                zero.read_at(&mut buffer, 0)?;
            }
        }
        Kind::SoftIrq => {
            // A packet to the loopback's broadcast address is handed to every socket of its port
            // in softirq context, so that is where nearly all of the time goes.
            // The kernel gives it its address.
            netlink::set_up("lo", true)?;
            let _listeners = (0..200)
                .map(|_| listener(PORT))
                .collect::<Result<Vec<_>>>()?;
            let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("bind")?;
            sender.set_broadcast(true)?;
            let all = SocketAddrV4::new(Ipv4Addr::new(127, 255, 255, 255), PORT);
            sender.send_to(&[0; 64], all).context("broadcast")?;
            started.send(Ok(()))?;
            while !stop.load(Ordering::Relaxed) {
                // A full queue is no error here.
                let _ = sender.send_to(&[0; 64], all);
            }
        }
    }
    Ok(())
}

/// One of many sockets on the same port.
fn listener(port: u16) -> Result<OwnedFd> {
    let socket = net::socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    net::sockopt::set_socket_reuseaddr(&socket, true)?;
    net::bind(&socket, &SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port)).context("bind")?;
    Ok(socket)
}

/// Keeps the calling thread on one CPU.
pub fn pin(cpu: u32) -> Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(cpu as usize);
    sched_setaffinity(None, &cpus).with_context(|| format!("cannot run on CPU {cpu}"))
}
