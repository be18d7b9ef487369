// SPDX-License-Identifier: GPL-2.0

//! `disk=` lines against `/proc/diskstats`.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use anyhow::{anyhow, ensure, Context, Result};
use resmon::model::source::disk::{self as record, HAS_SLAVES};
use resmon::{Device, Record, Sample as Sampled};

use super::device::take;
use super::{ms, sleep_ms, Case, Clock, Guest, Needs};
use crate::blockdev::{self, Backing, Counters, Disk, Loop, NullDisk, Striped};
use crate::busiest::{self, check_busiest, check_line, check_order, Busy};
use crate::elapsed::{self, between_samples, one, wait_answered, Elapsed};
use crate::kmsg::monotonic;
use crate::lines::{self, Part, Sample, Table};
use crate::module::Module;
use crate::tools::busybox;

pub const CASES: &[Case] = &[
    Case {
        name: "disk lines against /proc/diskstats",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: compare,
    },
    Case {
        name: "disk requests in flight",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: in_flight,
    },
    Case {
        name: "a disk without input and output has no line",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: unused,
    },
    Case {
        name: "a partition has no line",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: partition,
    },
    Case {
        name: "the 16 busiest of 64 disks",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: many,
    },
    Case {
        name: "what a disk of other disks does counts once",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: layers,
    },
];

const MIB: u64 = 1 << 20;

fn parameters(interval_ms: u64) -> String {
    let only = elapsed::only(&["disk"]);
    format!("interval_ms={interval_ms} per_cpu_max=0 {only}")
}

impl Busy for lines::Disk {
    type Counted = Counters;
    const DEVICE: &'static str = "disk";
    const MEASURE: &'static str = "ms of work";

    fn table(sample: &Sample) -> &Part<Table<Self>> {
        &sample.disks
    }

    fn name(&self) -> &str {
        &self.name
    }

    /// Whether any request was completed.
    fn is_used(&self) -> bool {
        (self.r, self.w, self.d) != (0, 0, 0)
    }

    /// As the shares of time are rounded, of equal ones the kilobytes cannot tell.
    fn may_precede(&self, other: &Self) -> bool {
        self.busy >= other.busy
    }

    /// Nothing was in flight before and after.
    fn check(&self, counted: &Counters, interval: Duration) -> Result<()> {
        let kilobytes = |sectors: u64| sectors as f64 / 2.0;
        let mut elapsed = Elapsed::around(interval);
        for (what, amount, logged) in [
            ("r", counted.reads as f64, self.r),
            ("w", counted.writes as f64, self.w),
            ("d", counted.discards as f64, self.d),
            ("rkB", kilobytes(counted.read_sectors), self.rkb),
            ("wkB", kilobytes(counted.written_sectors), self.wkb),
            ("dkB", kilobytes(counted.discarded_sectors), self.dkb),
        ] {
            elapsed.rate(what, amount, logged)?;
        }
        elapsed.share("busy", counted.busy_ms as f64 / 1000.0, self.busy)?;
        ensure!(
            self.inflight == 0,
            "inflight is {}, expected 0",
            self.inflight
        );
        // The microseconds of each of the three times in /proc/diskstats are cut off.
        let waited_ms = (counted.read_ms + counted.write_ms + counted.discard_ms) as f64;
        let kinds = [counted.reads, counted.writes, counted.discards];
        let cut_off_ms = kinds.iter().filter(|requests| **requests > 0).count() as f64;
        let requests = counted.requests().max(1) as f64;
        let least = (waited_ms - cut_off_ms) / requests * 100.0 - 1.0;
        let most = (waited_ms + cut_off_ms) / requests * 100.0 + 1.0;
        ensure!(
            (least..=most).contains(&(self.await_ms as f64)),
            "await is {:.2} ms, expected {:.2} ms to {:.2} ms, since {waited_ms} ms, give or take \
             {cut_off_ms}, were waited for {requests} requests",
            self.await_ms as f64 / 100.0,
            least / 100.0,
            most / 100.0
        );
        Ok(())
    }

    fn business(counted: &Counters) -> u64 {
        counted.busy_ms
    }
}

fn line<'a>(sample: &'a Sample, name: &str) -> Result<Option<&'a lines::Disk>> {
    busiest::line(sample, name)
}

