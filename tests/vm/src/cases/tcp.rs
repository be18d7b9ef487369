// SPDX-License-Identifier: GPL-2.0

//! TCP against `/proc/net/snmp` and `/proc/net/netstat`, read right before and after a record.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};

use anyhow::{ensure, Context, Result};
use resmon::model::source::tcp::Tcp;
use resmon::Device;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketFlags, SocketType};

use super::{device, sleep_ms, Case, Clock, Guest, Needs};
use crate::lines::{self, Line};
use crate::{module, netlink};

pub const CASES: &[Case] = &[
    Case {
        name: "tcp connections and segments against /proc",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: traffic,
    },
    Case {
        name: "a full queue of a listening socket",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: overflow,
    },
];

/// The fields of [`Tcp`], in their order, and where `/proc` has them.
const FIELDS: [(&str, &str, &str); 7] = [
    ("/proc/net/snmp", "Tcp:", "InSegs"),
    ("/proc/net/snmp", "Tcp:", "OutSegs"),
    ("/proc/net/snmp", "Tcp:", "RetransSegs"),
    ("/proc/net/netstat", "TcpExt:", "TCPSynRetrans"),
    ("/proc/net/netstat", "TcpExt:", "ListenOverflows"),
    ("/proc/net/netstat", "TcpExt:", "ListenDrops"),
    ("/proc/net/snmp", "Tcp:", "CurrEstab"),
];

/// How many of the fields count, and never fall.
const COUNTS: usize = 6;

const IN: usize = 0;
const OUT: usize = 1;
const RETRANSMITTED: usize = 2;
const SYNS: usize = 3;
const OVERFLOWS: usize = 4;
const DROPS: usize = 5;
const ESTABLISHED: usize = 6;

/// The number `name` of the lines that begin with `start`: the first one has the names.
fn field(text: &str, start: &str, name: &str) -> Result<u64> {
    let mut lines = text.lines().filter(|line| line.starts_with(start));
    let (names, values) = lines
        .next()
        .zip(lines.next())
        .with_context(|| format!("expected two lines with {start}"))?;
    let at = names.split(' ').position(|found| found == name);
    let at = at.with_context(|| format!("expected {name} in {names:?}"))?;
    let value = values.split(' ').nth(at);
    Ok(value
        .with_context(|| format!("expected a number of {name} in {values:?}"))?
        .parse()?)
}

/// What `/proc` says.
fn proc_counts() -> Result<[u64; 7]> {
    let mut counts = [0; 7];
    for (count, (file, start, name)) in counts.iter_mut().zip(FIELDS) {
        *count = field(&fs::read_to_string(file)?, start, name)?;
    }
    Ok(counts)
}

fn recorded(tcp: &Tcp) -> [u64; 7] {
    [
        tcp.segments_in,
        tcp.segments_out,
        tcp.segments_retransmitted,
        tcp.syns_retransmitted,
        tcp.listen_overflows,
        tcp.listen_drops,
        tcp.established,
    ]
}

/// Takes a record, and compares it with what `/proc` says before and after.
fn compare(device: &Device) -> Result<[u64; 7]> {
    let before = proc_counts()?;
    let tcp = device::entry(&device::take(device)?)?;
    let after = proc_counts()?;
    let found = recorded(&tcp);
    for (at, (_, _, name)) in FIELDS.into_iter().enumerate() {
        let (low, high) = (before[at].min(after[at]), before[at].max(after[at]));
        ensure!(
            (low..=high).contains(&found[at]),
            "{name} is {} in the record, expected {low} to {high}, as /proc has it",
            found[at]
        );
    }
    Ok(found)
}

/// Compares a line of the log with the records that it is made of.
fn compare_line(
    guest: &Guest,
    device: &Device,
    between: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let mark = guest.log.mark("log_every=1")?;
    module::write("log_every", "1")?;
    let before = device::take(device)?;
    between()?;
    let after = device::take(device)?;
    // What is logged of a sample is in the log before the next record is published, and has been read
    // from there once a mark that follows has been.
    device::take(device)?;
    guest.log.mark("tcp lines")?;
    let taken_ns = |record| anyhow::Ok(device::section::<Tcp>(record)?.first_mono_ns);
    let elapsed_ns = taken_ns(&after)? - taken_ns(&before)?;
    let (then, now) = (
        recorded(&device::entry(&before)?),
        recorded(&device::entry(&after)?),
    );
    let mut rates = [0; COUNTS];
    for (at, rate) in rates.iter_mut().enumerate() {
        let hundredths = (now[at] - then[at]) as f64 * 100.0 * 1e9 / elapsed_ns as f64;
        *rate = hundredths.round() as u64;
    }
    let mut found = Vec::new();
    for record in guest.log.since(mark)? {
        if let Some(Line::Tcp(line)) = lines::parse_record(&record)? {
            found.push(line);
        }
    }
    // The module rounds, and goes by whole microseconds.
    let is_it = |line: &lines::Tcp| {
        let mut pairs = line.rates.iter().zip(rates);
        line.established == now[ESTABLISHED]
            && pairs.all(|(found, expected)| {
                found.abs_diff(expected) <= 1 + expected * 1000 / elapsed_ns
            })
    };
    ensure!(
        found.iter().any(is_it),
        "the log has {found:?}, expected the rates {rates:?} and {} connections",
        now[ESTABLISHED]
    );
    module::write("log_every", "0")?;
    Ok(())
}

