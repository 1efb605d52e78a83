//! Bodies compressed by either side, under the same option and the same header.

use bergen::wire::Context;
use bergen_interop::{Client, PythonClient, PythonServer, RustServer, transport};
use bergen_testbed::{PythonPeer, TestVhost};
use serde_json::{Value, json};

const TOPIC: &str = "compute";

async fn serve(url: &str) -> RustServer {
    let transport = transport(url).unwrap();
    RustServer::start(&transport, TOPIC, "host-1")
        .await
        .unwrap()
}

/// Each algorithm under one of its names. `brotli` and `zstandard` need libraries, which the peers here have.
const NAMES: [(&str, &str); 9] = [
    ("gzip", "application/x-gzip"),
    ("zlib", "application/x-gzip"),
    ("bzip2", "application/x-bz2"),
    ("bzip", "application/x-bz2"),
    ("lzma", "application/x-lzma"),
    ("xz", "application/x-lzma"),
    ("brotli", "application/x-brotli"),
    ("zstd", "application/zstd"),
    ("zstandard", "application/zstd"),
];

fn compressing(vhost: &TestVhost, name: &str) -> String {
    format!("{}?kombu_compression={name}", vhost.url())
}

/// Something that is worth it: 200 000 bytes of text, with more in it than ASCII.
fn text() -> String {
    "instance æ\u{1f984} is at host-1; ".repeat(5_000)
}

#[tokio::test]
async fn python_calls_rust_with_every_compression_of_its_own() {
    let vhost = TestVhost::new("p2r-compression").await.unwrap();
    for (name, _) in NAMES {
        let url = compressing(&vhost, name);
        let server = serve(&url).await;
        let client = PythonClient::start(&url, TOPIC, json!({})).await.unwrap();
        for value in [json!(text()), json!(null)] {
            let answer = client
                .call("echo", json!({"value": value}), json!({}), json!({}))
                .await
                .unwrap();
            assert_eq!(answer["result"], value, "{name}");
        }
        drop(client);
        server.stop().await.unwrap();
    }
}

#[tokio::test]
async fn rust_calls_python_with_every_compression_of_its_own() {
    let vhost = TestVhost::new("r2p-compression").await.unwrap();
    for (name, _) in NAMES {
        let url = compressing(&vhost, name);
        let server = PythonServer::start(&url, TOPIC, name, json!({}))
            .await
            .unwrap();
        let client = Client::of(&url, TOPIC).unwrap().prepare().server(name);
        for value in [json!(text()), json!(null)] {
            let args = json!({"value": value});
            let context = Context::default();
            let answer: Value = client.call(&context, "echo", &args).await.unwrap();
            assert_eq!(answer, value, "{name}");
        }
        server.stop().await.unwrap();
    }
}

/// What lies on the broker, so that the tests above can't pass by not compressing at all.
#[tokio::test]
async fn both_write_the_same_header_and_a_compressed_body() {
    let vhost = TestVhost::new("compression-header").await.unwrap();
    // A server declares the queue and goes.
    let server = serve(&vhost.url()).await;
    server.stop().await.unwrap();
    let broker = PythonPeer::start("raw.py", &json!({"url": vhost.url()})).await;
    let broker = broker.unwrap();
    for (name, header) in NAMES {
        let url = compressing(&vhost, name);
        let args = json!({"value": text()});
        let ours = Client::of(&url, TOPIC).unwrap().prepare();
        ours.cast(&Context::default(), "echo", &args).await.unwrap();
        let theirs = PythonClient::start(&url, TOPIC, json!({})).await.unwrap();
        let cast = theirs.cast("echo", args, json!({}), json!({})).await;
        assert!(cast.unwrap().get("error").is_none());
        for who in ["ours", "theirs"] {
            let get = json!({"op": "get", "queue": TOPIC, "seconds": 5});
            let message = broker.request(get).await.unwrap()["message"].clone();
            assert_eq!(message["headers"]["compression"], *header, "{name}, {who}");
            let length = message["length"].as_u64().unwrap();
            assert!(length < 10_000, "{name}, {who}: {length} bytes");
        }
    }
}
