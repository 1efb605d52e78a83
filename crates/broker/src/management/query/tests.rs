use super::{Query, escape, segments};

#[test]
fn paths_are_cut_before_their_escapes_are_read() {
    assert_eq!(
        segments("/api/queues/%2F/a%2Fb").unwrap(),
        ["api", "queues", "/", "a/b"]
    );
    assert_eq!(segments("/api/queues/").unwrap(), ["api", "queues"]);
    assert_eq!(segments("/api//queues").unwrap(), ["api", "", "queues"]);
    assert_eq!(segments("/a+b/%C3%BC").unwrap(), ["a+b", "ü"]);
    for broken in ["api", "/%2", "/%", "/%zz", "/%FF", "/%+1"] {
        assert_eq!(segments(broken), None, "{broken}");
    }
}

#[test]
fn queries_are_read() {
    let query = Query::parse("page=1&name=a+b%26&use_regex=true&flag&page=2");
    assert_eq!(query.get("page"), Some("1"));
    assert_eq!(query.get("name"), Some("a b&"));
    assert_eq!(query.get("flag"), Some(""));
    assert_eq!(query.get("missing"), None);
    assert!(query.is_true("use_regex"));
    assert!(!query.is_true("flag"));
}

#[test]
fn keys_are_escaped_as_rabbitmq_does() {
    assert_eq!(escape("r 2/~"), "r+2%2F%7E");
    assert_eq!(escape("a.#"), "a.%23");
}
