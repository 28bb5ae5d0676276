//! Database URLs.

use orders::db::{DatabaseUrl, InvalidUrl, SettingsScope};

#[test]
fn a_password_is_never_shown() {
    for text in [
        "postgres://me:s3cret@db.example:5432/orders",
        "postgresql://me:s3cret@db.example/orders?sslmode=require",
        "postgres://db.example/orders?user=me&password=s3cret",
    ] {
        let url: DatabaseUrl = text.parse().unwrap();
        assert!(!format!("{url} {url:?}").contains("s3cret"), "{url}");
        assert!(format!("{url}").contains("db.example"), "{url}");
    }
}

#[test]
fn our_parameters_are_not_passed_on() {
    for (text, scope, passed_on) in [
        (
            "postgres://db/orders?sslmode=require&pooler=transaction",
            SettingsScope::PooledTransaction,
            "postgres://db/orders?sslmode=require",
        ),
        (
            "postgres://db/orders?settings=transaction",
            SettingsScope::Transaction,
            "postgres://db/orders",
        ),
        (
            "postgres://db/orders?pooler=none&settings=session",
            SettingsScope::Session,
            "postgres://db/orders",
        ),
        (
            "postgres:///orders?host=/run/pg",
            SettingsScope::Session,
            "postgres:///orders?host=/run/pg",
        ),
    ] {
        let url: DatabaseUrl = text.parse().unwrap();
        assert_eq!(
            (url.settings_scope(), url.to_string()),
            (scope, passed_on.to_owned())
        );
    }
    for (text, error) in [
        ("postgres://db/orders?pooler=statement", InvalidUrl::Pooler),
        ("postgres://db/orders?settings=none", InvalidUrl::Settings),
    ] {
        assert_eq!(text.parse::<DatabaseUrl>(), Err(error));
    }
}

#[test]
fn what_is_not_a_database_url_is_refused_without_repeating_it() {
    for text in [
        "",
        "orders.db",
        "mysql://me:s3cret@h/db",
        "sqlite:",
        "sqlite://",
    ] {
        let error = text.parse::<DatabaseUrl>().unwrap_err();
        assert_eq!(error, InvalidUrl::Scheme, "{text}");
        assert!(!error.to_string().contains("s3cret"));
    }
    assert!(matches!(
        "postgres://me:s3cret@[::1/x".parse::<DatabaseUrl>(),
        Err(InvalidUrl::Malformed(_))
    ));
    assert_eq!(
        "sqlite::memory:".parse::<DatabaseUrl>(),
        Err(InvalidUrl::InMemory)
    );
}
