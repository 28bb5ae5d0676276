//! Signatures, computed here from SHA-256 alone.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::{Receiver, Relay, SECRET, place, relaying, serving, until_published};
use crate::harness::on_both;

const OTHER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// HMAC (RFC 2104) for keys up to the block length.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let pad = |with: u8| {
        let mut block = [with; 64];
        block
            .iter_mut()
            .zip(key)
            .for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new()
        .chain_update(pad(0x36))
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(pad(0x5c))
        .chain_update(inner)
        .finalize()
        .to_vec()
}

#[test]
fn the_computation_agrees_with_the_example_of_the_specification() {
    let key = STANDARD.decode(&SECRET["whsec_".len()..]).unwrap();
    let message = br#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#;
    let signature = STANDARD.encode(hmac(&key, message));
    assert_eq!(signature, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

on_both! {
    async fn every_webhook_is_signed_with_every_secret(database: &TestDatabase) {
        let receiver = Receiver::start().await;
        let server = serving(database);
        place(&server, 0..20).await;
        let mut command = relaying(database, &receiver.url());
        let secrets = format!("{SECRET} {OTHER}");
        let relay = Relay::start(command.env("ORDERS_WEBHOOK_SECRET", secrets));
        until_published(database).await;
        relay.stop();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        for one in receiver.received() {
            let (id, timestamp) = (one.header("webhook-id"), one.header("webhook-timestamp"));
            let seconds: u64 = timestamp.parse().unwrap();
            assert!(now - 60 <= seconds && seconds <= now, "{seconds}, and it is {now}");
            let message = format!("{id}.{timestamp}.{}", one.body);
            let signatures = [SECRET, OTHER].map(|secret| {
                let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
                format!("v1,{}", STANDARD.encode(hmac(&key, message.as_bytes())))
            });
            assert_eq!(one.header("webhook-signature"), signatures.join(" "));
        }
        server.stop();
    }
}
