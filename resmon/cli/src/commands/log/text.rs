// SPDX-License-Identifier: GPL-2.0-or-later

//! Lines for people, as `vmstat` has them.

use std::fmt::Write;

use resmon::Sample;

use crate::events::{life, sentence, News};
use crate::tasks::victim;
use crate::time::When;

/// The first line of the header is this, with the date before it.
const GROUPS: &str =
    " ------ cpu % ------       - memory - swap kB/s       disk kB/s - -net kB/s - -pressure %";

/// The second one. Each column is as wide as its name with the spaces before it.
const COLUMNS: &str = "TIME        us  sy  id  wa  st load1 used avail   si   so flt/s  read write  recv  send cpu mem  io";

/// Widths of what is not a share, with the space before it.
const LOAD: usize = 6;
const AVAILABLE: usize = 6;
const SWAP: usize = 5;
const FAULTS: usize = 6;
const BYTES: usize = 6;

/// Writes lines, and the header where it belongs.
#[derive(Debug, Default)]
pub struct Lines {
    /// Lines that there may be before the header comes again.
    left: usize,
    date: String,
    /// Which boot of a kernel log, and which load of the module in that.
    life: Option<(u64, u64)>,
    news: News,
}

impl Lines {
    /// The line of a sample, with the header before it where it belongs, and below it a line for each
    /// event that begins or ends.
    pub fn line(&mut self, sample: &Sample) -> String {
        let (date, time) = When::of(sample).columns(sample.interval_s);
        let mut line = String::new();
        let life_in_log = sample.from_log.map(|log| log.life());
        if life_in_log != self.life {
            // Another boot, or another load of the module.
            self.life = life_in_log;
            self.left = 0;
        }
        if self.left == 0 || date != self.date {
            line.push_str(&format!("{date}{GROUPS}\n{COLUMNS}\n"));
            self.left = lines_of_screen();
            self.date = date;
        }
        self.left -= 1;
        line.push_str(&format!("{time:10}"));
        columns(sample, &mut line);
        line.push('\n');
        let news = self.news.of(life(sample), &sample.events);
        for event in news {
            self.below(&mut line, &sentence(event));
        }
        for kill in &sample.oom_kills {
            self.below(&mut line, &format!("oom_kill of {}", victim(kill)));
        }
        if sample.oom_kills_left_out > 0 {
            let more = format!("oom_kill of {} more", sample.oom_kills_left_out);
            self.below(&mut line, &more);
        }
        line
    }

    /// Adds a line below that of a sample.
    fn below(&mut self, line: &mut String, text: &str) {
        line.push_str(&format!("{:10}* {text}\n", ""));
        self.left = self.left.saturating_sub(1);
    }
}

/// Lines between two headers: those of the screen without the header itself and the command that
/// is typed next, as `vmstat` does it.
pub fn lines_of_screen() -> usize {
    const NO_TERMINAL: u16 = 24;
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    let rows = size.map_or(NO_TERMINAL, |size| size.ws_row);
    let rows = if rows == 0 { NO_TERMINAL } else { rows };
    usize::from(rows).saturating_sub(3).max(1)
}

