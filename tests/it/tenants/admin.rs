//! What an operator may do: sweep over HTTP, read metrics.

use std::process::Stdio;

use super::{create_token, token_command, with_tokens};
use crate::harness::{Process, on_both, on_sqlite};

on_both! {
    async fn maintenance_needs_an_admin_token(app: &App with with_tokens()) {
        let [tenant, admin] = [&[][..], &["--admin"]].map(|flags| {
            app.client.with_token(&create_token(&app.database, "acme", flags))
        });
        // Although the client is on the same machine.
        app.client.post_to("/admin/cleanup").await.expect(401);
        let refused = tenant.post_to("/admin/cleanup").await;
        let refused = refused.expect_error(403, "an admin token is required");
        assert_eq!(refused.json()["code"], "FORBIDDEN");
        assert_eq!(admin.post_to("/admin/cleanup").await.expect(200).text(), r#"{"deleted":0}"#);

        let missing = app.client.get("/metrics").await.expect(401);
        assert_eq!(missing.header("www-authenticate"), Some("Bearer"));
        tenant.get("/metrics").await.expect(403);
        let page = admin.get("/metrics").await.expect(200).text();
        assert!(page.contains("orders_requests_total"), "{page}");
        // An admin token also names a tenant.
        admin.get("/orders").await.expect(200);
    }
}

on_sqlite! {
    async fn metrics_can_be_opened(database: &TestDatabase) {
        let server = Process::serve_with(database, &["--auth", "tokens", "--open-metrics"]);
        server.client.get("/metrics").await.expect(200);
        server.client.post_to("/admin/cleanup").await.expect(401);
        server.stop();
        let server = Process::serve(database);
        server.client.get("/metrics").await.expect(200);
        server.client.post_to("/admin/cleanup").await.expect(200);
        server.stop();
    }
}

on_sqlite! {
    async fn an_open_service_that_others_reach_is_warned_of_once(database: &TestDatabase) {
        for (host, auth, warnings) in [
            ("0.0.0.0", "off", 1),
            ("127.0.0.1", "off", 0),
            ("0.0.0.0", "tokens", 0),
            ("0.0.0.0", "header=x-tenant", 0),
        ] {
            let mut command = Process::serving(database);
            command.args(["--host", host, "--auth", auth]).stderr(Stdio::piped());
            command.env("ORDERS_LOG", "warn");
            // The printed address is that of `localhost`, which is no socket address.
            let mut server = command.stdout(Stdio::piped()).spawn().unwrap();
            let mut line = String::new();
            let stdout = server.stdout.as_mut().unwrap();
            std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
            assert!(line.starts_with("http://"), "{line}");
            let id = server.id().to_string();
            std::process::Command::new("kill").args(["-s", "TERM", &id]).status().unwrap();
            let output = server.wait_with_output().unwrap();
            let log = String::from_utf8(output.stderr).unwrap();
            let found = log.matches("authentication is off").count();
            assert_eq!(found, warnings, "{host} {auth}: {log}");
        }
    }
}

on_sqlite! {
    async fn a_wrong_mode_is_answered_with_the_rule(database: &TestDatabase) {
        for (mode, rule) in [
            ("on", "off, tokens, or header=NAME"),
            ("header=", "header=NAME with the name"),
            ("header=Authorization", "a header of its own"),
        ] {
            let (code, stdout, stderr) = token_command(database, &["serve", "--auth", mode]);
            assert_eq!((code, &*stdout), (2, ""), "{mode}");
            assert!(stderr.contains(rule), "{stderr}");
        }
    }
}
