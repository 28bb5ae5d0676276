//! Projects: the smallest service with an idempotent endpoint.
//!
//! `POST /projects {"name": "Apollo"}` creates one project for an idempotency key, no matter how
//! often the request is sent.

use std::error::Error;
use std::io;

use bytes::Bytes;
use orders::db::entity::insert_all;
use orders::http::{Answered, BodyLimits, JsonBody, Key, Kind, Problem, Service};
use orders::idempotency::{Answer, Executor, Fingerprint, Operation, Scope, ScopedKey};
use orders::json::Json;
use poem_openapi::{Object, OpenApi, OpenApiService};
use sea_orm::{DatabaseTransaction, DbErr, IntoActiveModel};
use uuid::Uuid;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let mut service = Service::from_env("projects").await?;
    service.create_table(project::Entity).await?;
    let projects = Projects {
        executor: service.executor()?,
    };
    service
        .serve(OpenApiService::new(projects, "projects", "1.0"))
        .await?;
    Ok(())
}

/// Table `projects`. A row as JSON is the response.
mod project {
    use poem_openapi::Object;
    use sea_orm::entity::prelude::*;
    use serde::Serialize;

    #[sea_orm::model]
    #[derive(Debug, Clone, DeriveEntityModel, Object, Serialize)]
    #[sea_orm(table_name = "projects")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub name: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Creates a project.
struct CreateProject(project::Model);

impl CreateProject {
    fn json(&self) -> Bytes {
        let json = serde_json::to_vec(&self.0);
        json.expect("two strings are always JSON").into()
    }
}

impl Operation for CreateProject {
    const NAME: &'static str = "create_project";

    fn resource(&self) -> Uuid {
        self.0.id
    }

    fn response(&self) -> Option<Bytes> {
        Some(self.json())
    }

    async fn apply(txn: &DatabaseTransaction, winners: &[&Self]) -> Result<Vec<Answer>, DbErr> {
        let rows = winners
            .iter()
            .map(|create| create.0.clone().into_active_model());
        insert_all(txn, rows.collect()).await?;
        let answers = winners.iter().map(|create| Answer::Accepted(create.json()));
        Ok(answers.collect())
    }
}

/// What a client sends.
#[derive(Object)]
struct NewProject {
    name: String,
}

struct Projects {
    executor: Executor<CreateProject>,
}

#[OpenApi]
impl Projects {
    #[oai(path = "/projects", method = "post")]
    async fn create(
        &self,
        #[oai(name = "Idempotency-Key")] key: Key,
        body: JsonBody<NewProject>,
    ) -> Result<Answered<project::Model>, Problem> {
        let body = body.read(BodyLimits::default()).await?;
        let payload = Json::parse(&body)?;
        let project = project::Model {
            id: Uuid::now_v7(),
            name: name(&payload)?,
        };
        let key = ScopedKey {
            scope: Scope::shared(CreateProject::NAME),
            key: key.0,
        };
        let fingerprint = Fingerprint::of(CreateProject::NAME, &payload);
        let create = CreateProject(project);
        let executed = self.executor.execute(key, fingerprint, create).await;
        Answered::new(executed, "/projects", self.executor.retention())
    }
}

fn name(payload: &Json<'_>) -> Result<String, Problem> {
    match payload.get("name") {
        Some(Json::String(name)) if !name.trim().is_empty() && !name.contains(char::is_control) => {
            Ok(name.clone().into_owned())
        }
        _ => Err(Problem::new(
            Kind::BodyInvalid,
            "name must be a string, not blank and without control characters",
        )),
    }
}
