// SPDX-License-Identifier: GPL-2.0-or-later

//! What the program can do, a file per command.

mod boots;
mod completions;
mod export;
mod forget;
mod interval;
mod log;
mod man;
mod plot;
mod record;
mod save;
mod status;
mod top;
mod watch;

use crate::args::{Args, Command};
use crate::error::Result;

pub use export::Listen;

pub fn run(args: Args) -> Result<()> {
    match args.command.unwrap_or(Command::Top(args.top)) {
        Command::Top(args) => top::run(&args),
        Command::Log(args) => log::run(&args),
        Command::Plot(args) => plot::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Record(args) => record::run(&args),
        Command::Save(args) => save::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Boots(args) => boots::run(&args),
        Command::Forget(_) => forget::run(),
        Command::Watch(args) => watch::run(&args),
        Command::Interval(args) => interval::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    }
}
