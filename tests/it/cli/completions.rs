//! Completion scripts, loaded by their shells.

use std::process::Command;

use crate::cli::run;
use crate::cli::usage::COMMANDS;
use crate::harness::Process;

/// Runs a script in a shell with the completions of it in a file, `$1`. `None` without the shell.
fn loaded(shell: &str, arguments: &[&str], script: &str) -> Option<String> {
    let (_, completions, _) = run(&mut Process::command(&["completions", shell]));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("completions");
    std::fs::write(&file, completions).unwrap();
    let mut command = Command::new(shell);
    command.args(arguments).args(["-c", script]);
    if shell != "fish" {
        command.arg(shell);
    }
    // Whatever the home of the user configures stays out of it.
    let output = command.arg(&file).env("HOME", folder.path()).output();
    let output = match output {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        output => output.unwrap(),
    };
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && stderr.is_empty(),
        "{shell}: {stderr}"
    );
    Some(String::from_utf8(output.stdout).unwrap())
}

/// scripts/test installs the shells. Elsewhere a shell may be missing.
#[track_caller]
fn assert_offers(offered: Option<String>, words: &[&str]) {
    let Some(offered) = offered else {
        eprintln!("SKIPPED: the shell is not installed");
        return;
    };
    for word in words {
        assert!(
            offered.split_whitespace().any(|one| one == *word),
            "{word}: {offered}"
        );
    }
}

#[test]
fn bash_completes_commands_and_flags() {
    let complete = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let (before, last) = (words[words.len() - 2], words[words.len() - 1]);
        let script = format!(
            "source \"$1\"; COMP_WORDS=({line}); [ -n '{last}' ] || COMP_WORDS+=(''); \
             COMP_CWORD={}; COMP_LINE='{line}'; _orders orders '{last}' '{before}'; \
             echo \"${{COMPREPLY[@]}}\"",
            words.len() - 1
        );
        loaded("bash", &["--norc", "--noprofile"], &script)
    };
    assert_offers(complete("orders m"), &["migrate", "man"]);
    assert_offers(
        complete("orders migrate "),
        &["up", "down", "status", "fresh"],
    );
    assert_offers(complete("orders serve --p"), &["--port"]);
}

#[test]
fn zsh_loads_its_completions() {
    let script = "autoload -Uz compinit; compinit -D; source \"$1\"; \
                  print -l $_comps[orders]; functions _orders";
    let commands = ["_orders", "(migrate)", "(hammer)"];
    assert_offers(loaded("zsh", &["-f"], script), &commands);
}

#[test]
fn fish_completes_commands_and_flags() {
    let complete = |line: &str| {
        let script = format!("source $argv[1]; complete --do-complete '{line}'");
        loaded("fish", &["--no-config"], &script)
    };
    assert_offers(complete("orders m"), &["migrate", "man"]);
    assert_offers(
        complete("orders migrate "),
        &["up", "down", "status", "fresh"],
    );
    assert_offers(complete("orders serve --po"), &["--port"]);
}

#[test]
fn the_completions_have_every_command() {
    let (_, script, _) = run(&mut Process::command(&["completions", "bash"]));
    for command in COMMANDS.iter().filter(|command| command.len() == 1) {
        assert!(
            script.contains(&format!("orders,{})", command[0])),
            "{command:?}"
        );
    }
}
