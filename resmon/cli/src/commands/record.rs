// SPDX-License-Identifier: GPL-2.0

use crate::args::Record;
use crate::error::{Error, Result};

pub fn run(_args: &Record) -> Result<()> {
    Err(Error::Other("not written yet".into()))
}
