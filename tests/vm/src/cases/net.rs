// SPDX-License-Identifier: GPL-2.0

//! `net=` lines against `/proc/net/dev`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Context, Result};
use resmon::model::source::net::{Net, HAS_LOWER, HAS_UPPER};
use resmon::{Device, Record, Sample as Sampled};

use super::device::take;
use super::{sleep_ms, Case, Clock, Guest, Needs};
use crate::busiest::{self, check_busiest, check_line, check_order, Busy};
use crate::elapsed::{self, between_samples, wait_answered, Elapsed};
use crate::lines::{self, Part, Sample, Table};
use crate::module::{Module, PATIENCE};
use crate::netlink;
use crate::tools::{busybox, Running};

pub const CASES: &[Case] = &[
    Case {
        name: "the loopback has no line before its first packet",
        needs: Needs::UnusedLoopback,
        clock: Clock::Instructions,
        run: loopback,
    },
    Case {
        name: "net lines against /proc/net/dev",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: compare,
    },
    Case {
        name: "interfaces of another network namespace",
        needs: Needs::Drivers,
        clock: Clock::Any,
        run: namespaces,
    },
    Case {
        name: "the 16 busiest of 64 interfaces",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: many,
    },
    Case {
        name: "what lies on another interface counts once",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: layers,
    },
];

/// Where nobody has to listen.
const PORT: u16 = 9;

fn parameters(interval_ms: u64) -> String {
    let only = elapsed::only(&["net"]);
    format!("interval_ms={interval_ms} per_cpu_max=0 {only}")
}

fn line<'a>(sample: &'a Sample, name: &str) -> Result<Option<&'a lines::Net>> {
    busiest::line(sample, name)
}

/// What `/proc/net/dev` says of an interface.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    pub rx_bytes: u64,
    pub rx_packets: u64,
    pub tx_bytes: u64,
    pub tx_packets: u64,
    pub errors: u64,
    pub drops: u64,
}

impl Counters {
    fn since(&self, before: &Counters) -> Result<Counters> {
        let grown = |new: u64, old: u64| {
            new.checked_sub(old).with_context(|| {
                format!("a counter of /proc/net/dev is {new}, expected {old} or more as before")
            })
        };
        Ok(Counters {
            rx_bytes: grown(self.rx_bytes, before.rx_bytes)?,
            rx_packets: grown(self.rx_packets, before.rx_packets)?,
            tx_bytes: grown(self.tx_bytes, before.tx_bytes)?,
            tx_packets: grown(self.tx_packets, before.tx_packets)?,
            errors: grown(self.errors, before.errors)?,
            drops: grown(self.drops, before.drops)?,
        })
    }
}

pub type Interfaces = BTreeMap<String, Counters>;

pub fn counters() -> Result<Interfaces> {
    parse(&fs::read_to_string("/proc/net/dev").context("/proc/net/dev")?)
}

fn parse(text: &str) -> Result<Interfaces> {
    let mut interfaces = Interfaces::new();
    // Two lines of titles come first.
    for line in text.lines().skip(2) {
        let (name, numbers) = line
            .split_once(':')
            .with_context(|| format!("expected a name, ':' and numbers, found {line:?}"))?;
        let numbers = numbers
            .split_ascii_whitespace()
            .map(|word| {
                word.parse()
                    .with_context(|| format!("expected a number, found {word:?} in {line:?}"))
            })
            .collect::<Result<Vec<u64>>>()?;
        let [rx_bytes, rx_packets, rx_errors, rx_drops, _, _, _, _, tx_bytes, tx_packets, tx_errors, tx_drops, ..] =
            numbers[..]
        else {
            bail!("expected 12 numbers or more, found {line:?}");
        };
        let counters = Counters {
            rx_bytes,
            rx_packets,
            tx_bytes,
            tx_packets,
            errors: rx_errors + tx_errors,
            drops: rx_drops + tx_drops,
        };
        interfaces.insert(name.trim().to_string(), counters);
    }
    ensure!(
        !interfaces.is_empty(),
        "expected an interface, found {text:?}"
    );
    Ok(interfaces)
}

/// A pair of interfaces with much on top: on one end a VLAN, on the other a bridge with a VLAN, and a
/// bond of another pair. They go when this goes out of scope.
pub struct Layers;

