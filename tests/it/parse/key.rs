//! Idempotency keys and their digests.

use orders::idempotency::{IdempotencyKey, InvalidKey, Scope, ScopedKey};
use uuid::Uuid;

fn parse(value: &str) -> Result<String, InvalidKey> {
    IdempotencyKey::parse(value.as_bytes()).map(|key| key.as_str().to_owned())
}

#[test]
fn a_quoted_key_and_the_bare_one_are_the_same() {
    assert_eq!(parse("abc"), Ok("abc".into()));
    assert_eq!(parse("\"abc\""), Ok("abc".into()));
    assert_eq!(parse(r#""a\"b\\c""#), Ok(r#"a"b\c"#.into()));
    assert_eq!(
        parse("a\"b"),
        Ok("a\"b".into()),
        "a quote inside a bare key is a character"
    );
}

#[test]
fn a_key_is_case_sensitive() {
    assert_ne!(parse("abc"), parse("ABC"));
}

#[test]
fn blank_is_not_a_key() {
    for value in ["", " ", "\t", "\"\""] {
        assert_eq!(parse(value), Err(InvalidKey::Blank), "{value:?}");
    }
}

#[test]
fn the_limit_counts_the_key_and_not_its_quotes() {
    let longest = "k".repeat(255);
    assert_eq!(parse(&longest), Ok(longest.clone()));
    assert_eq!(parse(&format!("\"{longest}\"")), Ok(longest.clone()));
    assert_eq!(parse(&format!("{longest}k")), Err(InvalidKey::TooLong(256)));
}

#[test]
fn only_visible_ascii() {
    for value in ["a b", "a\tb", "a\u{7f}", "clé", "\"a b\""] {
        assert_eq!(parse(value), Err(InvalidKey::NotVisibleAscii), "{value:?}");
    }
}

#[test]
fn bad_quoting_is_refused_rather_than_guessed() {
    for value in [
        "\"abc",
        "\"abc\"d",
        "\"a\"b\"",
        "\"a\\b\"",
        "\"",
        "\"abc\";p=1",
    ] {
        assert_eq!(parse(value), Err(InvalidKey::Quoting), "{value:?}");
    }
}

#[test]
fn the_digest_stays_the_same_across_releases() {
    // Stored rows are found by it. `printf 'place_order\0abc' | sha256sum`
    let stored = [
        0x03, 0x35, 0xdf, 0xe4, 0x3e, 0x13, 0x8e, 0xc9, 0xd9, 0xc8, 0x39, 0xf1, 0x2a, 0x4b, 0x6a,
        0xfe,
    ];
    assert_eq!(
        scoped("place_order", "abc").digest(),
        Uuid::from_bytes(stored)
    );
}

#[test]
fn scope_and_key_both_count() {
    let digest = scoped("scope", "key").digest();
    for (scope, key) in [("scope", "Key"), ("scop", "key"), ("scopek", "ey")] {
        assert_ne!(scoped(scope, key).digest(), digest);
    }
}

fn scoped(scope: &'static str, key: &str) -> ScopedKey {
    ScopedKey {
        scope: Scope::shared(scope),
        key: IdempotencyKey::parse(key.as_bytes()).unwrap(),
    }
}
