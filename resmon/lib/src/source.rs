// SPDX-License-Identifier: GPL-2.0-or-later

use std::fmt;

use model::record::{self, Content};
use model::source::{activity, disk, fs, load, net, pressure};

/// Makes [`Source`] of a row each: its variant, what its sections hold, and its name.
macro_rules! sources {
    ($($variant:ident: $content:ty = $name:literal,)*) => {
        /// What a section of a record is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[allow(missing_docs)] // The names say it.
        pub enum Source {
            $($variant,)*
        }

        impl Source {
            /// All of them, in the order in which they are shown.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant,)*];

            /// The number of its sections: [`Content::KIND`].
            pub fn number(self) -> u64 {
                match self {
                    $(Self::$variant => <$content>::KIND,)*
                }
            }

            /// As the parameter of the module is called that switches it on and off, where there
            /// is one.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

sources! {
    Cpu: record::Cpu = "cpu",
    Memory: record::Memory = "memory",
    Buffers: record::Buffers = "buffers",
    Load: load::Load = "load",
    Activity: activity::Activity = "activity",
    Pressure: pressure::Pressure = "pressure",
    Disk: disk::Disk = "disk",
    Net: net::Net = "net",
    Fs: fs::Fs = "fs",
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Source {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
