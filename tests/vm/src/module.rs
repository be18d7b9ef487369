// SPDX-License-Identifier: GPL-2.0

//! Loading, steering and unloading the module, through the system calls that insmod and rmmod use.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Context, Result};
use rustix::io::Errno;
use rustix::system::{delete_module, finit_module};

use crate::kmsg::{Log, Mark, Record};
use crate::lines::{self, Allowed, BadParameter, Line, Loaded, Sample, Unloaded};

pub const FILE: &str = "/resource_monitor.ko";
const SYSFS: &str = "/sys/module/resource_monitor";

/// How long to wait beyond the time that a thing takes by itself. A debug kernel is slow, and the
/// machine below may be busy; a test that passes does not wait for this.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The parameters that switch a source on, which they all do by default.
pub const SWITCHES: [&str; 8] = [
    "load", "running", "activity", "pressure", "disk", "net", "tcp", "fs",
];

/// Parameters that switch all sources off except these, the CPUs and the memory: the latter two have no
/// switch.
pub fn only(sources: &[&str]) -> String {
    if let Some(unknown) = sources
        .iter()
        .find(|source| !SWITCHES.contains(source) && **source != TASKS)
    {
        panic!("the source is {unknown:?}, expected one of {SWITCHES:?}");
    }
    let others = SWITCHES.iter().filter(|source| !sources.contains(source));
    let off: Vec<String> = others.map(|source| format!("{source}=0")).collect();
    let mut words = off;
    if !sources.contains(&TASKS) {
        words.push(format!("{TASKS}=off"));
    }
    words.join(" ")
}

pub const TASKS: &str = "tasks";
pub const NAMES: &str = "names";
pub const FS_PATHS: &str = "fs_paths";
pub const LOG: &str = "log";
pub const ALERTS: &str = "alerts";
pub const FS_PATHS_DEFAULT: &str = "/";

/// What the documentation says about a parameter that is a number.
pub struct Parameter {
    pub name: &'static str,
    pub default: u64,
    pub min: u64,
    pub max: u64,
}

pub const PARAMETERS: [Parameter; 5] = [
    Parameter {
        name: "interval_ms",
        default: 5000,
        min: 10,
        max: 3_600_000,
    },
    Parameter {
        name: "per_cpu_max",
        default: 16,
        min: 0,
        max: 8192,
    },
    Parameter {
        name: "log_every",
        default: 1,
        min: 0,
        max: 1_000_000,
    },
    Parameter {
        name: "trouble_interval_ms",
        default: 500,
        min: 0,
        max: 3_600_000,
    },
    Parameter {
        name: "panic_log_kB",
        default: 2,
        min: 0,
        max: 64,
    },
];

/// This one has its value at load and keeps it.
pub const HISTORY: Parameter = Parameter {
    name: "history_kB",
    default: 6144,
    min: 1,
    max: 1_048_576,
};

impl Parameter {
    pub fn allowed(&self) -> Allowed {
        Allowed::Range {
            min: self.min,
            max: self.max,
        }
    }
}

/// The names of all parameters that can be written at run time.
pub fn parameter_names() -> impl Iterator<Item = &'static str> {
    let numbers = PARAMETERS.iter().map(|parameter| parameter.name);
    numbers
        .chain(SWITCHES)
        .chain([FS_PATHS, LOG, ALERTS, TASKS, NAMES])
}

/// Nearly all tests look at all lines.
fn with_all_lines(parameters: &str) -> String {
    format!("log=full {parameters}")
}

/// Loads the module, which logs all lines.
pub fn insmod(parameters: &str) -> Result<(), Errno> {
    insmod_just(&with_all_lines(parameters))
}

/// Loads the module with these parameters alone.
fn insmod_just(parameters: &str) -> Result<(), Errno> {
    let file =
        File::open(FILE).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    let parameters = CString::new(parameters).map_err(|_| Errno::INVAL)?;
    finit_module(file, &parameters, 0)
}

pub fn rmmod() -> Result<(), Errno> {
    // As rmmod does: do not wait for others to let go of the module.
    delete_module(
        c"resource_monitor",
        rustix::fs::OFlags::NONBLOCK.bits() as _,
    )
}

/// As [`rmmod`], but gives the module time to become free: it is in use while a parameter is written,
/// and while a source is late.
pub fn rmmod_patiently() -> Result<(), Errno> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match rmmod() {
            Err(Errno::AGAIN) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(1));
            }
            result => return result,
        }
    }
}

