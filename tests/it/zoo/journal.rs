//! The journal of a species in a process of its own, and its recovery.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Instant;

use serde_json::{Value, json};

use super::shop::{Kept, Order, Payload, Shop};

/// An append-only file with one record per line. A kill may tear the last line, which is then
/// dropped.
#[derive(Debug)]
pub(super) struct Journal {
    file: Mutex<File>,
    keys: bool,
}

impl Journal {
    /// Appends an order, a key, or both as one line.
    pub(super) fn append(&self, order: Option<&Kept>, key: Option<(&str, &Kept)>) {
        let key = key.filter(|_| self.keys);
        let Some(kept) = order.or(key.map(|(_, kept)| kept)) else {
            return;
        };
        let Payload { item, quantity } = &kept.order.payload;
        let line = json!({
            "id": kept.order.id,
            "item": item,
            "quantity": quantity,
            "fingerprint": kept.fingerprint,
            "order": order.is_some(),
            "key": key.map(|(key, _)| key),
        });
        let line = format!("{line}\n");
        self.file
            .lock()
            .unwrap()
            .write_all(line.as_bytes())
            .unwrap();
    }
}

/// Recovers the shop from the journal, and truncates a torn line.
pub(super) fn recover(path: &Path, keys: bool) -> Shop {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    let mut written = std::fs::read(path).unwrap();
    let whole = written.iter().rposition(|byte| *byte == b'\n');
    written.truncate(whole.map_or(0, |end| end + 1));
    file.set_len(written.len().try_into().unwrap()).unwrap();

    let mut shop = Shop::default();
    for line in serde_json::Deserializer::from_slice(&written).into_iter::<Value>() {
        let line = line.unwrap();
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        let order = Order {
            id: line["id"].as_u64().unwrap(),
            payload: Payload {
                item: text("item"),
                quantity: line["quantity"].as_u64().unwrap(),
            },
        };
        shop.ids.fetch_max(order.id, Ordering::Relaxed);
        if line["order"] == true {
            shop.orders.get_mut().unwrap().push(order.clone());
        }
        if let Some(key) = line["key"].as_str() {
            let kept = Kept {
                order,
                fingerprint: text("fingerprint"),
                since: Instant::now(),
            };
            shop.keys.get_mut().unwrap().insert(key.to_owned(), kept);
        }
    }
    shop.journal = Some(Journal {
        file: Mutex::new(file),
        keys,
    });
    shop
}

#[test]
fn a_torn_line_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let kept = |id| Kept {
        order: Order {
            id,
            payload: Payload {
                item: "bücher".to_owned(),
                quantity: 2,
            },
        },
        fingerprint: "f".to_owned(),
        since: Instant::now(),
    };
    let write = |id: u64| {
        let shop = recover(&path, true);
        let (kept, key) = (kept(id), format!("key {id}"));
        shop.journal
            .unwrap()
            .append(Some(&kept), Some((&key, &kept)));
        std::fs::metadata(&path).unwrap().len()
    };
    let first = write(1);
    for torn in first..write(2) {
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(torn).unwrap();
        let shop = recover(&path, true);
        assert_eq!(shop.orders.lock().unwrap().len(), 1, "torn at {torn}");
        assert_eq!(shop.keys.lock().unwrap().len(), 1, "torn at {torn}");
        assert_eq!(write(2), 2 * first);
    }
}
