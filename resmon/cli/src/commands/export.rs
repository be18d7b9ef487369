// SPDX-License-Identifier: GPL-2.0

use crate::args::Export;
use crate::error::{Error, Result};

pub fn run(_args: &Export) -> Result<()> {
    Err(Error::Other("not written yet".into()))
}
