//! A program that places 1 000 orders through a proxy that loses every third answer, and is killed
//! meanwhile.

use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use super::Lossy;
use crate::examples::example;
use crate::harness::on_both;

const ORDERS: usize = 1_000;
const KILLS: usize = 8;

/// Lines of the journal that record an order.
fn placed(journal: &Path) -> usize {
    let text = std::fs::read(journal).unwrap_or_default();
    let marker = br#"{"placed""#;
    text.split(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(marker))
        .count()
}

/// Waits until so many orders are recorded. Nothing that the caller does is synchronous with it.
async fn until_placed(journal: &Path, count: usize, caller: &mut Child) {
    while placed(journal) < count {
        assert!(
            caller.try_wait().unwrap().is_none(),
            "the caller ended too early"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

on_both! {
    async fn a_caller_that_is_killed_places_every_order_once(app: &App) {
        let lossy = Lossy::start(&app.client).await;
        let folder = tempfile::tempdir().unwrap();
        let (orders, journal) = (folder.path().join("orders"), folder.path().join("journal"));
        let lines = (0..ORDERS).map(|line| format!("{{\"item\":\"item {line}\",\"quantity\":1}}\n"));
        std::fs::write(&orders, lines.collect::<String>()).unwrap();
        let mut command: Command = example("caller");
        command.arg(lossy.url()).args([&orders, &journal]);

        let mut repeated = 0;
        for kill in 1..=KILLS {
            let mut caller = command.spawn().unwrap();
            until_placed(&journal, kill * ORDERS / (KILLS + 2), &mut caller).await;
            caller.kill().unwrap();
            caller.wait().unwrap();
            // Orders of keys that were taken and whose outcome the caller has not recorded.
            let text = std::fs::read_to_string(&journal).unwrap();
            repeated += text.matches(r#"{"key""#).count() - placed(&journal);
        }
        let mut caller = command.spawn().unwrap();
        let ended = tokio::task::spawn_blocking(move || caller.wait().unwrap()).await.unwrap();
        assert!(ended.success());

        assert_eq!(placed(&journal), ORDERS);
        assert_eq!(app.database.orders().await, 1_000);
        let items = "SELECT count(DISTINCT item) FROM orders";
        assert_eq!(app.database.count(items).await, 1_000);
        assert!(lossy.lost() > ORDERS / 3, "{} answers lost", lossy.lost());
        assert!(repeated >= KILLS, "the kills met {repeated} orders in flight");
    }
}
