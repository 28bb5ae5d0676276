//! The shapes: paths, headers, bodies and statuses, with the contract that describes them.

use serde_json::{Value, json};

/// The path of a list, and how it is written.
type List = (&'static str, fn(&[Value]) -> Value);

/// A service: what it asks for and how it answers.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    /// Its contract, as a file.
    pub(super) contract: &'static str,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) key_header: &'static str,
    /// Reads marker and number from the body.
    pub(super) parse: fn(&[u8]) -> Option<(String, String)>,
    /// Writes the answer for an identity, a marker and a number.
    pub(super) answer: fn(u64, &str, &str) -> String,
    /// Writes a replay from the first answer.
    pub(super) replay_answer: fn(&str) -> String,
    pub(super) fresh: u16,
    pub(super) replay: u16,
    pub(super) mark: Option<(&'static str, &'static str)>,
    /// Status for another payload, if payloads are compared.
    pub(super) mismatch: Option<u16>,
    /// Status while the first request is in flight; without it, duplicates wait.
    pub(super) in_flight: Option<u16>,
    /// Status without a key, if it is required.
    pub(super) missing: Option<u16>,
    /// Path of the list, and its body for the stored things.
    pub(super) list: Option<List>,
    /// Status for an invalid body, and the longest key that is not invalid.
    pub(super) invalid: u16,
    pub(super) longest_key: usize,
    /// Whether check and insert are one step.
    pub(super) atomic: bool,
}

fn same(answer: &str) -> String {
    answer.to_owned()
}

/// The same JSON with the members in another order.
pub(super) fn reversed(answer: &str) -> String {
    fn reverse(value: &Value) -> Value {
        match value {
            Value::Object(members) => members
                .iter()
                .rev()
                .map(|(name, value)| (name.clone(), reverse(value)))
                .collect(),
            other => other.clone(),
        }
    }
    reverse(&serde_json::from_str(answer).unwrap()).to_string()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.as_f64()?.to_string()),
        _ => None,
    }
}

/// `PUT /v1/projects` with one text, 200 always, and a mark on replays.
pub(super) const PROJECTS: Shape = Shape {
    name: "projects",
    contract: r#"
[request]
method = "PUT"
path = "/v1/projects?notify=no"
key_header = "X-Request-Key"
content_type = "application/vnd.api+json"
headers = { X-Team = "blue" }
body = '{"project": {"name": "Project {{marker}}", "tags": ["a"]}}'

[response]
id = "/data/project/uid"
echo = { marker = "/data/project/name" }
fresh = [200]
replay = [200]
mismatch = [422]
in_flight = []
missing_key = [428]
replayed_header = "X-Replay: yes"
same_body = true

[stored]
list = "/v1/projects/all"
items = ""
id = "/uid"
marker = "/name"
"#,
    method: "PUT",
    path: "/v1/projects",
    key_header: "x-request-key",
    parse: |body| {
        let body: Value = serde_json::from_slice(body).ok()?;
        Some((text(body.pointer("/project/name")?)?, String::new()))
    },
    answer: |id, marker, _| json!({"data": {"project": {"uid": id, "name": marker}}}).to_string(),
    replay_answer: same,
    fresh: 200,
    replay: 200,
    mark: Some(("x-replay", "yes")),
    mismatch: Some(422),
    in_flight: None,
    missing: Some(428),
    list: Some(("/v1/projects/all", |things| {
        let rows = things
            .iter()
            .map(|one| json!({"uid": one["id"], "name": one["marker"]}));
        Value::Array(rows.collect())
    })),
    invalid: 400,
    longest_key: 255,
    atomic: true,
};

/// `POST /payments`, which refuses every duplicate with 409, whatever its payload.
pub(super) const PAYMENTS: Shape = Shape {
    name: "payments",
    contract: r#"
[request]
path = "/payments"
key_header = "Request-Id"
body = '{"reference": "{{marker}}", "amount": {"cents": {{number}}}}'

[response]
id = "/payment"
echo = { number = "/cents" }
fresh = [201]
replay = [409]
mismatch = [409]
in_flight = [409]
missing_key = [400, 422]

[stored]
list = "/payments?all=true"
items = "/payments/rows"
next = "/payments/next"
cursor = "from"
id = "/payment"
marker = "/reference"
"#,
    method: "POST",
    path: "/payments",
    key_header: "request-id",
    parse: |body| {
        let body: Value = serde_json::from_slice(body).ok()?;
        let cents = text(body.pointer("/amount/cents")?)?;
        cents.parse::<f64>().ok()?;
        Some((text(body.get("reference")?)?, cents))
    },
    answer: |id, _, number| format!(r#"{{"payment":"p-{id}","cents":{number}}}"#),
    replay_answer: same,
    fresh: 201,
    replay: 409,
    mark: None,
    mismatch: Some(409),
    in_flight: Some(409),
    missing: Some(422),
    list: Some(("/payments", |things| {
        let row = |one: &Value| {
            let id = format!("p-{}", one["id"]);
            json!({"payment": id, "reference": one["marker"]})
        };
        json!({"payments": {"rows": things.iter().map(row).collect::<Vec<_>>(), "next": null}})
    })),
    invalid: 400,
    longest_key: 255,
    atomic: true,
};

/// `POST /jobs`, which is accepted with 202, does not compare payloads, and needs no key.
pub(super) const JOBS: Shape = Shape {
    name: "jobs",
    contract: r#"
[request]
path = "/jobs"
body = '{"job": {{number}}, "label": "{{marker}}"}'

[response]
id = "/jobs/0/id"
fresh = [202]
replay = [202]
mismatch = []
in_flight = [425]
missing_key = []
same_body = false

[stored]
list = "/jobs"
items = "/jobs"
marker = "/label"
"#,
    method: "POST",
    path: "/jobs",
    key_header: "idempotency-key",
    parse: |body| {
        let body: Value = serde_json::from_slice(body).ok()?;
        Some((text(body.get("label")?)?, text(body.get("job")?)?))
    },
    answer: |id, _, _| format!(r#"{{"jobs":[{{"id":{id}}}],"state":"queued"}}"#),
    replay_answer: reversed,
    fresh: 202,
    replay: 202,
    mark: None,
    mismatch: None,
    in_flight: Some(425),
    missing: None,
    list: Some(("/jobs", |things| {
        let rows = things
            .iter()
            .map(|one| json!({"id": one["id"], "label": one["marker"]}));
        json!({"jobs": rows.collect::<Vec<_>>()})
    })),
    invalid: 400,
    longest_key: 255,
    atomic: true,
};

/// `POST /forms` with a form, of whose contract only a part is declared.
pub(super) const FORMS: Shape = Shape {
    name: "forms",
    contract: r#"
[request]
path = "/forms"
content_type = "application/x-www-form-urlencoded"
body = "title={{marker}}&pages={{number}}"

[response]
id = "/form"
mismatch = [400]
"#,
    method: "POST",
    path: "/forms",
    key_header: "idempotency-key",
    parse: |body| {
        let form: Vec<(String, String)> = url::form_urlencoded::parse(body).into_owned().collect();
        let field = |name| Some(form.iter().find(|(one, _)| one == name)?.1.clone());
        Some((field("title")?, field("pages")?))
    },
    answer: |id, _, _| format!(r#"{{"form":{id}}}"#),
    replay_answer: same,
    fresh: 201,
    replay: 201,
    mark: None,
    mismatch: Some(400),
    in_flight: None,
    missing: Some(400),
    list: None,
    invalid: 400,
    longest_key: 255,
    atomic: true,
};
