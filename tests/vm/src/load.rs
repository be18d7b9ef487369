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
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketType};
use rustix::process::setpriority_process;
use rustix::thread::{sched_setaffinity, CpuSet};

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
            .context("the load ended at once")?
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
            loopback_up()?;
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

/// Does what `ip link set lo up` does; the kernel gives `lo` its address.
fn loopback_up() -> Result<()> {
    const NLMSG_ERROR: u16 = 2;
    const RTM_NEWLINK: u16 = 16;
    const NLM_F_REQUEST_ACK: u16 = 1 | 4;
    const LO_INDEX: u32 = 1;
    const IFF_UP: u32 = 1;

    let mut message = Vec::new();
    // struct nlmsghdr: length, type, flags, sequence, port
    message.extend(32_u32.to_ne_bytes());
    message.extend(RTM_NEWLINK.to_ne_bytes());
    message.extend(NLM_F_REQUEST_ACK.to_ne_bytes());
    message.extend([0; 8]);
    // struct ifinfomsg: family and type, index, flags, changed flags
    message.extend([0; 4]);
    message.extend(LO_INDEX.to_ne_bytes());
    message.extend(IFF_UP.to_ne_bytes());
    message.extend(IFF_UP.to_ne_bytes());

    // No protocol is NETLINK_ROUTE.
    let route = net::socket(AddressFamily::NETLINK, SocketType::RAW, None).context("netlink")?;
    net::send(&route, &message, SendFlags::empty()).context("netlink send")?;
    let mut answer = [0; 256];
    let (length, _) =
        net::recv(&route, &mut answer[..], RecvFlags::empty()).context("netlink answer")?;
    let word = |at: usize| {
        Some(u32::from_ne_bytes(
            answer[..length].get(at..at + 4)?.try_into().ok()?,
        ))
    };
    let kind = word(4).map(|kind| kind as u16);
    anyhow::ensure!(
        kind == Some(NLMSG_ERROR) && word(16) == Some(0),
        "cannot bring up lo: {:?}",
        word(16)
    );
    Ok(())
}
