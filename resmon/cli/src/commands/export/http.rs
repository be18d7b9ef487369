// SPDX-License-Identifier: GPL-2.0-or-later

//! As much of HTTP as an exporter needs: one request per connection, which has no body, and an
//! answer that is there already. Whoever takes longer than [`TIMEOUT`] for both is given up.
//!
//! This is not left to tiny_http: that puts a client behind one that never ends its request
//! although more threads could be had, has no limit to their number, and stops accepting for good
//! when there are no file descriptors left.

use std::fmt::{self, Write as _};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How long a client may take from when it was accepted to when it was answered.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Bytes of the longest head of a request.
const MAX_HEAD: usize = 8192;

/// What a request gets.
#[derive(Debug)]
pub struct Answer {
    pub status: Status,
    pub content_type: &'static str,
    pub body: String,
}

/// What a client asks for.
#[derive(Debug)]
pub struct Request<'a> {
    pub path: &'a str,
    /// The media types that it accepts, as its head has them; empty if it does not say.
    pub accept: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    BadRequest,
    NotFound,
    MethodNotAllowed,
    InternalServerError,
    ServiceUnavailable,
}

impl Status {
    fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::BadRequest => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::InternalServerError => "500 Internal Server Error",
            Self::ServiceUnavailable => "503 Service Unavailable",
        }
    }
}

impl Answer {
    /// A line of text.
    pub fn line(status: Status, line: impl fmt::Display) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            body: format!("{line}\n"),
        }
    }

    fn to_text(&self, has_body: bool) -> Result<String, fmt::Error> {
        let (status, length) = (self.status.line(), self.body.len());
        let mut text = format!("HTTP/1.1 {status}\r\n");
        write!(text, "Content-Type: {}\r\n", self.content_type)?;
        write!(text, "Content-Length: {length}\r\n")?;
        if self.status == Status::MethodNotAllowed {
            text.push_str("Allow: GET, HEAD\r\n");
        }
        text.push_str("Connection: close\r\n\r\n");
        if has_body {
            text.push_str(&self.body);
        }
        Ok(text)
    }
}

/// Reads a request from `client` and gives it what `answer` has for it.
pub fn serve(client: TcpStream, answer: impl FnOnce(&Request) -> Answer) -> io::Result<()> {
    let mut client = Client {
        stream: client,
        deadline: Instant::now() + TIMEOUT,
    };
    let mut head = Vec::new();
    let is_whole = read_head(&mut client, &mut head)?;
    let request = parse(&head).filter(|_| is_whole);
    let (answer, has_body) = match request {
        Some(("GET", request)) => (answer(&request), true),
        Some(("HEAD", request)) => (answer(&request), false),
        Some(_) => {
            let why = "only GET and HEAD are allowed";
            (Answer::line(Status::MethodNotAllowed, why), true)
        }
        None => (
            Answer::line(Status::BadRequest, "not an HTTP request"),
            true,
        ),
    };
    let text = answer.to_text(has_body).map_err(io::Error::other)?;
    client.write_all(text.as_bytes())
}

/// Reads until the empty line at the end of a request's head. `false` when that is too long.
fn read_head(client: &mut impl Read, head: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 1024];
    loop {
        let read = client.read(&mut buffer)?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(buffer.get(..read).unwrap_or_default());
        if head.windows(4).any(|end| end == b"\r\n\r\n") {
            return Ok(true);
        }
        if head.len() > MAX_HEAD {
            return Ok(false);
        }
    }
}

/// The method and the rest of a request; none if it is not one.
fn parse(head: &[u8]) -> Option<(&str, Request<'_>)> {
    let mut lines = head.split(|byte| *byte == b'\r');
    let mut words = std::str::from_utf8(lines.next()?).ok()?.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let is_http = version.starts_with("HTTP/1.") && words.next().is_none();
    let path = target.split('?').next()?;
    // A list may be spread over several headers of the same name.
    let accept: Vec<_> = lines.filter_map(accepted).collect();
    let accept = accept.join(",");
    is_http.then_some((method, Request { path, accept }))
}

/// The value of a line of the head, if it is the header `Accept`.
fn accepted(line: &[u8]) -> Option<&str> {
    let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
    let is_accept = name.trim_start().eq_ignore_ascii_case("accept");
    is_accept.then(|| value.trim())
}

/// A connection with an end to its time, however little is read or written at once.
struct Client {
    stream: TcpStream,
    deadline: Instant,
}

impl Client {
    fn time_left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        Ok(left)
    }
}

impl Read for Client {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.time_left()?))?;
        self.stream.read(buffer)
    }
}

impl Write for Client {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.time_left()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
