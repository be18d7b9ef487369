// SPDX-License-Identifier: GPL-2.0-or-later

//! The kept history as a picture.

mod drawing;
mod events;
mod history;
mod palette;
mod panels;
mod peaks;
mod picture;
mod shapes;
mod time_axis;
mod unit;

use std::fs;
use std::path::{Path, PathBuf};

use rustix::system::uname;

use crate::args::Plot;
use crate::error::{Error, Result};
use crate::samples::names;

use history::History;
use picture::{Format, Look};

pub fn run(args: &Plot) -> Result<()> {
    let from = args.from.from.as_slice();
    let look = Look {
        format: Format::of(&args.out)?,
        size: parse_size(&args.size)?,
        is_dark: args.dark,
        title: args.title.clone().or_else(|| from.is_empty().then(host)?),
    };
    let history = History::read(&args.from, look.columns())?;
    if history.is_empty() {
        let whose = match from {
            [] => "the module".into(),
            from => names(from),
        };
        return Err(Error::Other(format!(
            "{whose}: there are not two records yet, and a picture needs them"
        )));
    }
    let unfinished = Unfinished::beside(&args.out);
    picture::draw(&history, &look, &unfinished.path)
        .map_err(|error| Error::Other(format!("{}: {error}", args.out.display())))?;
    unfinished.finish(&args.out)
}

/// Reads `WIDTHxHEIGHT`.
fn parse_size(text: &str) -> Result<(u32, u32)> {
    let parse = || {
        let (width, height) = text.split_once('x')?;
        let (width, height) = (width.parse().ok()?, height.parse().ok()?);
        // Legends need that width, panels that height; a PNG of the largest takes 48 MB of memory.
        let is_allowed = (800..=4000).contains(&width) && (700..=4000).contains(&height);
        is_allowed.then_some((width, height))
    };
    parse().ok_or_else(|| {
        Error::Usage(format!(
            "--size: '{text}' is not a size such as 1200x1400: it can be 800x700 to 4000x4000"
        ))
    })
}

/// The name of this machine, if it was given one.
fn host() -> Option<String> {
    const UNNAMED: &str = "(none)";
    let name = uname().nodename().to_string_lossy().into_owned();
    (name != UNNAMED).then_some(name)
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_limits() {
        for size in [(800, 700), (1200, 1400), (4000, 4000)] {
            assert_eq!(parse_size(&format!("{}x{}", size.0, size.1)).unwrap(), size);
        }
        for text in [
            "", "x", "1200", "799x700", "800x699", "4001x900", "900x4001", "9e3x900",
        ] {
            let found = parse_size(text);
            assert!(
                matches!(found, Err(Error::Usage(_))),
                "{text:?} gives {found:?}, expected an error of usage"
            );
        }
    }
}
