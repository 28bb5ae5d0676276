//! What `--help` and the manual pages say beyond the flags: examples and exit statuses.
//!
//! Both come from one table, [`pages`], so that a command teaches the same in both places.

mod entry;
mod page;
mod pages;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::{Args, Command, CommandFactory};

use super::{Cli, CliError, Status, print};
use entry::Manual;

/// Arguments of `orders man`.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Directory to write the pages to; it is created if it does not exist
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// A page cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: name a directory that you may write to", .path.display())]
struct WriteError {
    path: PathBuf,
    source: io::Error,
}

impl ManArgs {
    /// Writes a page for each command, and prints their paths.
    pub(super) fn run(&self) -> Result<Status, CliError> {
        let directory = &self.directory;
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| WriteError { path, source }
        };
        fs::create_dir_all(directory).map_err(failed(directory))?;
        let mut written = String::new();
        for (name, text) in page::all()? {
            let path = directory.join(name);
            fs::write(&path, text).map_err(failed(&path))?;
            writeln!(written, "{}", path.display())?;
        }
        print(&written)?;
        Ok(Status::Done)
    }
}

/// The arguments of the program, with the examples and exit statuses of every command.
pub(super) fn command() -> Command {
    documented(Cli::command(), &[])
}

/// Adds what the table says about a command and its subcommands.
fn documented(command: Command, path: &[&str]) -> Command {
    let command = match Manual::of(path) {
        Some(manual) => command.after_long_help(manual.help()),
        None => command,
    };
    let names: Vec<String> = command
        .get_subcommands()
        .map(|subcommand| subcommand.get_name().to_owned())
        .collect();
    names.iter().fold(command, |command, name| {
        let path = [path, &[name.as_str()]].concat();
        command.mut_subcommand(name, |subcommand| documented(subcommand, &path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_accepted() {
        for manual in Manual::ALL {
            assert!(!manual.examples.is_empty(), "{}", manual.command);
            for example in manual.examples {
                let words = example.arguments();
                let parsed = command().try_get_matches_from(&words);
                // Another command may be shown beside, but never only.
                let own = format!("orders {}", manual.command);
                assert!(example.command.contains(own.trim()), "{}", example.command);
                if cfg!(feature = "serve") && cfg!(feature = "client") && cfg!(feature = "hammer") {
                    parsed.unwrap_or_else(|error| panic!("{}: {error}", example.command));
                }
            }
        }
    }

    #[test]
    fn every_command_has_examples_and_exit_statuses() {
        fn check(command: &Command, path: &[&str]) {
            let manual = Manual::of(path);
            let manual = manual.unwrap_or_else(|| panic!("{path:?} is not in the table"));
            assert!(manual.exit.iter().any(|(code, _)| *code == 0), "{path:?}");
            for subcommand in command.get_subcommands() {
                check(subcommand, &[path, &[subcommand.get_name()]].concat());
            }
        }
        check(&command(), &[]);
    }

    #[test]
    fn the_lines_of_examples_fit_a_narrow_terminal() {
        for manual in Manual::ALL {
            for line in manual.help().lines() {
                assert!(line.chars().count() <= 60, "{line}");
            }
        }
    }
}
