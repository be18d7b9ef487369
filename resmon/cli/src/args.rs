// SPDX-License-Identifier: GPL-2.0-or-later

//! The arguments, as users see them. The man pages and the completions are made of these.

mod boot;
mod boots;
mod from;
mod record;
mod save;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use clap::{value_parser, Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::commands::Listen;

pub use boot::{BootId, OfBoot};
pub use boots::{Boots, Forget};
pub use from::{From, FromAny};
pub use record::Record;
pub use save::Save;
pub use watch::Watch;

/// Shows what this machine does, from the kernel module resource_monitor
#[derive(Debug, Parser)]
#[command(
    name = "resmon",
    version,
    about,
    args_conflicts_with_subcommands = true
)]
pub struct Args {
    /// What to do; without it, the same as top
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub top: Top,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show a live screen
    Top(Top),
    /// Print one line per sample
    Log(Log),
    /// Draw the kept history as a picture
    Plot(Plot),
    /// Serve the newest sample to Prometheus
    Export(Export),
    /// Write records to a file, for --from
    Record(Record),
    /// Save what each boot has left to a file of its own
    Save(Save),
    /// List the boots that there are records of
    Boots(Boots),
    /// Erase the records of other boots
    Forget(Forget),
    /// Wait for events, and print them or run a command
    Watch(Watch),
    /// Print whether the module runs, and what it keeps
    Status(Status),
    /// Print the time between two samples, or set it
    Interval(Interval),
    /// Print a completion script for a shell
    Completions(Completions),
    /// Write the man pages
    Man(Man),
}

#[derive(Debug, Default, ClapArgs)]
#[command(after_long_help = TOP_HELP)]
pub struct Top {
    #[command(flatten)]
    pub from: FromAny,
    /// Draw one screen of COLUMNSxROWS as text and end
    #[arg(long, value_name = "COLUMNSxROWS", num_args = 0..=1, default_missing_value = "80x24")]
    pub once: Option<String>,
}

const TOP_HELP: &str = "\
? lists the keys. Tasks are those that the module lists: t orders them by the CPU time since the census \
before, in percent of one CPU, and m by their memory.

A recording opens at the last sample in which something happened; End goes to the \
newest one.

The screen is as large as the terminal. Where that does not know its size, as on a serial console, \
COLUMNS and LINES tell it, or it is 80x24. NO_COLOR turns colours off.

Examples:
  resmon top
  resmon top --from minute.rec
  resmon top --once 120x40
  resmon top --boot -1";

/// What a log has a line of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogOf {
    /// Each sample
    Samples,
    /// Each begin and end of an event: a machine in trouble; and each process killed as memory ran out
    Events,
    /// The tasks that use most of the CPUs and of the memory
    Tasks,
}

#[derive(Debug, ClapArgs)]
#[command(after_long_help = LOG_HELP)]
pub struct Log {
    /// Print a line of each of these; without it, of samples
    #[arg(value_name = "WHAT")]
    pub of: Option<LogOf>,
    #[command(flatten)]
    pub from: FromAny,
    /// Print a JSON object per sample, as resmon/schema/sample.schema.json describes it
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print comma-separated values, with the names of the columns in the first line
    #[arg(long)]
    pub csv: bool,
    /// Print the samples from this time on
    ///
    /// A time span such as 10min, 1h or -1h (ms, s, min, h) counts back from now, or from the end of
    /// a recording. 2026-01-31T12:00 or 2026-01-31 is local time, 2026-01-31T12:00Z is UTC. "boot"
    /// and "all" begin with the oldest sample that is kept.
    #[arg(long, short = 'S', value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Go on with the samples to come
    #[arg(long, short, conflicts_with = "from")]
    pub follow: bool,
    /// Print no more than the newest N of what is kept
    #[arg(long, short = 'n', value_name = "N")]
    pub lines: Option<u64>,
    /// End after N samples
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub count: Option<u64>,
}

const LOG_HELP: &str = "\
Without --since, the samples of the last 10 minutes are shown, or all events, and of a recording, or of a \
boot that --boot names, all of it. With --follow, these are the last 10 samples or events, or the last census of tasks, \
and then those to come until Ctrl-C.

The clock of the newest sample counts: when it was set meanwhile, the times of those before are \
counted back from there. Where --since asks for more than is kept, what there is is shown, a line \
on standard error says from when to when that is, and the exit status is 1.

