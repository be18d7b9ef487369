// SPDX-License-Identifier: GPL-2.0

//! The words behind a command: options with a value, switches, and the rest.

use anyhow::{bail, Context, Result};

pub struct Args {
    /// Those before a `--`.
    words: Vec<String>,
    /// Those after it: another command.
    command: Vec<String>,
}

impl Args {
    pub fn new(words: impl Iterator<Item = String>) -> Args {
        let mut words: Vec<String> = words.collect();
        let mut command = Vec::new();
        if let Some(at) = words.iter().position(|word| word == "--") {
            command = words.split_off(at + 1);
            words.pop();
        }
        Args { words, command }
    }

    /// Whether the switch is there.
    pub fn switch(&mut self, name: &str) -> bool {
        let at = self.words.iter().position(|word| word == name);
        at.map(|at| self.words.remove(at)).is_some()
    }

    /// The value of an option that need not be there.
    pub fn optional(&mut self, name: &str) -> Result<Option<String>> {
        let Some(at) = self.words.iter().position(|word| word == name) else {
            return Ok(None);
        };
        self.words.remove(at);
        if at == self.words.len() {
            bail!("the option {name} needs a value");
        }
        Ok(Some(self.words.remove(at)))
    }

    pub fn value(&mut self, name: &str) -> Result<String> {
        self.optional(name)?
            .with_context(|| format!("the option {name} is missing"))
    }

    /// The words that are left.
    pub fn rest(&mut self) -> Result<Vec<String>> {
        if let Some(option) = self.words.iter().find(|word| word.starts_with("--")) {
            bail!("unknown option '{option}'; see hosttest --help");
        }
        Ok(std::mem::take(&mut self.words))
    }

    /// The words that are left, which must be those that are named.
    pub fn exactly<const N: usize>(&mut self, names: [&str; N]) -> Result<[String; N]> {
        let rest = self.rest()?;
        rest.try_into().ok().with_context(|| {
            format!(
                "expected {}; see hosttest --help",
                if N == 0 {
                    "no words".into()
                } else {
                    names.join(" ")
                }
            )
        })
    }

    /// What comes after `--`, which must be something.
    pub fn command(&mut self) -> Result<Vec<String>> {
        if self.command.is_empty() {
            bail!("a command after -- is missing");
        }
        Ok(std::mem::take(&mut self.command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Args {
        Args::new(words.iter().map(|word| word.to_string()))
    }

    #[test]
    fn options_switches_and_the_rest() {
        let mut args = args(&["--a", "1", "x", "--b", "y", "--", "vm", "--a"]);
        assert_eq!(args.value("--a").unwrap(), "1");
        assert!(args.switch("--b") && !args.switch("--c"));
        assert_eq!(args.exactly(["X", "Y"]).unwrap(), ["x", "y"]);
        assert_eq!(args.command().unwrap(), ["vm", "--a"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (words, why) in [
            (&[][..], "the option --a is missing"),
            (&["--a"], "the option --a needs a value"),
        ] {
            assert_eq!(args(words).value("--a").unwrap_err().to_string(), why);
        }
        let unknown = args(&["--x"]).rest().unwrap_err().to_string();
        assert!(unknown.starts_with("unknown option '--x'"), "{unknown}");
        assert!(args(&["x"]).exactly(["X", "Y"]).is_err());
        assert!(args(&["x", "--"]).command().is_err());
    }
}
