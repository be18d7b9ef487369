// SPDX-License-Identifier: GPL-2.0-or-later

//! Where the exporter listens.
//!
//! Names are not looked up: this program is linked statically, and the C library would load parts
//! of another one for that. `localhost` is known without (RFC 6761).

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener};
use std::str::FromStr;

use rustix::io::Errno;
use rustix::net::{sockopt, AddressFamily, SocketFlags, SocketType};

/// An address, or what stands for several of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    Address(SocketAddr),
    /// The loopback addresses, as `localhost:9950`.
    Localhost(u16),
    /// All addresses, as `:9950`.
    Everywhere(u16),
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        let port = |port: &str| port.parse().ok();
        let parsed = match text.rsplit_once(':') {
            Some(("", digits)) => port(digits).map(Self::Everywhere),
            Some((name, digits)) if name.eq_ignore_ascii_case("localhost") => {
                port(digits).map(Self::Localhost)
            }
            _ => None,
        };
        parsed.ok_or_else(|| {
            "expected an IP address or localhost and a port, as 127.0.0.1:9950, [::1]:9950 or \
             localhost:9950, or :9950 for all addresses"
                .into()
        })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(to),
            Self::Localhost(port) => write!(to, "localhost:{port}"),
            Self::Everywhere(port) => write!(to, ":{port}"),
        }
    }
}

impl Listen {
    /// Begins to listen.
    pub fn bind(self) -> io::Result<Vec<TcpListener>> {
        match self {
            Self::Address(address) => Ok(vec![TcpListener::bind(address)?]),
            Self::Localhost(port) => bind_localhost(port, TcpListener::bind),
            Self::Everywhere(port) => Ok(vec![bind_everywhere(port)?]),
        }
    }
}

/// How often a port that is free at both loopback addresses is looked for.
const ATTEMPTS: usize = 16;

/// Listens at both loopback addresses, or at the one that the machine has.
fn bind_localhost(
    port: u16,
    bind: impl Fn(SocketAddr) -> io::Result<TcpListener>,
) -> io::Result<Vec<TcpListener>> {
    for _ in 0..ATTEMPTS {
        let first = bind((Ipv4Addr::LOCALHOST, port).into());
        // Any port is one and the same for both.
        let second_port = match &first {
            Ok(listener) => listener.local_addr()?.port(),
            Err(error) if is_missing(error) => port,
            Err(_) => return first.map(|listener| vec![listener]),
        };
        match (first, bind((Ipv6Addr::LOCALHOST, second_port).into())) {
            (first, Ok(second)) => return Ok(first.into_iter().chain([second]).collect()),
            (Ok(first), Err(error)) if is_missing(&error) => return Ok(vec![first]),
            // That the kernel gave one for the first does not mean that the second has it.
            (Ok(_), Err(error)) if port == 0 && error.kind() == ErrorKind::AddrInUse => (),
            (Ok(_), Err(error)) => return Err(error),
            (Err(first), Err(_)) => return Err(first),
        }
    }
    Err(ErrorKind::AddrInUse.into())
}

/// Listens at all addresses of both kinds, or of IPv4 where there is no IPv6.
fn bind_everywhere(port: u16) -> io::Result<TcpListener> {
    match bind_both_kinds(port) {
        Err(error) if is_missing(&error) => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)),
        result => result,
    }
}

fn bind_both_kinds(port: u16) -> io::Result<TcpListener> {
    /// As many clients as the standard library lets wait.
    const BACKLOG: i32 = 128;
    let socket = rustix::net::socket_with(
        AddressFamily::INET6,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    // Whatever net.ipv6.bindv6only says.
    sockopt::set_ipv6_v6only(&socket, false)?;
    let address = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0);
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

/// Whether the machine does not have such an address, or addresses of this kind.
fn is_missing(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let loopback = SocketAddr::from((Ipv6Addr::LOCALHOST, 9950));
        let cases = [
            ("127.0.0.1:0", Listen::Address(any)),
            ("[::1]:9950", Listen::Address(loopback)),
            ("localhost:9950", Listen::Localhost(9950)),
            (":9950", Listen::Everywhere(9950)),
        ];
        for (text, expected) in cases {
            let listen: Listen = text.parse().unwrap();
            assert_eq!((listen, listen.to_string().as_str()), (expected, text));
        }
        assert_eq!("LocalHost:1".parse(), Ok(Listen::Localhost(1)));
        for wrong in [
            "",
            ":",
            "9950",
            "localhost",
            "localhost:",
            "example.org:9950",
            "127.0.0.1",
            "::1:9950x",
            ":65536",
            "localhost:-1",
            "[::1]",
            "a:b:9950",
        ] {
            let parsed = wrong.parse::<Listen>();
            assert!(
                parsed.is_err(),
                "expected {wrong:?} to be refused, found {parsed:?}"
            );
        }
    }

    /// Listens at IPv4's loopback whatever the address, unless it is one of `errors`.
    fn bind_with(errors: [Option<Errno>; 2], port: u16) -> io::Result<Vec<TcpListener>> {
        bind_localhost(port, |address| {
            let [v4, v6] = errors;
            match if address.is_ipv4() { v4 } else { v6 } {
                Some(errno) => Err(errno.into()),
                None => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)),
            }
        })
    }

    #[test]
    fn one_of_two_addresses_is_enough() {
        for missing in [Errno::ADDRNOTAVAIL, Errno::AFNOSUPPORT] {
            for errors in [[Some(missing), None], [None, Some(missing)]] {
                let count = bind_with(errors, 9950).unwrap().len();
                assert_eq!(count, 1, "{errors:?}");
            }
            let error = bind_with([Some(missing); 2], 9950).unwrap_err();
            assert_eq!(Errno::from_io_error(&error), Some(missing));
        }
        assert_eq!(bind_with([None, None], 9950).unwrap().len(), 2);
        // Somebody else has it.
        for errors in [
            [Some(Errno::ADDRINUSE), None],
            [None, Some(Errno::ADDRINUSE)],
        ] {
            let error = bind_with(errors, 9950).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddrInUse, "{errors:?}");
        }
    }
}
