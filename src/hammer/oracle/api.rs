//! The public list of orders, paged.

use std::sync::Arc;

use serde_json::Value;

use crate::hammer::drive;
use crate::hammer::history::Order;
use crate::hammer::wire::Pool;

/// The largest page that the contract allows.
const PAGE: usize = 1000;
/// A list of more pages than this is not read.
const MOST_PAGES: usize = 20_000;

/// The list, and a place in it that is safely before the run.
pub(crate) struct List {
    pool: Arc<Pool>,
    /// An order that was there two pages before the end when the run began. Ids are made before
    /// they are committed, so the very end may still be written to.
    start: Option<String>,
}

/// One page of the list.
struct Page {
    orders: Vec<Order>,
    next: Option<String>,
}

impl List {
    /// Finds the end of the list.
    pub(super) async fn open(pool: Arc<Pool>) -> Result<Self, String> {
        let mut list = Self { pool, start: None };
        let mut starts = vec![None];
        list.walk(|page| starts.push(page.next.clone())).await?;
        // The last entry is the end's missing `next`; two pages before it is safe.
        list.start = starts.iter().rev().skip(3).find_map(Clone::clone);
        Ok(list)
    }

    /// Reads from the safe place to the end.
    pub(super) async fn read(&self, prefix: &str, found: &mut Vec<Order>) -> Result<(), String> {
        self.walk(|page| {
            let ours = page
                .orders
                .iter()
                .filter(|order| order.item.starts_with(prefix));
            found.extend(ours.cloned());
        })
        .await
    }

    async fn walk(&self, mut visit: impl FnMut(&Page)) -> Result<(), String> {
        let mut after = self.start.clone();
        for _ in 0..MOST_PAGES {
            let page = self.page(after.as_deref()).await?;
            visit(&page);
            match page.next {
                None => return Ok(()),
                // A server that ignores `after` would go round for ever.
                next if next == after => return Err("the list does not get on".to_owned()),
                next => after = next,
            }
        }
        Err(format!("the list has more than {MOST_PAGES} pages"))
    }

    async fn page(&self, after: Option<&str>) -> Result<Page, String> {
        let path = match after {
            Some(id) => format!("/orders?limit={PAGE}&after={id}"),
            None => format!("/orders?limit={PAGE}"),
        };
        let answer = self
            .pool
            .get(&path)
            .await
            .map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("GET /orders answered {}", answer.status));
        }
        let value: Value = serde_json::from_slice(&answer.body)
            .map_err(|error| format!("GET /orders is not JSON: {error}"))?;
        parse(&value).ok_or_else(|| "GET /orders is no list of orders".to_owned())
    }
}

fn parse(value: &Value) -> Option<Page> {
    // A server without paging may answer the bare list.
    let orders = value.get("orders").unwrap_or(value).as_array()?;
    let next = match value.get("next") {
        Some(Value::String(id)) => Some(id.clone()),
        Some(Value::Number(id)) => Some(id.to_string()),
        _ => None,
    };
    let orders: Option<Vec<Order>> = orders.iter().map(drive::read_order).collect();
    Some(Page {
        orders: orders?,
        next,
    })
}