fn compare(guest: &Guest) -> Result<()> {
    const INTERVAL_MS: u64 = 600;
    // What the driver takes for a request. With it, all of the times are well above nothing.
    const DELAY: [(&str, &str); 2] = [("irqmode", "2"), ("completion_nsec", "6000000")];
    let backing = Backing::create("disk.loop", 16 * MIB)?;
    let _loop = Loop::attach("loop3", &backing.0)?;
    let _null = NullDisk::create(
        "nullslow",
        &[
            &[("size", "64"), ("memory_backed", "1"), ("discard", "1")][..],
            &DELAY,
        ]
        .concat(),
    )?;
    let names = ["vdb", "loop3", "nullslow"];
    for name in names {
        // A disk that has not been used yet gets its first line a sample later.
        Disk::open(name)?.read(0, 4096)?;
    }
    let module = Module::load(&guest.log, &parameters(INTERVAL_MS))?;
    for round in 1..=2 {
        let window = between_samples(
            guest,
            &module,
            INTERVAL_MS,
            blockdev::counters,
            || {
                for (n, name) in (2 * round + 1..).zip(names) {
                    use_disk(name, n)?;
                }
                Ok(())
            },
            |sample| busiest::is_used::<lines::Disk>(sample, &names),
        )?;
        let shown = busiest::lines::<lines::Disk>(&window.sample)?;
        for name in names {
            let counted = window.after[name].since(&window.before[name])?;
            ensure!(
                counted.reads > 0 && counted.writes > 0 && counted.discards > 0,
                "expected reads, writes and discards of {name}, as the comparison proves nothing \
                 otherwise, found {counted:?}"
            );
            check_line(shown, name, &counted, window.interval)?;
        }
        let slow = line(&window.sample, "nullslow")?
            .with_context(|| format!("expected a line of nullslow, found {shown:?}"))?;
        // The interval may have grown until the work had room in one.
        let busy_ms = u128::from(slow.busy) * window.interval.as_millis() / 1000;
        ensure!(
            busy_ms >= 30 && slow.await_ms >= 500,
            "expected that it was busy for 30 ms or more, and 5 ms or more for a request, with a \
             delay of 6 ms, as the comparison proves little otherwise, found {busy_ms} ms of \
             {:?}: {slow:?}",
            window.interval
        );
        check_order(shown)?;
    }
    module.unload().map(drop)
}

/// Reads, writes and discards `n` times and some more, each in another amount.
fn use_disk(name: &str, n: u64) -> Result<()> {
    let mut disk = Disk::open(name)?;
    for step in 0..n {
        disk.read(step * 64 * 1024, 4096)?;
        disk.read(MIB + step * 4096, 512)?;
        disk.write(2 * MIB + step * 32 * 1024, &[step as u8; 8192])?;
    }
    disk.write(3 * MIB, &[7; 16384])?;
    blockdev::discard(name, 4 * MIB, (n + 1) * 64 * 1024)
}

/// While requests are in flight for longer than an interval, the disk is busy all of the time, and
/// of a request that ended no time counts twice.
fn in_flight(guest: &Guest) -> Result<()> {
    const INTERVAL_MS: u64 = 250;
    const FLIGHT_MS: u64 = 700;
    const READERS: u64 = 3;
    const TRIES: u32 = 4;
    let delay = (FLIGHT_MS * 1_000_000).to_string();
    let _null = NullDisk::create(
        "nullfar",
        &[
            ("size", "64"),
            ("irqmode", "2"),
            ("completion_nsec", &delay),
        ],
    )?;
    Disk::open("nullfar")?.read(0, 4096)?;
    let module = Module::load(&guest.log, &parameters(INTERVAL_MS))?;
    wait_answered(&module, module.start, 2, INTERVAL_MS)?;
    let mut result = Err(anyhow!("expected {TRIES} tries, found none"));
    for _ in 0..TRIES {
        let start = guest.log.mark("before the flight")?;
        module.wait_begun(start, 1, ms(INTERVAL_MS))?;
        sleep_ms(INTERVAL_MS / 8);
        let before = blockdev::counters()?["nullfar"];
        let flight = fly(READERS)?;
        let after = blockdev::counters()?["nullfar"];
        let end = guest.log.mark("after the flight")?;
        wait_answered(&module, end, 2, INTERVAL_MS)?;
        let samples = wait_answered(&module, start, 1, INTERVAL_MS)?;
        check_counts(&samples, &after.since(&before)?, READERS)?;
        // Only how long it took is a matter of luck on a machine that is busy.
        result = check_busy(&samples, flight, READERS);
        match &result {
            Ok(()) => break,
            Err(error) => crate::report(&format!("# once more: {error:#}")),
        }
    }
    result?;
    module.unload().map(drop)
}

