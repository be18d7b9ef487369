// SPDX-License-Identifier: GPL-2.0

//! Network interfaces, made and set up through rtnetlink as `ip link` and `ip address` do.

use std::fs;
use std::net::Ipv4Addr;

use anyhow::{ensure, Context, Result};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketType};

const NLMSG_ERROR: u16 = 2;

const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_ACK: u16 = 0x4;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_NEWADDR: u16 = 20;

const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_PID: u16 = 19;
const IFLA_GROUP: u16 = 27;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFLA_VLAN_ID: u16 = 1;
const IFLA_IPTUN_LOCAL: u16 = 2;
const IFLA_IPTUN_REMOTE: u16 = 3;

const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;

const IFF_UP: u32 = 1;

/// A request, of which the header is filled in when it is sent.
struct Request {
    kind: u16,
    flags: u16,
    body: Vec<u8>,
}

impl Request {
    /// One about the interface `index`, where 0 stands for the one that is named in it.
    fn link(kind: u16, flags: u16, index: u32, up: Option<bool>) -> Request {
        let mut request = Request {
            kind,
            flags,
            body: Vec::new(),
        };
        request.interface_info(index, up);
        request
    }

    /// `struct ifinfomsg`: family and type, index, flags, changed flags.
    fn interface_info(&mut self, index: u32, up: Option<bool>) {
        let (flags, changed) = match up {
            None => (0, 0),
            Some(false) => (0, IFF_UP),
            Some(true) => (IFF_UP, IFF_UP),
        };
        for word in [0, index, flags, changed] {
            self.body.extend(u32::to_ne_bytes(word));
        }
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.nest(kind, |request| request.body.extend(value));
    }

    fn text(&mut self, kind: u16, value: &str) {
        self.attribute(kind, &[value.as_bytes(), &[0]].concat());
    }

    /// An attribute of whatever `fill` adds.
    fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Request)) {
        let start = self.body.len();
        self.body.extend([0; 4]);
        fill(self);
        let length = (self.body.len() - start) as u16;
        self.body[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self.body[start + 2..start + 4].copy_from_slice(&kind.to_ne_bytes());
        // Attributes start at multiples of four.
        self.body.resize(self.body.len().next_multiple_of(4), 0);
    }

    /// With `struct nlmsghdr`: length, type, flags, sequence, port.
    fn message(&self) -> Vec<u8> {
        let mut message = Vec::new();
        message.extend((16 + self.body.len() as u32).to_ne_bytes());
        message.extend(self.kind.to_ne_bytes());
        message.extend((self.flags | NLM_F_REQUEST | NLM_F_ACK).to_ne_bytes());
        message.extend([0; 8]);
        message.extend(&self.body);
        message
    }

    /// Sends the request, and waits until the kernel has done it.
    fn send(&self) -> Result<()> {
        // No protocol is NETLINK_ROUTE.
        let route = net::socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
        net::send(&route, &self.message(), SendFlags::empty())?;
        let mut answer = [0; 512];
        let (length, _) = net::recv(&route, &mut answer[..], RecvFlags::empty())?;
        let (kind, error) = verdict(&answer[..length])
            .with_context(|| format!("expected an acknowledgement, found {length} bytes"))?;
        ensure!(
            kind == NLMSG_ERROR,
            "the answer's type is {kind}, expected {NLMSG_ERROR}, an acknowledgement"
        );
        match error {
            0 => Ok(()),
            error => Err(Errno::from_raw_os_error(-error).into()),
        }
    }
}

/// The type of an answer, and the error number if it is an acknowledgement.
fn verdict(answer: &[u8]) -> Option<(u16, i32)> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let error = i32::from_ne_bytes(answer.get(16..20)?.try_into().ok()?);
    Some((kind, error))
}

/// What `ip link set NAME up` does, or `down`.
pub fn set_up(name: &str, up: bool) -> Result<()> {
    let mut request = Request::link(RTM_NEWLINK, 0, 0, Some(up));
    request.text(IFLA_IFNAME, name);
    request.send().with_context(|| format!("{name}: up {up}"))
}

pub fn set_mtu(name: &str, mtu: u32) -> Result<()> {
    let mut request = Request::link(RTM_NEWLINK, 0, 0, None);
    request.text(IFLA_IFNAME, name);
    request.attribute(IFLA_MTU, &mtu.to_ne_bytes());
    request.send().with_context(|| format!("{name}: mtu {mtu}"))
}

/// Moves an interface to the network namespace of a process.
pub fn move_to_namespace_of(name: &str, process: u32) -> Result<()> {
    let mut request = Request::link(RTM_NEWLINK, 0, 0, None);
    request.text(IFLA_IFNAME, name);
    request.attribute(IFLA_NET_NS_PID, &process.to_ne_bytes());
    request
        .send()
        .with_context(|| format!("{name}: to the namespace of {process}"))
}

/// Two interfaces, each of which receives what the other one sends.
pub fn add_veth(name: &str, peer: &str) -> Result<()> {
    add(name, "veth", |data| {
        data.nest(VETH_INFO_PEER, |info| {
            info.interface_info(0, None);
            info.text(IFLA_IFNAME, peer);
        });
    })
}

