// SPDX-License-Identifier: GPL-2.0-or-later

//! `resmon export`: serves the newest record to Prometheus.
//!
//! One thread reads records as they come and keeps the newest; a few others answer requests with
//! what there is then. A scrape asks nothing of the module, so that it costs no sample.

mod http;
mod metrics;

use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use resmon::{Device, Record, Records};

use crate::args::Export;
use crate::error::{Error, Result};
use crate::source::Source;

use http::{Answer, Status};
use metrics::Snapshot;

/// How many clients are served at a time. Others wait until one of them is done or given up, which
/// takes no longer than the time that [`http::serve`] allows.
const WORKERS: usize = 16;

/// How long requests are still told why there is nothing any more.
const LAST_WORDS: Duration = Duration::from_millis(500);

pub fn run(args: &Export) -> Result<()> {
    let shared = Arc::new(Shared::default());
    let device = match &args.from.from {
        Some(path) => {
            read_recording(path, &shared)?;
            None
        }
        None => Some(open_device(&shared, args.once)?),
    };
    if args.once {
        let answer = shared.answer_metrics();
        return match answer.status {
            Status::Ok => Ok(io::stdout().write_all(answer.body.as_bytes())?),
            _ => Err(Error::Other(answer.body.trim_end().to_owned())),
        };
    }
    serve(args.listen, shared, device)
}

