// SPDX-License-Identifier: GPL-2.0

use crate::args::Man;
use crate::error::{Error, Result};

pub fn run(_args: &Man) -> Result<()> {
    Err(Error::Other("not written yet".into()))
}
