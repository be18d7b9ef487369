// SPDX-License-Identifier: GPL-2.0-or-later

//! The screen of `resmon top`, as text and on terminals. The golden screens in `top/` are what
//! `TZ=UTC resmon top --from testdata/minute.rec --once SIZE` prints, `busy-80x24.txt` that of the
//! recording up to its record 32, `events-SIZE.txt` that of the recording with events in it,
//! and `tasks-SIZE.txt` that of the one with tasks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod util;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use rustix::process::{kill_process, Pid, Signal};
use util::terminal::Terminal;
use util::RECORDING;

fn path(parts: &[&str]) -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.extend(parts);
    path
}

fn recording() -> PathBuf {
    path(&["..", "testdata", "minute.rec"])
}

/// The recording up to the record `seq`.
fn until(seq: u64) -> Vec<u8> {
    let bytes = fs::read(recording()).unwrap();
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let mut at = 0;
    loop {
        let found = word(at + 4 * 8);
        at += usize::try_from(word(at + 2 * 8)).unwrap();
        if found == seq {
            return bytes[..at].to_vec();
        }
    }
}

fn top(from: &Path, args: &[&str]) -> Output {
    Command::cargo_bin("resmon")
        .unwrap()
        .env("TZ", "UTC")
        .args(["top", "--from"])
        .arg(from)
        .args(args)
        .output()
        .unwrap()
}

fn check(from: &Path, size: &str, golden: &str) {
    let output = top(from, &["--once", size]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let screen = String::from_utf8(output.stdout).unwrap();
    util::assert_is_file(&format!("tests/top/{golden}"), &screen);
    let (columns, rows) = size.split_once('x').unwrap();
    let columns: usize = columns.parse().unwrap();
    assert_eq!(screen.lines().count(), rows.parse::<usize>().unwrap());
    let widest = screen.lines().map(|line| line.chars().count()).max();
    assert!(
        widest <= Some(columns),
        "the widest line has {widest:?} columns, expected at most {columns}:\n{screen}"
    );
}

#[test]
fn screens_are_as_they_were() {
    for size in ["80x24", "120x40", "40x10", "10x3"] {
        check(&recording(), size, &format!("{size}.txt"));
    }
}

#[test]
fn a_busy_screen_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let busy = folder.path().join("busy.rec");
    fs::write(&busy, until(32)).unwrap();
    check(&busy, "80x24", "busy-80x24.txt");
}

#[test]
fn a_screen_with_events_is_as_it_was() {
    let file = util::file_of(&util::events::with_events());
    check(file.path(), "80x24", "events-80x24.txt");
    check(file.path(), "120x40", "events-120x40.txt");
}

#[test]
fn a_screen_with_tasks_is_as_it_was() {
    let file = util::file_of(&util::tasks::with_tasks());
    check(file.path(), "80x24", "tasks-80x24.txt");
    check(file.path(), "120x40", "tasks-120x40.txt");
}

#[test]
fn the_size_is_80x24_unless_given() {
    let (without, with) = (
        top(&recording(), &["--once"]),
        top(&recording(), &["--once", "80x24"]),
    );
    assert_eq!(without.status.code(), Some(0), "{without:?}");
    assert_eq!(without.stdout, with.stdout);
}

