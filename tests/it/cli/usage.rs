//! Help, typos, and documents about the program.

use crate::cli::{run, within};
use crate::harness::Process;

/// Every command.
pub(super) const COMMANDS: &[&[&str]] = &[
    &[],
    &["serve"],
    &["relay"],
    &["sweep"],
    &["hammer"],
    &["hammer", "check"],
    &["hammer", "contract"],
    &["migrate"],
    &["migrate", "up"],
    &["migrate", "down"],
    &["migrate", "status"],
    &["migrate", "fresh"],
    &["token"],
    &["token", "create"],
    &["token", "list"],
    &["token", "revoke"],
    &["consume"],
    &["place"],
    &["key"],
    &["key", "new"],
    &["key", "derive"],
    &["backup"],
    &["openapi"],
    &["completions"],
    &["man"],
];

#[test]
fn every_command_has_help() {
    for &command in COMMANDS {
        for help in ["--help", "-h"] {
            let mut asked = Process::command(&[command, &[help]].concat());
            let (code, stdout, stderr) = run(asked.env("DATABASE_URL", "postgres://me:s3cret@h/x"));
            assert_eq!((code, &*stderr), (0, ""), "{command:?} {help}");
            let usage = format!("Usage: {}", [&["orders"], command].concat().join(" "));
            assert!(stdout.contains(&usage), "{stdout}");
            assert!(!stdout.contains("s3cret"), "{stdout}");
        }
    }
}

#[test]
fn every_setting_names_its_variable_and_its_default() {
    let (_, help, _) = run(&mut Process::command(&["serve", "--help"]));
    let settings = help.split("\n      --").skip(1);
    let settings: Vec<&str> = settings.filter(|text| text.contains('<')).collect();
    assert!(settings.len() >= 15, "{help}");
    for setting in settings {
        let name = setting.split([' ', '\n']).next().unwrap();
        let variable = name.to_ascii_uppercase().replace('-', "_");
        let plain = ["HOST", "PORT", "DATABASE_URL"].contains(&&*variable);
        let prefix = if plain { "" } else { "ORDERS_" };
        let env = format!("[env: {prefix}{variable}");
        assert!(setting.contains(&env), "{env} is missing in: {setting}");
        let default =
            setting.contains("[default: ") || ["database-url", "redis-url"].contains(&name);
        assert!(default, "no default: {setting}");
    }
}

#[test]
fn a_typo_is_bad_usage_with_a_hint() {
    for (arguments, hint) in [
        (&["sevre"][..], "'serve'"),
        (&["serve", "--prot", "1"], "'--port'"),
        (&["migrate", "stauts"], "'status'"),
        (&["migrate", "down", "--step=1"], "'--steps'"),
        (&["completions", "bahs"], "'bash'"),
    ] {
        let (code, stdout, stderr) = run(&mut Process::command(arguments));
        assert_eq!((code, &*stdout), (2, ""), "{arguments:?}");
        assert!(
            stderr.starts_with("error: ") && stderr.contains(hint),
            "{stderr}"
        );
    }
}

#[test]
fn bad_usage_is_exit_status_2() {
    for arguments in [
        &[][..],
        &["migrate"],
        &["completions"],
        &["serve", "extra"],
        &["serve", "--port", "65536"],
        &["serve", "--lanes", "0"],
        &["serve", "--lock-wait", "soon"],
        &["migrate", "down", "--steps", "0"],
    ] {
        let (code, stdout, stderr) = run(&mut Process::command(arguments));
        assert_eq!((code, &*stdout), (2, ""), "{arguments:?}");
        assert!(
            stderr.contains("--help") || stderr.contains("Usage"),
            "{stderr}"
        );
    }
}

#[test]
fn an_invalid_value_is_answered_with_the_rule() {
    for (arguments, rule) in [
        (["serve", "--port", "http"], "from 0 to 65535"),
        (["serve", "--port", "65536"], "from 0 to 65535"),
        (["serve", "--lanes", "0"], "at least 1"),
        (["serve", "--batch-max", "many"], "at least 1"),
        (["serve", "--body-max", "64k"], "number of bytes"),
        (["serve", "--replay-cache", "8M"], "number of bytes"),
        (["serve", "--request-timeout", "10"], "such as 500ms, 10s"),
    ] {
        let (code, stdout, stderr) = run(&mut Process::command(&arguments));
        assert_eq!((code, &*stdout), (2, ""), "{arguments:?}");
        assert!(stderr.contains(rule), "{stderr}");
    }
}

#[test]
fn documents_about_the_program_need_no_database() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, expected) in [
        (&["openapi"][..], "\"openapi\""),
        (&["openapi", "--yaml"], "openapi: 3."),
        (&["completions", "bash"], "_orders()"),
        (&["completions", "zsh"], "#compdef orders"),
        (&["completions", "fish"], "complete -c orders"),
        (
            &["--version"],
            concat!("orders ", env!("CARGO_PKG_VERSION"), "\n"),
        ),
    ] {
        let unreachable = "postgres://me:s3cret@127.0.0.1:1/x";
        let (code, stdout, stderr) =
            run(within(&folder, arguments).env("DATABASE_URL", unreachable));
        assert_eq!((code, &*stderr), (0, ""), "{arguments:?}");
        assert!(stdout.contains(expected), "{arguments:?}: {stdout}");
    }
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        0,
        "a file was left"
    );
}