/// Reads in several threads at once, and gives the time that it took.
fn fly(readers: u64) -> Result<Duration> {
    let barrier = Barrier::new(readers as usize + 1);
    let (started, ended) = thread::scope(|scope| {
        let threads: Vec<_> = (0..readers)
            .map(|reader| {
                let barrier = &barrier;
                scope.spawn(move || {
                    let disk = Disk::open("nullfar");
                    barrier.wait();
                    disk?.read(reader * MIB, 4096).map(drop)
                })
            })
            .collect();
        barrier.wait();
        let started = monotonic();
        for thread in threads {
            thread.join().map_err(|_| anyhow!("a reader panicked"))??;
        }
        anyhow::Ok((started, monotonic()))
    })?;
    Ok(ended.saturating_sub(started))
}

fn far_line(sample: &Sample) -> Result<&lines::Disk> {
    line(sample, "nullfar")?
        .with_context(|| format!("expected a line of nullfar, found {:?}", sample.disks))
}

fn check_counts(samples: &[Sample], counted: &Counters, readers: u64) -> Result<()> {
    ensure!(
        counted.reads == readers,
        "expected {readers} reads in /proc/diskstats, found {counted:?}"
    );
    let mut completed = Vec::new();
    for sample in samples {
        let line = far_line(sample)?;
        ensure!(
            line.inflight <= readers,
            "expected at most {readers} in flight, found {line:?}"
        );
        if line.inflight == readers {
            ensure!(
                line.r == 0 && line.await_ms == 0,
                "expected no read to be done while all are in flight, found {line:?}"
            );
        }
        ensure!(
            line.inflight == 0 || line.busy > 0,
            "expected a busy disk while requests are in flight, found {line:?}"
        );
        if line.r > 0 {
            completed.push(line);
        }
    }
    let last = samples.last().context("expected a sample, found none")?;
    let last = one(
        busiest::lines::<lines::Disk>(last)?,
        "line of nullfar",
        |line| line.name == "nullfar",
    )?;
    ensure!(
        (last.inflight, last.busy, last.r) == (0, 0, 0),
        "expected the disk to be at rest in the last sample, found {last:?}"
    );
    // When they end in two samples, each has an await of its own.
    if let [line] = completed[..] {
        let await_ms = |read_ms: u64| read_ms * 100 / readers;
        let (least, most) = (await_ms(counted.read_ms - 1), await_ms(counted.read_ms + 1));
        ensure!(
            (least - 1..=most + 2).contains(&line.await_ms),
            "await is {:.2} ms, expected {:.2} ms to {:.2} ms: {line:?} for {counted:?}",
            line.await_ms as f64 / 100.0,
            (least - 1) as f64 / 100.0,
            (most + 2) as f64 / 100.0
        );
    }
    ensure!(
        !completed.is_empty(),
        "no line of {} samples has a completed read, expected one or more",
        samples.len()
    );
    Ok(())
}

/// The busy time of all samples, against the time of the flight.
fn check_busy(samples: &[Sample], flight: Duration, readers: u64) -> Result<()> {
    // A tick of the kernel at each end, what a sample is late, and what is rounded.
    const TOLERANCE_MS: f64 = 60.0;
    // The kernel counts in ticks of 4 ms, which are 1 % of the interval.
    const ALL_BUT_A_TICK: u32 = 985;
    let mut busy_ms = 0.0;
    let (mut all_in_flight, mut full) = (0, 0);
    for two in samples.windows(2) {
        let interval = two[1].first.at.saturating_sub(two[0].first.at);
        let line = far_line(&two[1])?;
        busy_ms += f64::from(line.busy) * interval.as_secs_f64();
        full += u32::from(line.busy >= ALL_BUT_A_TICK);
        all_in_flight += u32::from(line.inflight == readers);
    }
    let flight_ms = flight.as_secs_f64() * 1000.0;
    ensure!(
        (busy_ms - flight_ms).abs() <= TOLERANCE_MS,
        "the disk was busy for {busy_ms:.0} ms, expected {flight_ms:.0} ms, give or take \
         {TOLERANCE_MS} ms, as long as requests were in flight"
    );
    ensure!(
        all_in_flight >= 2 && full > 0,
        "all were in flight at {all_in_flight} samples, and {full} were busy all of their time, \
         expected 2 or more and 1 or more"
    );
    Ok(())
}

