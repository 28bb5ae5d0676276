//! The five designs: their shapes, and what each does with a request.

use std::future::Future;
use std::pin::Pin;

use sea_orm::DbErr;
use serde_json::{Value, json};

use super::database::Session;

/// A request to make an order.
pub(super) struct Call {
    pub(super) key: String,
    /// The digest of the payload; here, the payload.
    pub(super) hash: String,
    pub(super) marker: String,
    pub(super) number: i64,
}

type Reply = (u16, String);
type Work<'a> = Pin<Box<dyn Future<Output = Result<Reply, DbErr>> + Send + 'a>>;

/// A design.
pub(in crate::zoo) struct Design {
    pub(super) name: &'static str,
    /// What tutorials teach, and how to mend it.
    pub(super) teaches: &'static str,
    pub(super) mend: &'static str,
    /// The invariant that it violates, if it is wrong.
    pub(super) wrong: Option<&'static str>,
    /// Whether it is only wrong when its process is killed.
    pub(super) needs_kills: bool,
    pub(super) key_header: &'static str,
    pub(super) path: &'static str,
    pub(super) list: &'static str,
    /// JSON pointers to marker and number in the body.
    pub(super) marker: &'static str,
    pub(super) number: Option<&'static str>,
    pub(super) answer: fn(i64, &Call) -> Value,
    pub(super) write_list: fn(Vec<(i64, String)>) -> Value,
    pub(super) place: for<'a> fn(&'a Design, &'a Session, &'a Call) -> Work<'a>,
}

/// Finds the design with this name.
pub(in crate::zoo) fn named(name: &str) -> Option<&'static Design> {
    DESIGNS.iter().find(|design| design.name == name)
}

pub(super) const DESIGNS: &[Design] = &[
    Design {
        name: "select-for-update",
        teaches: "One transaction: `SELECT … WHERE key = $1 FOR UPDATE`; if there is no row, insert the order and the key",
        mend: "Insert the key first: what does not exist cannot be locked",
        wrong: Some("no-server-error"),
        needs_kills: false,
        key_header: "idempotency-key",
        path: "/orders",
        list: "/orders",
        marker: "/reference",
        number: Some("/amount"),
        answer: |id, call| json!({"order_id": id, "reference": call.marker, "amount": call.number}),
        write_list: |rows| {
            let row = |(id, marker)| json!({"order_id": id, "reference": marker});
            json!({"orders": rows.into_iter().map(row).collect::<Vec<_>>()})
        },
        place: |design, session, call| Box::pin(select_for_update(design, session, call)),
    },
    Design {
        name: "reserve-first",
        teaches: "One transaction: `INSERT … ON CONFLICT DO NOTHING`; the loser reads the winner's answer",
        mend: "Nothing to mend",
        wrong: None,
        needs_kills: false,
        key_header: "idempotency-key",
        path: "/v1/orders",
        list: "/v1/orders",
        marker: "/data/sku",
        number: Some("/data/qty"),
        answer: |id, call| json!({"data": {"id": id.to_string(), "sku": call.marker, "qty": call.number}}),
        write_list: |rows| {
            let row = |(id, marker): (i64, String)| json!({"id": id.to_string(), "sku": marker});
            json!({"data": rows.into_iter().map(row).collect::<Vec<_>>()})
        },
        place: |design, session, call| Box::pin(reserve_first(design, session, call)),
    },
    Design {
        name: "lock-with-expiry",
        teaches: "A key row with a lock that expires after 150 ms; duplicates get 409; no transaction, nothing is replayed",
        mend: "Keep the answer under the key in the transaction of the order, and never let it expire within the time of a retry",
        wrong: Some("one-order"),
        needs_kills: false,
        key_header: "x-idempotency-key",
        path: "/order",
        list: "/order/list",
        marker: "/product",
        number: Some("/count"),
        answer: |id, call| json!({"status": "success", "order": {"id": id, "product": call.marker}}),
        write_list: |rows| {
            let row = |(id, marker)| json!({"id": id, "product": marker});
            Value::Array(rows.into_iter().map(row).collect())
        },
        place: |design, session, call| Box::pin(lock_with_expiry(design, session, call)),
    },
    Design {
        name: "early-return",
        teaches: "One transaction: select the key; 409 for another payload returns with the transaction open; else insert order and key",
        mend: "Insert the key first, and end the transaction on every path",
        wrong: Some("no-server-error"),
        needs_kills: false,
        key_header: "idempotency-key",
        path: "/projects",
        list: "/projects",
        marker: "/name",
        number: None,
        answer: |id, call| json!({"project": {"id": id, "name": call.marker}}),
        write_list: |rows| {
            let row = |(id, marker)| json!({"id": id, "name": marker});
            json!({"projects": rows.into_iter().map(row).collect::<Vec<_>>()})
        },
        place: |design, session, call| Box::pin(early_return(design, session, call)),
    },
    Design {
        name: "middleware",
        teaches: "A middleware inserts `processing`, the handler inserts the order, another statement completes the key",
        mend: "Write key, order and answer in one transaction, so that a crash leaves nothing behind",
        wrong: Some("converges"),
        needs_kills: true,
        key_header: "idempotency-key",
        path: "/api/orders",
        list: "/api/orders",
        marker: "/cart_id",
        number: Some("/items/0/quantity"),
        answer: |id, call| json!({"order": {"id": id, "cart_id": call.marker, "quantity": call.number}}),
        write_list: |rows| {
            let row = |(id, marker)| json!({"id": id, "cart_id": marker});
            json!({"orders": rows.into_iter().map(row).collect::<Vec<_>>()})
        },
        place: |design, session, call| Box::pin(middleware(design, session, call)),
    },
];

