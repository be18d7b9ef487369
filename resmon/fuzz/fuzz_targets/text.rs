// SPDX-License-Identifier: GPL-2.0-or-later

//! Texts that have the module's lines of the kernel's log, or nothing of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use resmon::KernelLog;

fuzz_target!(|bytes: &[u8]| {
    let mut log = KernelLog::default();
    let half = bytes.len() / 2;
    let (first, second) = bytes.split_at(half);
    for mut text in [first, second, bytes] {
        // Reading memory does not fail.
        let _ = log.read(&mut text, &|civil| Some(f64::from(civil.second)));
    }
    log.into_samples().for_each(drop);
});