impl Layers {
    /// Those that lie on no others.
    const LOWEST: [&'static str; 4] = ["lay0", "lay1", "bonded0", "bonded1"];
    /// Those that do.
    const UPPER: [&'static str; 4] = ["lay0.7", "br7", "br7.7", "bond7"];
    /// Those that are below one of these.
    const BELOW: [&'static str; 4] = ["lay0", "lay1", "br7", "bonded0"];

    pub fn make() -> Result<Layers> {
        let layers = Layers;
        netlink::add_veth("lay0", "lay1")?;
        netlink::add_veth("bonded0", "bonded1")?;
        netlink::add_vlan("lay0.7", "lay0", 7)?;
        netlink::add_plain("br7", "bridge")?;
        netlink::set_master("lay1", "br7")?;
        netlink::add_vlan("br7.7", "br7", 7)?;
        netlink::add_plain("bond7", "bond")?;
        // A bond takes only what is down.
        netlink::set_master("bonded0", "bond7")?;
        for name in Self::LOWEST.iter().chain(&Self::UPPER) {
            netlink::set_up(name, true)?;
        }
        netlink::add_address("lay0.7", Ipv4Addr::new(10, 7, 1, 1), 24)?;
        netlink::add_address("bond7", Ipv4Addr::new(10, 7, 2, 1), 24)?;
        Ok(layers)
    }

    /// Sends packets that no interface keeps to itself.
    pub fn send(&self, packets: u64) -> Result<()> {
        for host in [Ipv4Addr::new(10, 7, 1, 1), Ipv4Addr::new(10, 7, 2, 1)] {
            let [a, b, c, _] = host.octets();
            let socket = UdpSocket::bind(SocketAddrV4::new(host, 0))?;
            socket.set_broadcast(true)?;
            for _ in 0..packets {
                socket.send_to(&[0; 1000], (Ipv4Addr::new(a, b, c, 255), PORT))?;
            }
        }
        Ok(())
    }
}

impl Drop for Layers {
    fn drop(&mut self) {
        for name in ["lay0", "bonded0", "br7", "bond7"] {
            let _ = netlink::delete(name);
        }
    }
}

fn layers(guest: &Guest) -> Result<()> {
    const PACKETS: u64 = 300;
    let layers = Layers::make()?;
    let module = Module::load(&guest.log, &parameters(60_000))?;
    let device = Device::open_writable()?;
    let mut readings = vec![counters()?];
    let before = take(&device)?;
    readings.push(counters()?);
    layers.send(PACKETS)?;
    readings.push(counters()?);
    let after = take(&device)?;
    readings.push(counters()?);
    drop(device);

    let nets = |record: &Record| -> Result<Vec<Net>> {
        let raw = record.raw().context("expected a record, found none")?;
        Ok(raw.entries().collect())
    };
    let (then, now) = (nets(&before)?, nets(&after)?);
    let flagged = |flag: u64| -> BTreeSet<String> {
        let nets = now.iter().filter(|net| net.flags.unwrap_or(0) & flag != 0);
        nets.map(name).collect()
    };
    let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    for (what, flag, names) in [
        ("on top of others", HAS_LOWER, set(&Layers::UPPER)),
        ("below others", HAS_UPPER, set(&Layers::BELOW)),
    ] {
        let flagged: BTreeSet<String> = flagged(flag);
        ensure!(
            flagged == names,
            "{what} are {flagged:?}, expected {names:?}"
        );
    }

    // What counts is what came in at the lowest ones, and came again at those on top.
    let sample = Sampled::between(&before, &after)
        .context("expected a sample of the two records, found none")?;
    let lowest = |name: &str| name != "lo" && !Layers::UPPER.contains(&name);
    let in_total: BTreeSet<&str> = sample
        .nets
        .iter()
        .filter(|net| net.in_total)
        .map(|net| net.name.as_str())
        .collect();
    let came = |one: &Net| {
        let earlier = then.iter().find(|other| one.continues(other));
        earlier.map_or(0, |earlier| one.rx.packets - earlier.rx.packets)
    };
    let counted: u64 = now
        .iter()
        .filter(|net| in_total.contains(name(net).as_str()))
        .map(came)
        .sum();
    let grown = |from: usize, to: usize| -> u64 {
        let of = |at: usize| {
            let names = readings[at].iter().filter(|(name, _)| lowest(name));
            names.map(|(_, counters)| counters.rx_packets).sum::<u64>()
        };
        of(to) - of(from)
    };
    let (least, most) = (grown(1, 2), grown(0, 3));
    ensure!(
        (least..=most).contains(&counted),
        "{counted} packets are in the total of {in_total:?}, expected {least} to {most}, as many as came in"
    );
    // They were sent on two ways, of which one has two more interfaces on top.
    ensure!(
        least >= 2 * PACKETS && most < 3 * PACKETS,
        "{least} to {most} packets came in, expected {} or more and fewer than {}",
        2 * PACKETS,
        3 * PACKETS
    );
    let again = now
        .iter()
        .filter(|net| !in_total.contains(name(net).as_str()));
    let again: u64 = again.map(came).sum();
    ensure!(
        again >= 2 * PACKETS,
        "{again} packets went through others, expected {} or more",
        2 * PACKETS
    );
    let total = sample.net_total(|net| net.received.packets_per_second);
    let rates = sample.nets.iter().filter(|net| lowest(&net.name));
    let rate: f64 = rates.map(|net| net.received.packets_per_second).sum();
    ensure!(
        total.is_some_and(|total| (total - rate).abs() <= 1e-6 * rate),
        "the total is {total:?}, expected {rate}"
    );
    module.unload().map(drop)
}

fn name(net: &Net) -> String {
    String::from_utf8_lossy(net.name.as_bytes()).into_owned()
}

impl Busy for lines::Net {
    type Counted = Counters;
    const DEVICE: &'static str = "interface";
    const MEASURE: &'static str = "bytes";

    fn table(sample: &Sample) -> &Part<Table<Self>> {
        &sample.nets
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn is_used(&self) -> bool {
        (self.rxp, self.txp, self.err, self.drop) != (0, 0, 0, 0)
    }

    /// Both halves of a sum are rounded.
    fn may_precede(&self, other: &Self) -> bool {
        self.rx + self.tx + 2 >= other.rx + other.tx
    }

    fn check(&self, counted: &Counters, interval: Duration) -> Result<()> {
        let mut elapsed = Elapsed::around(interval);
        for (what, amount, logged) in [
            ("rxp", counted.rx_packets as f64, self.rxp),
            ("txp", counted.tx_packets as f64, self.txp),
            ("rx in kB", counted.rx_bytes as f64 / 1024.0, self.rx),
            ("tx in kB", counted.tx_bytes as f64 / 1024.0, self.tx),
            ("err", counted.errors as f64, self.err),
            ("drop", counted.drops as f64, self.drop),
        ] {
            elapsed.rate(what, amount, logged)?;
        }
        Ok(())
    }

    fn business(counted: &Counters) -> u64 {
        counted.rx_bytes + counted.tx_bytes
    }
}

/// Nothing but the tests shall send: without this, interfaces that come up look for routers.
pub fn silence() -> Result<()> {
    for scope in ["all", "default"] {
        let path = format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6");
        if Path::new(&path).exists() {
            fs::write(&path, "1").context(path)?;
        }
    }
    Ok(())
}

/// Two interfaces that are connected. Both go when this goes out of scope.
pub struct Veth(String);

impl Veth {
    /// The first one gets the address 10.`NET`.1/24, and so a broadcast address to send to.
    pub fn create(name: &str, peer: &str, net: [u8; 2]) -> Result<Veth> {
        netlink::add_veth(name, peer)?;
        let veth = Veth(name.to_string());
        netlink::add_address(name, address(net, 1), 24)?;
        netlink::set_up(name, true)?;
        netlink::set_up(peer, true)?;
        Ok(veth)
    }

    pub fn remove(self) -> Result<()> {
        let result = netlink::delete(&self.0);
        std::mem::forget(self);
        result
    }
}

impl Drop for Veth {
    fn drop(&mut self) {
        let _ = netlink::delete(&self.0);
    }
}

fn address(net: [u8; 2], host: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, net[0], net[1], host)
}

/// Sends packets with this many bytes in each to all of a network, which takes no answer.
pub fn broadcast(net: [u8; 2], count: u64, bytes: usize) -> Result<()> {
    let socket = UdpSocket::bind((address(net, 1), 0)).context("bind")?;
    socket.set_broadcast(true)?;
    let all = SocketAddrV4::new(address(net, 255), PORT);
    for _ in 0..count {
        // One that is dropped on its way is no error here.
        let _ = socket.send_to(&vec![0; bytes], all);
    }
    Ok(())
}

/// Waits until no interface counts any more: answers take their time.
fn settle() -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut before = counters()?;
    loop {
        sleep_ms(30);
        let after = counters()?;
        if after == before {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "the interfaces do not come to rest within {PATIENCE:?}, expected {before:?} to \
             stay, found {after:?}"
        );
        before = after;
    }
}

/// Whether the loopback has neither sent nor received anything.
pub fn is_loopback_unused() -> Result<bool> {
    Ok(counters()?.get("lo") == Some(&Counters::default()))
}

fn loopback(guest: &Guest) -> Result<()> {
    const INTERVAL_MS: u64 = 200;
    let module = Module::load(&guest.log, &parameters(INTERVAL_MS))?;
    // An interface that is up but was never used is no different.
    netlink::set_up("lo", true)?;
    for sample in wait_answered(&module, module.start, 3, INTERVAL_MS)? {
        let line = line(&sample, "lo")?;
        ensure!(
            line.is_none(),
            "expected no line of lo, which was never used, found {line:?}"
        );
    }
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.send_to(&[0; 100], socket.local_addr()?)?;
    let mark = guest.log.mark("the first packet")?;
    let samples = wait_answered(&module, mark, 3, INTERVAL_MS)?;
    // One sample notes the interface, the next one has its line.
    for sample in &samples[1..] {
        line(sample, "lo")?.with_context(|| {
            let nets = &sample.nets;
            format!("expected a line of lo, which is in use, found {nets:?}")
        })?;
    }
    let counted = counters()?["lo"];
    ensure!(
        counted.rx_packets > 0,
        "lo has {counted:?}, expected it to have received a packet"
    );
    module.unload().map(drop)
}

fn compare(guest: &Guest) -> Result<()> {
    const INTERVAL_MS: u64 = 700;
    // Where the emulated network's own machine is.
    const CARD: &str = "eth0";
    const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
    silence()?;
    netlink::set_up("lo", true)?;
    netlink::set_up(CARD, true)?;
    let own = Ipv4Addr::new(10, 0, 2, 15);
    if !busybox(&["ip", "address", "show", CARD])?.contains(&own.to_string()) {
        netlink::add_address(CARD, own, 24)?;
    }
    let _veth = Veth::create("tleft", "tright", [77, 1])?;
    // Not all that the left one sends fits through the right one.
    netlink::set_mtu("tright", 600)?;
    let tunnel = Tunnel::create()?;
    let mut names = vec!["lo", CARD, "tleft", "tright"];
    names.extend(tunnel.as_ref().map(|_| Tunnel::NAME));
    // The first packet asks for the address of the card on the other side.
    busybox(&["ping", "-c", "1", "-W", "5", &GATEWAY.to_string()])?;
    // From its first packet on the loopback has a line.
    busybox(&["ping", "-c", "1", "-W", "5", "127.0.0.1"])?;
    settle()?;

    let module = Module::load(&guest.log, &parameters(INTERVAL_MS))?;
    for round in 1..=2 {
        let window = between_samples(
            guest,
            &module,
            INTERVAL_MS,
            counters,
            || {
                let lo = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
                for _ in 0..2 + round {
                    lo.send_to(&[0; 500], lo.local_addr()?)?;
                }
                let card = UdpSocket::bind((own, 0))?;
                for _ in 0..10 * round {
                    card.send_to(&[0; 1000], (GATEWAY, PORT))?;
                }
                let count = (2 + round).to_string();
                let target = GATEWAY.to_string();
                busybox(&["ping", "-c", &count, "-i", "0.01", "-s", "700", &target])?;
                broadcast([77, 1], 5 + round, 200)?;
                broadcast([77, 1], 3, 1000)?;
                if tunnel.is_some() {
                    let socket = UdpSocket::bind((address(Tunnel::NET, 1), 0))?;
                    for _ in 0..4 + round {
                        let _ = socket.send_to(&[0; 100], (address(Tunnel::NET, 2), PORT));
                    }
                }
                settle()
            },
            |sample| busiest::is_used::<lines::Net>(sample, &names),
        )?;
        let counted = |name: &str| window.after[name].since(&window.before[name]);
        let (card, left, right) = (counted(CARD)?, counted("tleft")?, counted("tright")?);
        ensure!(
            card.rx_packets > 0
                && card.tx_packets > card.rx_packets
                && left.tx_packets > 0
                && (left.drops, right.drops) == (3, 3)
                && (tunnel.is_none() || counted(Tunnel::NAME)?.errors > 0),
            "expected packets both ways and more out than in of {CARD}, 3 drops of each veth, and \
             errors of the tunnel, as the case proves little otherwise, found {card:?} of {CARD}, \
             {left:?} of tleft, {right:?} of tright and {:?} in all",
            window.after
        );
        let shown = busiest::lines::<lines::Net>(&window.sample)?;
        for name in &names {
            let counted = counted(name)?;
            check_line(shown, name, &counted, window.interval)?;
        }
        check_order(shown)?;
    }
    module.unload().map(drop)
}

/// A tunnel that leads nowhere, so that all that is sent is an error.
struct Tunnel;

impl Tunnel {
    const NAME: &str = "tnowhere";
    const NET: [u8; 2] = [77, 2];

    fn create() -> Result<Option<Tunnel>> {
        // There is no route to there.
        let remote = Ipv4Addr::new(192, 0, 2, 1);
        if let Err(error) = netlink::add_ipip(Self::NAME, Ipv4Addr::new(10, 0, 2, 15), remote) {
            crate::report(&format!("# no errors to see: {error:#}"));
            return Ok(None);
        }
        let tunnel = Tunnel;
        netlink::add_address(Self::NAME, address(Self::NET, 1), 24)?;
        netlink::set_up(Self::NAME, true)?;
        Ok(Some(tunnel))
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        let _ = netlink::delete(Self::NAME);
    }
}

/// An interface has a line while it is in the first network namespace.
fn namespaces(guest: &Guest) -> Result<()> {
    const INTERVAL_MS: u64 = 200;
    silence()?;
    let module = Module::load(&guest.log, &parameters(INTERVAL_MS))?;
    let veth = Veth::create("tstays", "tleaves", [77, 3])?;
    let mark = guest.log.mark("two interfaces")?;
    let samples = wait_answered(&module, mark, 3, INTERVAL_MS)?;
    for name in ["tstays", "tleaves"] {
        line(&samples[2], name)?.with_context(|| {
            let nets = &samples[2].nets;
            format!("expected a line of {name}, found {nets:?}")
        })?;
    }

    // The process has a loopback of its own, which is not shown either.
    let other = Running::start(&["unshare", "-n", "sleep", "1000"])?;
    wait_for_namespace(other.id())?;
    netlink::move_to_namespace_of("tleaves", other.id())?;
    let own = counters()?;
    ensure!(
        !own.contains_key("tleaves"),
        "expected tleaves to have left the namespace, found {:?}",
        own.keys()
    );
    let mark = guest.log.mark("one has left")?;
    // The one that is left has no carrier now, since the other one went down.
    let samples = wait_answered(&module, mark, 3, INTERVAL_MS)?;
    for sample in &samples[1..] {
        let lines = busiest::lines::<lines::Net>(sample)?;
        let names: Vec<&str> = lines.iter().map(|line| &*line.name).collect();
        ensure!(
            !names.contains(&"tleaves") && names.contains(&"tstays"),
            "there are lines of {names:?}, expected tstays and not tleaves, which has left"
        );
        let own = counters()?;
        ensure!(
            names.iter().all(|name| own.contains_key(*name)),
            "there are lines of {names:?}, expected only those of /proc/net/dev: {:?}",
            own.keys()
        );
    }
    // With its namespace goes the interface, and with that its other half.
    drop(other);
    let deadline = Instant::now() + PATIENCE;
    while counters()?.contains_key("tstays") {
        ensure!(
            Instant::now() < deadline,
            "tstays is still there {PATIENCE:?} after the namespace of its peer ended, expected it \
             to be gone"
        );
        sleep_ms(10);
    }
    drop(veth);
    let mark = guest.log.mark("both are gone")?;
    for sample in wait_answered(&module, mark, 2, INTERVAL_MS)? {
        for name in ["tstays", "tleaves"] {
            let line = line(&sample, name)?;
            ensure!(
                line.is_none(),
                "expected no line of {name}, which is gone, found {line:?}"
            );
        }
    }
    module.unload().map(drop)
}

fn wait_for_namespace(process: u32) -> Result<()> {
    let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/net"));
    let deadline = Instant::now() + PATIENCE;
    while namespace(&process.to_string())? == namespace("self")? {
        ensure!(
            Instant::now() < deadline,
            "process {process} is still in {:?} after {PATIENCE:?}, expected another namespace",
            namespace("self")?
        );
        sleep_ms(10);
    }
    Ok(())
}

fn many(guest: &Guest) -> Result<()> {
    const INTERVAL_MS: u64 = 700;
    const PAIRS: u8 = 32;
    silence()?;
    let pairs: Vec<(String, String)> = (0..PAIRS)
        .map(|n| (format!("ta{n}"), format!("tb{n}")))
        .collect();
    let _veths = (0..)
        .zip(&pairs)
        .map(|(n, (name, peer))| Veth::create(name, peer, [78, n]))
        .collect::<Result<Vec<_>>>()?;
    let names: Vec<&str> = pairs
        .iter()
        .flat_map(|(name, peer)| [name.as_str(), peer.as_str()])
        .collect();
    let module = Module::load(&guest.log, &parameters(INTERVAL_MS))?;
    wait_answered(&module, module.start, 1, INTERVAL_MS)?;
    let window = between_samples(
        guest,
        &module,
        INTERVAL_MS,
        counters,
        || {
            for n in 0..PAIRS {
                // Both of a pair are equally busy, and no two pairs are.
                let bytes = 100 + 10 * usize::from(n);
                let count = if n % 4 == 1 { 20 + u64::from(n) } else { 3 };
                broadcast([78, n], count, bytes)?;
            }
            settle()
        },
        |sample| busiest::is_used::<lines::Net>(sample, &names),
    )?;
    let mut counted = BTreeMap::new();
    for (name, after) in &window.after {
        if name != "lo" || after.rx_packets + after.tx_packets > 0 {
            counted.insert(name.as_str(), after.since(&window.before[name])?);
        }
    }
    let table = window.sample.nets.taken()?;
    check_busiest(table, &counted, window.interval)?;
    module.unload().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::ms;

    const TEXT: &str = "Inter-|   Receive      |  Transmit\n \
         face |bytes    packets errs drop|bytes    packets errs drop\n    \
         lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n  \
         eth0:17 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";

    #[test]
    fn net_dev_is_parsed() {
        let interfaces = parse(TEXT).unwrap();
        let expected = Counters {
            rx_bytes: 1,
            rx_packets: 2,
            tx_bytes: 9,
            tx_packets: 10,
            errors: 14,
            drops: 16,
        };
        assert_eq!(interfaces["lo"], expected);
        assert_eq!(interfaces["eth0"].rx_bytes, 17);
        for bad in ["", "a\nb\nlo 1 2\n", "a\nb\nlo: 1 2\n", "a\nb\nlo: x\n"] {
            let found = parse(bad);
            assert!(found.is_err(), "{bad:?} gives {found:?}, expected an error");
        }
    }

    fn counted() -> Counters {
        Counters {
            rx_bytes: 10_240,
            rx_packets: 20,
            tx_bytes: 5120,
            tx_packets: 15,
            errors: 0,
            drops: 3,
        }
    }

    fn logged(name: &str, rx: u64) -> lines::Net {
        lines::Net {
            name: name.into(),
            rx,
            tx: 500,
            rxp: 2000,
            txp: 1500,
            err: 0,
            drop: 300,
        }
    }

    #[test]
    fn a_line_must_come_from_the_counts() {
        let good = logged("x", 1000);
        good.check(&counted(), ms(1000)).unwrap();
        type Change = fn(&mut lines::Net);
        let changes: [Change; 6] = [
            |line| line.rx = 1005,
            |line| line.tx = 1000,
            |line| line.rxp = 2010,
            |line| line.txp = 0,
            |line| line.err = 100,
            |line| line.drop = 0,
        ];
        for (n, change) in changes.iter().enumerate() {
            let mut bad = good.clone();
            change(&mut bad);
            let found = bad.check(&counted(), ms(1000));
            assert!(
                found.is_err(),
                "change {n} gives {found:?}, expected an error of {bad:?}"
            );
        }
    }

    #[test]
    fn the_busier_one_comes_first() {
        // Both numbers of a sum were rounded.
        check_order(&[logged("x", 1000), logged("y", 1002), logged("z", 900)]).unwrap();
        check_order(&[logged("x", 1000), logged("y", 1003)]).unwrap_err();
        assert_eq!(lines::Net::business(&counted()), 10_240 + 5120);
    }
}
