// SPDX-License-Identifier: GPL-2.0

//! What is modelled: some threads each, which loom runs in all the orders that they can take.

mod blocks;
mod history;
mod reader;
mod slots;

use loom::model::Builder;

/// Runs `model` in each order that its threads can take, or in each with at most so many
/// `preemptions`, which are switches away from a thread that could have gone on.
fn check(preemptions: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = 10_000;
    builder.check(model);
}
