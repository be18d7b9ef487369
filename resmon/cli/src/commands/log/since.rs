// SPDX-License-Identifier: GPL-2.0-or-later

//! The time that `--since` gives.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::Timestamp;

use crate::args::parse_duration;
use crate::error::{Error, Result};
use crate::input::Input;
use crate::samples::Source;

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
    /// What is shown when nothing else is asked for.
    pub const RECENT: Self = Self::Ago(Duration::from_secs(600));

    pub fn parse(text: &str) -> Result<Self> {
        if matches!(text, "boot" | "all") {
            return Ok(Self::All);
        }
        // As with journalctl, a span may have a minus.
        if let Ok(ago) = parse_duration(text.strip_prefix('-').unwrap_or(text)) {
            return Ok(Self::Ago(ago));
        }
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Self::Time(time.as_duration().as_secs_f64()));
        }
        let local = text.parse::<DateTime>().ok();
        local
            .and_then(|time| time.to_zoned_datetime(TimeZone::system()).ok())
            .map(|time| Self::Time(time.timestamp().as_duration().as_secs_f64()))
            .ok_or_else(|| {
                Error::Usage(format!(
                    "--since: '{text}' is neither a time span such as 10min or 1h, nor a time \
                     such as 2026-01-31T12:00, nor \"boot\" or \"all\""
                ))
            })
    }

    /// The time in seconds since 1970, or since boot where `source` knows no other, for samples of it.
    pub fn time_s(self, source: &Source) -> Result<f64> {
        let ago = match (self, source.log()) {
            (Self::All, _) => return Ok(f64::NEG_INFINITY),
            (Self::Time(_), Some(log)) if !log.has_wall_clock() => {
                return Err(Error::Usage(
                    "--since: the log has no time of day, so it can be a time span alone".into(),
                ));
            }
            (Self::Time(time_s), _) => return Ok(time_s),
            (Self::Ago(ago), Some(log)) => {
                return Ok(log.end_s().unwrap_or_default() - ago.as_secs_f64());
            }
            (Self::Ago(ago), None) => ago.as_secs_f64(),
        };
        let Some(input) = source.input() else {
            return Ok(f64::NEG_INFINITY);
        };
        match input {
            Input::Device(_) => Ok(Timestamp::now().as_duration().as_secs_f64() - ago),
            Input::Recording(recording) => {
                let end_s = recording.span().map(|(_, end_s)| end_s);
                Ok(end_s.unwrap_or_default() - ago)
            }
            Input::Stream(_) => Err(Error::Usage(
                "--since: a time span counts back from the end, so it needs a file that can be \
                 read twice, which a pipe is not"
                    .into(),
            )),
        }
    }
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
        assert_eq!(Since::parse("-2h").unwrap(), ago(7200));
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
            "--1h",
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
}