/// Reads all of a recording, of which the last record is shown.
fn read_recording(path: &Path, shared: &Shared) -> Result<()> {
    let mut count = 0_u64;
    for record in Source::records(Some(path), false)? {
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
    let newest = device.info()?.next_seq.checked_sub(1);
    if let Some(newest) = newest {
        device.seek(newest)?;
    }
    let mut records = device.into_records()?;
    if newest.is_some() || must_wait {
        if let Some(record) = records.try_next()? {
            shared.add(record, Some(Instant::now()));
        }
    }
    Ok(records)
}

/// Serves until something fails.
fn serve(listen: SocketAddr, shared: Arc<Shared>, device: Option<Records<Device>>) -> Result<()> {
    let refused = |error| Error::Other(format!("cannot listen on {listen}: {error}"));
    let listener = TcpListener::bind(listen).map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let listener = Arc::new(listener);
    let (failures, failure) = mpsc::channel();
    for _ in 0..WORKERS {
        let (listener, shared, failures) = (listener.clone(), shared.clone(), failures.clone());
        spawn("worker", move || {
            let error = work(&listener, &shared);
            // Whoever would receive it is gone only when the program ends.
            let _ = failures.send(error);
        })?;
    }
    if let Some(records) = device {
        let (shared, failures) = (shared.clone(), failures.clone());
        spawn("reader", move || {
            let error = follow(records, &shared);
            let _ = failures.send(error);
        })?;
    }
    eprintln!("listening on http://{address}/metrics");

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

/// Answers requests until no more clients can be accepted.
fn work(listener: &TcpListener, shared: &Shared) -> Error {
    loop {
        match listener.accept() {
            // A client that breaks off, or is too slow, is no concern of anybody else.
            Ok((client, _)) => drop(http::serve(client, |path| shared.answer(path))),
            // One that was gone before it was accepted.
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => (),
            Err(error) => return Error::Other(format!("cannot accept clients: {error}")),
        }
    }
}

/// What the reader and the workers share.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
enum State {
    /// No record has come yet.
    #[default]
    Waiting,
    Newest(Newest),
    /// None will come any more, because of this.
    Failed(String),
}

impl Shared {
    /// A worker that panics changes nothing halfway, so that what it held is as good as before.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows `record` from now on, which was `received` from the device, or is of a recording.
    fn add(&self, record: Record, received: Option<Instant>) {
        let mut state = self.state();
        match &mut *state {
            State::Newest(newest) => newest.replace(record, received),
            State::Waiting | State::Failed(_) => {
                *state = State::Newest(Newest::new(record, received));
            }
        }
    }

    fn fail(&self, error: &Error) {
        *self.state() = State::Failed(error.to_string());
    }

    fn answer(&self, path: &str) -> Answer {
        match path {
            "/metrics" => self.answer_metrics(),
            "/" => Answer {
                status: Status::Ok,
                content_type: "text/html; charset=utf-8",
                body: PAGE.into(),
            },
            _ => Answer::line(Status::NotFound, "not found: see /metrics"),
        }
    }

    fn answer_metrics(&self) -> Answer {
        let snapshot = match &*self.state() {
            State::Waiting => return Answer::line(Status::ServiceUnavailable, "no sample yet"),
            State::Failed(why) => return Answer::line(Status::ServiceUnavailable, why),
            State::Newest(newest) => newest.snapshot(Instant::now()),
        };
        match metrics::encode(snapshot) {
            Ok(body) => Answer {
                status: Status::Ok,
                content_type: "application/openmetrics-text; version=1.0.0; charset=utf-8",
                body,
            },
            Err(error) => Answer::line(Status::InternalServerError, error),
        }
    }
}

const PAGE: &str = "<!DOCTYPE html>
<html lang=\"en\">
<head><title>resmon export</title></head>
<body>
<h1>resmon export</h1>
<p>What the kernel module resource_monitor samples: <a href=\"/metrics\">metrics</a></p>
</body>
</html>
";

/// The newest record, and what needs more than one.
#[derive(Debug)]
struct Newest {
    record: Record,
    /// When it came from the device; none for that of a recording, which is never too old.
    received: Option<Instant>,
    lost_records: u64,
}

impl Newest {
    fn new(record: Record, received: Option<Instant>) -> Self {
        Self {
            lost_records: record.header().lost_records,
            record,
            received,
        }
    }

    fn replace(&mut self, record: Record, received: Option<Instant>) {
        let lost = record.header().lost_records;
        self.lost_records = self.lost_records.saturating_add(lost);
        self.record = record;
        self.received = received;
    }

    fn snapshot(&self, now: Instant) -> Snapshot {
        let patience = Duration::from_nanos(self.record.header().interval_ns)
            .saturating_mul(3)
            .saturating_add(Duration::from_secs(5));
        let age = self.received.map(|at| now.saturating_duration_since(at));
        Snapshot {
            record: self.record.clone(),
            lost_records: self.lost_records,
            is_up: age.is_none_or(|age| age <= patience),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn recorded() -> Vec<Record> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/minute.rec");
        let records: resmon::Result<_> = Records::open(path).unwrap().collect();
        records.unwrap()
    }

    #[test]
    fn waits_then_shows_then_says_why_not() {
        let shared = Shared::default();
        let metrics = || shared.answer("/metrics");
        let answer = metrics();
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (Status::ServiceUnavailable, "no sample yet\n")
        );

        let gone = io::Error::from_raw_os_error(19);
        let records = recorded().into_iter().map(Ok);
        let records = records.chain([Err(resmon::Error::Read(gone))]);
        let error = follow(records, &shared);
        assert_eq!(metrics().status, Status::Ok);

        shared.fail(&error);
        let answer = metrics();
        assert_eq!(answer.status, Status::ServiceUnavailable);
        assert_eq!(
            answer.body,
            "cannot read records: No such device (os error 19)\n"
        );
    }

    #[test]
    fn an_end_of_the_device_is_an_error() {
        let error = follow(std::iter::empty(), &Shared::default());
        assert_eq!(error.to_string(), "the device has no more records");
    }

    #[test]
    fn is_down_when_records_fail_to_come() {
        let record = recorded().pop().unwrap();
        let came = Instant::now();
        let newest = Newest::new(record, Some(came));
        let is_up = |seconds| newest.snapshot(came + Duration::from_secs(seconds)).is_up;
        // The interval is 1 s.
        assert_eq!([0, 8, 9].map(is_up), [true, true, false]);
    }

    #[test]
    fn a_recording_is_never_too_old() {
        let newest = Newest::new(recorded().pop().unwrap(), None);
        let later = Instant::now() + Duration::from_secs(100_000);
        assert!(
            newest.snapshot(later).is_up,
            "a recording is down, expected it to be up however old it is"
        );
    }

    #[test]
    fn adds_up_lost_records() {
        // The word of the header that has them.
        const LOST_AT: usize = resmon::model::record::LOST_AT * 8;
        let lossy: Vec<Record> = recorded()
            .into_iter()
            .take(3)
            .map(|record| {
                let mut bytes = record.to_bytes();
                bytes[LOST_AT] = 7;
                Record::from_bytes(&bytes).unwrap()
            })
            .collect();
        let shared = Shared::default();
        follow(lossy.into_iter().map(Ok), &shared);
        let body = shared.answer_metrics().body;
        let expected = "\nresource_monitor_lost_records_total 21\n";
        assert!(
            body.contains(expected),
            "expected {expected:?}, found {body:?}"
        );
    }
}
