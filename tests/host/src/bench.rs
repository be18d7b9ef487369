// SPDX-License-Identifier: GPL-2.0

//! What the benchmark's guests have counted: tables, all numbers as JSON, and whether the bars are met.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{bail, Context, Result};
use model::pieces::{GAP_NS, PIECE_CPUS};

use crate::args::Args;

pub fn command(mut args: Args) -> Result<bool> {
    let kernel = args.value("--kernel")?;
    let folder = args.value("--results")?;
    let json = args.value("--json")?;
    let must_meet = args.switch("--check");
    let mut report = Report::default();
    for cpus in args.rest()? {
        let path = Path::new(&folder).join(format!("{cpus}.result"));
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let cpus: i64 = cpus.parse().with_context(|| format!("CPUs '{cpus}'"))?;
        let added = report.add(cpus, &Counted::parse(&text));
        added.with_context(|| path.display().to_string())?;
    }
    let new = format!("{json}.new");
    fs::write(&new, report.json(&kernel)).with_context(|| new.clone())?;
    fs::rename(&new, &json).with_context(|| json.clone())?;
    print!("{}", report.text(&kernel, &json));
    if must_meet && report.is_missed {
        bail!("a bar was missed");
    }
    Ok(true)
}

/// The numbers of a guest: a line `NAME … KEY=NUMBER …` is `NAME.KEY`. A unit behind a number is left
/// out.
struct Counted(HashMap<String, i64>);

impl Counted {
    fn parse(text: &str) -> Counted {
        let mut counted = HashMap::new();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let name = words.next().unwrap_or_default();
            for (key, value) in words.filter_map(|word| word.split_once('=')) {
                let digits = value.strip_prefix('-').unwrap_or(value);
                let end = digits.find(|c: char| !c.is_ascii_digit());
                let len = value.len() - digits.len() + end.unwrap_or(digits.len());
                if let Ok(number) = value[..len].parse() {
                    counted.insert(format!("{name}.{key}"), number);
                }
            }
        }
        Counted(counted)
    }

    fn get(&self, key: &str) -> Result<i64> {
        let found = self.0.get(key).copied();
        found.with_context(|| format!("the guest did not count {key}"))
    }

    /// The median of a program; reading the clock is part of the measuring.
    fn without_clock(&self, key: &str) -> Result<i64> {
        Ok(self.get(key)? - self.get("clock.median")?)
    }
}

/// Processes are measured on a machine of so many CPUs.
const TASKS_CPUS: i64 = 1;

/// A day is measured on a machine of so many CPUs: a sample every 5 s.
const DAY_CPUS: i64 = 4;
const DAY_RECORDS: i64 = 17_280;

/// What that may take to be printed.
const DAY_CSV: i64 = 3_000_000_000;

/// What one sample costs the module by its own account, in a measurement.
struct Costs {
    /// All pieces of a sample together.
    callback: i64,
    /// The longest run of the callback, with one piece.
    longest_callback: i64,
    sources: i64,
    report: i64,
    /// What the module does not count before its memory for plain records is full: encoding an older
    /// record.
    encode: i64,
}

impl Costs {
    /// Those of a measurement of the sources `sources`.
    fn of(counted: &Counted, name: &str, sources: &str) -> Result<Costs> {
        let average = |part| counted.get(&format!("{name}.{part}_avg"));
        Ok(Costs {
            callback: average("callback")?,
            longest_callback: counted.get(&format!("{name}.callback_max"))?,
            sources: average("sources")?,
            report: average("report")?,
            encode: encode(counted, sources)?,
        })
    }

    fn total(&self) -> i64 {
        self.callback + self.sources + self.report + self.encode
    }
}

/// All tables, and the runs as JSON.
#[derive(Default)]
struct Report {
    basic: String,
    full: String,
    device: String,
    tasks: String,
    bars: String,
    outside: String,
    notes: String,
    runs: Vec<String>,
    is_missed: bool,
}

/// The bars of one run.
struct Bars<'a> {
    cpus: i64,
    report: &'a mut Report,
    json: Vec<String>,
}

