// SPDX-License-Identifier: GPL-2.0

//! The parameter `fs_paths`, good and bad.

use anyhow::{ensure, Context, Result};
use rustix::io::Errno;

use super::{ms, Case, Clock, Guest, Needs};
use crate::kmsg::Mark;
use crate::lines::{FsState, Sample, PREFIX};
use crate::module::{self, Module, FS_PATHS};

pub const CASES: &[Case] = &[
    Case {
        name: "fs_paths at insmod",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: at_insmod,
    },
    Case {
        name: "fs_paths at run time",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: at_run_time,
    },
    Case {
        name: "bad fs_paths at insmod",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: bad_at_insmod,
    },
    Case {
        name: "bad fs_paths at run time",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: bad_at_run_time,
    },
];

const MOST: usize = 16;
const LONGEST: usize = 200;
const ALLOWED: &str = "up to 16 absolute paths of at most 200 bytes, separated by commas";

/// The one line that a refused value must have got, word for word.
pub fn check_refusal(
    guest: &Guest,
    from: Mark,
    parameter: &str,
    value: &str,
    why: &str,
    allowed: &str,
) -> Result<()> {
    const SHOWN: usize = 40;
    guest.log.mark("end of it")?;
    let errors: Vec<String> = guest
        .log
        .since(from)?
        .iter()
        .filter_map(|record| record.text.strip_prefix(PREFIX))
        .filter(|text| text.starts_with("parameter "))
        .map(String::from)
        .collect();
    // A long value is cut.
    let value = match value.get(..SHOWN) {
        Some(start) if value.len() > SHOWN => format!("{start}..."),
        _ => value.to_string(),
    };
    let expected = format!("parameter {parameter}: '{value}' {why}, allowed are {allowed}");
    ensure!(
        errors == [expected.as_str()],
        "the log has {errors:?}, expected {expected:?}"
    );
    // This is strict about the level, too.
    module::parameter_errors(&guest.log, from).map(drop)
}

/// An absolute path of so many bytes, one of many.
fn path_of(bytes: usize, n: usize) -> String {
    let start = format!("/{n}-");
    let rest = "a".repeat(bytes - start.len());
    start + &rest
}

/// So many paths, all of the same length.
fn list_of(count: usize, bytes: usize) -> String {
    let paths: Vec<String> = (0..count).map(|n| path_of(bytes, n)).collect();
    paths.join(",")
}

/// Values that are taken. Where nothing is mounted there is a line nevertheless.
fn good_values() -> Vec<String> {
    vec![
        "/".into(),
        "/tmp,/,/proc".into(),
        "/nowhere,/tmp".into(),
        "/tmp/with a blank,/back\\slash,/'quote'".into(),
        list_of(1, LONGEST),
        list_of(MOST, 10),
        list_of(MOST, LONGEST),
    ]
}

/// Values that are refused: the value, the part that is wrong, and why.
fn bad_values() -> Vec<(String, String, &'static str)> {
    const RELATIVE: &str = "is not an absolute path";
    const EMPTY: &str = "is empty";
    const LONG: &str = "is too long";
    const MANY: &str = "is one path too many";
    const TWICE: &str = "is there twice";
    let long = path_of(LONGEST + 1, 1);
    let all = list_of(MOST, 10);
    let longest = list_of(MOST, LONGEST);
    let strings = [
        ("mnt/x", "mnt/x", RELATIVE),
        (".", ".", RELATIVE),
        (" /tmp", " /tmp", RELATIVE),
        ("/tmp, /proc", " /proc", RELATIVE),
        ("/tmp,relative", "relative", RELATIVE),
        ("relative,/tmp", "relative", RELATIVE),
        ("Y", "Y", RELATIVE),
        ("", "", EMPTY),
        (",", "", EMPTY),
        ("/,", "", EMPTY),
        (",/", "", EMPTY),
        ("/tmp,,/proc", "", EMPTY),
        ("/tmp,/tmp", "/tmp", TWICE),
        ("/tmp,/,/proc,/", "/", TWICE),
    ];
    let mut values: Vec<_> = strings
        .map(|(value, wrong, why)| (value.to_string(), wrong.to_string(), why))
        .into();
    values.extend([
        (long.clone(), long.clone(), LONG),
        (format!("/tmp,{long}"), long, LONG),
        (path_of(3000, 1), path_of(3000, 1), LONG),
        (format!("{all},/17"), "/17".into(), MANY),
        (list_of(200, 10), path_of(10, MOST), MANY),
        (format!("{longest},/17"), "/17".into(), MANY),
    ]);
    values
}

/// The samples must have exactly the file systems of a list, in its order.
fn check_lines(samples: &[Sample], list: &str) -> Result<()> {
    for sample in samples {
        let paths: Vec<&str> = sample.fs.iter().map(|fs| fs.path.as_str()).collect();
        ensure!(
            paths == list.split(',').collect::<Vec<_>>(),
            "there are lines of {paths:?}, expected {list:?}"
        );
        for fs in &sample.fs {
            let good = match (fs.path.as_str(), &fs.state) {
                ("/", FsState::Shown { .. }) => true,
                ("/tmp", FsState::Shown { kind, .. }) => kind == "tmpfs",
                ("/proc", FsState::Shown { kind, .. }) => kind == "proc",
                (_, state) => *state == FsState::Absent,
            };
            ensure!(
                good,
                "expected / as shown, /tmp as tmpfs, /proc as proc and others as absent, found \
                 {fs:?}"
            );
        }
    }
    Ok(())
}