/// A tunnel of IP packets in IP packets.
pub fn add_ipip(name: &str, local: Ipv4Addr, remote: Ipv4Addr) -> Result<()> {
    add(name, "ipip", |data| {
        data.attribute(IFLA_IPTUN_LOCAL, &local.octets());
        data.attribute(IFLA_IPTUN_REMOTE, &remote.octets());
    })
}

/// An interface that swallows what is sent, in a group of interfaces. Its index is the kernel's choice
/// when it is 0.
pub fn add_dummy(name: &str, group: u32, index: u32) -> Result<()> {
    let group = |link: &mut Request| link.attribute(IFLA_GROUP, &group.to_ne_bytes());
    add_with(name, "dummy", index, group, |_| ())
}

/// Deletes all interfaces of a group at once, which takes far less than one after the other.
pub fn delete_group(group: u32) -> Result<()> {
    let mut request = Request::link(RTM_DELLINK, 0, 0, None);
    request.attribute(IFLA_GROUP, &group.to_ne_bytes());
    request
        .send()
        .with_context(|| format!("delete group {group}"))
}

/// The VLAN of this number on an interface.
pub fn add_vlan(name: &str, on: &str, number: u16) -> Result<()> {
    let below = index(on)?;
    let link = |link: &mut Request| link.attribute(IFLA_LINK, &below.to_ne_bytes());
    add_with(name, "vlan", 0, link, |data| {
        data.attribute(IFLA_VLAN_ID, &number.to_ne_bytes());
    })
}

/// An interface that needs nothing to be made: a `bridge`, or a `bond`, that has none below it yet.
pub fn add_plain(name: &str, kind: &str) -> Result<()> {
    add(name, kind, |_| ())
}

/// Makes an interface a port of a bridge, or part of a bond.
pub fn set_master(name: &str, master: &str) -> Result<()> {
    let mut request = Request::link(RTM_NEWLINK, 0, 0, None);
    request.text(IFLA_IFNAME, name);
    request.attribute(IFLA_MASTER, &index(master)?.to_ne_bytes());
    request
        .send()
        .with_context(|| format!("{name}: below {master}"))
}

fn add(name: &str, kind: &str, data: impl FnOnce(&mut Request)) -> Result<()> {
    add_with(name, kind, 0, |_| (), data)
}

/// Adds an interface with attributes that any kind has, and `data`, those of its own kind.
fn add_with(
    name: &str,
    kind: &str,
    index: u32,
    attributes: impl FnOnce(&mut Request),
    data: impl FnOnce(&mut Request),
) -> Result<()> {
    let mut request = Request::link(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, index, None);
    request.text(IFLA_IFNAME, name);
    attributes(&mut request);
    request.nest(IFLA_LINKINFO, |info| {
        info.text(IFLA_INFO_KIND, kind);
        info.nest(IFLA_INFO_DATA, data);
    });
    request.send().with_context(|| format!("add {kind} {name}"))
}

pub fn delete(name: &str) -> Result<()> {
    let mut request = Request::link(RTM_DELLINK, 0, 0, None);
    request.text(IFLA_IFNAME, name);
    request.send().with_context(|| format!("delete {name}"))
}

pub fn add_address(name: &str, address: Ipv4Addr, prefix: u8) -> Result<()> {
    const AF_INET: u8 = 2;
    let mut request = Request {
        kind: RTM_NEWADDR,
        flags: NLM_F_CREATE | NLM_F_EXCL,
        body: Vec::new(),
    };
    // struct ifaddrmsg: family, prefix length, flags, scope, index
    request.body.extend([AF_INET, prefix, 0, 0]);
    request.body.extend(index(name)?.to_ne_bytes());
    request.attribute(IFA_LOCAL, &address.octets());
    request.attribute(IFA_ADDRESS, &address.octets());
    request
        .send()
        .with_context(|| format!("{name}: address {address}/{prefix}"))
}

pub fn index(name: &str) -> Result<u32> {
    let path = format!("/sys/class/net/{name}/ifindex");
    let text = fs::read_to_string(&path).context(path.clone())?;
    text.trim()
        .parse()
        .with_context(|| format!("{path} is {text:?}, expected a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_nested_and_padded() {
        let mut request = Request {
            kind: RTM_DELLINK,
            flags: 0,
            body: Vec::new(),
        };
        request.nest(18, |info| {
            info.text(1, "veth");
            info.attribute(2, &7_u32.to_ne_bytes());
        });
        let short = |value: u16| value.to_ne_bytes();
        let expected = [
            &short(24)[..],
            &short(18),
            &short(9),
            &short(1),
            b"veth\0\0\0\0",
            &short(8),
            &short(2),
            &7_u32.to_ne_bytes(),
        ];
        assert_eq!(request.body, expected.concat());
        let message = request.message();
        assert_eq!(message.len(), 16 + 24);
        assert_eq!(message[..4], 40_u32.to_ne_bytes());
    }

    #[test]
    fn an_answer_has_a_verdict() {
        let mut answer = [0; 36];
        answer[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
        assert_eq!(verdict(&answer), Some((NLMSG_ERROR, 0)));
        answer[16..20].copy_from_slice(&(-17_i32).to_ne_bytes());
        assert_eq!(verdict(&answer), Some((NLMSG_ERROR, -17)));
        assert_eq!(verdict(&answer[..18]), None);
    }
}
