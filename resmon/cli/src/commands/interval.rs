// SPDX-License-Identifier: GPL-2.0

use crate::args::Interval;
use crate::error::{Error, Result};

pub fn run(_args: &Interval) -> Result<()> {
    Err(Error::Other("not written yet".into()))
}
