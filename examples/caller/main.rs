//! Caller: a program that places every order of a file exactly once, however often it is killed.
//!
//! `caller URL ORDERS JOURNAL` reads one order per line (`{"item":…,"quantity":…}`). The journal
//! keeps the key of a line before its first attempt, and its order after the last one. Started again,
//! the program continues with the same keys.

use std::collections::HashMap;
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures_util::{StreamExt, TryStreamExt, stream};
use orders::client::{Client, Key, NewOrder, Order};
use serde::{Deserialize, Serialize};

type Failure = Box<dyn Error + Send + Sync>;

/// Orders in flight at a time.
const CONCURRENCY: usize = 8;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, orders, journal] = &arguments[..] else {
        return Err("usage: caller URL ORDERS JOURNAL".into());
    };
    let client = Client::new(url)?;
    let mut journal = Journal::open(Path::new(journal))?;
    let mut waiting = Vec::new();
    for (line, order) in BufReader::new(File::open(orders)?).lines().enumerate() {
        if !journal.placed.contains_key(&line) {
            waiting.push((
                line,
                journal.keys.remove(&line),
                serde_json::from_str(&order?)?,
            ));
        }
    }
    let file = Arc::new(Mutex::new(journal.file));
    stream::iter(waiting)
        .map(|(line, key, order)| place(&client, &file, line, key, order))
        .buffer_unordered(CONCURRENCY)
        .try_collect()
        .await
}

/// Places the order of one line, under the key that the journal has for it.
async fn place(
    client: &Client,
    journal: &Mutex<File>,
    line: usize,
    key: Option<String>,
    order: NewOrder,
) -> Result<(), Failure> {
    let key: Key = if let Some(key) = key {
        key.parse()?
    } else {
        let key = Key::random();
        let text = key.to_string();
        append(journal, &Entry::Key { line, key: text })?;
        key
    };
    let placed = client.place(&key, &order).await?;
    append(
        journal,
        &Entry::Placed {
            line,
            order: placed.order,
        },
    )
}

/// One line of the journal.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Entry {
    Key { line: usize, key: String },
    Placed { line: usize, order: Order },
}

/// What was written before the last restart.
struct Journal {
    file: File,
    keys: HashMap<usize, String>,
    placed: HashMap<usize, Order>,
}

impl Journal {
    fn open(path: &Path) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).open(path)?;
        let (mut keys, mut placed) = (HashMap::new(), HashMap::new());
        for entry in BufReader::new(&file).split(b'\n') {
            // A line that a kill has cut short was never acted on.
            match serde_json::from_slice(&entry?) {
                Ok(Entry::Key { line, key }) => drop(keys.insert(line, key)),
                Ok(Entry::Placed { line, order }) => drop(placed.insert(line, order)),
                Err(_) => {}
            }
        }
        // Ends such a line.
        writeln!(file)?;
        Ok(Self { file, keys, placed })
    }
}

/// Writes an entry so that it survives a crash of the machine.
fn append(journal: &Mutex<File>, entry: &Entry) -> Result<(), Failure> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    let mut file = journal.lock().map_err(|_| "another order has panicked")?;
    file.write_all(&line)?;
    file.sync_data()?;
    Ok(())
}
