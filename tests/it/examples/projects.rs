//! `projects`: one project for a key.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use super::{Post, assert_replay, on_each, race, serve};
use crate::harness::{Process, Reply};

const PROJECTS: &str = "SELECT count(*) FROM projects";

fn create(key: &str, name: &str) -> Post {
    Post::new("/projects", key, &json!({ "name": name }))
}

on_each! {
    async fn a_project_is_created_replayed_and_protected(database: &TestDatabase) {
        let server = serve("projects", database);
        let first = create("key", "Apollo").to(&server.client).await.expect(201);
        let id = first.id();
        assert_eq!(first.text(), format!(r#"{{"id":"{id}","name":"Apollo"}}"#));
        assert_eq!(first.header("location"), Some(&*format!("/projects/{id}")));
        assert!(!first.is_replay());
        assert_replay(&first, &create("key", "Apollo").to(&server.client).await);
        let other = create("key", "Gemini").to(&server.client).await;
        other.expect_error(409, "Idempotency key reused with different request");
        for body in [json!({}), json!({ "name": 1 }), json!({ "name": " " }), json!({ "name": "\0" })] {
            Post::new("/projects", "new", &body).to(&server.client).await.expect(400);
        }
        create("new", "Gemini").to(&server.client).await.expect(201);
        assert_eq!(database.count(PROJECTS).await, 2);

        server.signal("TERM");
        assert_eq!(server.wait(), Some(0));
        let server = serve("projects", database);
        assert_replay(&first, &create("key", "Apollo").to(&server.client).await);
    }
}

/// Sends one request 200 times at one instant. All replies are one project.
async fn race_for_one(server: &Process) -> Reply {
    let posts = vec![create("key", "Apollo"); 200];
    let mut replies = race(&posts, &[&server.client]).await;
    let replies = replies.remove("key").unwrap();
    assert_eq!(replies.len(), 200);
    let (later, mut first): (Vec<Reply>, Vec<Reply>) =
        replies.into_iter().partition(Reply::is_replay);
    assert!(first.len() <= 1, "{first:?}");
    let first = first.pop().unwrap_or_else(|| later[0].clone());
    for reply in &later {
        assert_replay(&first, reply);
    }
    first
}

on_each! {
    async fn two_hundred_requests_with_one_key_create_one_project(database: &TestDatabase) {
        let first = race_for_one(&serve("projects", database)).await;
        assert!(!first.is_replay());
        assert_eq!(database.count(PROJECTS).await, 1);
        assert_eq!(race_for_one(&serve("projects", database)).await.body, first.body);
        assert_eq!(database.count(PROJECTS).await, 1);
    }
}

on_each! {
    async fn kill_9_in_a_race_leaves_at_most_one_project(database: &TestDatabase) {
        let mut heard: Option<Reply> = None;
        for round in 0..4 {
            let server = serve("projects", database);
            let mut requests = JoinSet::new();
            for _ in 0..200 {
                let client = server.client.clone();
                requests.spawn(async move { create("key", "Apollo").try_to(&client).await });
            }
            tokio::time::sleep(Duration::from_millis(5 * (round + 1))).await;
            server.kill();
            for reply in requests.join_all().await.into_iter().flatten() {
                let first = heard.get_or_insert_with(|| reply.clone());
                assert_eq!(reply.body, first.body);
            }
            assert!(database.count(PROJECTS).await <= 1);
        }
        let settled = race_for_one(&serve("projects", database)).await;
        if let Some(first) = heard {
            assert_eq!(settled.body, first.body);
        }
        assert_eq!(database.count(PROJECTS).await, 1);
    }
}
