// SPDX-License-Identifier: GPL-2.0

//! A file system that can be told to stop answering: a server of the FUSE protocol, of which it
//! knows just enough to be mounted and to be asked how full it is.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::mount::{mount, unmount, MountFlags, UnmountFlags};

const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const LOOKUP: u32 = 1;
const STATFS: u32 = 17;
const INIT: u32 = 26;
const INTERRUPT: u32 = 36;
const DESTROY: u32 = 38;
const BATCH_FORGET: u32 = 42;

/// What the file system says of itself, in blocks of [`BLOCK`] bytes.
pub const BLOCKS: u64 = 25_600;
pub const FREE: u64 = 10_240;
pub const AVAILABLE: u64 = 5_120;
pub const FILES: u64 = 1_000;
pub const FREE_FILES: u64 = 250;
pub const BLOCK: u64 = 4096;

/// Shared with the thread that answers.
#[derive(Default)]
struct Control {
    /// STATFS requests are left unanswered.
    silent: AtomicBool,
    /// The server dies, which the kernel takes as an abort of the connection.
    die: AtomicBool,
    /// The STATFS requests that came.
    asked: AtomicU64,
}

/// The mounted file system and its server. Both end when this goes out of scope.
pub struct Fuse {
    path: String,
    control: Arc<Control>,
    server: Option<JoinHandle<()>>,
}

impl Fuse {
    pub fn mount(path: &str) -> Result<Fuse> {
        fs::create_dir_all(path)?;
        // Only one that does not block can be told to die.
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlags::NONBLOCK.bits() as _)
            .open("/dev/fuse")
            .context("/dev/fuse")?;
        let options = format!(
            "fd={},rootmode=40755,user_id=0,group_id=0,allow_other",
            device.as_raw_fd()
        );
        let options = std::ffi::CString::new(options)?;
        mount("vmtest", path, "fuse", MountFlags::empty(), &*options)
            .with_context(|| format!("mount fuse on {path}"))?;
        let control = Arc::new(Control::default());
        let seen = Arc::clone(&control);
        let server = thread::Builder::new()
            .name("fuse".into())
            .spawn(move || serve(device, &seen))?;
        Ok(Fuse {
            path: path.to_string(),
            control,
            server: Some(server),
        })
    }

    /// From now on nobody learns how full the file system is.
    pub fn stop_answering(&self) {
        self.control.silent.store(true, Ordering::SeqCst);
    }

    /// Answers all requests that wait, and those that come.
    pub fn resume(&self) {
        self.control.silent.store(false, Ordering::SeqCst);
    }

    /// How often the file system was asked how full it is.
    pub fn asked(&self) -> u64 {
        self.control.asked.load(Ordering::SeqCst)
    }

    /// Ends the server; the mount stays.
    pub fn die(&mut self) {
        self.control.die.store(true, Ordering::SeqCst);
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        self.die();
        // It may be unmounted already.
        let _ = unmount(self.path.as_str(), UnmountFlags::DETACH);
    }
}

/// Answers until the file system is unmounted, the connection is aborted or it is told to die.
fn serve(mut device: File, control: &Control) {
    // More than the kernel wants to have room for at least.
    let mut buffer = vec![0; 256 * 1024];
    let mut waiting = Vec::new();
    while !control.die.load(Ordering::SeqCst) {
        if !control.silent.load(Ordering::SeqCst) {
            for unique in waiting.drain(..) {
                // The one who asked may have gone.
                let _ = device.write_all(&answer(unique, Ok(&statfs())));
            }
        }
        let length = match device.read(&mut buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(2));
                continue;
            }
            // A request that was taken back while it was read.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NOENT) => continue,
            Err(_) => return,
        };
        let Some(request) = Request::parse(&buffer[..length]) else {
            return;
        };
        if request.opcode == STATFS {
            control.asked.fetch_add(1, Ordering::SeqCst);
            waiting.push(request.unique);
        } else if let Some(answer) = reply(&request) {
            let _ = device.write_all(&answer);
        }
    }
}

/// The start of `struct fuse_in_header`, and what comes after it.
struct Request<'a> {
    opcode: u32,
    unique: u64,
    node: u64,
    body: &'a [u8],
}

impl Request<'_> {
    fn parse(bytes: &[u8]) -> Option<Request<'_>> {
        Some(Request {
            opcode: u32::from_ne_bytes(bytes.get(4..8)?.try_into().ok()?),
            unique: u64::from_ne_bytes(bytes.get(8..16)?.try_into().ok()?),
            node: u64::from_ne_bytes(bytes.get(16..24)?.try_into().ok()?),
            body: bytes.get(40..)?,
        })
    }
}

/// The answer to anything but STATFS, if it takes one.
fn reply(request: &Request<'_>) -> Option<Vec<u8>> {
    let unique = request.unique;
    match request.opcode {
        FORGET | BATCH_FORGET | INTERRUPT => None,
        INIT => Some(answer(unique, Ok(&init(request.body)))),
        GETATTR if request.node == 1 => Some(answer(unique, Ok(&root_attributes()))),
        DESTROY => Some(answer(unique, Ok(&[]))),
        LOOKUP | GETATTR => Some(answer(unique, Err(Errno::NOENT))),
        _ => Some(answer(unique, Err(Errno::NOSYS))),
    }
}