/// Half of it must be enough for 16 threads to look at their file systems.
fn interval_ms(guest: &Guest) -> u64 {
    if guest.is_debug() {
        1000
    } else {
        200
    }
}

fn at_insmod(guest: &Guest) -> Result<()> {
    let interval_ms = interval_ms(guest);
    for list in good_values() {
        let text = format!("interval_ms={interval_ms} fs_paths=\"{list}\"");
        let module = Module::load(&guest.log, &text)?;
        let now = module::read_text(FS_PATHS)?;
        ensure!(now == list, "fs_paths reads as {now:?}, expected {list:?}");
        check_lines(&module.first(1, interval_ms)?, &list)?;
        let errors = module::parameter_errors(&guest.log, module.start)?;
        ensure!(
            errors.is_empty(),
            "good values got the error lines {errors:?}, expected none"
        );
        module.unload()?;
    }
    Ok(())
}

fn at_run_time(guest: &Guest) -> Result<()> {
    let interval_ms = interval_ms(guest);
    let module = Module::load(&guest.log, &format!("interval_ms={interval_ms}"))?;
    for (list, end) in good_values()
        .into_iter()
        .zip(["\n", ""].into_iter().cycle())
    {
        module::write(FS_PATHS, &format!("{list}{end}"))
            .with_context(|| format!("write of {list:?}, expected success"))?;
        let mark = guest.log.mark("fs_paths")?;
        let now = module::read_text(FS_PATHS)?;
        ensure!(now == list, "fs_paths reads as {now:?}, expected {list:?}");
        // One sample may have been on its way.
        let samples = module.wait(mark, 3, ms(3 * interval_ms))?;
        check_lines(&samples[1..], &list)?;
    }
    let errors = module::parameter_errors(&guest.log, module.start)?;
    ensure!(
        errors.is_empty(),
        "good values got the error lines {errors:?}, expected none"
    );
    module.unload().map(drop)
}

fn bad_at_insmod(guest: &Guest) -> Result<()> {
    let without = [(FS_PATHS.to_string(), String::new(), "is empty")];
    let texts = bad_values()
        .into_iter()
        .map(|(value, wrong, why)| (format!("{FS_PATHS}=\"{value}\""), wrong, why));
    for (text, wrong, why) in texts.chain(without) {
        let mark = guest.log.mark("insmod with bad fs_paths")?;
        let result = module::insmod(&text);
        ensure!(
            result == Err(Errno::INVAL) && !module::is_loaded(),
            "insmod {text:.50} returned {result:?}, expected EINVAL and no module"
        );
        check_refusal(guest, mark, FS_PATHS, &wrong, why, ALLOWED)?;
    }
    Ok(())
}

fn bad_at_run_time(guest: &Guest) -> Result<()> {
    const LIST: &str = "/tmp,/proc";
    let interval_ms = interval_ms(guest);
    let text = format!("interval_ms={interval_ms} fs_paths={LIST}");
    let module = Module::load(&guest.log, &text)?;
    for (value, wrong, why) in bad_values() {
        for end in ["", "\n"] {
            // A write of nothing does not reach the module.
            let written = format!("{value}{end}");
            if written.is_empty() {
                continue;
            }
            let mark = guest.log.mark("write of bad fs_paths")?;
            let result = module::write(FS_PATHS, &written);
            ensure!(
                result.as_ref().is_err_and(module::is_einval),
                "the write of {written:.50} returned {result:?}, expected EINVAL"
            );
            check_refusal(guest, mark, FS_PATHS, &wrong, why, ALLOWED)?;
            let now = module::read_text(FS_PATHS)?;
            ensure!(
                now == LIST,
                "after {written:.50} was refused, fs_paths reads as {now:?}, expected {LIST:?}"
            );
        }
    }
    let mark = guest.log.mark("all bad values written")?;
    check_lines(&module.wait(mark, 3, ms(3 * interval_ms))?, LIST)?;
    module.unload().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_they_should_be() {
        assert_eq!(path_of(10, 12), "/12-aaaaaa");
        for list in good_values() {
            let paths: Vec<&str> = list.split(',').collect();
            assert!(
                paths.len() <= MOST,
                "expected at most {MOST} paths, found {paths:?}"
            );
            assert!(
                paths
                    .iter()
                    .all(|p| p.len() <= LONGEST && p.starts_with('/')),
                "expected absolute paths of at most {LONGEST} bytes, found {paths:?}"
            );
        }
        let bytes = list_of(MOST, LONGEST).len();
        assert!(
            bytes < 4096,
            "the longest list has {bytes} bytes, expected fewer than 4096, as one write takes \
             no more"
        );
    }
}
