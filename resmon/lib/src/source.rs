// SPDX-License-Identifier: GPL-2.0-or-later

use std::fmt;

use model::record::Content;
use model::source::cpu::Cpu;
use model::source::memory::{Buffers, Memory};
use model::source::{activity, disk, fs, load, net, pressure};

/// What a section of a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
#[allow(missing_docs)] // The names say it.
pub enum Source {
    Cpu,
    Memory,
    Buffers,
    Load,
    Activity,
    Pressure,
    Disk,
    Net,
    Fs,
}

impl Source {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::Cpu,
        Self::Memory,
        Self::Buffers,
        Self::Load,
        Self::Activity,
        Self::Pressure,
        Self::Disk,
        Self::Net,
        Self::Fs,
    ];

    /// The number of its sections: [`Content::KIND`].
    pub fn number(self) -> u64 {
        match self {
            Self::Cpu => Cpu::KIND,
            Self::Memory => Memory::KIND,
            Self::Buffers => Buffers::KIND,
            Self::Load => load::Load::KIND,
            Self::Activity => activity::Activity::KIND,
            Self::Pressure => pressure::Pressure::KIND,
            Self::Disk => disk::Disk::KIND,
            Self::Net => net::Net::KIND,
            Self::Fs => fs::Fs::KIND,
        }
    }

    /// As the parameter of the module is called that switches it on and off, where there is one.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Buffers => "buffers",
            Self::Load => "load",
            Self::Activity => "activity",
            Self::Pressure => "pressure",
            Self::Disk => "disk",
            Self::Net => "net",
            Self::Fs => "fs",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