impl Bars<'_> {
    /// One bar that the value must not exceed.
    fn bar(&mut self, name: &str, value: i64, limit: i64) {
        let is_met = value <= limit;
        self.report.is_missed |= !is_met;
        self.add(name, value, limit, if is_met { "met" } else { "MISSED" });
        self.json.push(format!(
            "{{\"bar\": \"{name}\", \"value\": {value}, \"limit\": {limit}, \"met\": {is_met}}}"
        ));
    }

    /// The same as a bar, but only to look at.
    fn beside(&mut self, name: &str, value: i64, limit: i64) {
        let is_within = value <= limit;
        let word = if is_within { "(within)" } else { "(over)" };
        self.add(&format!("({name})"), value, limit, word);
        self.json.push(format!(
            "{{\"no_bar\": \"{name}\", \"value\": {value}, \"limit\": {limit}, \"within\": {is_within}}}"
        ));
    }

    /// Those of a census of processes.
    fn tasks(&mut self, counted: &Counted) -> Result<()> {
        let median = |count: i64| counted.get(&format!("census_{count}.median"));
        let processes = |count: i64| counted.get(&format!("census_{count}.processes"));
        let (few, many) = (median(0)?, median(10_000)?);
        let each = divided(many - few, processes(10_000)? - processes(0)?)?;
        self.bar("census: 180 per process", each, 180);
        let thousand = median(1000)?;
        self.bar("census of 1000 processes: 200,000", thousand, 200_000);
        self.bar("census of 10,000 processes: 2 million", many, 2_000_000);
        for (name, limit) in [("pidstat", 200), ("atop", 300)] {
            let other = counted.get(&format!("{name}.average"))?;
            let what = format!("census of 1000: 1/{limit} of {name}");
            self.bar(&what, thousand, other / limit);
        }
        Ok(())
    }

    /// Those of a day of records.
    fn day(&mut self, counted: &Counted) -> Result<()> {
        let decode = counted.get("decode.all")?;
        self.bar(
            "decode: 30 per word of the record",
            divided(decode, counted.get("decode.words")?)?,
            30,
        );
        let of_day = |all: i64, records: i64| divided(all * DAY_RECORDS, records);
        self.bar(
            "a day, decoded: 250 million",
            of_day(decode, counted.get("decode.records")?)?,
            250_000_000,
        );
        self.bar(
            "a day, log --csv: 3000 million",
            of_day(counted.get("log.csv")?, counted.get("log.records")?)?,
            DAY_CSV,
        );
        self.bar(
            "top, its first screen: a hundredth of that",
            counted.get("top.first_screen")?,
            DAY_CSV / 100,
        );
        Ok(())
    }

    fn add(&mut self, name: &str, value: i64, limit: i64, word: &str) {
        let n = self.cpus;
        self.report.bars += &format!("{n:5}  {name:<46}  {value:8}  {limit:8}  {word}\n");
    }
}

