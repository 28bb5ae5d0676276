//! `docs/configuration.md` has every flag of every command, as `--help` says it.

use std::fmt::Write;

use clap::{Arg, Command, CommandFactory};
use orders::cli::Cli;

use super::{between, read, root};

const PAGE: &str = "docs/configuration.md";
const BEGIN: &str = "<!-- flags: written by tests/it/documentation -->";
const END: &str = "<!-- /flags -->";

/// A row of a table.
fn row(argument: &Arg) -> Option<String> {
    let flag = argument
        .get_long()
        .filter(|name| !["help", "version"].contains(name))?;
    let variable = argument
        .get_env()
        .map(|name| format!("`{}`", name.to_string_lossy()));
    let values = argument.get_default_values();
    let mut default = match values.first() {
        Some(value) if argument.get_action().takes_values() => format!("`{}`", value.display()),
        _ => String::new(),
    };
    let mut help = argument.get_help().unwrap().to_string().replace('|', "\\|");
    // Where clap knows no default, the text says it.
    if let Some((before, said)) = help.clone().split_once(" [default: ") {
        let (said, after) = said.split_once(']').unwrap();
        said.clone_into(&mut default);
        help = before.to_owned() + after;
    }
    let variable = variable.unwrap_or_default();
    Some(format!(
        "| `--{flag}` | {variable} | {default} | {help} |\n"
    ))
}

fn rows(command: &Command) -> Vec<String> {
    let own = command
        .get_arguments()
        .filter(|argument| !argument.is_global_set());
    own.filter_map(row).collect()
}

/// Writes the section of a command, and those of its subcommands. `shared` are the rows of `serve`.
fn section(page: &mut String, name: &str, command: &Command, shared: &[String]) {
    let (known, new): (Vec<String>, Vec<String>) = rows(command)
        .into_iter()
        .partition(|row| shared.contains(row));
    let about = command.get_about().unwrap();
    if !command
        .get_subcommands()
        .any(|sub| sub.get_name() != "help")
        || !new.is_empty()
    {
        let _ = write!(page, "\n## `{name}`\n\n{about}.\n");
    }
    if !new.is_empty() {
        page.push_str("\n| flag | variable | default | |\n|---|---|---|---|\n");
        page.push_str(&new.concat());
    }
    if !known.is_empty() {
        let flags: Vec<&str> = known
            .iter()
            .filter_map(|row| row.split('|').nth(1))
            .collect();
        let flags = flags
            .iter()
            .map(|flag| flag.trim())
            .collect::<Vec<_>>()
            .join(", ");
        let _ = write!(page, "\nAs `orders serve`: {flags}.\n");
    }
    for sub in command
        .get_subcommands()
        .filter(|sub| sub.get_name() != "help")
    {
        section(page, &format!("{name} {}", sub.get_name()), sub, shared);
    }
}

fn generated() -> String {
    let mut program = Cli::command();
    program.build();
    let mut page =
        "\n## Every command\n\n| flag | variable | default | |\n|---|---|---|---|\n".to_owned();
    let global = program
        .get_arguments()
        .filter(|argument| argument.is_global_set());
    global.filter_map(row).for_each(|row| page.push_str(&row));
    let serve = program.find_subcommand("serve").unwrap();
    let shared = rows(serve);
    section(&mut page, "orders serve", serve, &[]);
    for command in program.get_subcommands() {
        if !["serve", "help"].contains(&command.get_name()) {
            section(
                &mut page,
                &format!("orders {}", command.get_name()),
                command,
                &shared,
            );
        }
    }
    page + "\n"
}

#[test]
fn the_page_has_every_flag() {
    let (page, flags) = (read(PAGE), generated());
    let written = between(&page, BEGIN, END);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let page = page.replacen(
            &format!("{BEGIN}\n{written}"),
            &format!("{BEGIN}\n{flags}"),
            1,
        );
        return std::fs::write(root().join(PAGE), page).unwrap();
    }
    assert!(
        written == flags,
        "{PAGE} is not what --help says: UPDATE_GOLDEN=1 cargo test --test it -- documentation::"
    );
}