/// Driver brd does not count what it does, and `/proc/diskstats` shows nothing of it either.
fn unused(guest: &Guest) -> Result<()> {
    const INTERVAL_MS: u64 = 200;
    const WRITES: u64 = 10;
    let backing = Backing::create("unused.loop", 16 * MIB)?;
    let attached = Loop::attach("loop4", &backing.0)?;
    let counted = blockdev::counters()?["loop4"];
    ensure!(
        counted == Counters::default(),
        "loop4 was used before and has {counted:?}, expected 0 of all, as the case proves nothing \
         otherwise"
    );
    let module = Module::load(&guest.log, &parameters(INTERVAL_MS))?;
    let samples = wait_answered(&module, module.start, 3, INTERVAL_MS)?;
    for sample in &samples {
        for name in ["loop4", "loop5", "ram0"] {
            let line = line(sample, name)?;
            ensure!(
                line.is_none(),
                "expected no line of {name}, which was never used, found {line:?}"
            );
        }
    }

    let start = guest.log.mark("the first use")?;
    let mut disk = Disk::open("loop4")?;
    let mut ram = Disk::open("ram0")?;
    for step in 0..WRITES {
        disk.write(step * 4096, &[1; 4096])?;
        ram.write(step * 4096, &[1; 4096])?;
    }
    let end = guest.log.mark("after the first use")?;
    // One sample notes the disk, the next one has its line.
    let samples = wait_answered(&module, end, 3, INTERVAL_MS)?;
    for sample in &samples[1..] {
        let line = line(sample, "loop4")?.with_context(|| {
            let disks = &sample.disks;
            format!("expected a line of loop4, which is in use, found {disks:?}")
        })?;
        ensure!(
            (line.r, line.d) == (0, 0),
            "expected neither reads nor discards of a disk that was only written, found {line:?}"
        );
    }
    let is_counted = blockdev::counters()?["ram0"] != Counters::default();
    let mut written = 0.0;
    for sample in wait_answered(&module, start, 1, INTERVAL_MS)? {
        let ram = line(&sample, "ram0")?;
        ensure!(
            is_counted || ram.is_none(),
            "expected no line of ram0, for which /proc/diskstats counts nothing, found {ram:?}"
        );
        if let Some(line) = line(&sample, "loop4")? {
            written += line.w as f64 / 100.0 * INTERVAL_MS as f64 / 1000.0;
        }
    }
    ensure!(
        written <= 2.5 * WRITES as f64,
        "{written} writes were logged, expected at most {}, as {WRITES} were made",
        2.5 * WRITES as f64
    );

    // Its counters stay, but without a file it is no disk.
    drop(disk);
    attached.detach()?;
    let end = guest.log.mark("detached")?;
    for sample in wait_answered(&module, end, 2, INTERVAL_MS)? {
        let line = line(&sample, "loop4")?;
        ensure!(
            line.is_none(),
            "expected no line of loop4, which has no file any more, found {line:?}"
        );
    }
    module.unload().map(drop)
}

fn partition(guest: &Guest) -> Result<()> {
    const INTERVAL_MS: u64 = 400;
    const WHOLE: &str = "nullparts";
    const PART: &str = "nullparts1";
    let _null = NullDisk::create(
        WHOLE,
        &[
            ("size", "16"),
            ("memory_backed", "1"),
            ("irqmode", "2"),
            ("completion_nsec", "2000000"),
        ],
    )?;
    Disk::open(WHOLE)?.write(0, &partition_table())?;
    busybox(&["blockdev", "--rereadpt", &format!("/dev/{WHOLE}")])?;
    Disk::open(PART)?.read(0, 4096)?;
    let module = Module::load(&guest.log, &parameters(INTERVAL_MS))?;
    wait_answered(&module, module.start, 2, INTERVAL_MS)?;
    let window = between_samples(
        guest,
        &module,
        INTERVAL_MS,
        blockdev::counters,
        || {
            let mut part = Disk::open(PART)?;
            for step in 0..20 {
                part.read(step * 8192, 8192)?;
            }
            part.write(MIB, &[1; 65536])
        },
        |sample| busiest::is_used::<lines::Disk>(sample, &[WHOLE]),
    )?;
    let counted = |name: &str| window.after[name].since(&window.before[name]);
    ensure!(
        blockdev::is_partition(PART) && counted(PART)?.reads == 20,
        "expected 20 reads of {PART} as a partition, as the case proves nothing otherwise, found \
         {:?}",
        counted(PART)?
    );
    let shown = busiest::lines::<lines::Disk>(&window.sample)?;
    for line in shown {
        ensure!(
            !blockdev::is_partition(&line.name),
            "expected no line of a partition, found {line:?}"
        );
    }
    // What a partition does is its disk's doing too.
    check_line(shown, WHOLE, &counted(WHOLE)?, window.interval)?;
    module.unload().map(drop)
}

