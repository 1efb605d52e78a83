use super::*;

#[tokio::test]
async fn addresses_with_and_without_port() {
    for (typed, expected) in [
        ("127.0.0.1", "127.0.0.1:5672"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("::1", "[::1]:5672"),
        ("[::1]", "[::1]:5672"),
        ("[::1]:1", "[::1]:1"),
        ("0.0.0.0", "0.0.0.0:5672"),
    ] {
        let found = addresses(typed, PORT).await.unwrap();
        assert_eq!(found, [expected.parse().unwrap()], "{typed}");
    }
    let local = addresses("localhost:7", PORT).await.unwrap();
    assert!(
        local
            .iter()
            .all(|address| address.ip().is_loopback() && address.port() == 7)
    );
    let text = addresses("127.0.0.1:x", PORT).await.unwrap_err().text();
    assert!(text.contains("--listen 127.0.0.1:x"), "{text}");
}
