//! Compressed bodies, as the broker carries them.

use std::time::Duration;

use bergen_amqp::client::{Confirmed, Publish};
use bergen_amqp::codec::{BasicProperties, FieldTable, FieldValue};
use bergen_messaging::wire::Compression;
use bergen_testbed::TestVhost;

use super::harness::*;
use super::lanes::bare;

const ALL: [(&str, &str); 5] = [
    ("gzip", "application/x-gzip"),
    ("bzip2", "application/x-bz2"),
    ("lzma", "application/x-lzma"),
    ("brotli", "application/x-brotli"),
    ("zstd", "application/zstd"),
];

fn compressing(vhost: &TestVhost, name: &str) -> String {
    format!("{}?kombu_compression={name}", vhost.url())
}

#[tokio::test]
async fn each_side_may_compress_in_its_own_way() {
    let vhost = TestVhost::new("compression").await.unwrap();
    let text = format!(r#"{{"text": "{}"}}"#, "æ\\u2603 ".repeat(20_000));
    for ((requests, _), (answers, _)) in ALL.into_iter().zip(ALL.into_iter().rev()) {
        let server = Server::start(&compressing(&vhost, answers), "compute", answers).await;
        let client = driver(&compressing(&vhost, requests));
        let target = topic("compute").with_server(answers);
        for args in [&text, "{}"] {
            let answer = result(&client, &target, &request("echo", args)).await;
            assert_eq!(answer, *args, "{requests}, {answers}");
        }
        close(&client).await;
        server.stop().await;
    }
}

#[tokio::test]
async fn who_does_not_compress_understands_who_does() {
    let vhost = TestVhost::new("compression-one").await.unwrap();
    let server = Server::start(&vhost.url(), "compute", "one").await;
    let client = driver(&compressing(&vhost, "zlib"));
    let target = topic("compute");
    assert_eq!(
        result(&client, &target, &request("echo", "[1]")).await,
        "[1]"
    );
    let plain = driver(&vhost.url());
    assert_eq!(
        result(&plain, &target, &request("echo", "[2]")).await,
        "[2]"
    );
    assert_eq!(server.driver.stats().requests, 2);
}

#[tokio::test]
async fn the_header_names_the_algorithm_and_the_rest_stays_as_it_is() {
    let vhost = TestVhost::new("compression-header").await.unwrap();
    // Declares the queue, and leaves it.
    Server::start(&vhost.url(), "compute", "one")
        .await
        .stop()
        .await;
    for (name, header) in ALL {
        let client = driver(&compressing(&vhost, name));
        cast(&client, &topic("compute"), &request("poke", "{}")).await;
        let connection = bare(&vhost).await;
        let (channel, _events) = connection.open_channel().await.unwrap();
        let delivery = channel.get("compute", true).await.unwrap().unwrap();
        let properties = &delivery.properties;
        let headers = properties.headers.as_ref().unwrap();
        let found = headers.get("compression").and_then(FieldValue::as_str);
        assert_eq!(found, Some(header));
        assert_eq!(properties.content_type.as_deref(), Some("application/json"));
        assert_eq!(properties.content_encoding.as_deref(), Some("utf-8"));
        let compression = Compression::from_name(name).unwrap();
        let body = compression.decompress(&delivery.body, 10_000).unwrap();
        let body = String::from_utf8(body).unwrap();
        assert!(body.starts_with("{\"oslo.version\": \"2.0\""), "{body}");
        connection.close().await.unwrap();
    }
}

/// Small bodies that are large, cut or in disguise are rejected once, counted, and cost no connection.
#[tokio::test]
async fn bombs_and_broken_bodies_are_rejected_and_the_server_lives_on() {
    let vhost = TestVhost::new("compression-bomb").await.unwrap();
    let url = format!("{}?bergen_max_decompressed_size=100000", vhost.url());
    let server = Server::start(&url, "compute", "one").await;
    let connection = bare(&vhost).await;
    let (channel, _events) = connection.open_channel().await.unwrap();
    channel.confirm_select().await.unwrap();
    let mut published = 0;
    for (name, header) in ALL {
        let compression = Compression::from_name(name).unwrap();
        let bomb = compression.compress(&vec![b' '; 500_000]).unwrap();
        let mut cut = compression
            .compress(br#"{"method": "echo", "args": {}}"#)
            .unwrap();
        cut.truncate(cut.len() - 1);
        let garbled = b"not compressed at all".to_vec();
        for (header, body) in [
            (header, bomb),
            (header, cut),
            (header, garbled.clone()),
            ("application/x-snappy", garbled),
        ] {
            let compression = FieldValue::LongString(header.as_bytes().into());
            let mut publish = Publish::new(EXCHANGE, "compute", body);
            publish.properties = BasicProperties {
                content_type: Some("application/json".into()),
                content_encoding: Some("utf-8".into()),
                headers: Some(FieldTable::new().with("compression", compression)),
                ..BasicProperties::default()
            };
            let confirmation = channel.publish(publish).await.unwrap();
            assert_eq!(confirmation.await, Ok(Confirmed::Ack));
            published += 1;
        }
    }
    let counted = async {
        while server.driver.stats().invalid_requests < published {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let counted = tokio::time::timeout(Duration::from_secs(30), counted).await;
    counted.unwrap_or_else(|_| panic!("{:?}", server.driver.stats()));
    let client = driver(&compressing(&vhost, "xz"));
    let answer = result(&client, &topic("compute"), &request("echo", "[3]")).await;
    assert_eq!(answer, "[3]");
    let stats = server.driver.stats();
    assert_eq!((stats.invalid_requests, stats.requests), (published, 1));
    assert_eq!(stats.reconnects, 0);
    assert!(channel.get("compute", true).await.unwrap().is_none());
}
