// SPDX-License-Identifier: GPL-2.0

use crate::args::Top;
use crate::error::{Error, Result};

pub fn run(_args: &Top) -> Result<()> {
    Err(Error::Other("not written yet".into()))
}
