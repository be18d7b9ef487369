// SPDX-License-Identifier: GPL-2.0

use crate::args::Completions;
use crate::error::{Error, Result};

pub fn run(_args: &Completions) -> Result<()> {
    Err(Error::Other("not written yet".into()))
}
