// SPDX-License-Identifier: GPL-2.0

//! The arguments, as users see them. The man pages and the completions are made of these.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

/// Shows what this machine does, from the kernel module resource_monitor
#[derive(Debug, Parser)]
#[command(name = "resmon", version, about)]
pub struct Args {
    /// What to do; without it, the same as top
    #[command(subcommand)]
    pub command: Option<Command>,
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
    /// Print whether the module runs, and what it keeps
    Status(Status),
    /// Print the time between two samples, or set it
    Interval(Interval),
    /// Print a completion script for a shell
    Completions(Completions),
    /// Write the man pages
    Man(Man),
}

/// Where records come from.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct From {
    /// Read this recording instead of the device
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
}

#[derive(Debug, Default, ClapArgs)]
pub struct Top {
    #[command(flatten)]
    pub from: From,
    /// Draw one screen of COLUMNSxROWS as text and end
    #[arg(long, value_name = "COLUMNSxROWS", num_args = 0..=1, default_missing_value = "80x24")]
    pub once: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub struct Log {
    #[command(flatten)]
    pub from: From,
    /// Print a JSON object per sample
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print comma-separated values
    #[arg(long)]
    pub csv: bool,
    /// Begin with samples from this time on, as 10min, 1h or 2026-01-31T12:00; all that is kept
    /// with "boot"
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// End after this many samples
    #[arg(long, short = 'n', value_name = "N")]
    pub count: Option<u64>,
}

#[derive(Debug, ClapArgs)]
pub struct Plot {
    #[command(flatten)]
    pub from: From,
    /// Write the picture to this file; its name ends with .svg or .png
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub struct Export {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9950")]
    pub listen: SocketAddr,
    #[command(flatten)]
    pub from: From,
    /// Print the metrics and end
    #[arg(long)]
    pub once: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Record {
    /// The file; it must not be there yet
    pub file: PathBuf,
    /// Begin with what the module keeps
    #[arg(long)]
    pub history: bool,
    /// End after this many records
    #[arg(long, short = 'n', value_name = "N")]
    pub count: Option<u64>,
}

#[derive(Debug, ClapArgs)]
pub struct Status {
    /// Print a JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Interval {
    /// The new one, as 500ms, 1s or 1min; 10 ms to 1 h. Needs CAP_SYS_ADMIN
    #[arg(value_parser = parse_duration)]
    pub interval: Option<Duration>,
}

#[derive(Debug, ClapArgs)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

#[derive(Debug, ClapArgs)]
pub struct Man {
    /// The folder
    pub folder: PathBuf,
}

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
