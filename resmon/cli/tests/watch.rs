// SPDX-License-Identifier: GPL-2.0-or-later

//! `resmon watch`, as far as it needs no device.

#![allow(clippy::unwrap_used)]

mod util;

use util::*;

#[test]
fn arguments_that_make_no_sense() {
    for args in [
        &["--count", "0"][..],
        &["--timeout", "soon"],
        &["--exec"],
        &["--from", RECORDING],
    ] {
        resmon(&[&["watch"], args].concat()).assert().code(2);
    }
}

#[test]
fn without_the_module_it_says_so() {
    if resmon::Device::open().is_ok() {
        return;
    }
    for args in [
        &["watch"][..],
        &["watch", "--test"],
        // What follows --exec is the command's.
        &["watch", "--exec", "page", "--count", "0"],
    ] {
        let text = error(1, args);
        assert_contains(&text, "/dev/resource_monitor: module not loaded");
    }
}