The columns, of which kB are 1024 bytes and MB 1024 kB; what has no room is shown in thousands \
(k), M or G:
  TIME            local time at the end of the sample; the date is in the line above
  us sy id wa st  CPU time in %: programs (nice and guests included), kernel (interrupts
                  included), idle, waiting for disks, taken by the hypervisor
  load1           load average of one minute
  used avail      memory that is not available in %, and MB that are
  si so           kB/s from and to swap
  flt/s           page faults per second
  read write      kB/s of all disks; what is made of other disks (dm, md, loop, bcache, drbd) or
                  of memory (zram, ram) is left out
  recv send       kB/s of all network interfaces but lo
  cpu mem io      pressure: % of the time for which some tasks were held up
\"-\" stands for what the module did not sample. As vmstat does it, the header comes again when it \
has left the screen, or after 21 lines when the output is no terminal; and on another day.

Below a sample, after *, are the events that begin or end with it. resmon log events has these \
alone: what was found, the worst since it began, the limit, and for how long it was so. An event that \
began before is shown once as ongoing, and a moment is over as soon as it began, as a test. In JSON it \
has the time_s and seq of its sample, and what the schema has of an event. Where there are none, a line \
on standard error says so, and the exit status is 1.

A process that was killed as memory ran out has a line there, too: who it was, its resident memory, \
and who asked for memory. It need not be the one that had most. In JSON and CSV the event oom_kill \
has them, and is told again as ongoing while more are killed; JSON has the three largest tasks as well.

resmon log tasks has a line for each task that the module lists, once for each census: those that \
used most of the CPUs since the one before, and those with most memory. -n and --count count \
censuses. The columns are those of pidstat:
  %CPU            share of one CPU since the census before; 400 are four of them
  RSS SWAP        kB that are resident and in swap
  majflt/s        page faults per second that needed a disk
  kB_rd/s kB_wr/s kB per second read from disks, and written there, now or later
  thr S           threads, and the state, as the letter in /proc/PID/stat
\"(came and went)\" is what processes that have ended used, as far as no census saw it. \"-\" stands \
where there is nothing to compare with: the task was not listed before. The module's parameters \
tasks, top_tasks and names say when it looks at tasks, how many it lists, and whether it keeps their \
names.

CSV always has the same columns, with the unit in the name; what was not sampled is empty. Disks \
and interfaces are summed in the same way; JSON has each of them, each CPU, and each task that is listed. Of \
tasks there are the totals and the one that uses most of the CPUs. In their names, what is not plain is % and \
two hexadecimal digits.

When this program was too slow and records were lost, a line on standard error says so.

Of a text, given by --from, the lines of the module are read as far as they go; \"-\" stands for what they do not \
have, and an event whose sample was not logged has a line of its own. They are put in order by the time stamps of the \
kernel, and each counts once. Time stamps that go back are another boot; texts that do not overlap are taken for \
one boot unless their clocks differ. Where there is no time of day, times are seconds since boot.

Examples:
  resmon log
  resmon log --follow
  resmon log -n 20
  resmon log events --since 24h
  resmon log tasks -n 1
  resmon log --since 1h
  resmon log --boot -1
  resmon log --since all --csv >history.csv
  resmon log --follow --json | jq .cpu.user_percent
  resmon log --from minute.rec
  resmon log --from /sys/fs/pstore
  journalctl -k -b -1 | resmon log --from /dev/stdin";

#[derive(Debug, ClapArgs)]
#[command(after_long_help = PLOT_HELP)]
pub struct Plot {
    #[command(flatten)]
    pub from: FromAny,
    /// Write the picture to this file; its name ends with .svg or .png
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
    /// Have this text above the picture, instead of the name of this machine
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Make the picture so many pixels wide and high, 800x700 to 4000x4000
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "1200x1400")]
    pub size: String,
    /// Draw on a dark ground
    #[arg(long)]
    pub dark: bool,
}

const PLOT_HELP: &str = "\
Shows CPU, pressure, memory, disks and network over local time. Disks and interfaces are summed as \
by log; what is written and sent goes downwards. Where a column of the picture has several samples, \
the line is their mean, and the band around it goes from the lowest to the highest of them.

An event has a line at its begin, and a shade for as long as it was open; its name is in the first panel. \
Under the highest peaks of the CPUs, up to three, is the name of the task that used most of them, where \
the module looked at tasks then.

Where nothing was sampled for more than three intervals there is a gap, and between two boots or \
two loads of the module. The times of each of these are counted back from its newest sample, so \
that a clock that was set in between does not matter.

A file of this name is replaced when the picture is done.

Examples:
  resmon plot --out history.svg
  resmon plot --out last.svg --boot -1
  resmon plot --out minute.png --from minute.rec --title 'A minute' --size 1600x1400 --dark";

