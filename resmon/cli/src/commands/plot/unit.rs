// SPDX-License-Identifier: GPL-2.0-or-later

//! Units of bytes.

/// A unit of bytes.
#[derive(Clone, Copy)]
pub struct Unit {
    pub bytes: f64,
    name: &'static str,
}

impl Unit {
    /// The largest one of which there is at least one.
    pub fn of(bytes: f64) -> Self {
        const NAMES: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        let mut unit = Self {
            bytes: 1.0,
            name: "B",
        };
        for name in NAMES.into_iter().skip(1) {
            if bytes < unit.bytes * 1024.0 {
                break;
            }
            unit = Self {
                bytes: unit.bytes * 1024.0,
                name,
            };
        }
        unit
    }

    pub fn text(&self, bytes: f64) -> String {
        format!("{:.1} {}", bytes / self.bytes, self.name)
    }

    /// A mark of an axis.
    pub fn label(&self, value: f64, per: &str) -> String {
        // The axis rounds its marks, but not to the last bit; downwards is not less than nothing.
        let value = (value * 1e3).round().abs() / 1e3;
        format!("{value} {}{per}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_have_at_least_one() {
        assert_eq!(Unit::of(0.0).text(0.0), "0.0 B");
        assert_eq!(Unit::of(1023.0).name, "B");
        assert_eq!(Unit::of(1024.0).name, "KiB");
        assert_eq!(Unit::of(1e9).name, "MiB");
        assert_eq!(Unit::of(1e30).name, "PiB");
        assert_eq!(Unit::of(2048.0).label(0.1 + 0.2, "/s"), "0.3 KiB/s");
        assert_eq!(Unit::of(2048.0).label(-5.0, "/s"), "5 KiB/s");
    }
}
