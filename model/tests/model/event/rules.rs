// SPDX-License-Identifier: GPL-2.0-or-later

//! What the parameter `alerts` takes, and how it refuses the rest.

use super::rules;
use crate::logged::SECOND;
use model::event::rules::{Alerts, Rule};
use model::event::Trigger;
use model::line::Line;
use model::setting::Setting;
use proptest::prelude::*;

fn rule(alerts: &str, trigger: Trigger) -> Rule {
    rules(alerts).of(trigger)
}

fn on(limit: u64, for_ns: u64) -> Rule {
    Rule {
        is_on: true,
        limit,
        for_ns,
    }
}

#[test]
fn what_is_on_by_default() {
    for trigger in Trigger::ALL {
        assert!(rule("", *trigger).is_on, "{trigger:?}");
    }
    assert_eq!(rule("", Trigger::MemoryFull), on(100, 2 * SECOND));
    assert_eq!(rule("", Trigger::DiskStuck), on(10 * SECOND, 0));
}

#[test]
fn what_can_be_said() {
    let text =
        "mem_full:20%/5s,fs_full:98%,steal:off,io_full:0.5%/500ms,disk_stuck:1min,run_queue:8";
    assert_eq!(rule(text, Trigger::MemoryFull), on(200, 5 * SECOND));
    assert_eq!(rule(text, Trigger::FsFull), on(980, 0));
    assert!(!rule(text, Trigger::Steal).is_on);
    assert_eq!(rule(text, Trigger::IoFull), on(5, SECOND / 2));
    assert_eq!(rule(text, Trigger::DiskStuck), on(60 * SECOND, 0));
    assert_eq!(rule(text, Trigger::RunQueue), on(8, 10 * SECOND));
    assert_eq!(rule(text, Trigger::CpuSome), on(800, 30 * SECOND));
    // The last word counts.
    assert_eq!(
        rule("steal:off,steal:50%", Trigger::Steal),
        on(500, 10 * SECOND)
    );
    let text = "off,oom_kill,mem_full:20%";
    assert_eq!(rule(text, Trigger::OomKill), on(1, 0));
    assert_eq!(rule(text, Trigger::MemoryFull), on(200, 2 * SECOND));
    assert!(!rule(text, Trigger::MemorySome).is_on);
    assert!(!rule("oom_kill,off", Trigger::OomKill).is_on);
    assert_eq!(
        rule("mem_full:/5s", Trigger::MemoryFull),
        on(100, 5 * SECOND)
    );
}

/// The word that is wrong, and why, as the log has it.
fn refused(text: &str) -> (String, String) {
    let refused = Alerts.parse(text.as_bytes()).expect_err(text);
    let mut line = Line::new();
    refused.log(&mut line, "alerts", &Alerts);
    let said = line.as_str().to_string();
    assert!(said.starts_with("parameter alerts: '"), "{said}");
    assert!(
        said.ends_with(", late, test, each with a threshold and a time as in mem_full:20%/5s, or with :off, separated by commas"),
        "{said}"
    );
    (
        String::from_utf8_lossy(refused.text).into_owned(),
        refused.why.into(),
    )
}

#[test]
fn what_is_refused() {
    let wrong_time = "has no time such as 500ms, 5s or 2min, of at most an hour";
    let wrong_limit =
        "has no time as a threshold such as 500ms, 5s or 2min, above 0 and of at most an hour";
    let wrong_share = "has no threshold such as 20% or 0.5%, up to 100%";
    let wrong_count = "has no threshold such as 4, from 1 to 1000000";
    for (text, word, why) in [
        ("mem", "mem", "names no trigger"),
        ("steal,", "", "names no trigger"),
        ("steal, io_full", " io_full", "names no trigger"),
        ("steal:off,MEM_FULL", "MEM_FULL", "names no trigger"),
        ("mem_full:", "mem_full:", wrong_share),
        ("mem_full:20", "mem_full:20", wrong_share),
        ("mem_full:0%", "mem_full:0%", wrong_share),
        ("mem_full:101%", "mem_full:101%", wrong_share),
        ("mem_full:1.55%", "mem_full:1.55%", wrong_share),
        ("mem_full:-1%", "mem_full:-1%", wrong_share),
        (
            "mem_full:99999999999999999999%",
            "mem_full:99999999999999999999%",
            wrong_share,
        ),
        ("mem_full:20%/5", "mem_full:20%/5", wrong_time),
        ("mem_full:20%/", "mem_full:20%/", wrong_time),
        ("mem_full:20%/2h", "mem_full:20%/2h", wrong_time),
        ("mem_full:20%/61min", "mem_full:20%/61min", wrong_time),
        ("mem_full:20%/5s/5s", "mem_full:20%/5s/5s", wrong_time),
        ("disk_stuck:20%", "disk_stuck:20%", wrong_limit),
        // That would be so for ever.
        ("disk_stuck:0s", "disk_stuck:0s", wrong_limit),
        ("mem_full:/5", "mem_full:/5", wrong_time),
        ("mem_full:/", "mem_full:/", wrong_time),
        ("run_queue:0", "run_queue:0", wrong_count),
        ("run_queue:4%", "run_queue:4%", wrong_count),
        ("run_queue:1000001", "run_queue:1000001", wrong_count),
    ] {
        assert_eq!(refused(text), (word.into(), why.into()), "{text}");
    }
    let long = ["steal"; 80].join(",");
    assert_eq!(refused(&long).1, "is longer than 400 bytes");
}

proptest! {
    #[test]
    fn any_bytes_are_rules_or_refused(text in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Err(refused) = Alerts.parse(&text) {
            let mut line = Line::new();
            refused.log(&mut line, "alerts", &Alerts);
            prop_assert!(line.as_str().ends_with("separated by commas"));
        }
    }

    #[test]
    fn any_words_are_rules_or_refused(words in proptest::collection::vec("(mem_full|steal|off|disk_stuck|run_queue)(:[0-9]{0,3}(\\.[0-9])?%?(/[0-9]{1,4}(ms|s|min))?)?", 0..5)) {
        let text = words.join(",");
        if let Err(refused) = Alerts.parse(text.as_bytes()) {
            prop_assert!(words.iter().any(|word| word.as_bytes() == refused.text) || words.is_empty());
        }
    }
}
