//! How to ask for something under a key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::template::Template;

/// The request that makes something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestShape {
    #[serde(default)]
    pub(crate) method: Method,
    #[serde(default = "path")]
    pub(crate) path: String,
    #[serde(default = "key_header")]
    pub(crate) key_header: String,
    #[serde(default = "content_type")]
    pub(crate) content_type: String,
    /// Headers of every request, besides those of the command line.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Template,
}

/// The methods that may make something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Method {
    #[default]
    Post,
    Put,
    Patch,
}

impl Method {
    /// Its name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
        }
    }
}

fn path() -> String {
    "/orders".to_owned()
}

fn key_header() -> String {
    "Idempotency-Key".to_owned()
}

fn content_type() -> String {
    "application/json".to_owned()
}
