//! Answers `POST /orders` without storing anything: parses the key and the order, makes an id, sends
//! the bytes. It does less than the product (no fingerprint, no exact numbers, no queue), so its
//! rate is an upper bound.

use poem::listener::TcpListener;
use poem::{Route, Server};
use poem_openapi::param::Header;
use poem_openapi::payload::{Json, PlainText, Response};
use poem_openapi::{Object, OpenApi, OpenApiService};
use uuid::Uuid;

#[derive(Object)]
struct NewOrder {
    item: String,
    #[oai(validator(minimum(value = "1"), maximum(value = "2147483647")))]
    quantity: i64,
}

#[derive(Object)]
struct Order {
    id: Uuid,
    item: String,
    quantity: i64,
}

struct Api;

#[OpenApi]
impl Api {
    #[oai(path = "/orders", method = "post")]
    async fn place(
        &self,
        #[oai(name = "Idempotency-Key")] key: Header<String>,
        order: Json<NewOrder>,
    ) -> Response<Json<Order>> {
        std::hint::black_box(&key.0);
        let NewOrder { item, quantity } = order.0;
        let id = Uuid::now_v7();
        Response::new(Json(Order { id, item, quantity }))
            .status(poem::http::StatusCode::CREATED)
            .header("location", format!("/orders/{id}"))
            .header("x-request-id", Uuid::now_v7().to_string())
    }

    #[oai(path = "/health", method = "get")]
    async fn health(&self) -> PlainText<&'static str> {
        PlainText("ok")
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::var("PORT").expect("PORT is set by the benchmark");
    let api = OpenApiService::new(Api, "ceiling", "0");
    Server::new(TcpListener::bind(format!("127.0.0.1:{port}")))
        .run(Route::new().nest("/", api))
        .await
}
