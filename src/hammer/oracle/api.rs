//! The oracle of the public API: the list of the contract, page by page.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::hammer::contract::StoredShape;
use crate::hammer::history::Order;
use crate::hammer::wire::Reader;

/// Maximum number of pages that are read.
const MAX_PAGES: usize = 20_000;

/// The list of orders, and a position in it that lies before the run.
pub(crate) struct List {
    reader: Reader,
    shape: StoredShape,
    /// Two pages before the end at the last reading. Ids are assigned before they are committed,
    /// so orders may still appear near the end.
    start: Mutex<Option<String>>,
}

/// One page of the list.
struct Page {
    orders: Vec<Order>,
    next: Option<String>,
}

impl List {
    /// Walks to the end of the list.
    pub(super) async fn open(reader: Reader, shape: StoredShape) -> Result<Self, String> {
        let list = Self {
            reader,
            shape,
            start: Mutex::default(),
        };
        list.walk(|_| ()).await?;
        Ok(list)
    }

    /// Reads from the remembered position to the end, and remembers a later position.
    pub(super) async fn read(&self, prefix: &str, found: &mut Vec<Order>) -> Result<(), String> {
        self.walk(|page| {
            let ours = page
                .orders
                .iter()
                .filter(|order| order.item.contains(prefix));
            found.extend(ours.cloned());
        })
        .await
    }

    async fn walk(&self, mut visit: impl FnMut(&Page)) -> Result<(), String> {
        let mut after = self.lock().clone();
        let mut before = [after.clone(), after.clone()];
        for _ in 0..MAX_PAGES {
            let page = self.page(after.as_deref()).await?;
            visit(&page);
            match page.next {
                None => {
                    *self.lock() = before[0].take();
                    return Ok(());
                }
                // A server that ignores the cursor sends the same page forever.
                next if next == after => return Err("the list does not advance".to_owned()),
                next => {
                    before = [before[1].take(), after];
                    after = next;
                }
            }
        }
        Err(format!("the list has more than {MAX_PAGES} pages"))
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        // A panic elsewhere leaves the position valid.
        self.start.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn page(&self, after: Option<&str>) -> Result<Page, String> {
        let path = self.shape.page(after);
        let path = path.ok_or_else(|| "the contract has no stored.list".to_owned())?;
        let (status, body) = self
            .reader
            .get(&path)
            .await
            .map_err(|error| format!("GET {path}: {}", error.with_sources()))?;
        if status != 200 {
            return Err(format!("GET {path} answered {status}"));
        }
        let value: Value = serde_json::from_slice(&body)
            .map_err(|error| format!("the body of GET {path} is not JSON: {error}"))?;
        let (orders, next) = self
            .shape
            .read(&value)
            .map_err(|error| format!("GET {path}: {error}"))?;
        Ok(Page { orders, next })
    }
}
