// SPDX-License-Identifier: GPL-2.0

//! `resmon` as a user runs it, against the kernel's own numbers.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Context, Result};
use resmon::Device;
use serde_json::Value;

use super::device::{came, counted_ticks, load_idle, take, work, Proc, Round};
use super::{sleep_ms, Case, Guest, Needs};
use crate::module::{self, Module, PATIENCE};
use crate::terminal::Terminal;
use crate::{netlink, proc, tools};

pub const CASES: &[Case] = &[
    Case {
        name: "resmon without the module",
        needs: Needs::Nothing,
        run: |_| without_module(),
    },
    Case {
        name: "resmon log against /proc",
        needs: Needs::Drivers,
        run: log,
    },
    Case {
        name: "resmon log and its options",
        needs: Needs::Nothing,
        run: options,
    },
    Case {
        name: "resmon status and interval",
        needs: Needs::Nothing,
        run: status,
    },
    Case {
        name: "resmon record, plot and top",
        needs: Needs::Drivers,
        run: pictures,
    },
    Case {
        name: "keys of resmon top",
        needs: Needs::Terminals,
        run: keys,
    },
    Case {
        name: "resmon export against /proc",
        needs: Needs::Drivers,
        run: export,
    },
    Case {
        name: "Prometheus scrapes resmon",
        needs: Needs::Program("prometheus"),
        run: prometheus,
    },
];

const RESMON: &str = "/resmon";

fn resmon(arguments: &[&str]) -> Result<Output> {
    let output = Command::new(RESMON)
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    output.context(RESMON)
}