fn traffic(guest: &Guest) -> Result<()> {
    const CONNECTIONS: u64 = 5;
    const BYTES: usize = 300_000;
    netlink::set_up("lo", true)?;
    let module = device::load_idle(guest, &module::only(&["tcp"]))?;
    let device = Device::open_writable()?;
    let first = compare(&device)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut pairs = Vec::new();
    for _ in 0..CONNECTIONS {
        let client = TcpStream::connect(listener.local_addr()?)?;
        pairs.push((client, listener.accept()?.0));
    }
    let open = compare(&device)?;
    ensure!(
        open[ESTABLISHED] == first[ESTABLISHED] + 2 * CONNECTIONS,
        "{} connections are established, expected {} and both ends of {CONNECTIONS} new ones",
        open[ESTABLISHED],
        first[ESTABLISHED]
    );
    compare_line(guest, &device, || {
        for (client, server) in &mut pairs {
            std::thread::scope(|scope| {
                scope.spawn(|| client.write_all(&vec![1; BYTES]));
                server.read_exact(&mut vec![0; BYTES])
            })?;
        }
        Ok(())
    })?;
    let carried = compare(&device)?;
    // A segment over the loopback has at most 64 KiB.
    let least = CONNECTIONS * (BYTES / 65_536) as u64;
    for at in [IN, OUT] {
        ensure!(
            carried[at] >= open[at] + least,
            "{} grew by {}, expected {least} or more",
            FIELDS[at].2,
            carried[at] - open[at]
        );
    }
    drop(pairs);
    let closed = compare(&device)?;
    ensure!(
        closed[ESTABLISHED] == first[ESTABLISHED],
        "{} connections are established after all were closed, expected {}",
        closed[ESTABLISHED],
        first[ESTABLISHED]
    );
    drop(device);
    module.unload().map(drop)
}

/// Begins to connect, and does not wait for it.
fn connect(to: SocketAddr) -> Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    match net::connect(&socket, &to) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error.into()),
    }
}

fn overflow(guest: &Guest) -> Result<()> {
    netlink::set_up("lo", true)?;
    let module = device::load_idle(guest, &module::only(&["tcp"]))?;
    let device = Device::open_writable()?;
    let listener = net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    net::bind(&listener, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
    // There is room for one.
    net::listen(&listener, 0)?;
    let address: SocketAddr = net::getsockname(&listener)?.try_into()?;
    let first = compare(&device)?;
    let mut sockets = Vec::new();
    compare_line(guest, &device, || {
        for _ in 0..5 {
            sockets.push(connect(address)?);
        }
        // A SYN that is not answered is sent again after a second.
        sleep_ms(2500);
        Ok(())
    })?;
    let last = compare(&device)?;
    let grown = |at: usize| last[at] - first[at];
    for (at, least) in [(OVERFLOWS, 3), (DROPS, 3), (SYNS, 3), (RETRANSMITTED, 3)] {
        ensure!(
            grown(at) >= least,
            "{} grew by {}, expected {least} or more",
            FIELDS[at].2,
            grown(at)
        );
    }
    drop(sockets);
    drop(listener);
    drop(device);
    module.unload().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETSTAT: &str = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 1 22 333\n\
                           IpExt: InNoRoutes\nIpExt: 4444\n";

    #[test]
    fn fields_are_found_by_their_names() {
        let found = |start, name| field(NETSTAT, start, name).ok();
        assert_eq!(found("TcpExt:", "ListenOverflows"), Some(22));
        assert_eq!(found("TcpExt:", "ListenDrops"), Some(333));
        assert_eq!(found("IpExt:", "InNoRoutes"), Some(4444));
        assert_eq!(found("TcpExt:", "InNoRoutes"), None);
        assert_eq!(found("Tcp:", "InSegs"), None);
    }
}
