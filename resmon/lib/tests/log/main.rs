// SPDX-License-Identifier: GPL-2.0-or-later

//! The module's lines of the kernel's log, read out of texts.

#![allow(clippy::unwrap_used, clippy::panic)]

mod any;
mod damaged;
mod numbers;
mod panic;
mod texts;
#[path = "../records/util.rs"]
#[allow(dead_code)]
mod util;
#[allow(dead_code)]
mod written;

use resmon::{Civil, KernelLog, Record, Records, Sample};

/// The records of both recordings.
pub fn recordings() -> [Vec<Record>; 2] {
    let minute: &[u8] = include_bytes!("../../../testdata/minute.rec");
    let layers: &[u8] = include_bytes!("../../../testdata/layers.rec");
    [minute, layers].map(|bytes| Records::new(bytes).map(|record| record.unwrap()).collect())
}

/// A clock of UTC, in November 2026 alone.
pub fn time_s(civil: &Civil) -> Option<f64> {
    assert_eq!((civil.year.unwrap_or(2026), civil.month), (2026, 11));
    const NOVEMBER_S: f64 = 1_793_491_200.0;
    let days = f64::from(civil.day - 1);
    let hours = days * 24.0 + f64::from(civil.hour);
    let seconds = (hours * 60.0 + f64::from(civil.minute)) * 60.0 + f64::from(civil.second);
    Some(NOVEMBER_S + seconds + civil.fraction - f64::from(civil.offset_s.unwrap_or(0)))
}

/// What texts have of the module.
pub fn log_of(texts: &[&[u8]]) -> KernelLog {
    let mut log = KernelLog::default();
    for text in texts {
        log.read(&mut &**text, &time_s).unwrap();
    }
    log
}

/// The samples in texts.
pub fn samples(texts: &[&str]) -> Vec<Sample> {
    let texts: Vec<_> = texts.iter().map(|text| text.as_bytes()).collect();
    log_of(&texts).into_samples().collect()
}