#[test]
fn text_needs_no_colours() {
    let output = top(&recording(), &["--once", "120x40"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        !text.contains('\x1b'),
        "expected no escape sequence, found {text:?}"
    );
}

#[test]
fn recordings_without_a_sample_are_shown_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("short.rec");
    for bytes in [Vec::new(), until(1)] {
        fs::write(&file, bytes).unwrap();
        let output = top(&file, &["--once"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let screen = String::from_utf8(output.stdout).unwrap();
        let expected = "There is no sample";
        assert!(
            screen.contains(expected),
            "expected {expected:?}, found:\n{screen}"
        );
    }
}

fn refused(from: &Path, args: &[&str], code: i32, text: &str) {
    let output = top(from, args);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains(text), "expected {text:?} in {error:?}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn wrong_sizes_are_refused() {
    for size in [
        "", "80", "9x3", "10x2", "1001x24", "80x501", "axb", "80x24x",
    ] {
        let option = format!("--once={size}");
        refused(&recording(), &[&option], 2, "it can be 10x3 to 1000x500");
    }
}

#[test]
fn a_screen_needs_a_terminal() {
    refused(
        &recording(),
        &[],
        2,
        "standard output is not a terminal; use resmon log or --once",
    );
}

#[test]
fn bad_recordings_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.rec");
    refused(&file, &["--once"], 1, "bad.rec");
    fs::write(&file, &until(1)[..1000]).unwrap();
    refused(&file, &["--once"], 1, "the recording ends within a record");
    fs::write(&file, [1; 4096]).unwrap();
    refused(&file, &["--once"], 1, "not a record of resource_monitor");
}

/// The text of one screen, which is the same on a terminal without colours.
fn once(from: &Path, size: &str) -> String {
    let output = top(from, &["--once", size]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

const RESMON: &str = env!("CARGO_BIN_EXE_resmon");

/// The recording on a terminal, of which all is shown.
fn on_terminal() -> Terminal {
    let args = ["top", "--from", RECORDING];
    let mut terminal = Terminal::start(RESMON, &args, &[("NO_COLOR", "1")], (80, 24));
    terminal.wait_for_screen(&once(&recording(), "80x24"));
    terminal
}

#[test]
fn a_terminal_shows_what_the_text_says() {
    let mut terminal = on_terminal();
    terminal.press("q");
    let status = terminal.wait_end();
    assert_eq!(status.code(), Some(0), "{status}");
    terminal.assert_is_restored();
}

#[test]
fn wide_letters_take_two_columns() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wide.rec");
    let mut bytes = fs::read(recording()).unwrap();
    let mut rename = |name: &str, new: &str| {
        let name = [name.as_bytes(), &[0; 40]].concat();
        let places = 0..bytes.len() - name.len();
        // Interface names have the least room.
        let places = places
            .step_by(8)
            .filter(|at| bytes[*at..].starts_with(&name[..12]));
        let places: Vec<usize> = places.collect();
        assert_ne!(places, []);
        for at in places {
            bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
        }
    };
    rename("/mnt/none", "/mnt/写真バックアップ");
    rename("eth0", "网桥0");
    fs::write(&file, bytes).unwrap();
    let text = once(&file, "80x24");
    for name in ["/mnt/写真バックアップ ", "网桥0 "] {
        assert!(text.contains(name), "expected {name:?}, found:\n{text}");
    }
    let args = ["top", "--from", file.to_str().unwrap()];
    let mut terminal = Terminal::start(RESMON, &args, &[("NO_COLOR", "1")], (80, 24));
    terminal.wait_for_screen(&text);
}

#[test]
fn a_terminal_that_knows_no_size_is_drawn_on() {
    let args = ["top", "--from", RECORDING];
    let mut terminal = Terminal::start(RESMON, &args, &[("NO_COLOR", "1")], (0, 0));
    terminal.wait_for_screen(&once(&recording(), "80x24"));
    let env = [("NO_COLOR", "1"), ("COLUMNS", "40"), ("LINES", "10")];
    let mut terminal = Terminal::start(RESMON, &args, &env, (0, 0));
    terminal.wait_for_screen(&once(&recording(), "40x10"));
}

#[test]
fn signals_restore_the_terminal_and_end_the_program() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut terminal = on_terminal();
        terminal.kill(signal);
        let status = terminal.wait_end();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{status}");
        terminal.assert_is_restored();
        assert_eq!(terminal.text(), "");
    }
}

#[test]
fn a_closed_terminal_ends_the_program() {
    let status = on_terminal().close();
    let found = (status.signal(), status.core_dumped());
    assert_eq!(found, (Some(Signal::HUP.as_raw()), false), "{status}");

    // As after nohup: nobody but the terminal says that it is gone.
    let command = "trap '' HUP; exec \"$@\"";
    let args = ["-c", command, "sh", RESMON, "top", "--from", RECORDING];
    let mut terminal = Terminal::start("sh", &args, &[("NO_COLOR", "1")], (80, 24));
    terminal.wait_for_screen(&once(&recording(), "80x24"));
    let status = terminal.close();
    assert_eq!(status.code(), Some(0), "{status}");
}

