// SPDX-License-Identifier: GPL-2.0-or-later

//! The text formats of metrics, and which of them a client wants.

/// A text format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The text format of Prometheus, version 0.0.4, which all understand.
    Classic,
    OpenMetrics(Version),
}

/// A version of OpenMetrics. What is written here is the same in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V0_0_1,
    V1_0_0,
}

impl Format {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics(Version::V0_0_1) => {
                "application/openmetrics-text; version=0.0.1; charset=utf-8"
            }
            Self::OpenMetrics(Version::V1_0_0) => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        }
    }

    /// The format that the header `Accept` of a request likes best, by the rules of RFC 9110.
    ///
    /// Who does not ask for OpenMetrics by its name gets the classic text, as from Prometheus' own
    /// libraries: also when nothing that there is would be liked, since more can be made of a text
    /// than of an error.
    pub fn asked_for(accept: &str) -> Self {
        let ranges = || accept.split(',').filter_map(Range::of);
        // Of ranges that the classic text is in, the most specific says how much it is liked.
        let most_specific = ranges()
            .filter(|range| range.format == Self::Classic)
            .map(|range| range.specificity)
            .max();
        let mut best: Option<Range> = None;
        for range in ranges() {
            let counts = range.format != Self::Classic || most_specific == Some(range.specificity);
            // Of those that are liked as much, the first one.
            let is_better = best
                .as_ref()
                .is_none_or(|best| range.preference() > best.preference());
            if counts && range.quality > 0 && is_better {
                best = Some(range);
            }
        }
        best.map_or(Self::Classic, |range| range.format)
    }
}

/// A range of media types that a client accepts.
#[derive(Debug)]
struct Range {
    /// The format in it.
    format: Format,
    /// How narrow it is: 2 is one media type.
    specificity: u8,
    /// How much it is liked, in thousandths.
    quality: u16,
}

impl Range {
    /// Reads one; none if no format is in it.
    fn of(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let media_type = parts.next()?.to_ascii_lowercase();
        let (mut quality, mut version) = (1000, String::new());
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => quality = thousandths(value),
                "version" => version = value.to_owned(),
                _ => (),
            }
        }
        let (format, specificity) = match (media_type.as_str(), version.as_str()) {
            ("application/openmetrics-text", "" | "1.0.0") => {
                (Format::OpenMetrics(Version::V1_0_0), 2)
            }
            ("application/openmetrics-text", "0.0.1") => (Format::OpenMetrics(Version::V0_0_1), 2),
            ("text/plain", "" | "0.0.4") => (Format::Classic, 2),
            ("text/*", _) => (Format::Classic, 1),
            ("*/*", _) => (Format::Classic, 0),
            _ => return None,
        };
        Some(Self {
            format,
            specificity,
            quality,
        })
    }

    fn preference(&self) -> (u16, u8) {
        (self.quality, self.specificity)
    }
}

/// A number from 0 to 1, in thousandths. What is none is not liked.
fn thousandths(text: &str) -> u16 {
    let number = text.parse().unwrap_or(0.0_f32);
    match (0.0..=1.0).contains(&number) {
        true => (number * 1000.0).round() as u16,
        false => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_what_it_likes_best() {
        const NEW: Format = Format::OpenMetrics(Version::V1_0_0);
        const OLD: Format = Format::OpenMetrics(Version::V0_0_1);
        const CLASSIC: Format = Format::Classic;
        let cases = [
            ("", CLASSIC),
            ("*/*", CLASSIC),
            ("text/plain;version=0.0.4", CLASSIC),
            ("text/plain", CLASSIC),
            ("image/png", CLASSIC),
            ("application/*", CLASSIC),
            ("application/openmetrics-text", NEW),
            ("Application/OpenMetrics-Text; Version=\"1.0.0\"", NEW),
            ("application/openmetrics-text;version=0.0.1", OLD),
            ("application/openmetrics-text;version=2.0.0", CLASSIC),
            // Prometheus 2 and 3, and versions before 2.31.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;\
                 version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                NEW,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                 application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;\
                 escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                NEW,
            ),
            (
                "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,\
                 */*;q=0.1",
                OLD,
            ),
            // Prometheus that is told to prefer the classic text.
            (
                "text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,\
                 */*;q=0.1",
                CLASSIC,
            ),
            // A browser.
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                CLASSIC,
            ),
            ("text/plain, application/openmetrics-text", CLASSIC),
            ("application/openmetrics-text, text/plain", NEW),
            ("*/*, application/openmetrics-text", NEW),
            ("text/*;q=0.4, application/openmetrics-text;q=0.3", CLASSIC),
            // The narrower range says how much the classic text is liked.
            (
                "*/*, text/plain;q=0.1, application/openmetrics-text;q=0.2",
                NEW,
            ),
            ("application/openmetrics-text;q=0", CLASSIC),
            ("application/openmetrics-text;q=0, */*;q=0", CLASSIC),
            ("application/openmetrics-text;q=much, */*;q=0.1", CLASSIC),
            ("application/openmetrics-text;q=nan, */*;q=0.1", CLASSIC),
            ("application/openmetrics-text;q=-1, */*;q=0.1", CLASSIC),
            ("application/openmetrics-text;q=0.002, */*;q=0.001", NEW),
            (",;,;;=,a/b;q", CLASSIC),
        ];
        for (accept, expected) in cases {
            assert_eq!(Format::asked_for(accept), expected, "{accept:?}");
        }
    }
}