const FIND: &str = "SELECT hash, status, body FROM keys WHERE key = $1";

/// The row of a key: its hash, status and body.
async fn find(
    session: &Session,
    sql: &str,
    call: &Call,
) -> Result<Option<[Option<String>; 3]>, DbErr> {
    let rows = session.rows(sql, vec![call.key.as_str().into()]).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let column = |name| row.try_get::<Option<String>>("", name);
    Ok(Some([column("hash")?, column("status")?, column("body")?]))
}

async fn insert_order(design: &Design, session: &Session, call: &Call) -> Result<String, DbErr> {
    let sql = "INSERT INTO orders (marker, number) VALUES ($1, $2) RETURNING id";
    let values = vec![call.marker.as_str().into(), call.number.into()];
    let rows = session.rows(sql, values).await?;
    Ok((design.answer)(rows[0].try_get("", "id")?, call).to_string())
}

async fn insert_key(session: &Session, call: &Call, body: &str) -> Result<u64, DbErr> {
    let sql = "INSERT INTO keys (key, hash, status, body) VALUES ($1, $2, 'completed', $3)";
    let values = [&call.key, &call.hash, body].map(Into::into);
    session.run(sql, values.into()).await
}

fn conflict() -> Reply {
    (409, r#"{"error":"conflict"}"#.to_owned())
}

async fn select_for_update(
    design: &Design,
    session: &Session,
    call: &Call,
) -> Result<Reply, DbErr> {
    session.control("BEGIN").await?;
    let reply = match find(session, &format!("{FIND} FOR UPDATE"), call).await? {
        Some([hash, ..]) if hash.as_ref() != Some(&call.hash) => conflict(),
        Some([_, _, body]) => (201, body.unwrap_or_default()),
        None => {
            let body = insert_order(design, session, call).await?;
            insert_key(session, call, &body).await?;
            (201, body)
        }
    };
    session.control("COMMIT").await?;
    Ok(reply)
}

async fn reserve_first(design: &Design, session: &Session, call: &Call) -> Result<Reply, DbErr> {
    session.control("BEGIN").await?;
    let reserve = "INSERT INTO keys (key, hash, status) VALUES ($1, $2, 'reserved') \
                   ON CONFLICT DO NOTHING";
    let values = [&call.key, &call.hash].map(|text| text.as_str().into());
    let reply = if session.run(reserve, values.into()).await? == 0 {
        match find(session, FIND, call).await? {
            Some([hash, ..]) if hash.as_ref() != Some(&call.hash) => conflict(),
            Some([_, _, Some(body)]) => (201, body),
            _ => (202, r#"{"status":"in progress"}"#.to_owned()),
        }
    } else {
        let body = insert_order(design, session, call).await?;
        let complete = "UPDATE keys SET status = 'completed', body = $2 WHERE key = $1";
        let values = [&call.key, &body].map(|text| text.as_str().into());
        session.run(complete, values.into()).await?;
        (201, body)
    };
    session.control("COMMIT").await?;
    Ok(reply)
}

async fn lock_with_expiry(design: &Design, session: &Session, call: &Call) -> Result<Reply, DbErr> {
    let key = || vec![call.key.as_str().into()];
    if find(session, FIND, call).await?.is_none() {
        let save = "INSERT INTO keys (key) VALUES ($1) ON CONFLICT DO NOTHING";
        session.run(save, key()).await?;
    }
    let locked = "SELECT 1 FROM keys WHERE key = $1 AND locked_at > now() - interval '150 ms'";
    if !session.rows(locked, key()).await?.is_empty() {
        return Ok((409, r#"{"status":"duplicate"}"#.to_owned()));
    }
    session
        .run("UPDATE keys SET locked_at = now() WHERE key = $1", key())
        .await?;
    Ok((201, insert_order(design, session, call).await?))
}

async fn early_return(design: &Design, session: &Session, call: &Call) -> Result<Reply, DbErr> {
    session.control("BEGIN").await?;
    let reply = match find(session, FIND, call).await? {
        // The transaction stays open.
        Some([hash, ..]) if hash.as_ref() != Some(&call.hash) => return Ok(conflict()),
        Some([_, _, body]) => (200, body.unwrap_or_default()),
        None => {
            let body = insert_order(design, session, call).await?;
            insert_key(session, call, &body).await?;
            (201, body)
        }
    };
    session.control("COMMIT").await?;
    Ok(reply)
}

async fn middleware(design: &Design, session: &Session, call: &Call) -> Result<Reply, DbErr> {
    let mark = "INSERT INTO keys (key, status) VALUES ($1, 'processing') ON CONFLICT DO NOTHING";
    if session.run(mark, vec![call.key.as_str().into()]).await? == 0 {
        return Ok(match find(session, FIND, call).await? {
            Some([_, _, Some(body)]) => (201, body),
            _ => conflict(),
        });
    }
    let body = insert_order(design, session, call).await?;
    let complete = "UPDATE keys SET status = 'completed', body = $2 WHERE key = $1";
    let values = [&call.key, &body].map(|text| text.as_str().into());
    session.run(complete, values.into()).await?;
    Ok((201, body))
}
