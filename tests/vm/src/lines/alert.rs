// SPDX-License-Identifier: GPL-2.0

//! `alert=…`, an event that begins or ends.

use anyhow::{bail, ensure, Context, Result};

use super::field::{any_tenths, number, unescaped};

/// What the log says of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    pub trigger: String,
    /// `begin`, `end`, or nothing of one that is over at once.
    pub state: String,
    pub value: Value,
    /// Of one that ends.
    pub worst: Option<Value>,
    pub limit: Value,
    /// In tenths of a second.
    pub lasted: u64,
    /// What it is about, with its key.
    pub subject: Option<(String, String)>,
    pub left_out: u64,
    /// Who was killed, where it is about that.
    pub victim: Option<Victim>,
}

/// A process that was killed as memory ran out.
#[derive(Debug, Clone, PartialEq)]
pub struct Victim {
    pub name: Option<String>,
    pub pid: u64,
    pub rss_kb: u64,
    pub by: u64,
    pub by_name: Option<String>,
}

/// A number in its unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// In tenths of a percent.
    Share(u64),
    Count(u64),
    /// In tenths of a second.
    Time(u64),
}

fn value(text: &str) -> Result<Value> {
    if text.ends_with('%') {
        return Ok(Value::Share(any_tenths(text, "%")?));
    }
    if text.ends_with('s') {
        return Ok(Value::Time(any_tenths(text, "s")?));
    }
    Ok(Value::Count(number(text, "")?))
}

pub(super) fn alert(trigger: &str, text: &str) -> Result<Alert> {
    let mut words = text.split(' ').peekable();
    let state = words.next_if(|word| matches!(*word, "begin" | "end"));
    let state = state.unwrap_or_default();
    let mut next = |key: &str| -> Option<&str> {
        let word = words.next_if(|word| word.starts_with(key))?;
        word.strip_prefix(key)?.strip_prefix('=')
    };
    let shown = value(next("value").context("value= is missing")?)?;
    let worst = next("worst").map(value).transpose()?;
    ensure!(
        worst.is_some() == (state == "end"),
        "worst= is {worst:?} in a line of the state {state:?}"
    );
    let limit = value(next("limit").context("limit= is missing")?)?;
    let lasted = any_tenths(next("for").context("for= is missing")?, "s")?;
    let mut subject = None;
    for key in ["disk", "fs"] {
        if let Some(name) = next(key) {
            subject = Some((key.to_string(), unescaped(name)?));
        }
    }
    let left_out = match next("left_out") {
        Some(count) => number(count, "")?,
        None => 0,
    };
    let name = next("task").map(unescaped).transpose()?;
    let victim = match next("pid") {
        Some(pid) => Some(Victim {
            name,
            pid: number(pid, "")?,
            rss_kb: number(next("rss").context("rss= is missing")?, "kB")?,
            by: number(next("by").context("by= is missing")?, "")?,
            by_name: next("by_task").map(unescaped).transpose()?,
        }),
        None => None,
    };
    if let Some(more) = words.next() {
        bail!("{more:?} where nothing belongs");
    }
    Ok(Alert {
        trigger: trigger.to_string(),
        state: state.to_string(),
        value: shown,
        worst,
        limit,
        lasted,
        subject,
        left_out,
        victim,
    })
}

#[cfg(test)]
mod tests {
    use super::super::examples::{assert_bad, changed, parsed};
    use super::super::Line;
    use super::*;

    const BEGIN: &str = "alert=mem_full begin value=41.0% limit=10.0% for=2.0s";
    const END: &str =
        "alert=disk_stuck end value=0.0s worst=12.5s limit=10.0s for=22.5s disk=sd\\040a left_out=3";
    const KILL: &str = "alert=oom_kill begin value=1 limit=1 for=0.0s task=a\\040hog pid=12 rss=345kB by=6 by_task=init";
    const MOMENT: &str = "alert=test value=1 limit=1 for=0.0s";

    #[test]
    fn good_lines() {
        let begin = Alert {
            trigger: "mem_full".into(),
            state: "begin".into(),
            value: Value::Share(410),
            worst: None,
            limit: Value::Share(100),
            lasted: 20,
            subject: None,
            left_out: 0,
            victim: None,
        };
        assert_eq!(parsed(BEGIN).unwrap(), Line::Alert(begin));
        let end = Alert {
            trigger: "disk_stuck".into(),
            state: "end".into(),
            value: Value::Time(0),
            worst: Some(Value::Time(125)),
            limit: Value::Time(100),
            lasted: 225,
            subject: Some(("disk".into(), "sd a".into())),
            left_out: 3,
            victim: None,
        };
        assert_eq!(parsed(END).unwrap(), Line::Alert(end));
        let Line::Alert(moment) = parsed(MOMENT).unwrap() else {
            panic!("no alert");
        };
        assert_eq!((moment.state.as_str(), moment.value), ("", Value::Count(1)));
    }

    #[test]
    fn victims() {
        let Line::Alert(named) = parsed(KILL).unwrap() else {
            panic!("no alert");
        };
        let victim = Victim {
            name: Some("a hog".into()),
            pid: 12,
            rss_kb: 345,
            by: 6,
            by_name: Some("init".into()),
        };
        assert_eq!(named.victim, Some(victim.clone()));
        let text = changed(KILL, "task=a\\040hog ", "").replace(" by_task=init", "");
        let Line::Alert(nameless) = parsed(&text).unwrap() else {
            panic!("no alert");
        };
        let victim = Victim {
            name: None,
            by_name: None,
            ..victim
        };
        assert_eq!(nameless.victim, Some(victim));
    }

    #[test]
    fn bad_lines() {
        assert_bad([
            changed(KILL, " rss=345kB", ""),
            changed(KILL, " by=6", ""),
            changed(BEGIN, "begin", "start"),
            changed(BEGIN, " limit=10.0%", ""),
            changed(BEGIN, "41.0%", "41%"),
            changed(BEGIN, "for=2.0s", "for=2s"),
            changed(END, " worst=12.5s", ""),
            changed(END, "disk=sd\\040a", "disk=sd a"),
            changed(BEGIN, "for=2.0s", "for=2.0s more"),
        ]);
    }
}
