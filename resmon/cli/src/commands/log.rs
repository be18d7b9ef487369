// SPDX-License-Identifier: GPL-2.0

use crate::args::Log;
use crate::error::{Error, Result};

pub fn run(_args: &Log) -> Result<()> {
    Err(Error::Other("not written yet".into()))
}
