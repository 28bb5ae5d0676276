//! Tenants: each has its own keys and orders, and nothing of another's can be seen.

mod admin;
mod flood;
mod gateway;
mod isolation;
mod secrets;
mod tokens;

use orders::http::Auth;

use crate::harness::{Bounds, Process, TestDatabase};

/// An instance that asks for tokens.
fn with_tokens() -> Bounds {
    Bounds::with(|bounds| bounds.http.auth = Auth::Tokens)
}

/// Creates a token with the command. These flags are given besides `--tenant`.
fn create_token(database: &TestDatabase, tenant: &str, flags: &[&str]) -> String {
    let arguments = [&["token", "create", "--tenant", tenant], flags].concat();
    let (code, stdout, stderr) = token_command(database, &arguments);
    assert_eq!((code, &*stderr), (0, ""), "{stdout}");
    let token = stdout.strip_suffix('\n').unwrap();
    assert!(!token.contains('\n'), "stdout is one line: {stdout}");
    token.to_owned()
}

/// Runs a command on the database: exit code, stdout, stderr.
fn token_command(database: &TestDatabase, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Process::on(database, arguments);
    tokio::task::block_in_place(|| crate::cli::run(&mut command))
}

/// The public part of a token.
fn id_of(token: &str) -> &str {
    token.split('_').nth(1).unwrap()
}
