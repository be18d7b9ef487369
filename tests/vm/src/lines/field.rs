// SPDX-License-Identifier: GPL-2.0

//! What lines are made of: fields, numbers and names, in the documented way of writing them alone.

use anyhow::{ensure, Context, Result};

pub(super) fn fields<'a, const N: usize>(text: &'a str, keys: [&str; N]) -> Result<[&'a str; N]> {
    let words: Vec<&str> = text.split(' ').collect();
    ensure!(words.len() == N, "{} fields instead of {N}", words.len());
    let mut values = [""; N];
    for ((value, word), key) in values.iter_mut().zip(words).zip(keys) {
        *value = word
            .strip_prefix(key)
            .and_then(|rest| rest.strip_prefix('='))
            .with_context(|| format!("{word:?} where {key}= belongs"))?;
    }
    Ok(values)
}

/// A whole number in its shortest form, followed by `unit`.
pub(super) fn number(text: &str, unit: &str) -> Result<u64> {
    let digits = text
        .strip_suffix(unit)
        .with_context(|| format!("{text:?} is not in {unit}"))?;
    let plain = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    ensure!(
        plain,
        "{digits:?} is no plain number, expected digits without a leading 0"
    );
    Ok(digits.parse()?)
}

/// Tenths of a per cent, written as `12.3%`.
pub(super) fn tenths(text: &str) -> Result<u32> {
    let all = any_tenths(text, "%")?;
    ensure!(all <= 1000, "{text} is more than 100 %");
    Ok(all as u32)
}

/// Tenths, written as `12.3`, followed by `unit`.
pub(super) fn any_tenths(text: &str, unit: &str) -> Result<u64> {
    let (whole, tenth) = text
        .strip_suffix(unit)
        .and_then(|text| text.split_once('.'))
        .with_context(|| format!("{text:?} is not a number with a point, in {unit}"))?;
    ensure!(
        tenth.len() == 1,
        "{text:?} has not one digit after the point"
    );
    // The tenth's single digit may be a zero.
    Ok(number(whole, "")? * 10 + number(tenth, "")?)
}

/// Hundredths, written as `12.34`, followed by `unit`.
pub(super) fn hundredths(text: &str, unit: &str) -> Result<u64> {
    let (whole, part) = text
        .strip_suffix(unit)
        .and_then(|text| text.split_once('.'))
        .with_context(|| format!("{text:?} is not a number with a point, in {unit}"))?;
    ensure!(
        part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()),
        "{text:?} has not two digits after the point"
    );
    number(whole, "")?
        .checked_mul(100)
        .and_then(|all| all.checked_add(part.parse().ok()?))
        .with_context(|| format!("{text} is above {}, the most", u64::MAX / 100))
}

/// Undoes the `\ooo` of bytes that are not printable, of blanks and of backslashes.
///
/// Such bytes must not stand there plainly, nor others be written like this.
pub(super) fn unescaped(text: &str) -> Result<String> {
    ensure!(
        !text.is_empty(),
        "the name is empty, expected a byte or more"
    );
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        if first != b'\\' {
            ensure!(
                is_plain(first),
                "the byte {first} stands plainly in {text:?}, expected it to be escaped"
            );
            bytes.push(first);
            rest = after;
            continue;
        }
        let digits = after
            .get(..3)
            .with_context(|| format!("{text:?} ends within an escape, expected three digits"))?;
        ensure!(
            digits.iter().all(|digit| (b'0'..=b'7').contains(digit)),
            "{text:?} has a backslash without an octal number, expected three digits"
        );
        let value = digits
            .iter()
            .fold(0, |value, digit| 8 * value + u32::from(digit - b'0'));
        let byte = u8::try_from(value)
            .with_context(|| format!("\\{value:o} is no byte, expected at most \\377"))?;
        ensure!(
            !is_plain(byte),
            "{:?} is escaped in {text:?}, expected it to stand plainly",
            byte as char
        );
        bytes.push(byte);
        rest = &after[3..];
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Parses `... and N more`.
pub(super) fn more(text: &str) -> Result<u64> {
    let count = text
        .strip_prefix("... and ")
        .and_then(|rest| rest.strip_suffix(" more"))
        .with_context(|| format!("expected `... and N more`, found {text:?}"))?;
    let count = number(count, "")?;
    ensure!(count > 0, "{count} more of them, expected 1 or more");
    Ok(count)
}
