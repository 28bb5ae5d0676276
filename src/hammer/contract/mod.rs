//! The contract: what a target promises, as data.
//!
//! Owns the format of `--contract FILE` and the meaning of its members: how a request is built,
//! what an answer says, and where to count what was made. Guarantees that a contract that was
//! read from a file is usable. Everything else in the hammer asks it and knows no path, header,
//! member or status of its own.

mod document;
mod file;
mod request;
mod response;
mod rules;
mod spelling;
mod stored;
mod template;

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

pub use file::ContractError;
pub(crate) use request::RequestShape;
pub(crate) use response::ResponseShape;
pub(crate) use stored::StoredShape;

/// What a target promises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// How to ask for something under a key.
    pub(crate) request: RequestShape,
    /// What the answers say.
    #[serde(default)]
    pub(crate) response: ResponseShape,
    /// Where to count what was made. Without it, the answers alone are judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stored: Option<StoredShape>,
}

impl Contract {
    /// The contract of `orders` itself, as a commented file.
    pub const ORDERS: &str = include_str!("orders.toml");

    /// The contract of `orders` itself.
    pub(crate) fn of_orders() -> &'static Self {
        static ORDERS: LazyLock<Contract> = LazyLock::new(|| {
            Contract::ORDERS
                .parse()
                .expect("a test parses the built-in file")
        });
        &ORDERS
    }

    /// The headers of every request: those of the contract, then `others`.
    pub(crate) fn headers(&self, others: &[(String, String)]) -> Vec<(String, String)> {
        let headers = self.request.headers.iter();
        let headers = headers.map(|(name, value)| (name.clone(), value.clone()));
        headers.chain(others.iter().cloned()).collect()
    }

    /// Whether the contract says where the service itself lists what was made.
    #[must_use]
    pub fn has_list(&self) -> bool {
        self.stored.as_ref().is_some_and(|one| one.list.is_some())
    }

    /// Whether the contract says how to read what was made from a database.
    #[must_use]
    pub fn has_sql(&self) -> bool {
        self.stored.as_ref().is_some_and(|one| one.sql.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_contract_is_what_its_file_says() {
        let contract = Contract::of_orders();
        assert_eq!(contract.response.fresh.as_deref(), Some(&[201][..]));
        let json = serde_json::to_string(contract).unwrap();
        assert_eq!(&serde_json::from_str::<Contract>(&json).unwrap(), contract);
    }

    #[test]
    fn everything_is_optional_but_the_body() {
        let contract: Contract = "[request]\nbody = '{\"a\":\"{{marker}}\"}'"
            .parse()
            .unwrap();
        assert_eq!(contract.request.path, "/orders");
        assert_eq!(contract.response, ResponseShape::default());
        assert_eq!(contract.stored, None);
        let error = "[request]\npath = '/'".parse::<Contract>().unwrap_err();
        assert!(
            error.to_string().contains("missing field `body`"),
            "{error}"
        );
    }
}
