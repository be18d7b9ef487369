// SPDX-License-Identifier: GPL-2.0-or-later

//! What a text has of the module: in a line of it, what follows the module's name, and the times that
//! stand before that.

use super::wall::Wall;

/// The name that the kernel puts before each line of the module.
const NAME: &str = "resource_monitor: ";

/// A line of the module, or what is left of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Piece<'t> {
    /// The kernel's time stamp, in microseconds.
    pub(super) stamp_us: Option<u64>,
    /// The time of day.
    pub(super) wall: Option<Wall>,
    pub(super) text: &'t str,
    /// Whether the text was read to the end of its line.
    pub(super) is_whole: bool,
}

/// A line as printable text: without the sequences of a terminal, and a space for what else is none.
pub(super) fn printable(line: &[u8]) -> String {
    let mut text = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match *first {
            0x1b => rest = behind_sequence(rest),
            b' '..=b'~' => text.push(*first),
            b'\t' => text.push(b' '),
            // What is neither is kept as something that no line of the module has.
            _ => text.push(0x7f),
        }
    }
    String::from_utf8(text).unwrap_or_default()
}

/// What follows an escape sequence, of which the first byte is gone.
fn behind_sequence(rest: &[u8]) -> &[u8] {
    match rest.split_first() {
        // Parameters, and the letter at the end.
        Some((b'[', behind)) => {
            let end = behind.iter().position(|byte| !matches!(byte, b' '..=b'?'));
            let end = end.map_or(behind.len(), |end| {
                let is_letter = behind
                    .get(end)
                    .is_some_and(|byte| matches!(byte, b'@'..=b'~'));
                end.saturating_add(usize::from(is_letter))
            });
            behind.get(end..).unwrap_or_default()
        }
        Some((b'@'..=b'~', behind)) => behind,
        _ => rest,
    }
}

/// The kernel's time stamp in a line of whoever.
pub(super) fn stamp_us(line: &str) -> Option<u64> {
    let places = line.match_indices('[').take(4);
    let mut stamps = places.filter_map(|(at, _)| {
        let (inner, _) = line.get(at + 1..)?.split_once(']')?;
        stamp(inner)
    });
    stamps.next()
}

/// Whether a line is that which pstore puts before each part of a dump, as `Panic#1 Part3`.
pub(super) fn is_part(line: &str) -> bool {
    let mut words = line.split(' ');
    let (Some(reason), Some(part), None) = (words.next(), words.next(), words.next()) else {
        return false;
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let reason = reason.split_once('#');
    reason.is_some_and(|(name, count)| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic()) && is_number(count)
    }) && part.strip_prefix("Part").is_some_and(is_number)
}

/// What a line has of the module, which was read to its end if it `is_whole`. There may be more than one
/// where lines were written into each other.
pub(super) fn pieces(line: &str, is_whole: bool) -> Vec<Piece<'_>> {
    let mut pieces: Vec<Piece<'_>> = Vec::new();
    let mut from = 0;
    while let Some(distance) = line.get(from..).and_then(|rest| rest.find(NAME)) {
        let at = from + distance;
        let start = at + NAME.len();
        let before = line.get(from..at).unwrap_or_default();
        from = start;
        let Some(head) = Head::of(before) else {
            continue;
        };
        if let Some(last) = pieces.last_mut() {
            // It ends where the next one begins.
            let text_at = start - NAME.len() - before.len();
            let cut = before.len() - head.bytes;
            last.text = line.get(text_at..text_at + cut).unwrap_or_default();
            last.is_whole = false;
        }
        pieces.push(Piece {
            stamp_us: head.stamp_us,
            wall: head.wall,
            text: line.get(start..).unwrap_or_default(),
            is_whole,
        });
    }
    for piece in &mut pieces {
        // Nothing of the module is beyond what cannot be printed.
        if let Some((text, _)) = piece.text.split_once('\x7f') {
            piece.text = text;
            piece.is_whole = false;
        }
        let text = piece.text.trim_end_matches(' ');
        piece.is_whole |= text.len() < piece.text.len() && !piece.text.is_empty();
        piece.text = text;
    }
    pieces
}

/// What stands before the module's name.
struct Head {
    stamp_us: Option<u64>,
    wall: Option<Wall>,
    /// How many bytes of it there are at the end of what stands there.
    bytes: usize,
}

impl Head {
    /// None when the line is not the kernel's.
    fn of(before: &str) -> Option<Self> {
        let text = before.trim_end_matches(' ');
        let head = |stamp_us, wall, rest: &str| Self {
            stamp_us,
            wall,
            bytes: before.len() - rest.len(),
        };
        if let Some((rest, inner)) = bracket(text) {
            // With CONFIG_PRINTK_CALLER who printed it is behind the time stamp.
            let (rest, inner) = match is_caller(inner) {
                true => bracket(rest.trim_end_matches(' '))?,
                false => (rest, inner),
            };
            if let Some(stamp_us) = stamp(inner) {
                return Some(head(Some(stamp_us), Wall::at_start(rest), rest));
            }
            let wall = Wall::of_dmesg(inner)?;
            return Some(head(None, Some(wall), rest));
        }
        if let Some(rest) = text.strip_suffix("kernel:") {
            if !rest.ends_with(' ') {
                return None;
            }
            // journalctl -o short-monotonic has the time stamp of the kernel in the place of its own.
            let at = rest
                .find('[')
                .filter(|at| rest.get(..*at).is_some_and(is_blank));
            let inner = at.and_then(|at| rest.get(at + 1..)?.split_once(']'));
            let stamp_us = inner.and_then(|(inner, _)| stamp(inner));
            return Some(head(stamp_us, Wall::at_start(rest), ""));
        }
        // dmesg --time-format iso
        let wall = Wall::at_start(text).filter(|_| !text.contains(' '));
        match wall {
            Some(wall) => Some(head(None, Some(wall), "")),
            None if text.is_empty() || is_level(text) => Some(head(None, None, "")),
            None => None,
        }
    }
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| byte == b' ')
}

/// What is in the brackets at the end, and what stands before them.
fn bracket(text: &str) -> Option<(&str, &str)> {
    text.strip_suffix(']')?.rsplit_once('[')
}

/// Whether it is a task or a CPU, as `T1` or `C0`.
fn is_caller(inner: &str) -> bool {
    let inner = inner.trim_start_matches(' ');
    let number = inner.strip_prefix(['T', 'C']).unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether it is a level of the kernel's log, as `<6>`.
fn is_level(text: &str) -> bool {
    let level = text
        .strip_prefix('<')
        .and_then(|text| text.strip_suffix('>'));
    level.is_some_and(|level| {
        (1..=3).contains(&level.len()) && level.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// A time stamp of the kernel, as `   11.649258`, in microseconds.
fn stamp(inner: &str) -> Option<u64> {
    let (seconds, micros) = inner.trim_start_matches(' ').split_once('.')?;
    if micros.len() != 6 || seconds.len() > 10 {
        return None;
    }
    let number = super::fields::number;
    number(seconds)?
        .checked_mul(1_000_000)?
        .checked_add(number(micros)?)
}