pub fn is_loaded() -> bool {
    Path::new(SYSFS).exists()
}

pub fn parameter_path(name: &str) -> String {
    format!("{SYSFS}/parameters/{name}")
}

pub fn write(parameter: &str, value: &str) -> io::Result<()> {
    let bytes = value.as_bytes();
    let written = OpenOptions::new()
        .write(true)
        .open(parameter_path(parameter))?
        .write(bytes)?;
    if written != bytes.len() {
        return Err(io::Error::other(format!(
            "{written} bytes were written, expected {}",
            bytes.len()
        )));
    }
    Ok(())
}

/// What the kernel says of a value that it refused: `None` for another answer than EINVAL.
pub fn is_einval(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::INVAL)
}

/// The value of a parameter as text.
pub fn read_text(parameter: &str) -> Result<String> {
    let text =
        fs::read_to_string(parameter_path(parameter)).with_context(|| parameter.to_string())?;
    let value = text
        .strip_suffix('\n')
        .with_context(|| format!("{parameter} reads as {text:?}, expected a newline at its end"))?;
    Ok(value.to_string())
}

/// The value of a parameter that is a number.
pub fn read(parameter: &str) -> Result<u64> {
    let value = read_text(parameter)?;
    value
        .parse()
        .with_context(|| format!("{parameter} reads as {value:?}, expected a number"))
}

/// The value of a parameter that is a switch.
pub fn read_switch(parameter: &str) -> Result<bool> {
    match read_text(parameter)?.as_str() {
        "Y" => Ok(true),
        "N" => Ok(false),
        other => bail!("{parameter} reads as {other:?}, expected Y or N"),
    }
}

/// The loaded module. It is unloaded when this goes out of scope, whatever happens.
pub struct Module<'a> {
    log: &'a Log,
    /// Before the module was loaded.
    pub start: Mark,
    loaded: bool,
}

