//! The life of a token: created, listed, used, rotated, expired, revoked.

use std::time::{Duration, Instant};

use super::{create_token, id_of, token_command, with_tokens};
use crate::harness::{Client, Instance, on_both, order};

/// Waits until a client is refused, and returns how long that took.
async fn until_refused(client: &Client) -> Duration {
    let started = Instant::now();
    loop {
        let reply = client.get("/orders").await;
        if reply.status == 401 {
            reply.expect_error(401, "the token is not valid");
            return started.elapsed();
        }
        reply.expect(200);
        assert!(started.elapsed() < Duration::from_secs(30), "never refused");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

on_both! {
    async fn a_token_that_is_rotated_replays(app: &App with with_tokens()) {
        let former = create_token(&app.database, "acme", &[]);
        let next = create_token(&app.database, "acme", &["--expires", "90d"]);
        assert_ne!(id_of(&former), id_of(&next));
        let [before, after] = [&former, &next].map(|token| app.client.with_token(token));
        let first = before.place("key", order("tea", 2)).await.expect(201);
        let replay = after.place("key", order("tea", 2)).await.expect(200);
        assert_eq!(replay.body, first.body);
        let (code, stdout, _) = token_command(&app.database, &["token", "revoke", id_of(&former)]);
        assert_eq!((code, stdout), (0, format!("token {} revoked\n", id_of(&former))));
        until_refused(&before).await;
        let replay = after.place("key", order("tea", 2)).await.expect(200);
        assert_eq!(replay.body, first.body);
        after.get(first.header("location").unwrap()).await.expect(200);
    }
}

on_both! {
    async fn a_revoked_token_is_refused_within_5_seconds_everywhere(app: &App with with_tokens()) {
        let other = Instance::start(&app.database, with_tokens()).await;
        let token = create_token(&app.database, "acme", &[]);
        let one = app.client.with_token(&token);
        let another = other.client.with_token(&token);
        // In use all the time, so that each instance remembers it.
        for n in 0..20 {
            one.place(&format!("one-{n}"), order("tea", 2)).await.expect(201);
            another.place(&format!("another-{n}"), order("tea", 2)).await.expect(201);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let (code, ..) = token_command(&app.database, &["token", "revoke", id_of(&token)]);
        assert_eq!(code, 0);
        let (here, there) = tokio::join!(until_refused(&one), until_refused(&another));
        assert!(here < Duration::from_secs(5) && there < Duration::from_secs(5), "{here:?} {there:?}");
        one.place("one-0", order("tea", 2)).await.expect(401);
        assert_eq!(app.database.orders().await, 40);

        let (code, stdout, _) = token_command(&app.database, &["token", "revoke", id_of(&token)]);
        assert_eq!((code, stdout), (0, format!("token {} was revoked before\n", id_of(&token))));
        let (code, stdout, _) = token_command(&app.database, &["token", "revoke", "0123456789ab"]);
        assert_eq!((code, &*stdout), (1, "token 0123456789ab not found\n"));
        other.stop().await;
    }
}

on_both! {
    async fn a_token_in_use_is_not_read_for_every_request(app: &App with with_tokens()) {
        let token = create_token(&app.database, "acme", &[]);
        let client = app.client.with_token(&token);
        client.get("/orders").await.expect(200);
        // The row is gone, and what is remembered still counts for a moment.
        let started = Instant::now();
        app.database.execute("DELETE FROM tokens").await;
        if started.elapsed() < Duration::from_secs(1) {
            client.get("/orders").await.expect(200);
        }
        assert!(until_refused(&client).await < Duration::from_secs(5));
    }
}

on_both! {
    async fn a_token_expires(app: &App with with_tokens()) {
        let expires = std::time::SystemTime::now() + Duration::from_secs(4);
        let expires = humantime::format_rfc3339_seconds(expires).to_string();
        let token = create_token(&app.database, "acme", &["--expires", &expires]);
        let client = app.client.with_token(&token);
        client.get("/orders").await.expect(200);
        until_refused(&client).await;
        let late = std::time::SystemTime::now().duration_since(humantime::parse_rfc3339(&expires).unwrap());
        assert!(late.unwrap() < Duration::from_secs(1));
    }
}

on_both! {
    async fn the_list_has_everything_but_secrets(database: &TestDatabase) {
        let list = |flags: &[&str]| {
            let (code, stdout, stderr) = token_command(database, &[&["token", "list"], flags].concat());
            assert_eq!((code, &*stderr), (0, ""));
            stdout
        };
        assert_eq!(list(&[]).lines().count(), 1, "the heads of an empty list");
        assert_eq!(list(&["--json"]), "");
        let longest = "x".repeat(64);
        let plain = create_token(database, &longest, &[]);
        let admin = create_token(database, "ops", &["--admin", "--expires", "2999-01-31T00:00:00Z"]);
        token_command(database, &["token", "revoke", id_of(&admin)]);
        let text = list(&[]);
        assert_eq!(text.lines().count(), 3, "{text}");
        let of = |token: &str| {
            let line = text.lines().find(|line| line.starts_with(id_of(token))).unwrap();
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        let [id, is_admin, _created, expires, revoked, tenant] = of(&plain).try_into().unwrap();
        assert_eq!([&*id, &*is_admin, &*expires, &*revoked, &*tenant], [id_of(&plain), "no", "-", "-", &*longest]);
        let [_, is_admin, created, expires, revoked, tenant] = of(&admin).try_into().unwrap();
        assert_eq!([&*is_admin, &*expires, &*tenant], ["yes", "2999-01-31T00:00:00Z", "ops"]);
        assert!(created <= revoked, "{created} {revoked}");
        let json = list(&["--json"]);
        let lines: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let line = lines.iter().find(|line| line["id"] == id_of(&admin)).unwrap();
        assert_eq!(line["admin"], true);
        assert_eq!(line["revoked"], revoked);
        for token in [&plain, &admin] {
            let secret = token.rsplit('_').next().unwrap();
            assert!(!text.contains(secret) && !json.contains(secret));
            let stored = format!("SELECT count(*) FROM tokens WHERE id = '{}' AND length(digest) = 32", id_of(token));
            assert_eq!(database.count(&stored).await, 1);
        }
    }
}

on_both! {
    async fn wrong_arguments_are_answered_with_the_rule(database: &TestDatabase) {
        let long = "x".repeat(65);
        for (arguments, rule) in [
            (&["create"][..], "--tenant"),
            (&["create", "--tenant", ""], "must not be empty"),
            (&["create", "--tenant", &long], "at most 64 characters"),
            (&["create", "--tenant", "a b"], "visible ASCII"),
            (&["create", "--tenant", "a", "--expires", "2001-01-01T00:00:00Z"], "not in the future"),
            (&["create", "--tenant", "a", "--expires", "soon"], "such as 90d"),
            (&["revoke"], "<ID>"),
            (&["revoke", "ord_abc"], "12 hexadecimal digits"),
        ] {
            let (code, stdout, stderr) = token_command(database, &[&["token"], arguments].concat());
            assert_eq!((code, &*stdout), (2, ""), "{arguments:?}");
            assert!(stderr.contains(rule), "{arguments:?}: {stderr}");
        }
        assert_eq!(database.count("SELECT count(*) FROM tokens").await, 0);
    }
}

on_both! {
    async fn without_the_schema_the_command_says_what_to_do(backend: Backend) {
        let database = crate::harness::TestDatabase::create(backend).await;
        drop(database.connect().await);
        let (code, stdout, stderr) = token_command(&database, &["token", "list"]);
        assert_eq!((code, &*stdout), (2, ""));
        assert!(stderr.contains("orders migrate up"), "{stderr}");
        database.drop().await;
    }
}
