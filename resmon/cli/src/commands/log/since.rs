// SPDX-License-Identifier: GPL-2.0-or-later

//! The time that `--since` gives.

use std::path::Path;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::Timestamp;

use crate::args::parse_duration;
use crate::error::{Error, Result};
use crate::source::{next_record, Source};

/// What `--since` was given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Since {
    /// All that is kept.
    All,
    /// So long before now, or before the end of a recording.
    Ago(Duration),
    /// This time, in seconds since 1970.
    Time(f64),
}

impl Since {
    pub fn parse(text: &str) -> Result<Self> {
        if matches!(text, "boot" | "all") {
            return Ok(Self::All);
        }
        if let Ok(ago) = parse_duration(text) {
            return Ok(Self::Ago(ago));
        }
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Self::Time(time.as_duration().as_secs_f64()));
        }
        let local = text.parse::<DateTime>().ok();
        local
            .and_then(|time| time.to_zoned(TimeZone::system()).ok())
            .map(|time| Self::Time(time.timestamp().as_duration().as_secs_f64()))
            .ok_or_else(|| {
                Error::Usage(format!(
                    "--since: '{text}' is neither a time span such as 10min or 1h, nor a time \
                     such as 2026-01-31T12:00, nor \"boot\" or \"all\""
                ))
            })
    }

    /// The time in seconds since 1970, for samples of the recording `from` or else of the device.
    pub fn time_s(self, from: Option<&Path>) -> Result<f64> {
        let now_s = || Timestamp::now().as_duration().as_secs_f64();
        match (self, from) {
            (Self::All, _) => Ok(f64::NEG_INFINITY),
            (Self::Ago(ago), Some(path)) => Ok(end_s(path)? - ago.as_secs_f64()),
            (Self::Ago(ago), None) => Ok(now_s() - ago.as_secs_f64()),
            // Waiting in silence for a time to come is nothing that one asks for on purpose.
            (Self::Time(time_s), None) if time_s > now_s() => {
                Err(Error::Usage("--since: this time is yet to come".into()))
            }
            (Self::Time(time_s), _) => Ok(time_s),
        }
    }
}

/// When the last record of a recording was taken.
fn end_s(path: &Path) -> Result<f64> {
    // A pipe could not be read again from its begin.
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(Error::Usage(format!(
            "--since: a time span before the end needs a file, which {} is not",
            path.display()
        )));
    }
    let mut records = Source::records(Some(path), true)?;
    let mut end_s = 0.0;
    // An error is reported after the records before it, when these are shown.
    while let Ok(Some(record)) = next_record(&mut records, Some(path)) {
        end_s = Duration::from_nanos(record.header().taken_wall_ns).as_secs_f64();
    }
    Ok(end_s)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn times_of_all_kinds() {
        let ago = |s| Since::Ago(Duration::from_secs(s));
        assert_eq!(Since::parse("10min").unwrap(), ago(600));
        assert_eq!(Since::parse("1h").unwrap(), ago(3600));
        assert_eq!(Since::parse("boot").unwrap(), Since::All);
        assert_eq!(Since::parse("all").unwrap(), Since::All);
        let utc = Since::parse("2026-01-31T12:00Z").unwrap();
        assert_eq!(utc, Since::Time(1_769_860_800.0));
        for local in ["2026-01-31T12:00", "2026-01-31 12:00:30", "2026-01-31"] {
            let found = Since::parse(local).unwrap();
            assert!(
                matches!(found, Since::Time(_)),
                "{local:?} gives {found:?}, expected a time"
            );
        }
    }

    #[test]
    fn other_texts() {
        for text in [
            "",
            "10",
            "min",
            "-1h",
            "yesterday",
            "2026-13-01",
            "12:00",
            "ü",
            "99999999999999999999h",
        ] {
            let error = Since::parse(text).unwrap_err();
            assert!(
                matches!(error, Error::Usage(_)),
                "{text:?} gives {error:?}, expected an error of usage"
            );
            assert!(
                error.to_string().contains("such as 10min"),
                "expected \"such as 10min\" in {error}"
            );
        }
    }

    #[test]
    fn the_future_is_refused() {
        Since::Time(1e11).time_s(None).unwrap_err();
        Since::Time(0.0).time_s(None).unwrap();
    }
}
