//! The same contract with the same libraries, and one transaction per request.

mod entity;
mod store;

use std::time::Duration;

use poem::listener::TcpListener;
use poem::{Route, Server};
use poem_openapi::param::Header;
use poem_openapi::payload::{Binary, Json, PlainText};
use poem_openapi::{ApiResponse, Object, OpenApi, OpenApiService};
use sea_orm::{ConnectOptions, Database, DatabaseConnection};
use sha2::{Digest, Sha256};

use self::store::{Outcome, Request};

#[derive(Object)]
struct NewOrder {
    item: String,
    #[oai(validator(minimum(value = "1"), maximum(value = "2147483647")))]
    quantity: i64,
}

#[derive(Object)]
struct Error {
    error: String,
}

#[derive(ApiResponse)]
enum Answer {
    #[oai(status = 201, content_type = "application/json")]
    Created(Binary<Vec<u8>>, #[oai(header = "Location")] String),
    #[oai(status = 200, content_type = "application/json")]
    Replayed(
        Binary<Vec<u8>>,
        #[oai(header = "Location")] String,
        #[oai(header = "Idempotent-Replayed")] bool,
    ),
    #[oai(status = 400)]
    Bad(Json<Error>),
    #[oai(status = 409)]
    Reused(Json<Error>),
    #[oai(status = 503)]
    Away(Json<Error>),
}

fn error(text: impl Into<String>) -> Json<Error> {
    Json(Error { error: text.into() })
}

struct Api(DatabaseConnection);

#[OpenApi]
impl Api {
    #[oai(path = "/orders", method = "post")]
    async fn place(
        &self,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        order: Json<NewOrder>,
    ) -> Answer {
        let Some(key) = key.0.filter(|key| !key.trim().is_empty()) else {
            return Answer::Bad(error("Idempotency-Key header is required"));
        };
        let NewOrder { item, quantity } = order.0;
        let fingerprint = Sha256::digest(format!("{quantity} {item}")).to_vec();
        let request = Request {
            key,
            fingerprint,
            item,
            quantity,
        };
        let path = |id| format!("/orders/{id}");
        match store::place(&self.0, request).await {
            Ok(Outcome::Created(id, body)) => Answer::Created(Binary(body), path(id)),
            Ok(Outcome::Replayed(id, body)) => Answer::Replayed(Binary(body), path(id), true),
            Ok(Outcome::Reused) => {
                Answer::Reused(error("Idempotency key reused with different request"))
            }
            Err(failure) => Answer::Away(error(failure.to_string())),
        }
    }

    #[oai(path = "/health", method = "get")]
    async fn health(&self) -> PlainText<&'static str> {
        PlainText("ok")
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let set = |name| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let (port, url) = (set("PORT")?, set("DATABASE_URL")?);
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(set("POOL")?.parse()?)
        .acquire_timeout(Duration::from_secs(60))
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .pragma("journal_mode", "WAL")
                .pragma("synchronous", "FULL")
                .busy_timeout(Duration::from_secs(60))
        });
    let api = OpenApiService::new(Api(Database::connect(options).await?), "per-request", "0");
    Server::new(TcpListener::bind(format!("127.0.0.1:{port}")))
        .run(Route::new().nest("/", api))
        .await?;
    Ok(())
}
