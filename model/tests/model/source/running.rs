// SPDX-License-Identifier: GPL-2.0-or-later

use crate::logged::one_line;
use model::source::running::Running;

#[test]
fn tasks_by_their_states() {
    let tasks = Running {
        running: 3,
        blocked: 2,
        memory_stalled: 1,
    };
    let expected = "running tasks=3 blocked=2 memstall=1";
    // Nothing is compared.
    assert_eq!(one_line(None, (5, &[tasks])), expected);
    assert_eq!(one_line(Some((1, &[tasks])), (5, &[tasks])), expected);
}

#[test]
fn the_longest_line_is_whole() {
    let most = Running {
        running: u64::MAX,
        blocked: u64::MAX,
        memory_stalled: u64::MAX,
    };
    assert_eq!(
        one_line(None, (5, &[most])),
        "running tasks=18446744073709551615 blocked=18446744073709551615 \
         memstall=18446744073709551615"
    );
}
