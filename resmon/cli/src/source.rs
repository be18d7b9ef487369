// SPDX-License-Identifier: GPL-2.0

//! Where records come from: the module, or a recording.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use resmon::{Device, Records};

use crate::error::Result;

/// The module's device, or a recording.
#[derive(Debug)]
pub enum Source {
    Device(Device),
    Recording(BufReader<File>),
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Device(device) => device.read(buffer),
            Self::Recording(file) => file.read(buffer),
        }
    }
}

impl Source {
    /// The records of the recording `from`, or else of the device: those it keeps if
    /// `with_history`, and then those to come.
    pub fn records(from: Option<&Path>, with_history: bool) -> Result<Records<Self>> {
        if let Some(path) = from {
            return Ok(Records::open(path)?.map_source(Self::Recording));
        }
        let mut device = Device::open()?;
        if with_history {
            device.seek(0)?;
        }
        Ok(device.into_records()?.map_source(Self::Device))
    }
}