/// `struct fuse_out_header` and the result.
fn answer(unique: u64, result: Result<&[u8], Errno>) -> Vec<u8> {
    let body = result.unwrap_or(&[]);
    let error = result.err().map_or(0, |error| -error.raw_os_error());
    let mut answer = Vec::new();
    answer.extend((16 + body.len() as u32).to_ne_bytes());
    answer.extend(error.to_ne_bytes());
    answer.extend(unique.to_ne_bytes());
    answer.extend(body);
    answer
}

/// `struct fuse_init_out`: this server speaks 7.31 and wants no feature.
fn init(body: &[u8]) -> Vec<u8> {
    let read_ahead = body.get(8..12).unwrap_or(&[0; 4]);
    let mut out = Vec::new();
    out.extend(7_u32.to_ne_bytes());
    out.extend(31_u32.to_ne_bytes());
    out.extend(read_ahead);
    // Flags, two limits of background requests, and the largest write.
    out.extend(0_u32.to_ne_bytes());
    out.extend([16_u16, 12].map(u16::to_ne_bytes).concat());
    out.extend(4096_u32.to_ne_bytes());
    // Times are exact to a nanosecond.
    out.extend(1_u32.to_ne_bytes());
    out.resize(64, 0);
    out
}

/// `struct fuse_attr_out` of the root folder, valid for a second.
fn root_attributes() -> Vec<u8> {
    const MODE: u32 = 0o40755;
    const LINKS: u32 = 2;
    let mut out = Vec::new();
    out.extend(1_u64.to_ne_bytes());
    out.extend([0; 8]);
    // struct fuse_attr: number, size, blocks and three times, then their nanoseconds.
    out.extend(1_u64.to_ne_bytes());
    out.resize(16 + 6 * 8 + 3 * 4, 0);
    out.extend(MODE.to_ne_bytes());
    out.extend(LINKS.to_ne_bytes());
    out.resize(16 + 88, 0);
    out
}

/// `struct fuse_kstatfs`
fn statfs() -> Vec<u8> {
    const NAME_LENGTH: u32 = 255;
    let mut out = Vec::new();
    for amount in [BLOCKS, FREE, AVAILABLE, FILES, FREE_FILES] {
        out.extend(amount.to_ne_bytes());
    }
    // The amounts are in units of the second size; the first one is for reading and writing.
    for word in [16 * BLOCK as u32, NAME_LENGTH, BLOCK as u32] {
        out.extend(word.to_ne_bytes());
    }
    out.resize(80, 0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(opcode: u32, node: u64) -> Vec<u8> {
        let mut bytes = vec![0; 56];
        bytes[..4].copy_from_slice(&56_u32.to_ne_bytes());
        bytes[4..8].copy_from_slice(&opcode.to_ne_bytes());
        bytes[8..16].copy_from_slice(&77_u64.to_ne_bytes());
        bytes[16..24].copy_from_slice(&node.to_ne_bytes());
        bytes[48..52].copy_from_slice(&4711_u32.to_ne_bytes());
        bytes
    }

    fn answered(opcode: u32, node: u64) -> Option<Vec<u8>> {
        reply(&Request::parse(&request(opcode, node)).unwrap())
    }

    #[test]
    fn answers_have_the_sizes_of_the_protocol() {
        for (opcode, size) in [(INIT, 64), (GETATTR, 104), (DESTROY, 0)] {
            let answer = answered(opcode, 1).unwrap();
            assert_eq!(answer.len(), 16 + size, "{opcode}");
            assert_eq!(answer[..4], (16 + size as u32).to_ne_bytes());
            assert_eq!(answer[4..8], [0; 4]);
            assert_eq!(answer[8..16], 77_u64.to_ne_bytes());
        }
        assert_eq!(statfs().len(), 80);
        let init = answered(INIT, 0).unwrap();
        assert_eq!(init[24..28], 4711_u32.to_ne_bytes());
    }

    #[test]
    fn what_is_not_there_is_refused() {
        let error = |opcode, node| {
            let answer = answered(opcode, node).unwrap();
            assert_eq!(answer.len(), 16);
            -i32::from_ne_bytes(answer[4..8].try_into().unwrap())
        };
        assert_eq!(error(LOOKUP, 1), Errno::NOENT.raw_os_error());
        assert_eq!(error(GETATTR, 2), Errno::NOENT.raw_os_error());
        assert_eq!(error(9999, 1), Errno::NOSYS.raw_os_error());
        for opcode in [FORGET, BATCH_FORGET, INTERRUPT] {
            assert_eq!(answered(opcode, 1), None, "the answer to {opcode}");
        }
        let short = Request::parse(&[0; 39]).map(|request| request.unique);
        assert_eq!(short, None, "the request of 39 bytes");
    }
}
