//! Ten processes that start at the same time on an empty database.

use crate::harness::{Process, TestDatabase, on_both, order};

on_both! {
    async fn ten_processes_start_at_once_on_an_empty_database(backend: Backend) {
        let database = TestDatabase::create(backend).await;
        let servers: Vec<Process> = std::thread::scope(|threads| {
            let starting: Vec<_> =
                (0..10).map(|_| threads.spawn(|| Process::serve(&database))).collect();
            starting.into_iter().map(|server| server.join().unwrap()).collect()
        });
        servers[0].client.place("key", order("tea", 1)).await.expect(201);
        for server in &servers {
            server.client.get("/health").await.expect(200);
            server.client.place("key", order("tea", 1)).await.expect(200);
        }
        drop(servers);
        assert_eq!(database.orders().await, 1);
        database.finish().await;
    }
}
