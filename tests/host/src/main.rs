// SPDX-License-Identifier: GPL-2.0

//! What the commands in `scripts/` leave to a program: all that has state or reads text.
//!
//! Tests are reported as those commands do, which count them: `ok NAME`, `not ok NAME: why`,
//! `not run NAME: why`, and notes that begin with `# `.

mod args;
mod bench;
mod boot;
mod console;
mod crash;
mod decode;
mod ffi;
mod guest;
mod matrix;
mod panic;
mod qmp;
mod races;
mod results;
mod sizes;

use std::process::ExitCode;

use anyhow::{bail, Result};
use rustix::process::{set_parent_process_death_signal, Signal};

use args::Args;

const USAGE: &str = "\
hosttest boot --label TEXT --dir FOLDER --disk FILE --kept FILE --boots FILE [--kcsan] -- VM [ARGUMENT]...
    boots a guest by the command VM, reports its cases, and judges its console
hosttest boots [--only WORDS] FILE
    judges all boots of a run, which have left a line each in FILE
hosttest panic --label TEXT --dir FOLDER --resmon PROGRAM --kept FILE [--nmi] [--starved] [--may-be-gone] [--ramoops | --efi | --kdump] -- VM [ARGUMENT]...
    boots a guest that dies by the command VM, or has an NMI interrupt it when it is ready, and compares what the
    module said of the last minute on its console with what was recorded before, and what is kept of the panic, or of
    memory, with these
hosttest crash --label TEXT --dir FOLDER --disk FILE --resmon PROGRAM --kept FILE --ends N [--ended HOW] --silence SECONDS [--kdump] [--reset] [--starts N [--other FOLDER]] -- VM [ARGUMENT]...
    boots a guest with reserved memory by the command VM, that ends N times and starts again, or has it reset when it
    is ready, and compares what each boot has found of those before with what these had published; without --ended
    nothing may be found
hosttest races LABEL CONSOLE
    judges the reports of KCSAN on a console
hosttest ffi FOLDER
    compares docs/ffi.md with the code in the checkout FOLDER
hosttest matrix --cpus NUMBERS --jobs N --test COMMAND [--readme FILE] RELEASE...
    runs the guest's tests on several kernels and prints a table
hosttest bench --kernel RELEASE --results FOLDER --json FILE [--check] CPUS...
    prints tables of what the benchmark's guests have counted
hosttest sizes [--check] FOLDER/{loaded,idle,mixed,build}.rec...
    tells how many bytes a sample of these recordings takes once it is encoded
hosttest decode FILE
    decodes the blocks in FILE, and tells how long that took";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_default();
    match run(&command, Args::new(args)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("hosttest {command}: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all is as it should be, as far as the command's status says.
fn run(command: &str, mut args: Args) -> Result<bool> {
    // A guest ends with the script that asked for it.
    set_parent_process_death_signal(Some(Signal::TERM))?;
    match command {
        "boot" => boot::command(args),
        "boots" => results::command(args),
        "races" => {
            let [label, console] = args.exactly(["LABEL", "CONSOLE"])?;
            races::command(&label, &console)
        }
        "ffi" => {
            let [folder] = args.exactly(["FOLDER"])?;
            ffi::command(folder.as_ref())
        }
        "matrix" => matrix::command(args),
        "bench" => bench::command(args),
        "crash" => crash::command(args),
        "panic" => panic::command(args),
        "sizes" => sizes::command(args),
        "decode" => decode::command(args),
        "--help" => {
            println!("{USAGE}");
            Ok(true)
        }
        _ => bail!("'{command}' is no command; see hosttest --help"),
    }
}
