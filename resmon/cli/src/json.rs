// SPDX-License-Identifier: GPL-2.0-or-later

//! JSON that somebody may look at in a terminal.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::events::is_hidden;

/// A value as a line. Letters that a terminal might obey are escaped, also where JSON need not have it so.
pub fn line(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut line, Escaping))?;
    line.push(b'\n');
    Ok(line)
}

/// Compact, as the one by default.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        for part in fragment.split_inclusive(is_hidden) {
            let mut letters = part.chars();
            let Some(last) = letters.next_back().filter(|last| is_hidden(*last)) else {
                writer.write_all(part.as_bytes())?;
                continue;
            };
            writer.write_all(letters.as_str().as_bytes())?;
            for unit in last.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}
