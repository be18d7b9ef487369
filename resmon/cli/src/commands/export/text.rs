// SPDX-License-Identifier: GPL-2.0-or-later

//! Families of metrics as text, in the formats that Prometheus reads.
//!
//! These are written here, as prometheus-client has only one of them, and leaves it to others to
//! escape labels and to see that a sample is there once.

use std::fmt::{self, Write as _};

use super::family::{Family, Kind, Sample, Unit, Value};
use super::format::Format;

/// Writes `families` in one of the formats.
pub fn write<'a>(
    families: impl IntoIterator<Item = &'a Family>,
    format: Format,
) -> Result<String, fmt::Error> {
    let mut text = String::new();
    for family in families {
        write_family(&mut text, family, format)?;
    }
    if format != Format::Classic {
        text.push_str("# EOF\n");
    }
    Ok(text)
}

/// In OpenMetrics a family of counters has the name of its samples without `_total`; in the classic
/// text it has the same name as they.
fn write_family(text: &mut String, family: &Family, format: Format) -> fmt::Result {
    let unit = family.unit.map(Unit::name);
    let mut name = family.name.to_owned();
    if let Some(unit) = unit {
        write!(name, "_{unit}")?;
    }
    let total = match family.kind {
        Kind::Counter => format!("{name}_total"),
        Kind::Gauge => name.clone(),
    };
    let kind = match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
    };
    match format {
        Format::Classic => {
            let help = Escaped(family.help, "\\\n");
            write!(text, "# HELP {total} {help}\n# TYPE {total} {kind}\n")?;
        }
        Format::OpenMetrics(_) => {
            let help = Escaped(family.help, "\\\n\"");
            write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n")?;
            if let Some(unit) = unit {
                writeln!(text, "# UNIT {name} {unit}")?;
            }
        }
    }
    for sample in &family.samples {
        write_sample(text, &total, sample)?;
    }
    Ok(())
}

fn write_sample(text: &mut String, name: &str, sample: &Sample) -> fmt::Result {
    text.push_str(name);
    let mut before = '{';
    for label in &sample.labels {
        let value = Escaped(&label.1, "\\\n\"");
        write!(text, "{before}{}=\"{value}\"", label.0)?;
        before = ',';
    }
    if !sample.labels.is_empty() {
        text.push('}');
    }
    match sample.value {
        Value::Whole(value) => writeln!(text, " {value}"),
        Value::Seconds(ns) => writeln!(text, " {}", ns as f64 / 1e9),
        Value::Real(value) => writeln!(text, " {value}"),
    }
}

/// A text in which a backslash comes before each of some characters; a newline becomes an `n`.
struct Escaped<'a>(&'a str, &'static str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some((before, after)) = rest.split_once(|letter| self.1.contains(letter)) {
            to.write_str(before)?;
            match rest.as_bytes().get(before.len()) {
                Some(b'\n') => to.write_str("\\n")?,
                Some(byte) => write!(to, "\\{}", char::from(*byte))?,
                None => (),
            }
            rest = after;
        }
        to.write_str(rest)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::family::{Label, Life};
    use super::super::format::Version;
    use super::*;

    fn families() -> [Family; 2] {
        let description = (
            "node_it",
            Some(Unit::Seconds),
            "Is a \"test\"\\\nof two lines.",
        );
        let sample = |labels, value| Sample::new(labels, value, Life::Machine);
        let labels = vec![
            Label::bytes("path", b"/a \"b\\c\"\n"),
            Label::bytes("of", "\u{e9}".as_bytes()),
        ];
        let counters = [
            sample(labels, Value::Seconds(1_500_000_000)),
            sample(Vec::new(), Value::Seconds(2_000_000_000)),
        ];
        let description_of_gauge = ("node_now", None, "Is a test.");
        let gauges = [sample(Vec::new(), Value::Whole(u64::MAX))];
        [
            Family::new(Kind::Counter, description, counters),
            Family::new(Kind::Gauge, description_of_gauge, gauges),
        ]
    }

    #[test]
    fn classic_text_has_the_name_of_the_samples() {
        let expected = "# HELP node_it_seconds_total Is a \"test\"\\\\\\nof two lines.
# TYPE node_it_seconds_total counter
node_it_seconds_total{path=\"/a \\\"b\\\\c\\\"\\n\",of=\"\u{e9}\"} 1.5
node_it_seconds_total 2
# HELP node_now Is a test.
# TYPE node_now gauge
node_now 18446744073709551615
";
        assert_eq!(write(&families(), Format::Classic).unwrap(), expected);
    }

    #[test]
    fn openmetrics_has_units_and_an_end() {
        let expected = "# HELP node_it_seconds Is a \\\"test\\\"\\\\\\nof two lines.
# TYPE node_it_seconds counter
# UNIT node_it_seconds seconds
node_it_seconds_total{path=\"/a \\\"b\\\\c\\\"\\n\",of=\"\u{e9}\"} 1.5
node_it_seconds_total 2
# HELP node_now Is a test.
# TYPE node_now gauge
node_now 18446744073709551615
# EOF
";
        let format = Format::OpenMetrics(Version::V1_0_0);
        assert_eq!(write(&families(), format).unwrap(), expected);
    }
}
