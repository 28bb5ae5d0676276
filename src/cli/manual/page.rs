//! Manual pages: those of `clap_mangen`, with sections of our own.

use std::io;

use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

use super::entry::{Example, Manual};

/// The section of the manual.
const SECTION: &str = "1";

/// Every page: the name of its file, and its text.
pub(super) fn all() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut program = super::command().disable_help_subcommand(true);
    program.build();
    let mut pages = Vec::new();
    collect(&program, &[], &mut pages)?;
    Ok(pages)
}

fn collect(command: &Command, path: &[&str], pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    pages.push((format!("{}.{SECTION}", name(path)), render(command, path)?));
    for subcommand in command.get_subcommands() {
        collect(
            subcommand,
            &[path, &[subcommand.get_name()]].concat(),
            pages,
        )?;
    }
    Ok(())
}

/// The name of a page, such as `orders-migrate-up`.
fn name(path: &[&str]) -> String {
    [&["orders"], path].concat().join("-")
}

fn render(command: &Command, path: &[&str]) -> io::Result<Vec<u8>> {
    let program = concat!("orders ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone())
        .title(name(path))
        // An empty argument would be left out, and the others would move.
        .date(" ")
        .source(program)
        .manual("Manual of orders");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    environment(command, path).to_writer(&mut page)?;
    if let Some(manual) = Manual::of(path) {
        exit_status(manual).to_writer(&mut page)?;
        examples(manual).to_writer(&mut page)?;
    }
    see_also(command, path).to_writer(&mut page)?;
    Ok(page)
}

/// The variables that flags can be set with, and those of no flag.
fn environment(command: &Command, path: &[&str]) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["ENVIRONMENT"]);
    roff.text([roman("A flag overrides its variable.")]);
    let arguments = command.get_arguments();
    let variables = arguments.filter_map(|argument| Some((argument, argument.get_env()?)));
    for (argument, variable) in variables {
        roff.control("TP", []);
        roff.text([bold(variable.to_string_lossy())]);
        let flag = argument.get_long().unwrap_or_default();
        roff.text([roman("sets "), bold(format!("--{flag}")), default(argument)]);
    }
    if path.first() == Some(&"serve") {
        for (variable, meaning) in [
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "sets --otlp-endpoint, if neither it nor its variable is given",
            ),
            (
                "OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES",
                "as in the specification of OpenTelemetry",
            ),
        ] {
            roff.control("TP", []);
            roff.text([bold(variable)]);
            roff.text([roman(meaning)]);
        }
    }
    roff.control("TP", []);
    roff.text([bold("NO_COLOR")]);
    roff.text([roman("turns colours off, if it is set")]);
    roff
}

fn default(argument: &Arg) -> clap_mangen::roff::Inline {
    let values: Vec<_> = argument
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy())
        .collect();
    match (values.is_empty(), argument.get_action().takes_values()) {
        (false, true) => roman(format!(" (default {})", values.join(", "))),
        _ => roman(""),
    }
}

fn exit_status(manual: &Manual) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in manual.exit {
        roff.control("TP", []);
        roff.text([bold(code.to_string())]);
        roff.text([roman(*meaning)]);
    }
    roff
}

fn examples(manual: &Manual) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]);
    for Example { meaning, command } in manual.examples {
        roff.control("PP", []);
        roff.text([roman(format!("{meaning}:"))]);
        roff.control("PP", []);
        roff.control("RS", ["4"]);
        roff.control("nf", []);
        for line in command.lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
        roff.control("RE", []);
    }
    roff
}

/// The page of the command above, and those below.
fn see_also(command: &Command, path: &[&str]) -> Roff {
    let mut names = Vec::new();
    if let Some((_, above)) = path.split_last() {
        names.push(name(above));
    }
    let below = command.get_subcommands();
    names.extend(below.map(|subcommand| name(&[path, &[subcommand.get_name()]].concat())));
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]);
    let last = names.len().saturating_sub(1);
    let text = names.iter().enumerate().flat_map(|(index, name)| {
        let end = if index == last { "" } else { ", " };
        [italic(name.as_str()), roman(format!("({SECTION}){end}"))]
    });
    roff.text(text.collect::<Vec<_>>());
    roff
}
