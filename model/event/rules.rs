// SPDX-License-Identifier: GPL-2.0-or-later

//! Which triggers are on, and their thresholds: what the parameter `alerts` says.

use super::super::line::Line;
use super::super::setting::{Refused, Setting};
use super::trigger::{Trigger, Unit};

const NS_PER_S: u64 = 1_000_000_000;

/// What holds for one trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Whether it makes events.
    pub is_on: bool,
    /// The threshold, in the unit of the trigger.
    pub limit: u64,
    /// How long it has to last, in nanoseconds.
    pub for_ns: u64,
}

impl Rule {
    const fn of(trigger: Trigger) -> Self {
        let description = trigger.description();
        Self {
            is_on: true,
            limit: description.limit,
            for_ns: description.for_s.saturating_mul(NS_PER_S),
        }
    }
}

/// What holds for each trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules([Rule; Trigger::ALL.len()]);

impl Default for Rules {
    fn default() -> Self {
        let mut rules = [Rule::of(Trigger::Test); Trigger::ALL.len()];
        for (rule, trigger) in rules.iter_mut().zip(Trigger::ALL) {
            *rule = Rule::of(*trigger);
        }
        Self(rules)
    }
}

impl Rules {
    /// What holds for `trigger`.
    pub fn of(&self, trigger: Trigger) -> Rule {
        let rule = self.0.get(trigger.index()).copied();
        rule.unwrap_or(Rule {
            is_on: false,
            limit: 0,
            for_ns: 0,
        })
    }

    /// Whether no trigger is on.
    pub(super) fn are_off(&self) -> bool {
        !self.0.iter().any(|rule| rule.is_on)
    }
}

/// Names of triggers with what is to hold for them, separated by commas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alerts;

impl Alerts {
    /// Bytes of the longest text that is allowed.
    pub const MAX_TEXT: usize = 400;
}

// It is in what is said of a longer one.
const _: () = assert!(Alerts::MAX_TEXT == 400);

impl Setting for Alerts {
    type Value<'a> = Rules;

    /// `mem_full:20%/5s,fs_full:98%,steal:off`; what is not named is on as it is by default. `off` switches
    /// all off that come before it or are not named.
    fn parse<'a>(&self, text: &'a [u8]) -> Result<Rules, Refused<'a>> {
        let refused = |text, why| Err(Refused { text, why });
        let mut rules = Rules::default();
        if text.len() > Self::MAX_TEXT {
            return refused(text, "is longer than 400 bytes");
        }
        if text.is_empty() {
            return Ok(rules);
        }
        for word in text.split(|byte| *byte == b',') {
            if word == b"off" {
                rules.0.iter_mut().for_each(|rule| rule.is_on = false);
                continue;
            }
            let mut parts = word.splitn(2, |byte| *byte == b':');
            let (name, setting) = (parts.next().unwrap_or_default(), parts.next());
            let is_named = |trigger: &&Trigger| trigger.description().name.as_bytes() == name;
            let Some(trigger) = Trigger::ALL.iter().find(is_named).copied() else {
                return refused(word, "names no trigger");
            };
            let Some(rule) = rules.0.get_mut(trigger.index()) else {
                continue;
            };
            *rule = Rule::of(trigger);
            match setting {
                None => (),
                Some(b"off") => rule.is_on = false,
                Some(setting) => match changed(*rule, trigger.description().unit, setting) {
                    Ok(changed) => *rule = changed,
                    Err(why) => return refused(word, why),
                },
            }
        }
        Ok(rules)
    }

    fn allowed(&self, line: &mut Line) {
        for (at, trigger) in Trigger::ALL.iter().enumerate() {
            line.text(if at == 0 { "" } else { ", " })
                .text(trigger.description().name);
        }
        line.text(
            ", each with a threshold and a time as in mem_full:20%/5s, or with :off, separated by commas",
        );
    }
}

/// The rule with what `setting` says, `20%/5s`, `20%` or `/5s`.
fn changed(mut rule: Rule, unit: Unit, setting: &[u8]) -> Result<Rule, &'static str> {
    const WRONG_TIME: &str = "has no time such as 500ms, 5s or 2min, of at most an hour";
    const WRONG_LIMIT: &str =
        "has no time as a threshold such as 500ms, 5s or 2min, above 0 and of at most an hour";
    let mut parts = setting.splitn(2, |byte| *byte == b'/');
    let (limit, time) = (parts.next().unwrap_or_default(), parts.next());
    rule.limit = match unit {
        _ if limit.is_empty() && time.is_some() => rule.limit,
        Unit::PerMille => {
            per_mille(limit).ok_or("has no threshold such as 20% or 0.5%, up to 100%")?
        }
        Unit::Count => number(limit)
            .filter(|count| (1..=1_000_000).contains(count))
            .ok_or("has no threshold such as 4, from 1 to 1000000")?,
        Unit::Nanoseconds => duration_ns(limit)
            .filter(|limit_ns| *limit_ns != 0)
            .ok_or(WRONG_LIMIT)?,
    };
    if let Some(time) = time {
        rule.for_ns = duration_ns(time).ok_or(WRONG_TIME)?;
    }
    Ok(rule)
}

/// `20%` or `0.5%` in tenths, above 0 and up to 100 %.
fn per_mille(text: &[u8]) -> Option<u64> {
    let text = text.strip_suffix(b"%")?;
    let mut parts = text.splitn(2, |byte| *byte == b'.');
    let whole = number(parts.next()?)?;
    let tenth = match parts.next() {
        None => 0,
        Some([digit @ b'0'..=b'9']) => u64::from(digit.wrapping_sub(b'0')),
        Some(_) => return None,
    };
    let tenths = whole.saturating_mul(10).saturating_add(tenth);
    (1..=1000).contains(&tenths).then_some(tenths)
}

/// `500ms`, `5s` or `2min`, up to an hour.
fn duration_ns(text: &[u8]) -> Option<u64> {
    const HOUR_NS: u64 = 3600 * NS_PER_S;
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, unit) = text.split_at_checked(digits)?;
    let unit_ns = match unit {
        b"ms" => 1_000_000,
        b"s" => NS_PER_S,
        b"min" => 60 * NS_PER_S,
        _ => return None,
    };
    let time_ns = number(digits)?.saturating_mul(unit_ns);
    (time_ns <= HOUR_NS).then_some(time_ns)
}

/// Decimal digits.
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 10 {
        return None;
    }
    text.iter().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| byte.wrapping_sub(b'0'))?;
        Some(number.saturating_mul(10).saturating_add(u64::from(digit)))
    })
}
