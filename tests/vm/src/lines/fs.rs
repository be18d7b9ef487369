// SPDX-License-Identifier: GPL-2.0

//! `fs=PATH …`.

use anyhow::{ensure, Result};

use super::field::{fields, number, tenths, unescaped};

#[derive(Debug, Clone, PartialEq)]
pub enum FsState {
    Shown {
        kind: String,
        /// Amounts in kB.
        size: u64,
        used: u64,
        avail: u64,
        /// In tenths of a per cent.
        use_: u32,
        inodes: u32,
    },
    Absent,
    Error(u32),
    Stale,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Fs {
    pub path: String,
    pub state: FsState,
}

pub(super) fn fs(path: &str, text: &str) -> Result<Fs> {
    let state = match text {
        "absent" => FsState::Absent,
        "stale" => FsState::Stale,
        _ => match text.strip_prefix("error=") {
            Some(errno) => FsState::Error(number(errno, "")?.try_into()?),
            None => {
                let [kind, size, used, avail, use_, inodes] =
                    fields(text, ["type", "size", "used", "avail", "use", "inodes"])?;
                FsState::Shown {
                    kind: unescaped(kind)?,
                    size: number(size, "kB")?,
                    used: number(used, "kB")?,
                    avail: number(avail, "kB")?,
                    use_: tenths(use_)?,
                    inodes: tenths(inodes)?,
                }
            }
        },
    };
    let path = unescaped(path)?;
    ensure!(path.starts_with('/'), "the path {path:?} is not absolute");
    ensure!(
        state != FsState::Error(0),
        "error=0 stands for no error, expected 1 or more"
    );
    Ok(Fs { path, state })
}

#[cfg(test)]
pub mod tests {
    use super::super::examples::{assert_bad, changed, parsed};
    use super::super::Line;
    use super::*;

    pub const FS: &str = "fs=/ type=ext4 size=1000kB used=10kB avail=900kB use=1.1% inodes=0.4%";

    #[test]
    fn good_lines() {
        let fs = |path: &str, state| {
            let path = path.into();
            Line::Fs(Fs { path, state })
        };
        let shown = FsState::Shown {
            kind: "ext4".into(),
            size: 1000,
            used: 10,
            avail: 900,
            use_: 11,
            inodes: 4,
        };
        assert_eq!(parsed(FS).unwrap(), fs("/", shown));
        assert_eq!(
            parsed("fs=/mnt/x absent").unwrap(),
            fs("/mnt/x", FsState::Absent)
        );
        assert_eq!(
            parsed("fs=/mnt/x error=107").unwrap(),
            fs("/mnt/x", FsState::Error(107))
        );
        assert_eq!(
            parsed("fs=/mnt/x stale").unwrap(),
            fs("/mnt/x", FsState::Stale)
        );
        assert_eq!(
            parsed("fs=/a\\040b\\134\\303\\244 absent").unwrap(),
            fs("/a b\\ä", FsState::Absent)
        );
    }

    #[test]
    fn bad_lines() {
        assert_bad([
            changed(FS, "fs=/", "fs="),
            changed(FS, "fs=/", "fs=mnt"),
            changed(FS, "fs=/", "fs=/ä"),
            changed(FS, "fs=/", "fs=/\\101"),
            changed(FS, "fs=/", "fs=/\\04"),
            changed(FS, "fs=/", "fs=/\\400"),
            changed(FS, "fs=/", "fs=/\\x20"),
            changed(FS, "ext4", ""),
            changed(FS, "1000kB", "1000"),
            changed(FS, "1.1%", "1%"),
            "fs=/ gone".into(),
            "fs=/ error=0".into(),
            "fs=/ error=-5".into(),
            "fs=/ absent ".into(),
            "fs stale".into(),
        ]);
    }
}
