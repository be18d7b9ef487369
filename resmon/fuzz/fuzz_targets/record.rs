// SPDX-License-Identifier: GPL-2.0-or-later

//! Any bytes, as a record and as a recording. The recordings to begin with are
//! those in testdata.

#![no_main]

use libfuzzer_sys::fuzz_target;
use resmon::{Event, OomKill, Record, Records, Samples, Task};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = Record::from_bytes(bytes) {
        assert_eq!(record.to_bytes(), bytes);
        let _ = (Event::of(&record), OomKill::of(&record), Task::of(&record));
    }
    // It ends after an error, too.
    let _ = Samples::new(Records::new(bytes)).count();
});