impl Report {
    /// Adds the run with `n` CPUs.
    fn add(&mut self, n: i64, counted: &Counted) -> Result<()> {
        let reader = counted.without_clock("reader.median")?;
        let full_reader = counted.without_clock("reader_all.median")?;
        let basic = Costs::of(counted, "basic", "basic")?;
        let basic_total = basic.total();
        writeln!(
            self.basic,
            "{n:5}  {:8}  {:12}  {:8}  {basic_total:8}  {reader:8}  {:>15}  {:>12}",
            basic.callback,
            basic.report,
            basic.encode,
            ratio(basic.callback, reader)?,
            ratio(basic_total, reader)?
        )?;
        let silent = Costs::of(counted, "all_silent", "all")?;
        let all = Costs::of(counted, "all", "all")?;
        let all_full = Costs::of(counted, "all_full", "all")?;
        for (log, costs) in [("no", &silent), ("brief", &all), ("full", &all_full)] {
            writeln!(
                self.full,
                "{n:5}  {log:<5}  {:8}  {:8}  {:12}  {:8}  {:8}  {full_reader:8}  {:>12}",
                costs.callback,
                costs.sources,
                costs.report,
                costs.encode,
                costs.total(),
                ratio(costs.total(), full_reader)?
            )?;
        }
        let deliver = counted.without_clock("all_deliver.median")?;
        // The CPU idles between two pieces, and the clock goes on.
        let further_pieces = (n - 1) / PIECE_CPUS as i64;
        let gaps = further_pieces * GAP_NS as i64;
        let sample_deliver = counted.without_clock("all_sample_deliver.median")? - gaps;
        let exporter = counted.without_clock("node_exporter.median")?;
        let sadc = counted.get("sadc.average")?;
        writeln!(
            self.device,
            "{n:5}  {deliver:8}  {sample_deliver:8}  {exporter:12}  {sadc:12}  {:>14}  {:>12}",
            format!("1/{}", divided(exporter, sample_deliver)?),
            format!("1/{}", divided(sadc, sample_deliver)?)
        )?;
        let mut outside = Vec::new();
        write!(self.outside, "{n:5}")?;
        for name in [
            "basic_silent",
            "basic",
            "reader",
            "all_silent",
            "all",
            "all_full",
            "reader_all",
            "noise",
        ] {
            let number = counted.get(&format!("outside.{name}"))?;
            write!(self.outside, "  {number:8}")?;
            outside.push(format!("\"{name}\": {number}"));
        }
        self.outside.push('\n');
        let stale = counted.get("outside.stale")?;
        if stale != 0 {
            writeln!(
                self.notes,
                "{n:5}  {stale} readings of a source were late there, and not logged"
            )?;
        }

        let mut bars = Bars {
            cpus: n,
            report: self,
            json: Vec::new(),
        };
        let callback = basic.callback;
        let limit = 1200 + 350 * n + 300 * further_pieces;
        bars.bar(
            "callback, all: 1200 + 350/CPU + 300/piece more",
            callback.max(all.callback),
            limit,
        );
        bars.bar(
            "callback, its longest run: 7500",
            basic.longest_callback.max(all.longest_callback),
            7500,
        );
        bars.bar(
            "encode: 35 per word of the record",
            all.encode,
            35 * counted.get("all_record.words")?,
        );
        bars.bar(
            "sample and deliver: 1/700 of node_exporter",
            sample_deliver,
            exporter / 700,
        );
        let outside_reader = counted.get("outside.reader_all")?;
        // With many CPUs reading is most of it, for the reader as for the module.
        let (what, limit) = if n < 64 {
            (
                "everything, no log, from outside: 1/6, +-",
                outside_reader / 6,
            )
        } else {
            (
                "everything, no log, from outside: 1/5, +-",
                outside_reader / 5,
            )
        };
        // They are good to so much, and no more; where that is not good enough it is no excuse.
        let noise = counted.get("outside.noise")?;
        let with_noise = |limit: i64| limit + noise.min(limit / 10);
        bars.bar(what, counted.get("outside.all_silent")?, with_noise(limit));
        bars.bar(
            "everything, brief log, from outside: 1/3, +-",
            counted.get("outside.all")?,
            with_noise(outside_reader / 3),
        );
        let watched = counted.get("all_silent.report_avg")?;
        bars.bar(
            "all triggers on a quiet machine: 1500",
            watched - counted.get("all_unwatched.report_avg")?,
            1500,
        );
        if n == 1 {
            bars.bar("callback: 1/30 of the reader", callback, reader / 30);
            bars.bar(
                "CPU and memory, brief log: 2/3 of the reader",
                basic_total,
                reader * 2 / 3,
            );
        }
        if n == 64 {
            bars.bar("callback: 1/10 of the reader", callback, reader / 10);
            bars.bar(
                "CPU and memory, brief log: 1/4 of the reader",
                basic_total,
                reader / 4,
            );
        }
        if [1, 16, 64].contains(&n) {
            bars.bar(
                "everything, brief log: 1/2 of the full reader",
                all.total(),
                full_reader / 2,
            );
            bars.beside(
                "everything, full log: 1/2 of the full reader",
                all_full.total(),
                full_reader / 2,
            );
            bars.bar(
                "everything, no log: 1/8 of the full reader",
                silent.total(),
                full_reader / 8,
            );
        }
        if n == DAY_CPUS {
            bars.day(counted)?;
        }
        if n == TASKS_CPUS {
            bars.tasks(counted)?;
        }
        let bars = bars.json.join(",\n        ");
        let tasks = self.tasks_of(n, counted)?;

        self.runs.push(format!(
            "    {{\"vcpus\": {n},
     \"cpu_and_memory\": {{
        \"module\": {},
        \"module_without_log\": {},
        \"c_reader\": {}}},
     \"everything\": {{
        \"module\": {},
        \"module_with_full_log\": {},
        \"module_without_log\": {},
        \"c_reader\": {}}},
     \"whole_machine\": {{{}}},
     \"encode\": {},
     \"device\": {{\"deliver\": {deliver}, \"sample_and_deliver\": {sample_deliver},
        \"node_exporter\": {exporter}, \"sadc\": {sadc}}},
{tasks}     \"bars\": [
        {bars}]}}",
            module_json(counted, "basic")?,
            module_json(counted, "basic_silent")?,
            reader_json(counted, "reader")?,
            module_json(counted, "all")?,
            module_json(counted, "all_full")?,
            module_json(counted, "all_silent")?,
            reader_json(counted, "reader_all")?,
            outside.join(", "),
            all.encode,
        ));
        Ok(())
    }

    /// Adds the table of processes, where they were measured, and returns it as JSON.
    fn tasks_of(&mut self, n: i64, counted: &Counted) -> Result<String> {
        if n != TASKS_CPUS {
            return Ok(String::new());
        }
        let (pidstat, atop) = (
            counted.get("pidstat.average")?,
            counted.get("atop.average")?,
        );
        let mut rows = Vec::new();
        for count in [0, 1000, 10_000] {
            let get = |key: &str| counted.get(&format!("census_{count}.{key}"));
            let (processes, median) = (get("processes")?, get("median")?);
            write!(
                self.tasks,
                "{n:5}  {processes:9}  {median:9}  {:11}",
                divided(median, processes)?
            )?;
            if count == 1000 {
                write!(
                    self.tasks,
                    "  {pidstat:9}  {atop:9}  1/{} 1/{}",
                    divided(pidstat, median)?,
                    divided(atop, median)?
                )?;
            }
            self.tasks.push('\n');
            rows.push(format!(
                "{{\"processes\": {processes}, \"min\": {}, \"median\": {median}, \"max\": {}}}",
                get("min")?,
                get("max")?
            ));
        }
        Ok(format!(
            "     \"census\": [{}],\n     \"pidstat\": {pidstat}, \"atop\": {atop},\n",
            rows.join(",\n        ")
        ))
    }

    fn json(&self, kernel: &str) -> String {
        format!(
            "{{\n  \"kernel\": \"{kernel}\",\n  \"unit\": \"instructions per sample\",\n  \"runs\": [\n{}\n  ]\n}}\n",
            self.runs.join(",\n")
        )
    }

    fn text(&self, kernel: &str, json: &str) -> String {
        let Report {
            basic,
            full,
            device,
            tasks,
            bars,
            outside,
            notes,
            ..
        } = self;
        format!(
            "
Instructions per sample, kernel {kernel}

CPU and memory alone; the reader reads /proc/stat and /proc/meminfo
vCPUs  callback   rates + log    encode     total    reader  callback/reader  total/reader
{basic}
Everything; the full reader reads /proc/{{stat,meminfo,loadavg,vmstat,pressure/*,diskstats,net/dev}}
and asks statfs() for /
vCPUs  log    callback   sources   rates + log    encode     total    reader  total/reader
{full}
From the device, without a log: reading a record, and taking one and reading it, all that this
sets going included, without the gaps between two pieces; beside a scrape of node_exporter and a
record of sadc
vCPUs   deliver    sample   node_exporter         sadc   sample/exporter   sample/sadc
                + deliver
{device}
Processes: a census of them; beside it a second of pidstat -ru and of atop -w
vCPUs  processes     census  per process    pidstat       atop  census/pidstat, atop
{tasks}
Bars; those in brackets are only to look at
vCPUs  what                                               value    at most
{bars}
The same from outside: what a sample takes from a loop that keeps CPU 0 busy, so with
interrupts, wake-ups, task switches and the console's thread; good to +- the last column
            CPU and memory alone               everything
vCPUs    no log     brief    reader    no log     brief      full    reader        +-
{outside}{notes}
Written to {json}
"
        )
    }
}

/// What the module says of itself in a measurement.
fn module_json(counted: &Counted, name: &str) -> Result<String> {
    let mut parts = Vec::new();
    for part in ["callback", "sources", "report"] {
        let number = |which| counted.get(&format!("{name}.{part}_{which}"));
        parts.push(format!(
            "\"{part}\": {{\"average\": {}, \"max\": {}}}",
            number("avg")?,
            number("max")?
        ));
    }
    Ok(format!("{{{}}}", parts.join(", ")))
}

/// The same for a C reader.
fn reader_json(counted: &Counted, name: &str) -> Result<String> {
    let mut parts = Vec::new();
    for key in ["min", "median", "max"] {
        let number = counted.without_clock(&format!("{name}.{key}"))?;
        parts.push(format!("\"{key}\": {number}"));
    }
    Ok(format!("{{{}}}", parts.join(", ")))
}

/// What encoding an older record takes.
fn encode(counted: &Counted, sources: &str) -> Result<i64> {
    let encoded = counted.get(&format!("{sources}_sample_deliver.median"))?;
    Ok(encoded - counted.get(&format!("{sources}_not_encoded.median"))?)
}

fn divided(a: i64, b: i64) -> Result<i64> {
    a.checked_div(b).context("a program took no instruction")
}

/// `a / b` with three decimals.
fn ratio(a: i64, b: i64) -> Result<String> {
    Ok(format!(
        "{}.{:03}",
        divided(a, b)?,
        divided(a * 1000, b)? % 1000
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_guest() {
        let counted =
            Counted::parse("clock min=75\nbasic samples=2 callback_avg=1126ns x=-5 y= z\ndone\n");
        assert_eq!(counted.get("clock.min").unwrap(), 75);
        assert_eq!(counted.get("basic.callback_avg").unwrap(), 1126);
        assert_eq!(counted.get("basic.x").unwrap(), -5);
        let missing = counted.get("basic.y").unwrap_err().to_string();
        assert_eq!(missing, "the guest did not count basic.y");
    }

    #[test]
    fn ratios_have_three_decimals() {
        assert_eq!(ratio(1126, 53566).unwrap(), "0.021");
        assert_eq!(ratio(3000, 1000).unwrap(), "3.000");
        assert!(ratio(1, 0).is_err());
    }

    #[test]
    fn tables_and_json_of_a_saved_run() {
        let mut report = Report::default();
        let first = include_str!("../fixtures/bench/1.result");
        report.add(1, &Counted::parse(first)).unwrap();
        let second = include_str!("../fixtures/bench/4.result");
        report.add(4, &Counted::parse(second)).unwrap();
        let json = include_str!("../fixtures/bench/bench.json");
        if std::env::var_os("UPDATE").is_some() {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/bench");
            let json = report.json("7.3.4+deb13-amd64");
            std::fs::write(format!("{folder}/bench.json"), json).unwrap();
            let text = report.text("7.3.4+deb13-amd64", "/bench.json");
            std::fs::write(format!("{folder}/tables.txt"), text).unwrap();
            return;
        }
        assert_eq!(report.json("7.3.4+deb13-amd64"), json);
        serde_json::from_str::<serde_json::Value>(json).unwrap();
        let tables = include_str!("../fixtures/bench/tables.txt");
        assert_eq!(report.text("7.3.4+deb13-amd64", "/bench.json"), tables);
        assert!(report.is_missed);
    }

    #[test]
    fn a_bar_is_met_by_its_limit() {
        let mut report = Report::default();
        let mut bars = Bars {
            cpus: 1,
            report: &mut report,
            json: Vec::new(),
        };
        bars.bar("a", 5, 5);
        bars.beside("b", 6, 5);
        assert!(!bars.report.is_missed);
        bars.bar("c", 6, 5);
        assert!(report.is_missed);
    }
}
