// SPDX-License-Identifier: GPL-2.0

use crate::args::Plot;
use crate::error::{Error, Result};

pub fn run(_args: &Plot) -> Result<()> {
    Err(Error::Other("not written yet".into()))
}
