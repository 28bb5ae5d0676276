//! Which payloads count as the same.

use crate::harness::on_both;

/// Spellings of one payload each.
const SAME: [&[&str]; 6] = [
    &[
        r#"{"item":"tea","quantity":2}"#,
        r#"{"quantity":2,"item":"tea"}"#,
        "\r\n{\t\"item\" : \"tea\" ,\n  \"quantity\":2 }\n",
        r#"{"item":"\u0074\u0065a","\u0071uantity":2}"#,
        r#"{"item":"tea","quantity":2.0}"#,
        r#"{"item":"tea","quantity":2e0}"#,
        r#"{"item":"tea","quantity":200E-2}"#,
        r#"{"item":"tea","quantity":0.2e+1}"#,
    ],
    &[
        r#"{"item":"a/b \" é 🍵","quantity":2}"#,
        r#"{"item":"a\/b \u0022 \u00e9 \ud83c\udf75","quantity":2}"#,
        r#"{"item":"a\u002fb \" \u00E9 \uD83C\uDF75","quantity":2}"#,
    ],
    &[
        r#"{"item":"tea","quantity":2,"note":{"b":[1,2],"a":null}}"#,
        r#"{"note":{"a":null,"b":[1.0,20e-1]},"item":"tea","quantity":2}"#,
    ],
    &[
        r#"{"item":"tea","quantity":2,"n":9007199254740993}"#,
        r#"{"item":"tea","quantity":2,"n":9007199254740993.0}"#,
        r#"{"item":"tea","quantity":2,"n":900719925474099.3e1}"#,
    ],
    &[
        r#"{"item":"tea","quantity":2,"n":1e400}"#,
        r#"{"item":"tea","quantity":2,"n":10e399}"#,
    ],
    &[
        r#"{"item":"tea","quantity":2,"n":0}"#,
        r#"{"item":"tea","quantity":2,"n":-0.0e7}"#,
    ],
];

on_both! {
    async fn the_spelling_of_a_payload_does_not_matter(app: &App) {
        for (index, spellings) in SAME.iter().enumerate() {
            let key = format!("key-{index}");
            let first = app.client.place(&key, spellings[0]).await.expect(201);
            for spelling in &spellings[1..] {
                let replay = app.client.place(&key, *spelling).await.expect(200);
                assert!(replay.is_replay());
                assert_eq!(replay.body, first.body, "{spelling}");
            }
        }
        assert_eq!(app.database.orders().await, i64::try_from(SAME.len()).unwrap());
    }
}

/// Payloads that are all different.
const DIFFERENT: [&str; 28] = [
    r#"{"item":"tea","quantity":2}"#,
    r#"{"item":"tea","quantity":3}"#,
    r#"{"item":"tea","quantity":20}"#,
    r#"{"item":"Tea","quantity":2}"#,
    r#"{"item":"tea ","quantity":2}"#,
    r#"{"item":" tea","quantity":2}"#,
    // These look the same: composed and decomposed.
    r#"{"item":"\u00e9","quantity":2}"#,
    r#"{"item":"e\u0301","quantity":2}"#,
    // Members that are not part of an order count as well.
    r#"{"item":"tea","quantity":2,"note":null}"#,
    r#"{"item":"tea","quantity":2,"note":""}"#,
    r#"{"item":"tea","quantity":2,"note":false}"#,
    r#"{"item":"tea","quantity":2,"note":0}"#,
    r#"{"item":"tea","quantity":2,"note":"0"}"#,
    r#"{"item":"tea","quantity":2,"note":[]}"#,
    r#"{"item":"tea","quantity":2,"note":{}}"#,
    r#"{"item":"tea","quantity":2,"note":[1,2]}"#,
    r#"{"item":"tea","quantity":2,"note":[2,1]}"#,
    r#"{"item":"tea","quantity":2,"note":[[1],2]}"#,
    r#"{"item":"tea","quantity":2,"note":{"a":1,"b":2}}"#,
    r#"{"item":"tea","quantity":2,"note":{"a":2,"b":1}}"#,
    r#"{"item":"tea","quantity":2,"Note":null}"#,
    // Equal only as 64-bit floating point.
    r#"{"item":"tea","quantity":2,"n":9007199254740992}"#,
    r#"{"item":"tea","quantity":2,"n":9007199254740993}"#,
    r#"{"item":"tea","quantity":2,"n":0.1}"#,
    r#"{"item":"tea","quantity":2,"n":0.1000000000000000055}"#,
    // Infinite as 64-bit floating point.
    r#"{"item":"tea","quantity":2,"n":1e400}"#,
    r#"{"item":"tea","quantity":2,"n":1e401}"#,
    r#"{"item":"tea","quantity":2,"n":-1e400}"#,
];

on_both! {
    async fn payloads_that_differ_anywhere_are_different(app: &App) {
        let mut first = Vec::new();
        for (index, payload) in DIFFERENT.iter().enumerate() {
            first.push(app.client.place(&format!("key-{index}"), *payload).await.expect(201));
        }
        for (index, first) in first.iter().enumerate() {
            let key = format!("key-{index}");
            // The next payload is the most similar one, the first is the plain one.
            for other in [(index + 1) % DIFFERENT.len(), usize::from(index == 0)] {
                let refused = app.client.place(&key, DIFFERENT[other]).await.expect(409);
                assert_eq!(refused.json()["code"], "IDEMPOTENCY_KEY_REUSED");
            }
            let replay = app.client.place(&key, DIFFERENT[index]).await.expect(200);
            assert_eq!(replay.body, first.body);
        }
        assert_eq!(app.database.orders().await, i64::try_from(DIFFERENT.len()).unwrap());
    }
}

on_both! {
    async fn unknown_members_are_not_in_the_response(app: &App) {
        let body = r#"{"id":"mine","item":"tea","note":{"a":1},"quantity":2,"status":"paid"}"#;
        let placed = app.client.place("key", body).await.expect(201);
        let id = placed.id();
        assert_eq!(placed.text(), format!(r#"{{"id":"{id}","item":"tea","quantity":2}}"#));
        assert_ne!(id, "mine");
    }
}

on_both! {
    async fn another_instance_recognises_the_payload(app: &App) {
        let first = app.client.place("key", SAME[2][0]).await.expect(201);
        let another = app.another().await;
        let replay = another.client.place("key", SAME[2][1]).await.expect(200);
        assert_eq!(replay.body, first.body);
        another.client.place("key", SAME[0][0]).await.expect(409);
        another.stop().await;
    }
}
