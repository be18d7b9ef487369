// SPDX-License-Identifier: GPL-2.0-or-later

//! What a section of a record is about, by the names that the module and its parameters use.

use std::fmt;

use model::event::Event;
use model::record::{Content, Kind};
use model::source::{
    activity::Activity, cpu::Cpu, disk::Disk, fs::Fs, load::Load, memory::Buffers, memory::Memory,
    net::Net, oom_kill::OomKill, pressure::Pressure, running::Running, tasks::Task, tasks::Tasks,
    tcp::Tcp,
};

/// Makes [`Source`] of what the sections hold. Numbers and names are those of the record.
macro_rules! sources {
    ($($content:ident)*) => {
        /// What a section of a record is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[allow(missing_docs)] // The names say it.
        pub enum Source {
            $($content,)*
        }

        impl Source {
            /// All of them, in the order in which they are shown.
            pub const ALL: [Self; model::source::ALL.len()] = [$(Self::$content,)*];

            fn description(self) -> Kind {
                match self {
                    $(Self::$content => <$content>::DESCRIPTION,)*
                }
            }
        }
    };
}

sources! { Cpu Memory Buffers Load Running Activity Pressure Disk Net Tcp Fs Tasks Task OomKill Event }

impl Source {
    /// The number of its sections.
    pub fn number(self) -> u64 {
        self.description().number
    }

    /// The name of the module's parameter that switches it on and off, where there is one.
    pub fn name(self) -> &'static str {
        self.description().name
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_those_of_the_record() {
        let names = Source::ALL.map(Source::name);
        let of_records: Vec<_> = model::source::ALL.iter().map(|kind| kind.name).collect();
        assert_eq!(names.as_slice(), of_records);
    }
}
