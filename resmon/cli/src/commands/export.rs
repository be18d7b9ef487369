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
mod text;

use std::io::{self, ErrorKind, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use resmon::model::record::Header;
use resmon::{Device, Record, Records};
use rustix::io::Errno;

use crate::args::Export;
use crate::error::{Error, Result};
use crate::input::Input;

use family::{Family, Shown};
use format::Format;
use http::{Answer, Request, Status};
pub use listen::Listen;

/// How many clients of an address are served at a time. Others wait until one of them is done or given up, which
/// takes no longer than the time that [`http::serve`] allows.
const WORKERS: usize = 16;

/// How long a worker lets be when it could not accept a client.
const PAUSE: Duration = Duration::from_millis(250);

/// How often it is said, at most, that clients cannot be accepted.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);

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
        let answer = shared.answer_metrics(Format::Classic);
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
    for record in Input::records(Some(path), false)? {
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

/// What the reader and the workers share.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// When it was said last that clients cannot be accepted.
    complained: Mutex<Option<Instant>>,
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
            State::Newest(newest) => newest.replace(&record, received),
            State::Waiting | State::Failed(_) => {
                *state = State::Newest(Newest::new(&record, received));
            }
        }
    }

    fn fail(&self, error: &Error) {
        *self.state() = State::Failed(error.to_string());
    }

    /// Whether nobody has said for a while that clients cannot be accepted. Who asks says it.
    fn may_complain(&self, now: Instant) -> bool {
        let complained = self.complained.lock();
        let mut complained = complained.unwrap_or_else(PoisonError::into_inner);
        let may =
            complained.is_none_or(|last| now.saturating_duration_since(last) >= COMPLAINT_INTERVAL);
        if may {
            *complained = Some(now);
        }
        may
    }

    fn answer(&self, request: &Request<'_>) -> Answer {
        match request.path {
            "/metrics" => self.answer_metrics(Format::asked_for(&request.accept)),
            "/" => Answer {
                status: Status::Ok,
                content_type: "text/html; charset=utf-8",
                body: PAGE.into(),
            },
            _ => Answer::line(Status::NotFound, "not found: see /metrics"),
        }
    }

    fn answer_metrics(&self, format: Format) -> Answer {
        let families = match &*self.state() {
            State::Waiting => return Answer::line(Status::ServiceUnavailable, "no sample yet"),
            State::Failed(why) => return Answer::line(Status::ServiceUnavailable, why),
            State::Newest(newest) => newest.families(Instant::now()),
        };
        match text::write(families.iter().map(Arc::as_ref), format) {
            Ok(body) => Answer {
                status: Status::Ok,
                content_type: format.content_type(),
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
    header: Header,
    shown: Shown,
    /// When it came from the device; none for that of a recording, which is never too old.
    received: Option<Instant>,
    lost_records: u64,
}

impl Newest {
    fn new(record: &Record, received: Option<Instant>) -> Self {
        let mut newest = Self {
            header: record.header(),
            shown: Shown::default(),
            received,
            lost_records: 0,
        };
        newest.replace(record, received);
        newest
    }

    fn replace(&mut self, record: &Record, received: Option<Instant>) {
        let header = record.header();
        if begins_anew(&self.header, &header) {
            self.shown = Shown::default();
        }
        self.lost_records = self.lost_records.saturating_add(header.lost_records);
        let families = metrics::of_record(record, self.lost_records);
        self.shown.replace(families);
        self.header = header;
        self.received = received;
    }

    /// Whether the record is as new as it should be.
    fn is_up(&self, now: Instant) -> bool {
        let patience = Duration::from_nanos(self.header.interval_ns)
            .saturating_mul(3)
            .saturating_add(Duration::from_secs(5));
        let age = self.received.map(|at| now.saturating_duration_since(at));
        age.is_none_or(|age| age <= patience)
    }

    /// What a scrape shows.
    fn families(&self, now: Instant) -> Vec<Arc<Family>> {
        let (time, machine) = match self.received {
            Some(_) => {
                let time = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
                (time, machine::families())
            }
            // A recording may be of another machine, and is of another time.
            None => (Duration::from_nanos(self.header.taken_wall_ns), Vec::new()),
        };
        let of_scrape = metrics::of_scrape(time, self.is_up(now));
        let others = machine.into_iter().chain(of_scrape).map(Arc::new);
        self.shown
            .families()
            .iter()
            .cloned()
            .chain(others)
            .collect()
    }
}

/// Whether the records are of two boots, or of two loads of the module: what counts since load, and
/// the epochs of CPUs, begin again. A module that gives no identity has numbers that go back then.
fn begins_anew(before: &Header, after: &Header) -> bool {
    let identity = |header: &Header| (header.boot_id, header.load_id);
    let goes_back = after.seq <= before.seq || after.taken_mono_ns <= before.taken_mono_ns;
    identity(before) != identity(after) || (identity(after) == (None, None) && goes_back)
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
        let metrics = || shared.answer_metrics(Format::Classic);
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
        let newest = Newest::new(&record, Some(came));
        let is_up = |seconds| newest.is_up(came + Duration::from_secs(seconds));
        // The interval is 1 s.
        assert_eq!([0, 8, 9].map(is_up), [true, true, false]);
    }

    #[test]
    fn a_recording_is_never_too_old() {
        let newest = Newest::new(&recorded().pop().unwrap(), None);
        let later = Instant::now() + Duration::from_secs(100_000);
        assert!(
            newest.is_up(later),
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
        let body = shared.answer_metrics(Format::Classic).body;
        let expected = "\nresource_monitor_lost_records_total 21\n";
        assert!(
            body.contains(expected),
            "expected {expected:?}, found {body:?}"
        );
    }

    /// A record of version 2 with this boot and load, number and I/O wait of the first CPU.
    fn record(ids: Option<[u64; 2]>, seq: u64, iowait_ns: u64) -> Record {
        use resmon::model::record::{SectionHeader, WORD_BYTES};
        use resmon::model::source::cpu::{Cpu, Times};
        use resmon::model::words::Words;

        // A header without the fields for it has no identity.
        let header_words = match ids {
            Some(_) => Header::LEN,
            None => Header::MIN_LEN,
        };
        let header = Header {
            header_bytes: (header_words * WORD_BYTES) as u64,
            seq,
            taken_mono_ns: seq + 1,
            boot_id: ids.map(|[boot, _]| boot),
            load_id: ids.map(|[_, load]| load),
            ..Header::of(header_words + SectionHeader::LEN + Cpu::LEN)
        };
        let times = Times {
            iowait: iowait_ns,
            ..Times::default()
        };
        let cpu = Cpu {
            id: 0,
            epoch: 0,
            times,
        };
        let mut words = Vec::new();
        header.put(&mut |word| words.push(word));
        words.truncate(header_words);
        SectionHeader::of::<Cpu>(1).put(&mut |word| words.push(word));
        cpu.put(&mut |word| words.push(word));
        let bytes: Vec<_> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        Record::from_bytes(&bytes).unwrap()
    }

    /// The seconds of I/O wait that are shown after each of `records`.
    fn waits(records: impl IntoIterator<Item = Record>) -> Vec<String> {
        let shared = Shared::default();
        let shown = |record| {
            shared.add(record, None);
            let body = shared.answer_metrics(Format::Classic).body;
            let sample = "node_cpu_seconds_total{cpu=\"0\",mode=\"iowait\"} ";
            let value = body.lines().find_map(|line| line.strip_prefix(sample));
            value.unwrap().to_owned()
        };
        records.into_iter().map(shown).collect()
    }

    #[test]
    fn a_counter_falls_with_another_boot_or_load_alone() {
        const S: u64 = 1_000_000_000;
        let of = |ids, seq, seconds| record(ids, seq, seconds * S);
        let here = Some([1, 1]);
        let records = [(here, 5, 9), (here, 6, 8), (here, 4, 7), (here, 7, 10)];
        let records = records.map(|(ids, seq, seconds)| of(ids, seq, seconds));
        assert_eq!(waits(records), ["9", "9", "9", "10"]);
        for other in [Some([1, 2]), Some([2, 1]), None] {
            let records = [of(here, 5, 9), of(other, 6, 8), of(other, 7, 7)];
            assert_eq!(waits(records), ["9", "8", "8"], "{other:?}");
        }
        // Without an identity.
        let records = [
            of(None, 5, 9),
            of(None, 6, 8),
            of(None, 1, 7),
            of(None, 2, 6),
        ];
        assert_eq!(waits(records), ["9", "9", "7", "7"]);
    }

    #[test]
    fn records_that_nobody_scraped_count() {
        let shared = Shared::default();
        for (seq, ns) in [(1, 1_000_000_000), (2, 3_000_000_000), (3, 2_000_000_000)] {
            shared.add(record(Some([1, 1]), seq, ns), None);
        }
        let body = shared.answer_metrics(Format::Classic).body;
        let expected = "\nnode_cpu_seconds_total{cpu=\"0\",mode=\"iowait\"} 3\n";
        assert!(
            body.contains(expected),
            "expected {expected:?}, found {body:?}"
        );
    }

    #[test]
    fn only_errors_of_the_socket_itself_are_final() {
        let is_final = |errno: Errno| is_final(&errno.into());
        for errno in [Errno::BADF, Errno::INVAL, Errno::NOTSOCK, Errno::OPNOTSUPP] {
            assert!(is_final(errno), "{errno:?} passes, expected it to be final");
        }
        for errno in [
            Errno::MFILE,
            Errno::NFILE,
            Errno::NOBUFS,
            Errno::NOMEM,
            Errno::NETDOWN,
            Errno::PROTO,
            Errno::NOPROTOOPT,
            Errno::HOSTDOWN,
            Errno::NONET,
            Errno::HOSTUNREACH,
            Errno::NETUNREACH,
            Errno::PERM,
        ] {
            assert!(!is_final(errno), "{errno:?} is final, expected it to pass");
        }
    }

    #[test]
    fn complains_once_in_a_while() {
        let shared = Shared::default();
        let start = Instant::now();
        let may = |seconds| shared.may_complain(start + Duration::from_secs(seconds));
        let found = [0, 0, 1, 59, 60, 61, 119, 120].map(may);
        let expected = [true, false, false, false, true, false, false, true];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_of_this_machine_is_not_of_a_recording() {
        let record = recorded().pop().unwrap();
        let names = |received| {
            let families = Newest::new(&record, received).families(Instant::now());
            let families = families.into_iter();
            families.map(|family| family.name).collect::<Vec<_>>()
        };
        let of_recording = names(None);
        let live = names(Some(Instant::now()));
        let only = live.iter().filter(|name| !of_recording.contains(name));
        let only: Vec<_> = only.collect();
        assert_eq!(only, [&"node_uname_info", &"node_memory_SwapTotal"]);
        let missing = of_recording.iter().filter(|name| !live.contains(name));
        assert_eq!(missing.count(), 0);
    }

    #[test]
    fn the_machine_is_named_as_the_kernel_does() {
        let families: Vec<_> = machine::families();
        let body = text::write(&families, Format::Classic).unwrap();
        let names = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        let release = format!(",release=\"{}\",", names.trim_end());
        assert!(
            body.contains("node_uname_info{sysname=\"Linux\",") && body.contains(&release),
            "expected Linux and {release:?}, found {body:?}"
        );
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap();
        let total = meminfo
            .lines()
            .find_map(|line| line.strip_prefix("SwapTotal:")?.strip_suffix(" kB"));
        let total: u64 = total.unwrap().trim().parse().unwrap();
        let expected = format!("\nnode_memory_SwapTotal_bytes {}\n", total * 1024);
        assert!(
            body.contains(&expected),
            "expected {expected:?}, found {body:?}"
        );
    }
}
