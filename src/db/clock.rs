//! Moments relative to now, by the clock of the database.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ConnectionTrait, DbBackend};

/// The moment `age` ago, to compare with a column that has the time of its insertion.
///
/// SQLite stores whole seconds. A row is older than `age` there only if it is for certain.
pub fn ago(db: &impl ConnectionTrait, age: Duration) -> Expr {
    match db.get_database_backend() {
        DbBackend::Sqlite => sqlite('-', age),
        _ => Expr::cust_with_values(
            "CURRENT_TIMESTAMP - make_interval(secs => $1)",
            [age.as_secs_f64()],
        ),
    }
}

/// The moment after `wait`.
pub fn after(db: &impl ConnectionTrait, wait: Duration) -> Expr {
    match db.get_database_backend() {
        DbBackend::Sqlite => sqlite('+', wait),
        _ => Expr::cust_with_values(
            "CURRENT_TIMESTAMP + make_interval(secs => $1)",
            [wait.as_secs_f64()],
        ),
    }
}

/// The seconds since a moment, as a floating-point number.
pub fn seconds_since(db: &impl ConnectionTrait, moment: Expr) -> Expr {
    match db.get_database_backend() {
        DbBackend::Sqlite => {
            let days = Expr::cust_with_exprs("julianday('now') - julianday(?)", [moment]);
            Expr::cust_with_exprs("(?) * 86400.0", [days])
        }
        _ => Expr::cust_with_exprs(
            "extract(epoch FROM CURRENT_TIMESTAMP - $1)::float8",
            [moment],
        ),
    }
}

/// Rounds up, in the form of SQLite's `CURRENT_TIMESTAMP`.
fn sqlite(sign: char, duration: Duration) -> Expr {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    Expr::cust_with_values("datetime('now', ?)", [format!("{sign}{seconds} seconds")])
}
