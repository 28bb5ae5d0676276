//! Request bodies: valid orders at the limits, and refusals that leave the key unused.

use crate::harness::{Raw, on_both, order};

const KEY: (&str, &[u8]) = ("idempotency-key", b"key");

on_both! {
    async fn an_order_at_the_limits_is_stored_as_sent(app: &App) {
        let longest = format!("\"{}\"", "é".repeat(255));
        let tallest = format!("\"{}\"", "🍵".repeat(255));
        let cases = [
            (r#""t""#, "1", 1),
            (r#""tea""#, "2147483647", i64::from(i32::MAX)),
            (r#""tea""#, "2.0", 2),
            (r#""tea""#, "0.2e1", 2),
            (r#""tea""#, "20E-1", 2),
            (longest.as_str(), "2", 2),
            (tallest.as_str(), "2", 2),
            (r#""  two spaces  ""#, "2", 2),
            (r#""\"\\\/'; DROP TABLE orders; --""#, "2", 2),
            (r#""\u00e9\ud83c\udf75 \u200b\ufeff""#, "2", 2),
            (r#""<script>&amp;{}[]$1""#, "2", 2),
        ];
        for (index, (item, quantity, stored)) in cases.into_iter().enumerate() {
            let body = format!(r#"{{"item":{item},"quantity":{quantity}}}"#);
            let placed = app.client.place(&format!("key-{index}"), body).await.expect(201);
            let item: String = serde_json::from_str(item).unwrap();
            assert_eq!(placed.json()["item"], item);
            assert_eq!(placed.json()["quantity"], stored);
            let found = app.client.get(placed.header("location").unwrap()).await.expect(200);
            assert_eq!(found.body, placed.body);
        }
    }
}

/// Invalid orders, each with its error.
fn invalid_orders() -> Vec<(String, String)> {
    let item = |value: &str| format!(r#"{{"item":{value},"quantity":2}}"#);
    let quantity = |value: &str| format!(r#"{{"item":"tea","quantity":{value}}}"#);
    let whole = "quantity must be a whole number from 1 to 2147483647";
    let blank = "item must not be blank";
    let long = "item must have at most 255 characters, and has 256";
    let control = |code: &str| format!("item must not contain control characters, and has {code}");
    let mut cases = vec![
        (item(r#""""#), blank.to_owned()),
        (item(r#"" ""#), blank.to_owned()),
        (item(r#""\u00a0\u3000""#), blank.to_owned()),
        (item(&format!("\"{}\"", "a".repeat(256))), long.to_owned()),
        (item(&format!("\"{}\"", "é".repeat(256))), long.to_owned()),
        (item(r#""a\u0000b""#), control("U+0000")),
        (item(r#""a\nb""#), control("U+000A")),
        (item(r#""\u007f""#), control("U+007F")),
        (item(r#""\u0085""#), control("U+0085")),
    ];
    for (value, kind) in [
        ("null", "null"),
        ("2", "a number"),
        ("true", "a boolean"),
        (r#"["tea"]"#, "an array"),
        ("{}", "an object"),
    ] {
        let rule = format!("item must be a string, not {kind}");
        cases.push((item(value), rule));
    }
    for value in [
        "0",
        "-0",
        "-1",
        "2147483648",
        "2.5",
        "1e400",
        "1e-400",
        "-1e400",
        "0.999",
    ] {
        cases.push((quantity(value), whole.to_owned()));
    }
    for (value, kind) in [
        ("null", "null"),
        (r#""2""#, "a string"),
        ("true", "a boolean"),
        ("[2]", "an array"),
    ] {
        let rule = format!("quantity must be a number, not {kind}");
        cases.push((quantity(value), rule));
    }
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let others = [
        (r#"{"quantity":2}"#, "item is required"),
        (r#"{"item":"tea"}"#, "quantity is required"),
        (r#"{"Item":"tea","quantity":2}"#, "item is required"),
        ("{}", "item and quantity are required"),
        ("null", "the body must be a JSON object, not null"),
        ("[]", "the body must be a JSON object, not an array"),
        (r#""tea""#, "the body must be a JSON object, not a string"),
        (
            r#"{"item":"tea","item":"tea","quantity":2}"#,
            "the member \"item\" occurs twice",
        ),
        (
            r#"{"item":"tea","quantity":2,"qu\u0061ntity":2}"#,
            "the member \"quantity\" occurs twice",
        ),
        (
            r#"{"item":"tea","quantity":2,"x":{"y":1,"y":1}}"#,
            "the member \"y\" occurs twice",
        ),
        (
            r#"{"item":"tea","quantity":2,"x":1e99999999999999999999}"#,
            "the exponent of a number is out of range",
        ),
        (
            &format!(r#"{{"item":"tea","quantity":2,"x":{deep}}}"#),
            "the body is nested deeper than 64 levels",
        ),
    ];
    cases.extend(others.map(|(body, rule)| (body.to_owned(), rule.to_owned())));
    cases
}

on_both! {
    async fn an_invalid_order_is_refused_and_leaves_the_key_unused(app: &App) {
        let cases = invalid_orders();
        for (index, (body, rule)) in cases.iter().enumerate() {
            let key = format!("key-{index}");
            app.client.place(&key, body).await.expect_error(400, rule);
            app.client.place(&key, order("tea", 2)).await.expect(201);
            // Once the key is used, the error is still the same.
            app.client.place(&key, body).await.expect_error(400, rule);
        }
        assert_eq!(app.database.orders().await, i64::try_from(cases.len()).unwrap());
    }
}

on_both! {
    async fn a_body_that_is_not_json_is_refused_and_leaves_the_key_unused(app: &App) {
        let nested = "[".repeat(30_000);
        for body in [
            "", " ", "{", "tea", "{'item':'tea','quantity':2}", r#"{"item":"tea","quantity":2,}"#,
            r#"{"item":"tea","quantity":02}"#, r#"{"item":"tea","quantity":2}x"#,
            r#"{"item":"\ud800","quantity":2}"#, r#"{"item":"tea","quantity":NaN}"#,
            "\u{feff}{}", "{\"item\":\"a\nb\",\"quantity\":2}", &nested,
        ] {
            let refused = app.client.place("key", body).await.expect(400);
            let error = refused.json()["error"].as_str().unwrap().to_owned();
            assert!(error.starts_with("the body is not valid JSON: "), "{error}");
            refused.expect_error(400, &error);
        }
        let bytes = reqwest::Body::from(b"{\"item\":\"\xff\",\"quantity\":2}".to_vec());
        let request = app.client.post("").header(KEY.0, "key").body(bytes);
        crate::harness::Reply::to(request).await.expect(400);
        assert_eq!(app.database.orders().await, 0);
        app.client.place("key", order("tea", 2)).await.expect(201);
    }
}

on_both! {
    async fn another_media_type_is_refused_and_leaves_the_key_unused(app: &App) {
        let body = || order("tea", 2);
        let error = "the body must be application/json";
        app.client.send(&[KEY], body()).await.expect_error(415, error);
        for media_type in [
            "", "text/plain", "text/json", "application/x-www-form-urlencoded", "application/jsonp",
            "application/", "json", "multipart/form-data; boundary=application/json", "*/*",
        ] {
            let lines = [KEY, ("content-type", media_type.as_bytes())];
            app.client.send(&lines, body()).await.expect_error(415, error);
        }
        assert_eq!(app.database.orders().await, 0);

        let mut status = 201;
        for media_type in [
            "application/json", "application/json; charset=utf-8", "Application/JSON",
            "application/json;charset=\"utf-8\"", "application/vnd.orders.v1+json",
        ] {
            let lines = [KEY, ("content-type", media_type.as_bytes())];
            app.client.send(&lines, body()).await.expect(status);
            status = 200;
        }
    }
}

/// An order of exactly this many bytes.
fn sized(bytes: usize) -> String {
    let body = order("tea", 2);
    let padding = " ".repeat(bytes - body.len());
    body + &padding
}

const TOO_LARGE: &str = "the body is larger than 65536 bytes";

on_both! {
    async fn a_body_over_the_limit_is_refused_and_leaves_the_key_unused(app: &App) {
        app.client.place("key", sized(65_537)).await.expect_error(413, TOO_LARGE);
        assert_eq!(app.database.orders().await, 0);
        app.client.place("key", sized(65_536)).await.expect(201);
    }
}

on_both! {
    async fn a_large_content_length_is_refused_without_reading_the_body(app: &App) {
        let mut connection = Raw::connect(app.client.address).await;
        connection.post("Idempotency-Key: key\r\nContent-Length: 1000000000\r\n").await;
        let refused = connection.reply().await.expect_error(413, TOO_LARGE);
        assert_eq!(refused.header("connection"), Some("close"));
        connection.closed().await;
        app.client.place("key", order("tea", 2)).await.expect(201);
    }
}

on_both! {
    async fn a_client_that_sends_too_much_receives_the_refusal(app: &App) {
        // Closing a connection on unread bytes resets it, and the response is sometimes lost.
        for size in [65_537, 300_000, 3_000_000].repeat(10) {
            app.client.place("key", sized(size)).await.expect_error(413, TOO_LARGE);
        }
    }
}

on_both! {
    async fn a_chunked_body_is_limited_too(app: &App) {
        let chunked = "Idempotency-Key: key\r\nTransfer-Encoding: chunked\r\n";
        let mut connection = Raw::connect(app.client.address).await;
        connection.post(chunked).await;
        for _ in 0..17 {
            connection.send(format!("1000\r\n{}\r\n", " ".repeat(4096))).await;
        }
        connection.reply().await.expect_error(413, TOO_LARGE);
        connection.closed().await;
        assert_eq!(app.database.orders().await, 0);

        let body = order("tea", 2);
        let mut connection = Raw::connect(app.client.address).await;
        connection.post(chunked).await;
        for byte in body.chars() {
            connection.send(format!("1\r\n{byte}\r\n")).await;
        }
        connection.send("0\r\n\r\n").await.reply().await.expect(201);
    }
}

on_both! {
    async fn a_body_that_does_not_arrive_times_out_and_leaves_the_key_unused(app: &App) {
        let body = order("tea", 2);
        let lines = format!("Idempotency-Key: key\r\nContent-Length: {}\r\n", body.len());
        let mut connection = Raw::connect(app.client.address).await;
        connection.post(&lines).await.send(&body[..10]).await;
        connection.reply().await.expect_error(408, "the body did not arrive in time");
        connection.closed().await;
        assert_eq!(app.database.orders().await, 0);
        app.client.place("key", body).await.expect(201);
    }
}

on_both! {
    async fn a_truncated_body_places_nothing(app: &App) {
        // The part that arrives is a complete order.
        let body = order("tea", 2);
        let lines = format!("Idempotency-Key: key\r\nContent-Length: {}\r\n", body.len() + 1);
        let mut connection = Raw::connect(app.client.address).await;
        connection.post(&lines).await.send(&body).await;
        drop(connection);
        app.client.place("key", order("coffee", 1)).await.expect(201);
        assert_eq!(app.database.orders().await, 1);
    }
}
