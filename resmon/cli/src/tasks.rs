// SPDX-License-Identifier: GPL-2.0-or-later

//! Processes in words. A name is whatever its process wants, so it is made one that forges nothing.

use resmon::{OomKill, OomOutcome, Task};

use crate::events::printable;

/// How many processes a sentence has at most.
const TOLD: usize = 3;

/// A process, as `pid 4712 stress-ng-vm`; without a name as `pid 4712`.
pub fn who(pid: u32, comm: Option<&str>) -> String {
    match comm {
        Some(comm) => format!("pid {pid} {}", name(comm)),
        None => format!("pid {pid}"),
    }
}

/// A name in a sentence, in which processes stand behind commas and semicolons.
fn name(comm: &str) -> String {
    let mut text = String::new();
    for letter in printable(comm).chars() {
        match letter {
            ',' | ';' | '%' => text.push_str(&format!("%{:02X}", u32::from(letter))),
            letter => text.push(letter),
        }
    }
    text
}

/// An amount of memory in MB of 1024 kB, or in kB when it is less than one.
pub fn amount(bytes: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    match bytes {
        ..MIB => format!("{} kB", bytes / KIB),
        _ => format!("{:.0} MB", bytes as f64 / MIB as f64),
    }
}

/// A process that was chosen as memory ran out, as `pid 4712 stress-ng-vm, 181 MB, asked by pid 9 sh`.
pub fn victim(kill: &OomKill) -> String {
    let victim = who(kill.pid, kill.comm.as_deref());
    let memory = amount(kill.rss_bytes);
    let by = who(kill.by_pid, kill.by_comm.as_deref());
    let outcome = match kill.outcome {
        OomOutcome::Killed => "",
        OomOutcome::Dying => ", was dying anyway",
    };
    format!("{victim}, {memory}, asked by {by}{outcome}")
}

/// Those that were chosen, the first ones of them.
pub fn victims(kills: &[OomKill], left_out: u64) -> String {
    let mut texts: Vec<_> = kills.iter().take(TOLD).map(victim).collect();
    let more = (kills.len() as u64).saturating_add(left_out);
    let more = more.saturating_sub(texts.len() as u64);
    if more > 0 {
        texts.push(format!("and {more} more"));
    }
    texts.join("; ")
}

/// Those with the most memory, as `pid 1 init, 12 MB; pid 2 sh, 1 MB`.
pub fn largest(tasks: &[Task]) -> String {
    let tasks = by_memory(tasks).into_iter().take(TOLD);
    let texts = tasks.map(|task| {
        let who = who(task.pid, task.comm.as_deref());
        format!("{who}, {}", amount(task.rss_bytes))
    });
    texts.collect::<Vec<_>>().join("; ")
}

/// Those that use most of the CPUs, as `pid 1 init, 12.0%; pid 2 sh, 1.0%`.
pub fn busiest(tasks: &[Task]) -> String {
    let tasks = by_cpu(tasks).into_iter().take(TOLD);
    let texts = tasks.map(|task| {
        let who = who(task.pid, task.comm.as_deref());
        let cpu = task.cpu_percent.map(|percent| format!(", {percent:.1}%"));
        format!("{who}{}", cpu.unwrap_or_default())
    });
    texts.collect::<Vec<_>>().join("; ")
}

/// Those that use most of the CPUs first.
pub fn by_cpu(tasks: &[Task]) -> Vec<&Task> {
    let mut tasks: Vec<_> = tasks.iter().collect();
    let cpu = |task: &Task| task.cpu_percent.unwrap_or(-1.0);
    tasks.sort_by(|one, other| {
        let order = cpu(other).total_cmp(&cpu(one));
        order.then_with(|| (other.rss_bytes, one.pid).cmp(&(one.rss_bytes, other.pid)))
    });
    tasks
}

/// Those with the most memory first.
pub fn by_memory(tasks: &[Task]) -> Vec<&Task> {
    // What is as large stays in the order of the other.
    let mut tasks = by_cpu(tasks);
    tasks.sort_by_key(|task| std::cmp::Reverse(task.rss_bytes));
    tasks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_their_unit() {
        assert_eq!(amount(0), "0 kB");
        assert_eq!(amount((1 << 20) - 1), "1023 kB");
        assert_eq!(amount(181 << 20), "181 MB");
        assert_eq!(amount(5 << 40), "5242880 MB");
    }

    #[test]
    fn a_process_may_have_no_name_and_a_hostile_one() {
        assert_eq!(who(7, None), "pid 7");
        assert_eq!(who(7, Some("a b")), "pid 7 a b");
        let hostile = who(7, Some("\n\u{1b}[2J\u{202e}\u{2028}x"));
        assert_eq!(hostile, "pid 7 \u{fffd}\u{fffd}[2J\u{fffd}\u{fffd}x");
        assert_eq!(who(7, Some("a, 1 MB; pid 1")), "pid 7 a%2C 1 MB%3B pid 1");
    }
}
