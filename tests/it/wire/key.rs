//! The `Idempotency-Key` header and its alias.

use std::collections::HashSet;

use crate::harness::{Raw, on_both, order};

const KEY: &str = "idempotency-key";
const ALIAS: &str = "x-idempotency-key";
const JSON: (&str, &[u8]) = ("content-type", b"application/json");

const REQUIRED: &str = "Idempotency-Key header is required";

on_both! {
    async fn a_blank_key_is_a_missing_key(app: &App) {
        let cases: [&[(&str, &[u8])]; 7] = [
            &[],
            &[(KEY, b"")],
            &[(KEY, b" \t ")],
            &[(KEY, b"\"\"")],
            &[(ALIAS, b"")],
            &[(ALIAS, b"\"\"")],
            &[(KEY, b""), (ALIAS, b" ")],
        ];
        for lines in cases {
            let refused = app.client.send(&[&[JSON], lines].concat(), order("tea", 2)).await;
            refused.expect_error(400, REQUIRED);
        }
        assert_eq!(app.database.orders().await, 0);
    }
}

on_both! {
    async fn any_1_to_255_visible_characters_are_a_key(app: &App) {
        let all: String = ('!'..='~').collect();
        let longest = "k".repeat(255);
        let quoted = format!("\"{}\"", "q".repeat(255));
        let keys = ["k", "a\"b", "a,b;c=d", "8e03978e-40d5-43e8-bc93-6894a57f9324"];
        let keys = [&keys[..], &[&all, &longest, &quoted]].concat();
        for key in &keys {
            let placed = app.client.place(key, order("tea", 2)).await.expect(201);
            let replay = app.client.place(key, order("tea", 2)).await.expect(200);
            assert_eq!(replay.body, placed.body, "{key}");
        }
        assert_eq!(app.database.orders().await, i64::try_from(keys.len()).unwrap());
    }
}

on_both! {
    async fn a_malformed_key_is_refused_with_the_broken_rule(app: &App) {
        let visible = "the key may contain visible ASCII characters only (0x21 to 0x7E)";
        let quoting = "a key that begins with a double quote must be a Structured-Field string \
                       (RFC 8941): closed by a double quote, with \\\" and \\\\ as the only escapes";
        let long = "the key has 256 characters, the limit is 255";
        let cases: [(&[u8], &str); 12] = [
            (&[b'k'; 256], long),
            (&[b"\"", &[b'k'; 256][..], b"\""].concat(), long),
            (b"a b", visible),
            (b"a\tb", visible),
            (b"\"a b\"", visible),
            ("clé".as_bytes(), visible),
            (b"\xff", visible),
            ("\u{a0}".as_bytes(), visible),
            (b"\"abc", quoting),
            (b"\"abc\"d", quoting),
            (b"\"a\"b\"", quoting),
            (b"\"a\\b\"", quoting),
        ];
        for (key, rule) in cases {
            let error = format!("Idempotency-Key is malformed: {rule}");
            for name in [KEY, ALIAS] {
                let refused = app.client.send(&[JSON, (name, key)], order("tea", 2)).await;
                refused.expect_error(400, &error);
            }
        }
        assert_eq!(app.database.orders().await, 0);
    }
}

on_both! {
    async fn a_control_character_in_a_key_is_refused(app: &App) {
        let body = order("tea", 2);
        for control in ["\0", "\u{1}", "\u{7f}", "\u{1b}[0m"] {
            let mut connection = Raw::connect(app.client.address).await;
            let length = body.len();
            let lines = format!("{KEY}: a{control}b\r\nContent-Length: {length}\r\n");
            connection.post(&lines).await.send(&body).await;
            assert_eq!(connection.reply().await.status, 400, "{control:?}");
        }
        assert_eq!(app.database.orders().await, 0);
        app.client.place("ab", body).await.expect(201);
    }
}

on_both! {
    async fn a_key_that_is_sent_twice_is_refused(app: &App) {
        for (name, shown) in [(KEY, "Idempotency-Key"), (ALIAS, "X-Idempotency-Key")] {
            let error = format!("{shown} was sent more than once");
            for second in [&b"one"[..], b"two", b""] {
                let lines = [JSON, (name, b"one"), (name, second)];
                let refused = app.client.send(&lines, order("tea", 2)).await;
                refused.expect_error(400, &error);
            }
        }
        assert_eq!(app.database.orders().await, 0);
        app.client.place("one", order("tea", 2)).await.expect(201);
    }
}

on_both! {
    async fn a_key_and_its_alias_must_agree(app: &App) {
        let error = "Idempotency-Key and X-Idempotency-Key have different values";
        let differ = app.client.send(&[JSON, (KEY, b"one"), (ALIAS, b"two")], order("tea", 2));
        differ.await.expect_error(400, error);
        let case = app.client.send(&[JSON, (KEY, b"one"), (ALIAS, b"ONE")], order("tea", 2));
        case.await.expect_error(400, error);
        assert_eq!(app.database.orders().await, 0);

        let placed = app.client.place("one", order("tea", 2)).await.expect(201);
        let agreeing: [&[(&str, &[u8])]; 6] = [
            &[(ALIAS, b"one")],
            &[(ALIAS, b"\"one\"")],
            &[(KEY, b"one"), (ALIAS, b"one")],
            &[(KEY, b"one"), (ALIAS, b"\"one\"")],
            &[(KEY, b""), (ALIAS, b"one")],
            &[(KEY, b"one"), (ALIAS, b"")],
        ];
        for lines in agreeing {
            let replay = app.client.send(&[&[JSON], lines].concat(), order("tea", 2)).await;
            assert_eq!(replay.expect(200).body, placed.body);
        }
        assert_eq!(app.database.orders().await, 1);
    }
}

on_both! {
    async fn the_alias_alone_is_a_key(app: &App) {
        let placed = app.client.send(&[JSON, (ALIAS, b"one")], order("tea", 2)).await.expect(201);
        let replay = app.client.place("one", order("tea", 2)).await.expect(200);
        assert_eq!(replay.body, placed.body);
    }
}

on_both! {
    async fn quotes_and_white_space_around_a_key_are_not_part_of_it(app: &App) {
        let placed = app.client.place(r#""a\"b\\c""#, order("tea", 2)).await.expect(201);
        for key in [r#"a"b\c"#, r#"  a"b\c  "#, "\t\"a\\\"b\\\\c\" "] {
            let replay = app.client.place(key, order("tea", 2)).await.expect(200);
            assert_eq!(replay.body, placed.body, "{key}");
        }
        assert_eq!(app.database.orders().await, 1);
    }
}

on_both! {
    async fn keys_that_differ_in_one_character_are_different(app: &App) {
        let long = "k".repeat(254);
        let keys = [
            "key", "KEY", "Key", "ke", "key.", "key,", "key,key", "'key'", "key\"", "key%20",
            "*", "%", "_", "..", "0", "00", "null", &long,
        ];
        let twins = [format!("{long}a"), format!("{long}b"), format!("a{long}"), format!("{long}A")];
        let mut ids = HashSet::new();
        for key in keys.into_iter().chain(twins.iter().map(String::as_str)) {
            let placed = app.client.place(key, order("tea", 2)).await.expect(201);
            assert!(ids.insert(placed.id()), "{key} replayed the order of another key");
        }
        assert_eq!(app.database.orders().await, i64::try_from(ids.len()).unwrap());
    }
}
