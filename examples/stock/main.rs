//! Stock: an operation that decides in its transaction, and refuses.
//!
//! `POST /reservations {"quantity": 1}` takes pieces from the stock until it is sold out. The
//! refusal is stored with the idempotency key like any response: a retry gets the same bytes.

use std::env;
use std::error::Error;
use std::io;

use bytes::Bytes;
use orders::db::Connection;
use orders::db::entity::insert_all;
use orders::http::{Answered, BodyLimits, JsonBody, Key, Kind, Problem, Service};
use orders::idempotency::{Answer, Executor, Fingerprint, Operation, Scope, ScopedKey};
use orders::json::Json;
use poem_openapi::{Object, OpenApi, OpenApiService, payload};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ActiveValue::Set, DatabaseTransaction, prelude::*};
use serde::Serialize;

/// The stock has one row.
const STOCK_ID: i32 = 1;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let mut service = Service::from_env("stock").await?;
    service.create_table(stock::Entity).await?;
    service.create_table(reservation::Entity).await?;
    fill(service.database().reads()).await?;
    let api = Api {
        executor: service.executor()?,
        reads: service.database().reads().clone(),
    };
    service
        .serve(OpenApiService::new(api, "stock", "1.0"))
        .await?;
    Ok(())
}

/// Puts `STOCK` pieces (default 10) into a stock that is new.
async fn fill(db: &Connection) -> Result<(), Box<dyn Error>> {
    let pieces = env::var("STOCK").unwrap_or_else(|_| "10".to_owned());
    let pieces: u32 = pieces.parse().map_err(|_| "STOCK must be a whole number")?;
    let row = stock::ActiveModel {
        id: Set(STOCK_ID),
        pieces_left: Set(pieces.into()),
    };
    let insert = stock::Entity::insert(row).on_conflict_do_nothing();
    insert.exec(db).await?;
    Ok(())
}

mod stock {
    use sea_orm::entity::prelude::*;

    /// The pieces that are left. (`left` is a keyword of SQL.)
    #[sea_orm::model]
    #[derive(Debug, Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "stock")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub pieces_left: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod reservation {
    use sea_orm::entity::prelude::*;

    /// Pieces that a client has taken.
    #[sea_orm::model]
    #[derive(Debug, Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "reservations")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub quantity: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Takes pieces from the stock.
struct Reserve {
    id: Uuid,
    quantity: i64,
}

/// The response to a reservation.
#[derive(Object, Serialize)]
struct Reservation {
    id: Uuid,
    quantity: i64,
    left: i64,
}

/// The refusal of a reservation.
#[derive(Serialize)]
struct SoldOut {
    error: String,
    code: &'static str,
    left: i64,
}

impl Operation for Reserve {
    const NAME: &'static str = "reserve";
    const REFUSES: bool = true;

    fn resource(&self) -> Uuid {
        self.id
    }

    async fn apply(txn: &DatabaseTransaction, winners: &[&Self]) -> Result<Vec<Answer>, DbErr> {
        // One statement for all. Those that are refused do not remain.
        insert_all(txn, winners.iter().map(|reserve| reserve.row()).collect()).await?;
        let mut answers = Vec::with_capacity(winners.len());
        for reserve in winners {
            answers.push(reserve.take(txn).await?);
        }
        Ok(answers)
    }
}

impl Reserve {
    fn row(&self) -> reservation::ActiveModel {
        reservation::ActiveModel {
            id: Set(self.id),
            quantity: Set(self.quantity),
        }
    }

    /// Takes the pieces, if as many are left.
    async fn take(&self, txn: &DatabaseTransaction) -> Result<Answer, DbErr> {
        let pieces_left = Expr::col(stock::Column::PiecesLeft);
        let stock = stock::Entity::update_many()
            .col_expr(stock::Column::PiecesLeft, pieces_left.sub(self.quantity))
            .filter(stock::Column::Id.eq(STOCK_ID))
            .filter(stock::Column::PiecesLeft.gte(self.quantity))
            .exec_with_returning(txn)
            .await?;
        if let Some(stock) = stock.first() {
            return Ok(Answer::Accepted(json(&Reservation {
                id: self.id,
                quantity: self.quantity,
                left: stock.pieces_left,
            })));
        }
        let left = left(txn).await?;
        let refusal = SoldOut {
            error: format!("{} asked for, {left} left", self.quantity),
            code: "SOLD_OUT",
            left,
        };
        Ok(Answer::Refused {
            status: 422,
            body: json(&refusal),
        })
    }
}

async fn left(db: &impl ConnectionTrait) -> Result<i64, DbErr> {
    let stock = stock::Entity::find_by_id(STOCK_ID).one(db).await?;
    Ok(stock.map_or(0, |stock| stock.pieces_left))
}

fn json(body: &impl Serialize) -> Bytes {
    let json = serde_json::to_vec(body);
    json.expect("strings and numbers are always JSON").into()
}

/// What a client sends.
#[derive(Object)]
struct NewReservation {
    quantity: i64,
}

/// What is left of the stock.
#[derive(Object)]
struct Left {
    left: i64,
}

struct Api {
    executor: Executor<Reserve>,
    reads: Connection,
}

#[OpenApi]
impl Api {
    #[oai(path = "/reservations", method = "post")]
    async fn reserve(
        &self,
        #[oai(name = "Idempotency-Key")] key: Key,
        body: JsonBody<NewReservation>,
    ) -> Result<Answered<Reservation>, Problem> {
        let body = body.read(BodyLimits::default()).await?;
        let payload = Json::parse(&body)?;
        let reserve = Reserve {
            id: Uuid::now_v7(),
            quantity: quantity(&payload)?,
        };
        let key = ScopedKey {
            scope: Scope::shared(Reserve::NAME),
            key: key.0,
        };
        let fingerprint = Fingerprint::of(Reserve::NAME, &payload);
        let executed = self.executor.execute(key, fingerprint, reserve).await;
        Answered::new(executed, "/reservations", self.executor.retention())
    }

    #[oai(path = "/stock", method = "get")]
    async fn stock(&self) -> Result<payload::Json<Left>, Problem> {
        let left = left(&self.reads).await;
        let left = left.map_err(|error| Problem::from_read_error(&error))?;
        Ok(payload::Json(Left { left }))
    }
}

fn quantity(payload: &Json<'_>) -> Result<i64, Problem> {
    if let Some(Json::Number(number)) = payload.get("quantity")
        && let Some(quantity @ 1..) = number.as_integer()
    {
        return Ok(quantity);
    }
    let rule = "quantity must be a whole number from 1";
    Err(Problem::new(Kind::BodyInvalid, rule))
}
