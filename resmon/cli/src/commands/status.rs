// SPDX-License-Identifier: GPL-2.0

use crate::args::Status;
use crate::error::{Error, Result};

pub fn run(_args: &Status) -> Result<()> {
    Err(Error::Other("not written yet".into()))
}
