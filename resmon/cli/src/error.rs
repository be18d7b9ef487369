// SPDX-License-Identifier: GPL-2.0-or-later

//! What the program says when it fails.

use std::io;
use std::path::PathBuf;

/// Why the program could not do what it was asked for, in one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Resmon(#[from] resmon::Error),
    /// Standard output, or the terminal.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    /// A recording that was opened, but cannot be read.
    #[error("{}: {source}", .path.display())]
    Recording {
        path: PathBuf,
        source: resmon::Error,
    },
    /// The arguments are wrong in a way that clap does not see.
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Other(String),
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Whether nobody wants to read what is written, as after `resmon log | head`.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// An error of the file at `path`.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
