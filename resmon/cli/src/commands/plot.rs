// SPDX-License-Identifier: GPL-2.0-or-later

//! The kept history as a picture.

mod history;
mod picture;
mod time_axis;

use std::fs;
use std::path::{Path, PathBuf};

use crate::args::Plot;
use crate::error::{Error, Result};

use history::History;
use picture::Format;

pub fn run(args: &Plot) -> Result<()> {
    let format = Format::of(&args.out)?;
    let from = args.from.from.as_deref();
    let history = History::read(from)?;
    if history.is_empty() {
        let whose = from.map_or("the module".into(), |path| path.display().to_string());
        return Err(Error::Other(format!(
            "{whose}: there are not two records yet, and a picture needs them"
        )));
    }
    let unfinished = Unfinished::beside(&args.out);
    picture::draw(&history, format, &unfinished.path)
        .map_err(|error| Error::Other(format!("{}: {error}", args.out.display())))?;
    unfinished.finish(&args.out)
}

/// A file that goes unless it was finished, so that a run that fails leaves nothing.
struct Unfinished {
    path: PathBuf,
}

impl Unfinished {
    /// In the same folder, since a file cannot be renamed to another file system.
    fn beside(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!(".{}.{name}", std::process::id());
        Self {
            path: path.with_file_name(name),
        }
    }

    fn finish(self, path: &Path) -> Result<()> {
        fs::rename(&self.path, path).map_err(Error::file(path))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // When it was finished, or not even begun, there is no such file.
        let _ = fs::remove_file(&self.path);
    }
}