/// One Linux partition of 8 MiB, 1 MiB from the start.
fn partition_table() -> [u8; 512] {
    const ENTRY: usize = 446;
    const LINUX: u8 = 0x83;
    let mut sector = [0; 512];
    sector[ENTRY + 4] = LINUX;
    sector[ENTRY + 8..ENTRY + 12].copy_from_slice(&2048_u32.to_le_bytes());
    sector[ENTRY + 12..ENTRY + 16].copy_from_slice(&16384_u32.to_le_bytes());
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

fn many(guest: &Guest) -> Result<()> {
    const INTERVAL_MS: u64 = 700;
    const DISKS: u64 = 64;
    let names: Vec<String> = (0..DISKS).map(|n| format!("nullmany{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let attributes = [
        ("size", "16"),
        ("irqmode", "2"),
        ("completion_nsec", "4000000"),
    ];
    let _disks = names
        .iter()
        .map(|name| NullDisk::create(name, &attributes))
        .collect::<Result<Vec<_>>>()?;
    let mut open = names
        .iter()
        .map(|name| Disk::open(name))
        .collect::<Result<Vec<_>>>()?;
    for disk in &mut open {
        disk.read(0, 4096)?;
    }
    let module = Module::load(&guest.log, &parameters(INTERVAL_MS))?;
    wait_answered(&module, module.start, 1, INTERVAL_MS)?;
    let window = between_samples(
        guest,
        &module,
        INTERVAL_MS,
        blockdev::counters,
        || busy_in_steps(&mut open),
        |sample| busiest::is_used::<lines::Disk>(sample, &names),
    )?;

    let mut counted = BTreeMap::new();
    for (name, after) in &window.after {
        // A loop device without a file keeps its counters, but is no disk.
        let is_disk = !blockdev::is_partition(name) && blockdev::size(name)? > 0;
        if is_disk && after.requests() > 0 {
            counted.insert(name.as_str(), after.since(&window.before[name])?);
        }
    }
    let table = window.sample.disks.taken()?;
    check_busiest(table, &counted, window.interval)?;
    module.unload().map(drop)
}

/// Every disk does something, and every fourth one does more the higher its number is.
fn busy_in_steps(disks: &mut [Disk]) -> Result<()> {
    thread::scope(|scope| {
        let threads: Vec<_> = disks
            .iter_mut()
            .enumerate()
            .map(|(n, disk)| {
                let reads = if n % 4 == 0 { 4 + n as u64 / 4 } else { 1 };
                scope.spawn(move || {
                    (0..reads).try_for_each(|step| disk.read(step * 8192, 4096).map(drop))
                })
            })
            .collect();
        for thread in threads {
            thread.join().map_err(|_| anyhow!("a reader panicked"))??;
        }
        Ok(())
    })
}

/// A loop device on a file, and a disk of `md` that is made of it and of `vdb`.
fn layers(guest: &Guest) -> Result<()> {
    const CHUNK: usize = 65536;
    let backing = Backing::create("layer", 8 * MIB)?;
    let below = Loop::attach("loop0", &backing.0)?;
    let striped = Striped::create("layers", &["loop0", "vdb"], 4096)?;
    let module = Module::load(&guest.log, &parameters(60_000))?;
    let device = Device::open_writable()?;
    let mut disk = Disk::open(striped.name())?;
    // A disk has no line before its first request.
    disk.write(0, &vec![1; 2 * CHUNK])?;
    let begin = blockdev::counters()?;
    let before = take(&device)?;
    disk.write(0, &vec![7; 16 * CHUNK])?;
    let after = take(&device)?;
    let end = blockdev::counters()?;
    drop(device);

    let raw = after.raw().context("expected a record, found none")?;
    let known = |name: &str| {
        let mut disks = raw.entries::<record::Disk>();
        let found = disks.find(|disk| disk.name.as_bytes() == name.as_bytes());
        found.with_context(|| format!("expected {name} in the record, found none"))
    };
    for (name, slaves) in [(striped.name(), true), ("loop0", false), ("vdb", false)] {
        let disk = known(name)?;
        let has_slaves = disk
            .flags
            .with_context(|| format!("expected flags, found {disk:?}"))?
            & HAS_SLAVES
            != 0;
        let in_sysfs = std::fs::read_dir(format!("/sys/block/{name}/slaves"))?.count() != 0;
        ensure!(
            (has_slaves, in_sysfs) == (slaves, slaves),
            "{name} is made of others: {has_slaves} in the record, {in_sysfs} in /sys/block, \
             expected {slaves}"
        );
        let number = std::fs::read_to_string(format!("/sys/block/{name}/dev"))?;
        let told = disk
            .major
            .zip(disk.minor)
            .map(|(major, minor)| format!("{major}:{minor}"));
        ensure!(
            told.as_deref() == Some(number.trim()),
            "{name} has the number {told:?}, expected {:?}",
            number.trim()
        );
    }

    let sample = Sampled::between(&before, &after)
        .context("expected a sample of the two records, found none")?;
    let counted: BTreeMap<&str, bool> = sample
        .disks
        .iter()
        .map(|disk| (disk.name.as_str(), disk.in_total))
        .collect();
    ensure!(
        (
            counted.get(striped.name()),
            counted.get("loop0"),
            counted.get("vdb")
        ) == (Some(&false), Some(&false), Some(&true)),
        "expected vdb of the three in the total, found {counted:?}"
    );
    // Half of what was written to the one disk was written to each of the two below.
    let sectors = |name: &str, read: &dyn Fn(&Record) -> Option<record::Disk>| -> Result<u64> {
        let (then, now) = (read(&before), read(&after));
        let (then, now) = then
            .zip(now)
            .with_context(|| format!("expected {name} in both records"))?;
        Ok(now.writes.sectors - then.writes.sectors)
    };
    for (name, expected) in [(striped.name(), 16), ("loop0", 8), ("vdb", 8)] {
        let of = |record: &Record| -> Option<record::Disk> {
            let mut disks = record.raw()?.entries::<record::Disk>();
            disks.find(|disk| disk.name.as_bytes() == name.as_bytes())
        };
        let written = sectors(name, &of)?;
        let in_proc = end[name].since(&begin[name])?.written_sectors;
        let expected = expected * CHUNK as u64 / 512;
        ensure!(
            (written, in_proc) == (expected, expected),
            "{name}: {written} sectors in the records, {in_proc} in /proc/diskstats, expected {expected}"
        );
    }
    let total = sample.disk_total(|disk| disk.written_bytes_per_second);
    let rates = sample
        .disks
        .iter()
        .filter(|disk| disk.name.starts_with("vd"));
    let rate: f64 = rates.map(|disk| disk.written_bytes_per_second).sum();
    ensure!(
        total.is_some_and(|total| rate > 0.0 && (total - rate).abs() <= 1e-6 * rate),
        "the total is {total:?}, expected {rate} and more than 0"
    );

    drop(disk);
    module.unload()?;
    striped.stop()?;
    below.detach()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted() -> Counters {
        Counters {
            reads: 30,
            read_sectors: 240,
            read_ms: 150,
            writes: 10,
            written_sectors: 640,
            write_ms: 60,
            busy_ms: 212,
            ..Counters::default()
        }
    }

    fn logged(name: &str, busy: u32) -> lines::Disk {
        lines::Disk {
            name: name.into(),
            r: 3000,
            w: 1000,
            rkb: 12_000,
            wkb: 32_000,
            inflight: 0,
            busy,
            await_ms: 525,
            d: 0,
            dkb: 0,
        }
    }

    #[test]
    fn a_line_must_come_from_the_counts() {
        let good = logged("x", 212);
        good.check(&counted(), ms(1000)).unwrap();
        type Change = fn(&mut lines::Disk);
        let changes: [Change; 8] = [
            |line| line.r = 3100,
            |line| line.w = 1003,
            |line| line.rkb = 24_000,
            |line| line.wkb = 0,
            |line| line.inflight = 1,
            |line| line.busy = 220,
            |line| line.await_ms = 700,
            |line| line.d = 1,
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
        check_order(&[logged("x", 212), logged("y", 212), logged("z", 211)]).unwrap();
        check_order(&[logged("x", 211), logged("y", 212)]).unwrap_err();
        let idle = Counters::default();
        assert!(lines::Disk::business(&counted()) > lines::Disk::business(&idle));
    }

    #[test]
    fn the_partition_table_is_one() {
        let sector = partition_table();
        assert_eq!(sector[450], 0x83);
        assert_eq!(sector[454..458], [0, 8, 0, 0]);
        assert_eq!(sector[510..], [0x55, 0xaa]);
    }
}
