// SPDX-License-Identifier: GPL-2.0-or-later

//! `resmon export`: serves the newest record to Prometheus.
//!
//! One thread reads records as they come and keeps the newest; a few others answer requests with
//! what there is then. A scrape asks nothing of the module, so that it costs no sample.

mod family;
mod format;
mod http;
mod listen;
mod machine;
mod metrics;
mod newest;
mod shared;
#[cfg(test)]
mod tests;
mod text;

use std::io::{self, ErrorKind, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::slice;
use std::sync::mpsc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use resmon::{Device, Info, Record, Records};
use rustix::io::Errno;

use crate::args::Export;
use crate::error::{Error, Result};
use crate::input::Input;

use format::Format;
use http::Status;
pub use listen::Listen;
use metrics::Began;
use shared::Shared;

/// How many clients of an address are served at a time. Others wait until one of them is done or given up, which
/// takes no longer than the time that [`http::serve`] allows.
const WORKERS: usize = 16;

/// How long a worker lets be when it could not accept a client.
const PAUSE: Duration = Duration::from_millis(250);

/// How long requests are still told why there is nothing any more.
const LAST_WORDS: Duration = Duration::from_millis(500);

pub fn run(args: &Export) -> Result<()> {
    let shared = Arc::new(Shared::new(args.tasks));
    let device = match &args.from.from {
        Some(path) => {
            read_recording(path, &shared)?;
            None
        }
        None => Some(open_device(&shared, args.once)?),
    };
    if args.once {
        let answer = shared.answer_metrics(Format::Classic);
        return match answer.status {
            Status::Ok => Ok(io::stdout().write_all(answer.body.as_bytes())?),
            _ => Err(Error::Other(answer.body.trim_end().to_owned())),
        };
    }
    serve(args.listen, shared, device)
}

/// Reads all of a recording, of which the last record is shown.
fn read_recording(path: &PathBuf, shared: &Shared) -> Result<()> {
    let mut count = 0_u64;
    for record in Input::recorded(slice::from_ref(path), None)? {
        shared.add(record?, None);
        count += 1;
    }
    if count == 0 {
        return Err(Error::Other(format!("{}: no records", path.display())));
    }
    Ok(())
}

/// Opens the device and takes the newest record, so that the first scrape has something to show.
/// Right after loading there is none: it comes within an interval, and is waited for only if
/// `must_wait`.
fn open_device(shared: &Shared, must_wait: bool) -> Result<Records<Device>> {
    let mut device = Device::open()?;
    let info = device.info()?;
    let newest = info.next_seq.checked_sub(1);
    if let Some(newest) = newest {
        device.seek(match has_all(&info) {
            true => 0,
            false => newest,
        })?;
    }
    device.set_nonblocking(newest.is_some())?;
    let mut records = device.into_records()?;
    let mut began = Began::default();
    let mut last: Option<Record> = None;
    if newest.is_some() || must_wait {
        while let Some(record) = records.try_next()? {
            if let Some(before) = last.as_ref().and_then(Record::raw) {
                began.add(before);
            }
            last = Some(record);
            if newest.is_none() {
                break;
            }
        }
    }
    if let Some(record) = last {
        shared.add_after(record, Some(Instant::now()), began);
    }
    records.get_ref().set_nonblocking(false)?;
    Ok(records)
}

/// Whether the module keeps all records since it was loaded, and these are no more than can be read
/// in some seconds. Then events are counted from then on. Otherwise they are counted from now on: a
/// counter that falls with what is no longer kept would be taken for one that begins at zero.
fn has_all(info: &Info) -> bool {
    const MOST: u64 = 200_000;
    info.block_oldest_seq.unwrap_or(info.oldest_seq) == 0 && info.next_seq <= MOST
}

/// Serves until something fails.
fn serve(listen: Listen, shared: Arc<Shared>, device: Option<Records<Device>>) -> Result<()> {
    let refused = |error| Error::Other(format!("cannot listen on {listen}: {error}"));
    let listeners = listen.bind().map_err(refused)?;
    let addresses: io::Result<Vec<_>> = listeners.iter().map(TcpListener::local_addr).collect();
    for address in addresses.map_err(refused)? {
        say(format_args!("listening on http://{address}/metrics"));
    }
    let (failures, failure) = mpsc::channel();
    for listener in listeners {
        let listener = Arc::new(listener);
        for _ in 0..WORKERS {
            let (listener, shared, failures) = (listener.clone(), shared.clone(), failures.clone());
            spawn("worker", move || {
                let error = work(&listener, &shared);
                // Whoever would receive it is gone only when the program ends.
                let _ = failures.send(error);
            })?;
        }
    }
    if let Some(records) = device {
        let (shared, failures) = (shared.clone(), failures.clone());
        spawn("reader", move || {
            let error = follow(records, &shared);
            let _ = failures.send(error);
        })?;
    }
    // This function has a sender itself, so that there always is one.
    let error = failure
        .recv()
        .unwrap_or(Error::Other("no thread is left".into()));
    shared.fail(&error);
    thread::sleep(LAST_WORDS);
    Err(error)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
    let thread = thread::Builder::new().name(name.into()).spawn(work);
    match thread {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::Other(format!("cannot start a thread: {error}"))),
    }
}

/// Keeps the newest of `records` until they fail.
fn follow(records: impl Iterator<Item = resmon::Result<Record>>, shared: &Shared) -> Error {
    for record in records {
        match record {
            Ok(record) => shared.add(record, Some(Instant::now())),
            Err(error) => return error.into(),
        }
    }
    Error::Other("the device has no more records".into())
}

/// Says something on standard error; when nobody listens there, there is nobody to tell.
fn say(what: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{what}");
}

/// Answers requests until clients can never be accepted again.
fn work(listener: &TcpListener, shared: &Shared) -> Error {
    loop {
        match listener.accept() {
            // A client that breaks off, or is too slow, is no concern of anybody else.
            Ok((client, _)) => drop(http::serve(client, |request| shared.answer(request))),
            // One that was gone before it was accepted.
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => (),
            Err(error) if is_final(&error) => {
                return Error::Other(format!("cannot accept clients: {error}"));
            }
            // There is no file descriptor or no memory left, or the network has a fault: others
            // will be accepted, if not right now.
            Err(error) => {
                if shared.may_complain(Instant::now()) {
                    say(format_args!(
                        "resmon: cannot accept clients for now: {error}"
                    ));
                }
                thread::sleep(PAUSE);
            }
        }
    }
}

/// Whether to accept again would end in the same way, since the socket is none to accept from.
fn is_final(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(
        errno,
        Some(Errno::BADF | Errno::INVAL | Errno::NOTSOCK | Errno::OPNOTSUPP)
    )
}