/// What it prints when all goes well.
fn printed(arguments: &[&str]) -> Result<String> {
    let output = resmon(arguments)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() && errors.is_empty(),
        "resmon {}: {}, {}",
        arguments.join(" "),
        output.status,
        errors.trim()
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// The one line that it says when it cannot do it.
fn refused(arguments: &[&str], code: i32) -> Result<String> {
    let output = resmon(arguments)?;
    let errors = String::from_utf8(output.stderr)?;
    ensure!(
        output.status.code() == Some(code),
        "resmon {}: {}, {errors}",
        arguments.join(" "),
        output.status
    );
    ensure!(
        code == 2 || errors.lines().count() == 1,
        "resmon {}: {errors:?}",
        arguments.join(" ")
    );
    Ok(errors)
}

/// A program that runs until this goes out of scope.
struct Running(Child);

impl Running {
    fn start(arguments: &[&str]) -> Result<Running> {
        let child = Command::new(RESMON)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        Ok(Running(child.context(RESMON)?))
    }

    /// Waits until it has the device open.
    fn wait_open(&self) -> Result<()> {
        let folder = format!("/proc/{}/fd", self.0.id());
        let deadline = Instant::now() + PATIENCE;
        loop {
            let is_device = |entry: std::io::Result<fs::DirEntry>| {
                let file = fs::read_link(entry.ok()?.path()).ok()?;
                (file.to_str() == Some(Device::PATH)).then_some(())
            };
            if fs::read_dir(&folder)?.find_map(is_device).is_some() {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "it does not open the device");
            sleep_ms(5);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn without_module() -> Result<()> {
    for command in [
        &["status"][..],
        &["log"],
        &["interval"],
        &["top", "--once"],
        &["record", "/tmp/none.rec"],
        &["plot", "--out", "/tmp/none.svg"],
        &["export", "--once"],
    ] {
        let said = refused(command, 1)?;
        ensure!(
            said.contains("insmod resource_monitor.ko, or modprobe resource_monitor"),
            "{said:?}"
        );
    }
    for file in ["/tmp/none.rec", "/tmp/none.svg"] {
        ensure!(fs::metadata(file).is_err(), "{file} was made");
    }
    Ok(())
}

fn number(sample: &Value, pointer: &str) -> Result<f64> {
    let value = sample.pointer(pointer).and_then(Value::as_f64);
    value.with_context(|| format!("{pointer} of {sample}"))
}

/// The member of a list that has this value.
fn member<'a>(sample: &'a Value, list: &str, key: &str, value: &Value) -> Result<&'a Value> {
    let members = sample[list].as_array().context(list.to_string())?;
    let found = members.iter().find(|member| member[key] == *value);
    found.with_context(|| format!("no {key} {value} in {list} of {sample}"))
}

/// What is printed for a sample is what came between it and the one before.
fn log(guest: &Guest) -> Result<()> {
    netlink::set_up("lo", true)?;
    work(guest, 1)?;
    let module = load_idle(guest, "")?;
    let device = Device::open_writable()?;
    let round = || -> Result<Round> {
        let before = Proc::read()?;
        let record = take(&device)?;
        Ok((before, record, Proc::read()?))
    };
    let first = round()?;
    let mut log = Running::start(&["log", "--json", "--count", "1"])?;
    log.wait_open()?;
    work(guest, 4)?;
    let second = round()?;
    let mut line = String::new();
    let out = log.0.stdout.take().context("no output")?;
    BufReader::new(out).read_line(&mut line)?;
    let sample: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
    ensure!(
        sample["seq"] == second.1.header().seq,
        "sample {} is not {:?}",
        sample["seq"],
        second.1.header()
    );
    check(guest, &first, &sample, &second)?;
    // The kernel's name of the boot, and the module's.
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let header = second.1.header();
    let ids = [header.boot_id, header.load_id].map(|id| format!("{:016x}", id.unwrap_or(0)));
    ensure!(
        sample["boot_id"] == boot_id.trim()
            && [&sample["module_boot_id"], &sample["module_load_id"]] == [&ids[0], &ids[1]],
        "{} {ids:?}: {line}",
        boot_id.trim()
    );
    drop((log, device));
    module.unload().map(drop)
}

fn check(guest: &Guest, first: &Round, sample: &Value, second: &Round) -> Result<()> {
    let elapsed = number(sample, "/elapsed_s")?;
    let rate = |of: &Value, pointer: &str| Ok::<_, anyhow::Error>(number(of, pointer)? * elapsed);
    let disk = member(sample, "disks", "name", &"vdb".into())?;
    let net = member(sample, "nets", "name", &"lo".into())?;
    let disks =
        |of: fn(&crate::blockdev::Counters) -> u64| move |proc: &Proc| of(&proc.disks["vdb"]);
    for (what, of, amount) in [
        (
            "reads",
            disks(|disk| disk.reads),
            rate(disk, "/reads_per_second")?,
        ),
        (
            "writes",
            disks(|disk| disk.writes),
            rate(disk, "/writes_per_second")?,
        ),
        (
            "bytes read",
            disks(|disk| disk.read_sectors * 512),
            rate(disk, "/read_bytes_per_second")?,
        ),
        (
            "bytes written",
            disks(|disk| disk.written_sectors * 512),
            rate(disk, "/written_bytes_per_second")?,
        ),
    ] {
        came(what, of, first, second, amount)?;
    }
    came(
        "packets",
        |proc| proc.nets["lo"].rx_packets,
        first,
        second,
        rate(net, "/received/packets_per_second")?,
    )?;
    for (name, pointer) in [
        ("pgfault", "/activity/faults_per_second"),
        ("pgmajfault", "/activity/major_faults_per_second"),
    ] {
        came(
            name,
            |proc| proc::vmstat(&proc.vmstat, name).unwrap_or(0),
            first,
            second,
            rate(sample, pointer)?,
        )?;
    }
    let cpu = guest.last_cpu();
    let shown = member(sample, "cpus", "id", &cpu.into())?;
    for (index, pointer) in [(0, "/user_percent"), (2, "/system_percent")] {
        // In hundredths of a second, as /proc/stat has it.
        let ticks = number(shown, pointer)? / 100.0 * counted_ticks(cpu, first, second);
        came(pointer, |proc| proc.stat[&cpu][index], first, second, ticks)?;
    }
    ensure!(
        number(shown, "/user_percent")? > 5.0,
        "there was no load: {shown}"
    );
    let total = second.0.meminfo["MemTotal"] * 1024;
    ensure!(
        sample["memory"]["total_bytes"] == total,
        "{}",
        sample["memory"]
    );
    let root = member(sample, "file_systems", "path", &"/".into())?;
    ensure!(root["state"] == "mounted", "{root}");
    Ok(())
}

fn options(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=50 log_every=0")?;
    let lines = printed(&["log", "--count", "3"])?;
    ensure!(lines.lines().count() >= 4, "{lines}");
    let lines = printed(&["log", "--csv", "--count", "4"])?;
    let columns: Vec<usize> = lines.lines().map(|line| line.split(',').count()).collect();
    ensure!(columns.len() == 5 && columns[0] > 10, "{lines}");
    ensure!(columns.iter().all(|count| *count == columns[0]), "{lines}");
    let kept = printed(&["log", "--json", "--since", "1h", "--count", "5"])?;
    let seqs = kept
        .lines()
        .map(|line| Ok(serde_json::from_str::<Value>(line)?["seq"].clone()))
        .collect::<Result<Vec<_>>>()?;
    // From the first ones on.
    ensure!(seqs == [1, 2, 3, 4, 5].map(Value::from), "{seqs:?}");
    // Nobody reads on.
    let mut log = Running::start(&["log"])?;
    drop(log.0.stdout.take());
    let status = log.0.wait()?;
    ensure!(status.code() == Some(0), "on a closed pipe: {status}");
    for wrong in [&["log", "--since", "soon"][..], &["log", "--count", "x"]] {
        refused(wrong, 2)?;
    }
    module.unload().map(drop)
}

fn status(guest: &Guest) -> Result<()> {
    let module = load_idle(guest, "history=33")?;
    let status: Value = serde_json::from_str(&printed(&["status", "--json"])?)?;
    let text = status.to_string();
    ensure!(text.contains("3600000") || text.contains("3600"), "{text}");
    ensure!(printed(&["status"])?.contains("33"), "no history");
    ensure!(printed(&["interval"])?.trim() == "1h", "another interval");
    ensure!(
        printed(&["interval", "250ms"])?.len() < 80,
        "it says too much"
    );
    ensure!(module::read("interval_ms")? == 250, "it was not set");
    ensure!(
        printed(&["interval"])?.trim() == "250ms",
        "another interval"
    );
    let said = refused(&["interval", "5ms"], 2)?;
    ensure!(said.contains("10ms to 1h"), "{said:?}");
    let said = refused(&["interval", "soon"], 2)?;
    ensure!(said.contains("soon"), "{said:?}");
    ensure!(module::read("interval_ms")? == 250, "it was set");
    module.unload().map(drop)
}

fn pictures(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=100 log_every=0 fs_paths=/,/tmp")?;
    work(guest, 2)?;
    sleep_ms(500);
    let file = "/tmp/some.rec";
    printed(&["record", file, "--history", "--count", "6"])?;
    let recorded = resmon::Records::open(file)?.collect::<resmon::Result<Vec<_>>>()?;
    let seqs: Vec<u64> = recorded.iter().map(|record| record.header().seq).collect();
    ensure!(seqs == [0, 1, 2, 3, 4, 5], "{seqs:?}");
    let said = refused(&["record", file], 1)?;
    ensure!(said.contains(file), "{said:?}");
    fs::remove_file(file)?;

    let screen = printed(&["top", "--once"])?;
    let widest = screen.lines().map(|line| line.chars().count()).max();
    ensure!(
        screen.lines().count() <= 24 && widest <= Some(80),
        "{screen}"
    );
    for word in ["vda", "/tmp", "pressure"] {
        ensure!(
            screen.to_lowercase().contains(word),
            "no {word} in\n{screen}"
        );
    }
    for (file, start) in [
        ("/tmp/plot.svg", b"<svg".as_slice()),
        ("/tmp/plot.png", b"\x89PNG"),
    ] {
        printed(&["plot", "--out", file])?;
        let picture = fs::read(file)?;
        let starts = picture
            .windows(start.len())
            .take(200)
            .any(|part| part == start);
        ensure!(
            starts && picture.len() > 5000,
            "{file}: {} bytes",
            picture.len()
        );
        fs::remove_file(file)?;
    }
    module.unload().map(drop)
}

/// The live screen, by what its keys do to the module and what it writes.
fn keys(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=100 log_every=0")?;
    let mut top = Terminal::start(RESMON, &["top"], 80, 24)?;
    top.wait_for("q quit")?;
    let wait_interval = |interval_ms: u64| {
        let deadline = Instant::now() + PATIENCE;
        while module::read("interval_ms")? != interval_ms {
            ensure!(Instant::now() < deadline, "it is not {interval_ms} ms");
            sleep_ms(10);
        }
        Ok(())
    };
    for (key, interval_ms) in [("+", 200), ("+", 500), ("-", 200)] {
        top.press(key)?;
        wait_interval(interval_ms).with_context(|| format!("after {key}"))?;
    }
    // The screen goes on with samples of the new interval.
    top.wait_for("every 200 ms")?;
    top.press("?")?;
    top.wait_for("Keys of resmon top")?;
    // Which leaves the help alone.
    top.press("q")?;
    top.wait_until("the help is gone", |screen| {
        !screen.contents().contains("Keys of resmon top")
    })?;
    top.press(" ")?;
    top.wait_for("paused")?;
    top.resize(120, 40)?;
    top.wait_until("the keys are in the last row", |screen| {
        let rows: Vec<String> = screen.rows(0, 120).collect();
        rows.len() == 40 && rows[39].contains("q quit")
    })?;
    top.press("q")?;
    top.wait_end()?;
    module.unload().map(drop)
}

/// The value of a metric.
fn metric(text: &str, name: &str) -> Result<f64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = line.with_context(|| format!("no {name}"))?;
    value.parse().with_context(|| format!("{name} {value}"))
}

/// Fetches the metrics until there are some.
pub fn scrape(address: &str) -> Result<String> {
    let deadline = Instant::now() + PATIENCE;
    let url = format!("http://{address}/metrics");
    loop {
        match tools::busybox(&["wget", "-q", "-O", "-", &url]) {
            Ok(text) => return Ok(text),
            Err(error) if Instant::now() > deadline => bail!(error),
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}

fn export(guest: &Guest) -> Result<()> {
    const ADDRESS: &str = "127.0.0.1:9950";
    netlink::set_up("lo", true)?;
    work(guest, 1)?;
    let module = load_idle(guest, "")?;
    let device = Device::open_writable()?;
    let export = Running::start(&["export", "--listen", ADDRESS])?;
    scrape(ADDRESS)?;
    let before = Proc::read()?;
    let record = take(&device)?;
    let after = Proc::read()?;
    let deadline = Instant::now() + PATIENCE;
    let samples = record.header().seq as f64 + 1.0;
    let text = loop {
        let text = scrape(ADDRESS)?;
        if metric(&text, "resource_monitor_samples_total")? == samples {
            break text;
        }
        ensure!(
            Instant::now() < deadline,
            "it does not show the newest record"
        );
    };
    let disk = |proc: &Proc| proc.disks["vdb"].reads as f64;
    let net = |proc: &Proc| proc.nets["lo"].rx_bytes as f64;
    let cpu = |proc: &Proc| proc.stat[&0][0] as f64 / 100.0;
    let faults = |proc: &Proc| proc::vmstat(&proc.vmstat, "pgfault").unwrap_or(0) as f64;
    for (name, least, most) in [
        (
            "node_disk_reads_completed_total{device=\"vdb\"}",
            disk(&before),
            disk(&after),
        ),
        (
            "node_network_receive_bytes_total{device=\"lo\"}",
            net(&before),
            net(&after),
        ),
        (
            "node_cpu_seconds_total{cpu=\"0\",mode=\"user\"}",
            cpu(&before),
            cpu(&after) + 0.01,
        ),
        ("node_vmstat_pgfault", faults(&before), faults(&after)),
    ] {
        let value = metric(&text, name)?;
        ensure!(
            (least..=most).contains(&value),
            "{name} is {value}, it was {least} before and {most} after"
        );
    }
    let total = metric(&text, "node_memory_MemTotal_bytes")?;
    ensure!(
        total == before.meminfo["MemTotal"] as f64 * 1024.0,
        "{total}"
    );
    ensure!(metric(&text, "resource_monitor_up")? == 1.0, "it is not up");
    ensure!(text.ends_with("# EOF\n"), "it does not end");
    // A second one cannot listen there.
    let said = refused(&["export", "--listen", ADDRESS], 1)?;
    ensure!(said.contains(ADDRESS), "{said:?}");
    drop((export, device));
    module.unload().map(drop)
}

/// The value that Prometheus has for a query, once it has one.
fn query(what: &str) -> Result<f64> {
    let deadline = Instant::now() + PATIENCE;
    let mut said = String::new();
    while Instant::now() < deadline {
        let url = format!("http://127.0.0.1:9090/api/v1/query?query={what}");
        if let Ok(text) = tools::busybox(&["wget", "-q", "-O", "-", &url]) {
            let answer: Value = serde_json::from_str(&text).with_context(|| text.clone())?;
            let value = answer
                .pointer("/data/result/0/value/1")
                .and_then(Value::as_str);
            if let Some(value) = value {
                return value.parse().with_context(|| text);
            }
            said = text;
        }
        sleep_ms(200);
    }
    bail!("Prometheus has nothing for {what}: {said}")
}

/// Debian's Prometheus, with the configuration that comes with resmon.
fn prometheus(guest: &Guest) -> Result<()> {
    netlink::set_up("lo", true)?;
    let module = Module::load(&guest.log, "interval_ms=500 log_every=0 fs_paths=/")?;
    let export = Running::start(&["export"])?;
    let prometheus = tools::Running::start(&[
        "chroot",
        tools::PROGRAMS,
        "/prometheus",
        "--config.file=/prometheus.yml",
        "--storage.tsdb.path=/tmp",
        "--web.listen-address=127.0.0.1:9090",
    ])?;
    ensure!(
        query("up%7Bjob=%22resource_monitor%22%7D")? == 1.0,
        "it is not up"
    );
    let total = query("node_memory_MemTotal_bytes")?;
    let meminfo = proc::meminfo(&fs::read_to_string("/proc/meminfo")?)?;
    ensure!(
        total == meminfo["MemTotal"] as f64 * 1024.0,
        "{total} bytes of memory"
    );
    let cpus = query("count(node_cpu_seconds_total%7Bmode=%22idle%22%7D)")?;
    ensure!(cpus == f64::from(guest.cpus), "{cpus} CPUs");
    // A question of the kind that dashboards ask.
    let idle = query("100*avg(rate(node_cpu_seconds_total%7Bmode=%22idle%22%7D%5B10s%5D))")?;
    ensure!((0.0..=101.0).contains(&idle), "{idle} % idle");
    // A sample is taken twice a second. Of a time that it has not seen all of, Prometheus gives less.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rate = query("rate(resource_monitor_samples_total%5B5s%5D)")?;
        if (1.5..=2.5).contains(&rate) {
            break;
        }
        ensure!(Instant::now() < deadline, "{rate} samples per second");
        sleep_ms(500);
    }
    drop((prometheus, export));
    module.unload().map(drop)
}
