// SPDX-License-Identifier: GPL-2.0-or-later

//! An event that begins or ends.

use model::event::Trigger;

use super::super::fields::{Fields, Word};
use super::Line;
use crate::sample::{Event, EventState, EventUnit, OomKill, OomOutcome};

pub(super) fn alert(name: Word<'_>, mut fields: Fields<'_>) -> Option<Line> {
    let name = name.name()?;
    let state = match fields.one_of(&["begin", "end", "open"]) {
        Some("begin") => EventState::Begin,
        Some("open") => EventState::Ongoing,
        Some(_) => EventState::End,
        None => EventState::Moment,
    };
    let (unit, value) = amount(fields.value("value")?)?;
    let worst = match state {
        EventState::End => Some(amount(fields.value("worst")?)?.1),
        _ => None,
    };
    let limit = amount(fields.value("limit")?)?.1;
    let since_s = fields.value("for")?.decimals(1, "s")?;
    let trigger = Trigger::ALL.iter().map(|trigger| trigger.description());
    let trigger = trigger.clone().find(|trigger| trigger.name == name);
    let mut subject = fields.name("disk");
    if subject.is_none() {
        subject = fields.name("fs");
    }
    let event = Event {
        number: 0,
        severe: trigger.is_some_and(|trigger| trigger.is_severe),
        name,
        state,
        unit,
        value,
        worst,
        limit,
        lasting_s: None,
        since_s,
        subject,
    };
    Some(Line::Alert(event, victim(fields)))
}

/// A value of an event, and what it is measured in.
fn amount(word: Word<'_>) -> Option<(EventUnit, f64)> {
    if word.text.ends_with('%') {
        return Some((EventUnit::Percent, word.decimals(1, "%")?));
    }
    if word.text.ends_with('s') {
        return Some((EventUnit::Seconds, word.decimals(1, "s")?));
    }
    Some((EventUnit::Count, word.number()? as f64))
}

/// Who was killed as memory ran out.
fn victim(mut fields: Fields<'_>) -> Option<OomKill> {
    let comm = fields.name("task");
    let pid = u32::try_from(fields.number("pid")?).ok()?;
    let rss_bytes = fields.kib("rss")?;
    let by_pid = u32::try_from(fields.number("by")?).ok()?;
    Some(OomKill {
        time_s: 0.0,
        outcome: OomOutcome::Killed,
        pid,
        comm,
        uid: None,
        rss_bytes,
        anon_bytes: None,
        file_bytes: None,
        shmem_bytes: None,
        swap_bytes: None,
        oom_score_adj: None,
        cgroup_id: None,
        by_pid,
        by_comm: fields.name("by_task"),
    })
}
