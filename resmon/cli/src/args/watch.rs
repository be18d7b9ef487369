// SPDX-License-Identifier: GPL-2.0-or-later

//! Those of `resmon watch`.

use std::ffi::OsString;
use std::time::Duration;

use clap::{value_parser, Args as ClapArgs};

use super::parse_duration;

#[derive(Debug, ClapArgs)]
#[command(after_long_help = WATCH_HELP)]
pub struct Watch {
    /// Print a JSON object per event
    #[arg(long)]
    pub json: bool,
    /// End after N events
    #[arg(long, short = 'n', value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Make a test event, and end when it has come. Needs CAP_SYS_ADMIN
    #[arg(long)]
    pub test: bool,
    /// Kill the command, and what it has started, after this time
    #[arg(long, value_name = "SPAN", default_value = "30s", value_parser = parse_duration)]
    pub timeout: Duration,
    /// Run this command for each event; it and its arguments are all that follows
    #[arg(long, value_name = "COMMAND", num_args = 1.., allow_hyphen_values = true)]
    pub exec: Vec<OsString>,
}

const WATCH_HELP: &str = "\
An event is a machine in trouble, as the module finds it: see its parameters. A line is printed when \
one begins and when it ends. At the start those are told that are open; of them no command is run.

The command is run without a shell, with nothing to read, and what it prints goes to standard error. \
One runs at a time. When more events come meanwhile, it is run again for the newest of them, and told \
how many it was not run for. When it cannot be started or fails, a line on standard error says so, and \
the watch goes on; with --test the exit status is 1 then. It finds in its environment:
  RESMON_EVENT      the name, such as mem_full
  RESMON_STATE      begin, end, moment (a test), or ongoing when the begin was not seen
  RESMON_NUMBER     the number of the event since the module was loaded
  RESMON_UNIT       percent, count or seconds: the unit of the next three
  RESMON_VALUE      what was found
  RESMON_WORST      the worst since it began
  RESMON_LIMIT      the limit
  RESMON_LASTING_S  seconds that it had to last before it began
  RESMON_SINCE_S    seconds that it has lasted
  RESMON_SUBJECT    the disk or the path, or empty
  RESMON_SEVERE     1 when the machine may be dying, else 0
  RESMON_TIME       when, as 2026-01-31T12:00:00.000+00:00
  RESMON_TEXT       all of it in a sentence
  RESMON_SKIPPED    how many events came since it was run last
With the event oom_kill also the following, of the first process that was killed; empty without one:
  RESMON_VICTIMS        how many were killed
  RESMON_VICTIM_PID     its process ID
  RESMON_VICTIM_COMM    its name
  RESMON_VICTIM_UID     its user
  RESMON_VICTIM_RSS_KB  its resident memory
  RESMON_ASKED_BY_PID   who asked for memory
  RESMON_ASKED_BY_COMM  the name of that
  RESMON_LARGEST        the three tasks with most memory, as \"pid 1 init, 12 MB; pid 2 sh, 1 MB\"

While more processes are killed, oom_kill is printed again as ongoing. No command is run for that, and \
it does not count for --count. In names and subjects, control characters are replaced.

This program locks its memory, so that it can read and print an event while there is none left. A \
command needs memory of its own: it may start late then, or not at all. resmon-watch.service sets some \
aside. With a command, the watch goes on when nobody reads what it prints.

It ends with 1 when the module is not loaded. While it runs, the module is in use: rmmod needs it \
stopped.

Examples:
  resmon watch
  resmon watch --json --count 1
  resmon watch --exec /usr/local/bin/page --urgent
  resmon watch --exec sh -c 'logger \"$RESMON_TEXT\"'
  sudo resmon watch --test";