fn columns(sample: &Sample, line: &mut String) {
    let percent = |value: Option<f64>, width: usize, line: &mut String| {
        column(value.map(|value| format!("{value:.0}")), width, line);
    };
    let cpu = sample.cpu;
    percent(cpu.map(|cpu| cpu.programs_percent()), 4, line);
    percent(cpu.map(|cpu| cpu.kernel_percent()), 4, line);
    percent(cpu.map(|cpu| cpu.idle_percent), 4, line);
    percent(cpu.map(|cpu| cpu.iowait_percent), 4, line);
    percent(cpu.map(|cpu| cpu.steal_percent), 4, line);

    let load = sample.load.map(|load| load.one_minute);
    column(load.map(|load| with_decimals(load, LOAD - 1)), LOAD, line);

    percent(sample.memory.map(|memory| memory.used_percent()), 5, line);
    let available = sample
        .memory
        .map(|memory| memory.available_bytes as f64 / MIB);
    scaled(available, 1024.0, "GTP", AVAILABLE, line);

    let kib = |value: Option<f64>, width: usize, line: &mut String| {
        scaled(value.map(|value| value / KIB), 1024.0, "MGT", width, line);
    };
    let swap = sample.swap.as_ref();
    kib(swap.and_then(|swap| swap.in_bytes_per_second), SWAP, line);
    kib(swap.and_then(|swap| swap.out_bytes_per_second), SWAP, line);
    let faults = sample.activity.map(|activity| activity.faults_per_second);
    scaled(faults, 1000.0, "kMG", FAULTS, line);
    kib(
        sample.disk_total(|disk| disk.read_bytes_per_second),
        BYTES,
        line,
    );
    kib(
        sample.disk_total(|disk| disk.written_bytes_per_second),
        BYTES,
        line,
    );
    kib(
        sample.net_total(|net| net.received.bytes_per_second),
        BYTES,
        line,
    );
    kib(
        sample.net_total(|net| net.transmitted.bytes_per_second),
        BYTES,
        line,
    );

    let pressure = sample.pressure;
    percent(pressure.map(|pressure| pressure.cpu_some_percent), 4, line);
    percent(
        pressure.map(|pressure| pressure.memory_some_percent),
        4,
        line,
    );
    percent(pressure.map(|pressure| pressure.io_some_percent), 4, line);
}

const KIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * 1024.0;

pub fn column(text: Option<String>, width: usize, line: &mut String) {
    let text = text.as_deref().unwrap_or("-");
    // Writing to a string does not fail.
    let _ = write!(line, "{text:>width$}");
}

/// A number of at most `width` characters, one of which is a space: in larger units with their
/// letter where it has no room otherwise.
pub fn scaled(value: Option<f64>, step: f64, units: &str, width: usize, line: &mut String) {
    let text = value.map(|mut value| {
        let mut text = format!("{value:.0}");
        for unit in units.chars() {
            if text.len() < width {
                break;
            }
            value /= step;
            text = format!("{value:.0}{unit}");
        }
        text
    });
    column(text, width, line);
}

/// A number with as many of two decimals as it has room for.
fn with_decimals(value: f64, room: usize) -> String {
    let texts = [2, 1].map(|decimals| format!("{value:.decimals$}"));
    let fits = texts.into_iter().find(|text| text.len() <= room);
    fits.unwrap_or_else(|| format!("{value:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled_text(value: f64, step: f64, units: &str, width: usize) -> String {
        let mut line = String::new();
        scaled(Some(value), step, units, width, &mut line);
        line
    }

    #[test]
    fn the_header_is_as_wide_as_a_line() {
        assert_eq!(COLUMNS.len(), "2026-01-31".len() + GROUPS.len());
        assert!(
            COLUMNS.len() <= 100,
            "the header has {} bytes, expected at most 100",
            COLUMNS.len()
        );
    }

    #[test]
    fn large_numbers_stay_in_their_column() {
        assert_eq!(scaled_text(0.4, 1024.0, "MGT", 6), "     0");
        assert_eq!(scaled_text(99_999.0, 1024.0, "MGT", 6), " 99999");
        assert_eq!(scaled_text(100_000.0, 1024.0, "MGT", 6), "   98M");
        assert_eq!(
            scaled_text(f64::from(1_u32 << 31), 1024.0, "MGT", 6),
            " 2048G"
        );
        assert_eq!(scaled_text(123_456.0, 1000.0, "kMG", 6), "  123k");
    }

    #[test]
    fn loads_have_the_decimals_that_fit() {
        assert_eq!(with_decimals(0.0, 5), "0.00");
        assert_eq!(with_decimals(99.994, 5), "99.99");
        assert_eq!(with_decimals(123.456, 5), "123.5");
        assert_eq!(with_decimals(12_345.6, 5), "12346");
    }

    #[test]
    fn what_is_missing_is_a_dash() {
        let mut line = String::new();
        column(None, 4, &mut line);
        assert_eq!(line, "   -");
    }
}