#[derive(Debug, ClapArgs)]
#[command(after_long_help = EXPORT_HELP)]
pub struct Export {
    /// Where to listen: an IP address or localhost and a port, or :PORT for all addresses
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9950")]
    pub listen: Listen,
    #[command(flatten)]
    pub from: From,
    /// Show the tasks that use most, too, by their names
    #[arg(long)]
    pub tasks: bool,
    /// Print the metrics and end
    #[arg(long)]
    pub once: bool,
}

const EXPORT_HELP: &str = "\
The metrics are those of the newest sample, in the classic text format of Prometheus, or in \
OpenMetrics for clients that ask for it. localhost is 127.0.0.1 and ::1; other names are not \
looked up. Who can connect can read.

No counter falls while this runs. The kernel lets some fall a little, such as the time that a CPU \
waited for I/O: that stands still until it has caught up. Only with the next start is it what the \
kernel has then. What is another one of the same name, as a disk that is put in, is \
shown as it is.

With --tasks there is the CPU time and the memory of the tasks that the module lists: those of one name \
together, without their process IDs, and no more than 32 names. Who can connect can read the names.

A recording has neither the name of its machine nor the size of its swap; these are left out.

Examples:
  resmon export
  resmon export --listen localhost:9950
  resmon export --once | grep node_load1";

#[derive(Debug, ClapArgs)]
#[command(after_long_help = STATUS_HELP)]
pub struct Status {
    /// Print a JSON object
    #[arg(long)]
    pub json: bool,
}

const STATUS_HELP: &str = "\
Ends with 1 when the module is not loaded, or its device may not be opened. In JSON, what is not \
known is null.

Below the parameters is what this machine has to keep the end of the log, or a dump, when the kernel panics, and what \
one does to get the rest: pstore, systemd-pstore, a crash kernel, netconsole, a serial console, and whether the \
machine restarts by itself. resmon log --from reads the texts that these leave.

The first of these lines are on memory that is reserved for the history, so that resmon log --boot -1 has what was before \
a crash: the kernel parameter reserve_mem=8M:256M:resmon reserves it. Where the firmware was asked to clear all memory at a \
reset, nothing is left in it. Debian's kernels ask at each boot, on machines that know the EFI variable \
MemoryOverwriteRequestControl, so that nobody can read secrets in memory after a reset. Whoever would rather have the \
records takes that back after each boot; in V below stands the path of the variable:
  V=/sys/firmware/efi/efivars/MemoryOverwriteRequestControl-e20939be-32d4-41be-a150-897f85d49829
  chattr -i $V; printf '\\007\\0\\0\\0\\0' >$V

Examples:
  resmon status
  resmon status --json | jq .records";

#[derive(Debug, ClapArgs)]
#[command(after_long_help = INTERVAL_HELP)]
pub struct Interval {
    /// The new one, as 500ms, 1s or 1min; 10 ms to 1 h. Needs CAP_SYS_ADMIN
    #[arg(value_parser = parse_duration)]
    pub interval: Option<Duration>,
}

const INTERVAL_HELP: &str = "\
The interval is that of the module, for all who read from it, until it is set anew or the module \
is unloaded.

Examples:
  resmon interval
  sudo resmon interval 1s";

#[derive(Debug, ClapArgs)]
#[command(after_long_help = COMPLETIONS_HELP)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

const COMPLETIONS_HELP: &str = "\
Examples:
  resmon completions bash >/usr/share/bash-completion/completions/resmon
  resmon completions zsh >~/.zfunc/_resmon
  resmon completions fish >~/.config/fish/completions/resmon.fish";

#[derive(Debug, ClapArgs)]
#[command(after_long_help = MAN_HELP)]
pub struct Man {
    /// The folder; it is made if it is not there
    pub folder: PathBuf,
}

const MAN_HELP: &str = "\
Writes resmon.1, and a page per command such as resmon-log.1.

Example:
  resmon man /usr/local/share/man/man1";

/// Units of a duration.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Unit {
    Ms,
    S,
    Min,
    H,
}

/// Reads a time as `500ms`, `1s`, `10min` or `1h`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let refused = || format!("'{text}' is not a time such as 500ms, 1s, 10min or 1h");
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = Unit::from_str(&text[digits.len()..], false).map_err(|_| refused())?;
    let number: u64 = digits.parse().map_err(|_| refused())?;
    let ms = match unit {
        Unit::Ms => 1,
        Unit::S => 1_000,
        Unit::Min => 60_000,
        Unit::H => 3_600_000,
    };
    let ms = number.checked_mul(ms).ok_or_else(refused)?;
    Ok(Duration::from_millis(ms))
}