impl<'a> Module<'a> {
    pub fn load(log: &'a Log, parameters: &str) -> Result<Module<'a>> {
        Self::load_just(log, &with_all_lines(parameters))
    }

    /// Loads the module with these parameters alone.
    pub fn load_just(log: &'a Log, parameters: &str) -> Result<Module<'a>> {
        // The kernel refuses marks of more than a thousand bytes.
        let start = log.mark(&format!("insmod {parameters:.200}"))?;
        insmod_just(parameters).with_context(|| format!("insmod {parameters}"))?;
        Ok(Module {
            log,
            start,
            loaded: true,
        })
    }

    /// The `loaded` line, which must be the only one of its kind and the first one of the module.
    pub fn loaded_line(&self) -> Result<(Loaded, Duration)> {
        let start = self.log.mark("loaded")?;
        ensure!(
            start != self.start,
            "the log is still at {start:?}, where the module was loaded, expected a later mark"
        );
        let lines = self.lines(self.start)?;
        let Some((first, Line::Loaded(loaded))) = lines.first() else {
            bail!(
                "the first line of the module is {:?}, expected its loaded line",
                lines.first()
            );
        };
        let more = lines
            .iter()
            .filter(|(_, line)| matches!(line, Line::Loaded(_)))
            .count();
        ensure!(more == 1, "{more} loaded lines were logged, expected 1");
        Ok((loaded.clone(), first.at))
    }

    pub fn lines(&self, from: Mark) -> Result<Vec<(Arc<Record>, Line)>> {
        let mut lines = Vec::new();
        for record in self.log.since(from)? {
            if let Some(line) = lines::parse_record(&record)? {
                lines.push((record, line));
            }
        }
        Ok(lines)
    }

    /// Waits for `count` samples that are logged after `from`. The time they take is `time`.
    ///
    /// They are whole: as the lines of slow sources come late, that is sure only when the next
    /// sample or the `unloaded` line has followed, so this takes a sample longer.
    pub fn wait(&self, from: Mark, count: usize, time: Duration) -> Result<Vec<Sample>> {
        let what = format!("{count} samples");
        // Each record is parsed once while there are too few, so that a bad one shows at once.
        let mut parsed = 0;
        let mut begun = 0;
        let found = self.log.wait(from, time + PATIENCE, &what, |records| {
            for record in &records[parsed..] {
                lines::parse_record(record)?;
            }
            parsed = records.len();
            begun = records
                .iter()
                .filter(|record| lines::begins_sample(record))
                .count();
            // The mark may cut a sample, whose rest does not count.
            let Some(start) = records.iter().position(|r| lines::begins_sample(r)) else {
                return Ok(None);
            };
            if begun < count {
                return Ok(None);
            }
            let samples = lines::samples(&records[start..], true)?;
            Ok((samples.len() >= count).then_some(samples))
        });
        found.with_context(|| format!("{begun} samples have begun, expected {count} whole ones"))
    }

    /// Waits until `count` samples have begun after `from`, in about `time`, and gives the record of
    /// the last one's first line.
    pub fn wait_begun(&self, from: Mark, count: usize, time: Duration) -> Result<Arc<Record>> {
        let what = format!("the start of {count} samples");
        let mut begun = 0;
        let found = self.log.wait(from, time + PATIENCE, &what, |records| {
            let starts = || records.iter().filter(|r| lines::begins_sample(r));
            begun = starts().count();
            Ok(starts().nth(count.saturating_sub(1)).cloned())
        });
        found.with_context(|| format!("{begun} samples have begun, expected {count}"))
    }

    /// Waits for the first `count` samples after loading, unloads, and gives the samples. Where an
    /// interval is long, this saves the time of the sample after them.
    pub fn finish(self, count: usize, interval_ms: u64) -> Result<Vec<Sample>> {
        let time = Duration::from_millis(interval_ms * count as u64);
        self.wait_begun(self.start, count, time)?;
        // For its further lines.
        std::thread::sleep(Duration::from_millis(interval_ms.min(400) / 2));
        let (samples, ..) = self.unload()?;
        ensure!(
            samples.len() >= count,
            "{} samples were logged, expected {count} or more",
            samples.len()
        );
        Ok(samples)
    }

    /// Waits for the first `count` samples after loading.
    pub fn first(&self, count: usize, interval_ms: u64) -> Result<Vec<Sample>> {
        self.wait(
            self.start,
            count,
            Duration::from_millis(interval_ms * count as u64),
        )
    }

    /// Unloads, and gives all samples that were logged and the `unloaded` line with its time.
    pub fn unload(mut self) -> Result<(Vec<Sample>, Unloaded, Duration)> {
        self.loaded = false;
        rmmod_patiently().with_context(|| format!("rmmod, tried for up to {PATIENCE:?}"))?;
        ensure!(
            !is_loaded(),
            "{SYSFS} is still there after rmmod, expected it to be gone"
        );
        // Whatever still ran would log after this.
        let end = self.log.mark("rmmod done")?;
        std::thread::sleep(Duration::from_millis(20));
        self.log.mark("after rmmod")?;
        let after = self.lines(end)?;
        ensure!(
            after.is_empty(),
            "the module logged {after:?} after it was unloaded, expected nothing"
        );
        let samples = lines::samples(&self.log.since(self.start)?, false)?;
        let lines = self.lines(self.start)?;
        let Some((last, Line::Unloaded(unloaded))) = lines.last() else {
            bail!(
                "the last line of the module is {:?}, expected its unloaded line",
                lines.last()
            );
        };
        let more = lines
            .iter()
            .filter(|(_, line)| matches!(line, Line::Unloaded(_)))
            .count();
        ensure!(more == 1, "{more} unloaded lines were logged, expected 1");
        Ok((samples, *unloaded, last.at))
    }
}

impl Drop for Module<'_> {
    fn drop(&mut self) {
        if self.loaded {
            // A failure shows when the runner looks whether the module is still there.
            let _ = rmmod_patiently();
        }
    }
}

/// The module's own error lines about parameters after `from`.
pub fn parameter_errors(log: &Log, from: Mark) -> Result<Vec<BadParameter>> {
    let mut errors = Vec::new();
    for record in log.since(from)? {
        if let Some(Line::BadParameter(error)) = lines::parse_record(&record)? {
            errors.push(error);
        }
    }
    Ok(errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_others_are_off() {
        let disks = only(&["disk"]);
        let words: Vec<&str> = disks.split(' ').collect();
        assert_eq!(words.len(), SWITCHES.len());
        assert!(words.contains(&"tasks=off"), "{disks}");
        assert!(
            words.contains(&"net=0") && !disks.contains("disk"),
            "{disks}"
        );
        assert_eq!(only(&SWITCHES), "tasks=off");
        let all: Vec<&str> = SWITCHES.into_iter().chain([TASKS]).collect();
        assert_eq!(only(&all), "");
    }

    #[test]
    #[should_panic(expected = "the source is \"disks\"")]
    fn an_unknown_source_is_no_silent_all() {
        only(&["disks"]);
    }
}
