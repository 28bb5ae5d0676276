//! A token is nowhere but where its holder put it.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{create_token, id_of, token_command};
use crate::cli::run;
use crate::harness::{Process, on_both, on_sqlite, order};

/// Asserts that a text contains no part of a token's secret.
#[track_caller]
fn assert_hidden(text: &str, token: &str, place: &str) {
    let secret = token.rsplit('_').next().unwrap();
    for part in [&secret[..16], &secret[48..]] {
        assert!(!text.contains(part), "a token is in {place}: {text}");
    }
}

on_both! {
    async fn no_log_has_a_token(database: &TestDatabase) {
        let tokens = ["acme", "zeta"].map(|tenant| create_token(database, tenant, &[]));
        token_command(database, &["token", "revoke", id_of(&tokens[1])]);
        for format in ["text", "json"] {
            let mut command = Process::serving(database);
            command.args(["--auth", "tokens", "--access-log", "--log-format", format]);
            // Everything, also of the libraries.
            command.env("ORDERS_LOG", "trace").stderr(Stdio::piped());
            // Read while the server runs: a full pipe would stop it.
            let log = tempfile::NamedTempFile::new().unwrap();
            command.stderr(log.reopen().unwrap());
            let process = Process::start(&mut command);
            for token in &tokens {
                let client = process.client.with_token(token);
                client.place("key", order("tea", 2)).await;
                client.get("/orders").await;
                client.get("/orders/nonsense").await;
                client.place("bad", "{").await;
            }
            process.client.with_token(&format!("{}0", tokens[0])).get("/orders").await.expect(401);
            process.client.with_header("authorization", &tokens[0]).get("/orders").await.expect(401);
            process.stop();
            let text = fs::read_to_string(log.path()).unwrap();
            assert!(text.contains("orders::access"), "{text}");
            for token in &tokens {
                assert_hidden(&text, token, "the log");
            }
            // The tenant is named, in the lines of its requests only.
            let of = |status: &str| {
                let lines = text.lines().filter(|line| line.contains("orders::access"));
                let field = if format == "json" { format!("\"status\":{status}") } else { format!("status={status}") };
                lines.filter(|line| line.contains(&field)).map(str::to_owned).collect::<Vec<_>>()
            };
            assert!(of("404").iter().all(|line| line.contains("acme")), "{text}");
            assert!(of("401").iter().all(|line| !line.contains("acme") && !line.contains("zeta")));
            assert!(!of("404").is_empty() && !of("401").is_empty());
        }
    }
}

on_sqlite! {
    async fn no_error_or_help_has_a_token(database: &TestDatabase) {
        let token = create_token(database, "acme", &[]);
        for arguments in [
            &["place", "--help"][..],
            &["place", "-h"],
            &["serve", "--help"],
            &["token", "create", "--help"],
            &["place", "--item", "tea", "--quantity", "none"],
            &["place", "--item", "tea", "--quantity", "1", "--url", "http://127.0.0.1:1", "--deadline", "200ms"],
            &["token", "revoke", &token],
        ] {
            for format in ["text", "json"] {
                let mut command = Process::on(database, arguments);
                command.env("ORDERS_TOKEN", &token).env("ORDERS_LOG_FORMAT", format);
                command.env("ORDERS_LOG", "trace");
                let (_, stdout, stderr) = tokio::task::block_in_place(|| run(&mut command));
                assert_hidden(&stdout, &token, "the output");
                assert_hidden(&stderr, &token, "the errors");
            }
        }
        let (code, _, stderr) = token_command(database, &["token", "revoke", &token]);
        assert_eq!(code, 2);
        assert!(stderr.contains("12 hexadecimal digits"), "{stderr}");
    }
}

on_sqlite! {
    async fn the_list_of_processes_has_no_token(database: &TestDatabase) {
        let token = create_token(database, "acme", &[]);
        for flag in [vec!["--token".to_owned(), token.clone()], vec![format!("--token={token}")]] {
            // Nobody listens there, so the command waits and tries again.
            let mut child = Process::command(&["place", "--item", "tea", "--quantity", "1"])
                .args(flag)
                .args(["--url", "http://127.0.0.1:1", "--deadline", "20s"])
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let deadline = Instant::now() + Duration::from_secs(10);
            let title = loop {
                let title = title_of(child.id());
                if title.contains("--item") && !title.contains("--token") {
                    break title;
                }
                assert!(Instant::now() < deadline, "the title stays {title}");
                std::thread::sleep(Duration::from_millis(20));
            };
            assert_hidden(&title, &token, "the list of processes");
            assert!(title.contains("--quantity 1") && title.contains("--deadline 20s"), "{title}");
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

on_sqlite! {
    async fn no_report_has_a_token(database: &TestDatabase) {
        let token = create_token(database, "acme", &[]);
        let server = Process::serve_with(database, &["--auth", "tokens"]);
        let folder = tempfile::tempdir().unwrap();
        let mut command = Process::command(&["hammer", "--quick", "--scenario", "mismatch"]);
        command.args(["--url", &format!("http://{}", server.client.address)]);
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
        command.args(["--report", "report"]).current_dir(folder.path());
        let (code, stdout, stderr) = tokio::task::block_in_place(|| run(&mut command));
        // A busy machine may be too slow for a verdict. The token was accepted.
        assert!((0..3).contains(&code), "{stdout}{stderr}");
        assert!(database.orders().await > 0, "{stdout}{stderr}");
        assert_hidden(&stdout, &token, "the output");
        assert_hidden(&stderr, &token, "the progress");
        let mut files = 0;
        for file in fs::read_dir(folder.path().join("report")).unwrap() {
            let text = fs::read(file.unwrap().path()).unwrap();
            assert_hidden(&String::from_utf8_lossy(&text), &token, "a report");
            files += 1;
        }
        assert!(files >= 4, "{files} files");
        server.stop();
    }
}

/// The arguments of a process, as every user of the machine sees them.
fn title_of(process: u32) -> String {
    let mut ps = Command::new("ps");
    let output = ps
        .args(["-ww", "-o", "args=", "-p", &process.to_string()])
        .output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

on_both! {
    async fn place_sends_the_token(database: &TestDatabase) {
        let token = create_token(database, "acme", &[]);
        let server = Process::serve_with(database, &["--auth", "tokens"]);
        let url = format!("http://{}", server.client.address);
        let place = |flags: &[&str], variable: Option<&str>| {
            let mut command = Process::command(&["place", "--item", "tea", "--quantity", "1"]);
            command.args(["--key", "key", "--url", &url]).args(flags);
            if let Some(token) = variable {
                command.env("ORDERS_TOKEN", token);
            }
            tokio::task::block_in_place(|| run(&mut command))
        };
        let (code, by_flag, stderr) = place(&["--token", &token], None);
        assert_eq!(code, 0, "{stderr}");
        let (code, by_variable, _) = place(&[], Some(&token));
        assert_eq!((code, by_variable), (0, by_flag));
        // A flag takes precedence.
        let (code, ..) = place(&[&format!("--token={token}")], Some("nonsense"));
        assert_eq!(code, 0);
        let (code, _, stderr) = place(&[], Some("nonsense"));
        assert_eq!(code, 1, "{stderr}");
        assert!(stderr.contains("the token is not valid") && !stderr.contains("nonsense"), "{stderr}");
        let (code, _, stderr) = place(&[], None);
        assert_eq!(code, 1, "{stderr}");
        assert_eq!(database.orders().await, 1);
        server.stop();
    }
}
