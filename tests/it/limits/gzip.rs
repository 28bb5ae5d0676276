//! `Content-Encoding: gzip` of responses and of request bodies.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use reqwest::Method;

use crate::harness::{Bounds, Client, Reply, on_both, on_sqlite, order};

fn pack(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes.as_ref()).unwrap();
    encoder.finish().unwrap()
}

fn unpack(bytes: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut unpacked).unwrap();
    unpacked
}

/// `POST /orders` with an encoded body.
async fn place(client: &Client, key: &str, encoding: &str, body: Vec<u8>) -> Reply {
    let request = client.request(Method::POST, "/orders").body(body);
    let request = request
        .header("content-type", "application/json")
        .header("content-encoding", encoding)
        .header("idempotency-key", key);
    Reply::to(request).await
}

/// Reads a path as plain text and as gzip.
async fn both(client: &Client, path: &str) -> (Reply, Reply) {
    let get = |coding| {
        let request = client.request(Method::GET, path);
        Reply::to(request.header("accept-encoding", coding))
    };
    let (plain, packed) = (get("identity").await, get("br, gzip").await);
    (plain.expect(200), packed.expect(200))
}

on_both! {
    async fn a_compressed_request_is_the_same_as_a_plain_one(app: &App) {
        let body = order("tea", 2);
        let placed = place(&app.client, "key", "gzip", pack(&body)).await.expect(201);
        let replay = app.client.place("key", body.clone()).await.expect(200);
        assert_eq!(replay.body, placed.body);
        let replay = place(&app.client, "key", "GZIP", pack(&body)).await.expect(200);
        assert_eq!(replay.body, placed.body);
        place(&app.client, "key", "identity", body.into()).await.expect(200);
        place(&app.client, "key", "gzip", pack(order("tea", 3))).await.expect(409);
    }
}

on_sqlite! {
    async fn a_body_that_unpacks_to_more_than_the_limit_is_refused(
        app: &App with Bounds::with(|b| b.http.body_bytes_max = 4096)
    ) {
        // A bomb: small on the wire.
        let bomb = pack(vec![b' '; 1 << 20]);
        assert!(bomb.len() < 4096, "{}", bomb.len());
        let reply = place(&app.client, "key", "gzip", bomb).await;
        reply.expect_error(413, "the unpacked body is larger than 4096 bytes");
        let fits = format!("{}{}", " ".repeat(4000), order("tea", 2));
        place(&app.client, "key", "gzip", pack(fits)).await.expect(201);
        assert_eq!(app.database.orders().await, 1);
    }
}

on_sqlite! {
    async fn a_body_that_is_not_gzip_is_refused(app: &App) {
        let packed = pack(order("tea", 2));
        for broken in [b"{}".to_vec(), packed[..packed.len() - 4].to_vec()] {
            let reply = place(&app.client, "key", "gzip", broken).await;
            reply.expect_error(400, "the body is not valid gzip");
        }
        for encoding in ["br", "zstd", "gzip, gzip"] {
            let reply = place(&app.client, "key", encoding, packed.clone()).await;
            let error = "the content encoding of the body must be gzip or identity";
            let reply = reply.expect_error(415, error);
            assert_eq!(reply.header("accept-encoding"), Some("gzip"));
        }
        // None of them has used up the key.
        app.client.place("key", order("tea", 2)).await.expect(201);
    }
}

on_sqlite! {
    async fn pages_are_compressed_for_clients_that_accept_it(app: &App) {
        for path in ["/docs", "/docs/", "/openapi.json", "/openapi.yaml"] {
            let (plain, packed) = both(&app.client, path).await;
            assert_eq!(plain.header("content-encoding"), None);
            assert_eq!(packed.header("content-encoding"), Some("gzip"));
            for reply in [&plain, &packed] {
                assert_eq!(reply.header("vary"), Some("Accept-Encoding"), "{path}");
            }
            assert_eq!(plain.header("content-type"), packed.header("content-type"));
            assert!(packed.body.len() * 2 < plain.body.len(), "{path}");
            assert_eq!(unpack(&packed.body), plain.body);
        }
    }
}

on_both! {
    async fn long_lists_are_compressed_and_orders_are_not(app: &App) {
        // The largest item: 255 characters of four bytes.
        let large = order(&"\u{1f375}".repeat(255), 2);
        for n in 0..20 {
            let request = app.client.post(large.clone()).header("accept-encoding", "gzip");
            let placed = Reply::to(request.header("idempotency-key", format!("key-{n}"))).await;
            let placed = placed.expect(201);
            assert_eq!(placed.header("content-encoding"), None);
            let path = format!("/orders/{}", placed.id());
            let (_, found) = both(&app.client, &path).await;
            assert_eq!(found.header("content-encoding"), None);
            assert_eq!(found.body, placed.body);
        }
        let (plain, packed) = both(&app.client, "/orders?limit=1").await;
        assert_eq!(packed.header("content-encoding"), None, "it is small");
        assert_eq!(plain.body, packed.body);
        let (plain, packed) = both(&app.client, "/orders").await;
        assert_eq!(plain.header("content-encoding"), None);
        assert_eq!(packed.header("content-encoding"), Some("gzip"));
        assert_eq!(packed.header("vary"), Some("Accept-Encoding"));
        assert!(packed.body.len() * 2 < plain.body.len());
        assert_eq!(unpack(&packed.body), plain.body);
    }
}
