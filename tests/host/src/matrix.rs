// SPDX-License-Identifier: GPL-2.0

//! Runs the guest's tests on several kernels, and makes a table of what came of them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::thread;

use anyhow::{ensure, Context, Result};
use rustix::pipe::{pipe_with, PipeFlags};

use crate::args::Args;

/// What the table is between in a file.
const BEGIN: &str = "<!-- what make test-matrix said -->";
const END: &str = "<!-- end of it -->";

pub fn command(mut args: Args) -> Result<bool> {
    let cpus = args.value("--cpus")?;
    let suites: Vec<&str> = cpus.split_whitespace().collect();
    let jobs: usize = args.value("--jobs")?.parse().context("--jobs")?;
    ensure!(jobs > 0, "--jobs is 0, expected 1 or more");
    let test = args.value("--test")?;
    let readme = args.optional("--readme")?;
    let releases = args.rest()?;

    let results = run_all(&releases, &suites, jobs, &|release, cpus| {
        run(&test, release, cpus)
    })?;
    let table = table(&suites, &releases, &results);
    print!("{table}");
    if let Some(path) = readme {
        let text = fs::read_to_string(&path).with_context(|| path.clone())?;
        fs::write(
            &path,
            with_table(&text, &table).with_context(|| path.clone())?,
        )?;
    }
    Ok(results.iter().flatten().all(|sum| !is_bad(sum)))
}

/// What each suite of each release comes to, `jobs` releases at the same time.
fn run_all(
    releases: &[String],
    suites: &[&str],
    jobs: usize,
    run: &(impl Fn(&str, &str) -> Result<Vec<String>> + Sync),
) -> Result<Vec<Vec<String>>> {
    let next = AtomicUsize::new(0);
    let rows: Vec<Mutex<Vec<String>>> = releases.iter().map(|_| Mutex::default()).collect();
    let work = || -> Result<()> {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(release) = releases.get(at) else {
                return Ok(());
            };
            for cpus in suites {
                println!("# {release} with {cpus} CPU(s)");
                let sum = sum(&run(release, cpus)?);
                if let Ok(mut row) = rows[at].lock() {
                    row.push(sum);
                }
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        let results = workers.into_iter().map(|worker| {
            // A panic was reported on standard error.
            worker
                .join()
                .unwrap_or_else(|_| anyhow::bail!("a job panicked"))
        });
        results.collect::<Result<()>>()
    })?;
    Ok(rows
        .into_iter()
        .map(|row| row.into_inner().unwrap_or_default())
        .collect())
}

/// Runs the tests of a kernel, shows what they say, and returns it.
fn run(test: &str, release: &str, cpus: &str) -> Result<Vec<String>> {
    let (output, input) = pipe_with(PipeFlags::CLOEXEC)?;
    let mut child = Command::new(test)
        .arg("--guest")
        .env("KERNEL", release)
        .env("VMTEST_SMP", cpus)
        .stdin(Stdio::null())
        .stdout(input.try_clone()?)
        .stderr(input)
        .spawn()
        .with_context(|| test.to_string())?;
    let mut lines = Vec::new();
    for line in BufReader::new(fs::File::from(output)).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        println!("{line}");
        lines.push(line);
    }
    // The sum says more than the status.
    child.wait()?;
    Ok(lines)
}

/// What the output of a run comes to, in a few words.
fn sum(lines: &[String]) -> String {
    let last = lines.iter().rev().find_map(|line| parsed_sum(line));
    match last {
        None => "stopped".to_string(),
        Some((passed, 0, others)) => format!("{passed} passed{others}"),
        Some((passed, failed, others)) => format!("{passed} passed, {failed} failed{others}"),
    }
}

/// `N passed, M failed` and what was not run, if the line is such a sum.
fn parsed_sum(line: &str) -> Option<(u32, u32, &str)> {
    let (passed, rest) = line.split_once(" passed, ")?;
    let (failed, others) = rest.split_once(" failed")?;
    let is_sum = others.is_empty() || {
        let not_run = others.strip_prefix(", ")?.strip_suffix(" not run")?;
        not_run.parse::<u32>().is_ok()
    };
    is_sum.then_some((passed.parse().ok()?, failed.parse().ok()?, others))
}

fn is_bad(sum: &str) -> bool {
    sum.contains("failed") || sum.contains("stopped")
}

fn table(suites: &[&str], releases: &[String], results: &[Vec<String>]) -> String {
    let mut table = String::from("| kernel |");
    for cpus in suites {
        table += &format!(" CPUs: {cpus} |");
    }
    table += &format!("\n|---|{}\n", "---|".repeat(suites.len()));
    for (release, sums) in releases.iter().zip(results) {
        table += &format!("| {release} | {} |\n", sums.join(" | "));
    }
    table
}

/// The text with the table between its marks.
fn with_table(text: &str, table: &str) -> Result<String> {
    let mark = |mark: &str| {
        let at = text.find(&format!("\n{mark}\n"));
        at.with_context(|| format!("the line '{mark}' is missing"))
    };
    let (begin, end) = (mark(BEGIN)?, mark(END)?);
    ensure!(begin < end, "'{END}' comes before '{BEGIN}'");
    let head = &text[..begin + BEGIN.len() + 2];
    Ok(format!("{head}{table}{}", &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_string).collect()
    }

    #[test]
    fn sums_in_a_few_words() {
        for (output, expected) in [
            ("ok a\n12 passed, 0 failed\n", "12 passed"),
            ("12 passed, 0 failed, 3 not run\n", "12 passed, 3 not run"),
            (
                "12 passed, 1 failed, 3 not run\n# end\n",
                "12 passed, 1 failed, 3 not run",
            ),
            ("1 passed, 0 failed\n2 passed, 0 failed\n", "2 passed"),
            (
                "ok a\n12 passed, 0 failed, some\n x passed, 0 failed\n",
                "stopped",
            ),
            ("", "stopped"),
        ] {
            assert_eq!(sum(&lines(output)), expected, "{output}");
        }
        assert!(
            is_bad("stopped") && is_bad("1 passed, 2 failed") && !is_bad("1 passed, 2 not run")
        );
    }

    #[test]
    fn a_table_in_its_place() {
        let releases = lines("7.3-a\n7.2-b");
        let run = |release: &str, cpus: &str| {
            Ok(match (release, cpus) {
                ("7.2-b", "4") => lines("died"),
                _ => lines("5 passed, 0 failed"),
            })
        };
        for jobs in [1, 2, 5] {
            let results = run_all(&releases, &["1", "4"], jobs, &run).unwrap();
            let table = table(&["1", "4"], &releases, &results);
            assert_eq!(table, include_str!("../fixtures/matrix/table.md"));
        }
        let text = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        assert_eq!(
            with_table(&text, "new\n").unwrap(),
            format!("before\n{BEGIN}\nnew\n{END}\nafter\n")
        );
        assert!(with_table("no marks\n", "new\n").is_err());
    }

    #[test]
    fn a_job_that_fails_is_an_error() {
        let run = |_: &str, _: &str| Err(anyhow::anyhow!("no such command"));
        assert!(run_all(&lines("a"), &["1"], 1, &run).is_err());
    }
}
