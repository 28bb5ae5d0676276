//! `orders place` and `orders key`: output and exit status.

use std::process::Output;

use super::{Lossy, Scripted, Step};
use crate::harness::{Process, on_both, order};

const ORDER: [&str; 5] = ["place", "--item", "espresso beans", "--quantity", "2"];

/// Runs the binary while the runtime serves: exit status, stdout, stderr.
async fn orders(arguments: &[&str]) -> (i32, String, String) {
    let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
    let output = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Process::run(&arguments)
    });
    let Output {
        status,
        stdout,
        stderr,
    } = output.await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn told(stderr: &str) -> &str {
    let line = stderr.lines().next().unwrap();
    line.strip_prefix("idempotency key: ").unwrap()
}

on_both! {
    async fn an_order_is_printed_and_the_same_key_prints_it_again(app: &App) {
        let lossy = Lossy::start(&app.client).await;
        let url = format!("--url={}", lossy.url());
        let (code, placed, stderr) = orders(&[&ORDER[..], &[&url]].concat()).await;
        assert_eq!(code, 0, "{stderr}");
        let key = told(&stderr);
        assert_eq!(app.client.place(key, order("espresso beans", 2)).await.expect(200).text() + "\n", placed);
        let again = orders(&[&ORDER[..], &[&url, "--key", key]].concat()).await;
        assert_eq!((again.0, again.1), (0, placed));
        assert_eq!(told(&again.2), key);
        assert_eq!(app.database.orders().await, 1);
    }
}

on_both! {
    async fn a_refusal_is_exit_status_1(app: &App) {
        let url = format!("--url=http://{}", app.client.address);
        let (code, stdout, stderr) = orders(&["place", "--item=beans", "--quantity=0", &url]).await;
        assert_eq!((code, &*stdout), (1, ""), "{stderr}");
        assert!(stderr.contains("error: refused: 400 BODY_INVALID: quantity"), "{stderr}");

        app.client.place("mine", order("tea", 1)).await.expect(201);
        let (code, stdout, stderr) = orders(&[&ORDER[..], &[&url, "--key=mine"]].concat()).await;
        assert_eq!((code, &*stdout), (1, ""), "{stderr}");
        assert!(stderr.contains("409 IDEMPOTENCY_KEY_REUSED"), "{stderr}");
        assert_eq!(app.database.orders().await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_outcome_is_exit_status_2_and_says_how_to_go_on() {
    let server = Scripted::start([Step::Lose]).await;
    let url = format!("--url={}", server.url());
    let flags = [&url, "--deadline=200ms", "--key=it's"];
    let (code, stdout, stderr) = orders(&[&ORDER[..], &flags].concat()).await;
    assert_eq!((code, &*stdout), (2, ""), "{stderr}");
    let last = stderr.lines().last().unwrap();
    assert!(
        last.starts_with("error: unknown outcome: after "),
        "{stderr}"
    );
    assert!(
        last.ends_with(r"run the same command again with --key 'it'\''s'"),
        "{stderr}"
    );
    assert!(server.keys().iter().all(|key| key == "it's"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_not_reached_is_exit_status_2() {
    let url = Scripted::start([Step::Lose]).await.url();
    let flags = ["--url", &url, "--deadline=200ms"];
    let (code, stdout, stderr) = orders(&[&ORDER[..], &flags].concat()).await;
    assert_eq!((code, &*stdout), (2, ""), "{stderr}");
    let key = told(&stderr);
    let last = stderr.lines().last().unwrap();
    assert!(
        last.starts_with("error: service unavailable: cannot connect: "),
        "{stderr}"
    );
    assert!(last.ends_with(&format!("--key {key}")), "{stderr}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_sent_is_bad_usage() {
    for (flags, rule) in [
        (&["--key", "a b"][..], "visible ASCII"),
        (&["--quantity", "two"], "whole number"),
        (&["--url", "localhost:3000"], "http:// or https://"),
        (&["--token", "a b"], "the token contains"),
    ] {
        let order = if flags[0] == "--quantity" {
            &ORDER[..3]
        } else {
            &ORDER[..]
        };
        let (code, stdout, stderr) = orders(&[order, flags].concat()).await;
        assert_eq!((code, &*stdout), (2, ""), "{stderr}");
        assert!(stderr.contains(rule), "{stderr}");
        assert!(!stderr.contains("idempotency key:"), "{stderr}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_made_on_the_command_line() {
    let (code, one, _) = orders(&["key", "new"]).await;
    let (_, other, _) = orders(&["key", "new"]).await;
    assert_eq!((code, one.trim().len()), (0, 36));
    assert_ne!(one, other);

    let derive = [
        "key",
        "derive",
        "create-order",
        "user123",
        "cart456",
        "20251210",
    ];
    let (code, key, stderr) = orders(&derive).await;
    assert_eq!((code, &*stderr), (0, ""));
    assert_eq!(key, "create-order:user123:cart456:20251210\n");
    for (parts, error) in [
        (&[""][..], "part 1 is empty"),
        (&["a", ""], "part 2 is empty"),
    ] {
        let (code, stdout, stderr) = orders(&[&["key", "derive"], parts].concat()).await;
        assert_eq!((code, &*stdout), (2, ""));
        assert!(stderr.contains(error), "{stderr}");
    }
}