/// The state of a process, as ps has it.
fn state(pid: Pid) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).ok()?;
    stat.rsplit(')').next()?.trim_start().chars().next()
}

/// Waits until the job has ended, and for the status that the shell has of it.
fn assert_status(terminal: &mut Terminal, status: i32) {
    terminal.wait_until_left();
    // What is typed before could still be read by the job.
    terminal.wait_until("a prompt", |terminal| terminal.text().ends_with("PROMPT"));
    terminal.press("echo status=$?\n");
    terminal.wait_for(&format!("status={status}\n"));
}

/// A shell with job control, and the program as its job.
fn as_job() -> (Terminal, Pid) {
    let env = [("NO_COLOR", "1"), ("PS1", "PROMPT "), ("ENV", "")];
    let mut terminal = Terminal::start("sh", &["-i"], &env, (80, 24));
    terminal.wait_for("PROMPT");
    terminal.press(&format!("{RESMON} top --from {RECORDING}\n"));
    terminal.wait_for_screen(&once(&recording(), "80x24"));
    let shell = terminal.pid().as_raw_pid();
    let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
    let job = Pid::from_raw(children.trim().parse().unwrap()).unwrap();
    (terminal, job)
}

#[test]
fn a_stopped_job_leaves_the_terminal_to_the_shell() {
    let (mut terminal, job) = as_job();
    let stops: [&dyn Fn(&mut Terminal); 2] = [&|terminal| terminal.press("\x1a"), &|_| {
        kill_process(job, Signal::TSTP).unwrap()
    }];
    for (stop, size) in stops.into_iter().zip([(100, 30), (60, 20)]) {
        stop(&mut terminal);
        terminal.wait_until_left();
        terminal.wait_until("a stopped job", |_| state(job) == Some('T'));
        terminal.wait_for("Stopped");
        terminal.resize(size);
        terminal.press("fg\n");
        let (columns, rows) = size;
        terminal.wait_for_screen(&once(&recording(), &format!("{columns}x{rows}")));
    }
    terminal.press("q");
    assert_status(&mut terminal, 0);
}

#[test]
fn a_job_that_could_not_leave_the_terminal_draws_all_of_it_anew() {
    let (mut terminal, job) = as_job();
    kill_process(job, Signal::STOP).unwrap();
    terminal.wait_for("PROMPT");
    terminal.press("fg\n");
    terminal.wait_for_screen(&once(&recording(), "80x24"));
    kill_process(job, Signal::TERM).unwrap();
    assert_status(&mut terminal, 143);
}

#[test]
fn without_a_shell_ctrl_z_does_not_stop() {
    let mut terminal = on_terminal();
    terminal.press("\x1a");
    // Nobody could have it go on. A key shows that it runs.
    terminal.press("?");
    terminal.wait_for("Keys of resmon top");
    terminal.press("qq");
    let status = terminal.wait_end();
    assert_eq!(status.code(), Some(0), "{status}");
}

#[test]
fn a_recording_opens_where_something_happened() {
    // The last seconds are idle, but for a write.
    let text = once(&recording(), "80x24");
    assert!(text.contains("#38 "), "expected record 38, found:\n{text}");
    assert!(text.contains("24 back"), "expected 24 back, found:\n{text}");
    let mut terminal = on_terminal();
    terminal.press("\x1b[F");
    terminal.wait_for("#62 ");
    terminal.wait_for("recording");

    // An idle machine: the newest one.
    let folder = tempfile::tempdir().unwrap();
    let idle = folder.path().join("idle.rec");
    fs::write(&idle, until(4)).unwrap();
    let text = once(&idle, "80x24");
    assert!(text.contains("#4 "), "expected record 4, found:\n{text}");
}
