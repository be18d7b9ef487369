// SPDX-License-Identifier: GPL-2.0

//! TCP, over IPv4 and IPv6 together.

use super::{
    table::Table,
    Outcome, //
    Source,
};
use crate::{
    model::source::tcp::Tcp,
    sys::{
        param::{
            switch_param,
            SwitchParam, //
        },
        tcp, //
    }, //
};

switch_param! {
    /// Whether TCP is sampled.
    static SWITCH = "tcp" {
        description: "Sample segments, retransmissions and connections of TCP",
    }
}

/// TCP in the initial network namespace.
pub(crate) struct TcpCounters;

impl Source for TcpCounters {
    type Entry = Tcp;
    const CAPACITY: usize = 1;

    fn switch() -> &'static SwitchParam {
        &SWITCH
    }

    fn absence(&self) -> Option<&'static str> {
        (!tcp::HAS_TCP).then_some("the kernel is built without CONFIG_INET")
    }

    fn take(&self, table: &mut Table<Tcp>) -> Outcome {
        if !tcp::HAS_TCP {
            return Outcome::Absent;
        }
        table.push(tcp::counters());
        Outcome::Snapshot
    }
}
