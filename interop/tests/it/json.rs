//! Python's JSON, both ways: what oslo.messaging makes of values that JSON has no form for arrives
//! in types, and what Rust writes arrives in Python as the value that was meant.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;
use std::net::IpAddr;
use std::time::Duration;

use bergen::prelude::*;
use bergen::rpc::{CallError, PreparedClient};
use bergen::wire::convert::{ByteText, Date, DateTime, Decimal, Network, Uuid};
use bergen::wire::{Context, RawJson};
use bergen_interop::{Client, transport};
use bergen_testbed::{PythonPeer, TestVhost};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The service of Python, and that of Rust.
const THEIRS: &str = "values";
const OURS: &str = "typed";

struct Python {
    vhost: TestVhost,
    peer: PythonPeer,
    client: PreparedClient,
}

impl Python {
    async fn start(test: &str) -> Self {
        let vhost = TestVhost::new(test).await.unwrap();
        let options = json!({"url": vhost.url(), "topic": THEIRS, "server": "host-1"});
        let peer = PythonPeer::start("json_values.py", &options).await.unwrap();
        let client = Client::of(&vhost.url(), THEIRS)
            .unwrap()
            .prepare()
            .timeout(Duration::from_secs(15));
        Self {
            vhost,
            peer,
            client,
        }
    }

    /// The value of an expression, returned by a method in Python.
    async fn value<T: DeserializeOwned + 'static>(&self, expression: &str) -> T {
        let args = json!({"expression": expression});
        let result = self
            .client
            .call(&Context::default(), "evaluate", &args)
            .await;
        result.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// What a value is in Python when a method there takes it.
    async fn shown<T: Serialize>(&self, value: T) -> String {
        let args = BTreeMap::from([("value", RawJson::encode(&value).unwrap())]);
        let shown = self.client.call(&Context::default(), "show", &args).await;
        shown.unwrap()
    }

    /// Calls a method in Rust with the value of an expression; what it returns, shown by Python.
    async fn call(&self, method: &str, expression: &str) -> Value {
        let args = json!({"value": expression});
        let command = json!({"op": "call", "topic": OURS, "method": method, "args": args});
        self.peer.request(command).await.unwrap()
    }

    async fn texts(&self, command: Value) -> Vec<String> {
        let answer = self.peer.request(command).await.unwrap();
        serde_json::from_value(answer["texts"].clone()).unwrap_or_else(|_| panic!("{answer}"))
    }
}

fn parsed<T: std::str::FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

#[tokio::test]
async fn what_a_python_method_returns_arrives_in_types() {
    let python = Python::start("json-returned").await;
    for naive in [
        "datetime.datetime(2024, 2, 3, 4, 5, 6, 789)",
        // A zone is dropped by the peer, not converted.
        "datetime.datetime(2024, 2, 3, 4, 5, 6, 789, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))",
    ] {
        let time: DateTime = python.value(naive).await;
        assert_eq!(time.to_string(), "2024-02-03T04:05:06.000789");
    }
    let date: Date = python.value("datetime.date(2024, 2, 29)").await;
    assert_eq!(Some(date), Date::new(2024, 2, 29));
    let uuid: Uuid = python.value("UUID(int=0x1234)").await;
    assert_eq!(uuid.as_u128(), 0x1234);
    let decimals: Vec<Decimal> = python
        .value("[Decimal('1.50'), Decimal('1E+5'), Decimal('-Infinity'), Decimal('NaN')]")
        .await;
    let decimals: Vec<_> = decimals.iter().map(Decimal::as_str).collect();
    assert_eq!(decimals, ["1.50", "1E+5", "-Infinity", "NaN"]);
    let bytes: (ByteText, ByteText) = python.value("(b'bytes', bytearray(b'\\x00\\xff'))").await;
    assert_eq!((bytes.0.0, bytes.1.0), (b"bytes".to_vec(), vec![0, 0xff]));

    for set in [
        "{1, 2, 3}",
        "frozenset((1, 2, 3))",
        "(1, 2, 3)",
        "collections.deque([1, 2, 3])",
        "range(1, 4)",
        "{1: 'a', 2: 'b', 3: 'c'}.keys()",
        "map(int, '123')",
    ] {
        let numbers: BTreeSet<u8> = python.value(set).await;
        assert_eq!(numbers, BTreeSet::from([1, 2, 3]), "{set}");
    }

    let addresses: Vec<IpAddr> = python
        .value("[ipaddress.ip_address('10.0.0.1'), ipaddress.ip_address('::1'), netaddr.IPAddress('fe80::1')]")
        .await;
    let expected = ["10.0.0.1", "::1", "fe80::1"].map(parsed::<IpAddr>);
    assert_eq!(addresses, expected);
    let network: Network = python.value("netaddr.IPNetwork('10.0.0.1/8')").await;
    assert_eq!(network, parsed("10.0.0.1/8"));
    let every_address: Vec<IpAddr> = python.value("ipaddress.ip_network('10.0.0.0/30')").await;
    assert_eq!(every_address.len(), 4);

    let texts: Vec<String> = python
        .value("[ValueError('no', 1), Exception, Name.SEVEN]")
        .await;
    assert_eq!(
        texts,
        ["ValueError('no', 1)", "<class 'Exception'>", "seven"]
    );
    let number: u8 = python.value("Number.SEVEN").await;
    assert_eq!(number, 7);
    let items: BTreeMap<String, u8> = python.value("Mapping()").await;
    assert_eq!(items, BTreeMap::from([("a".to_owned(), 1)]));
}

#[tokio::test]
async fn odd_numbers_keys_and_texts_of_python_arrive() {
    let python = Python::start("json-odd").await;
    let floats: Vec<f64> = python
        .value("[float('nan'), float('inf'), -float('inf'), 1.0, 1, 10**30, 1e400, 5e-324]")
        .await;
    assert!(floats[0].is_nan());
    let expected = [
        f64::INFINITY,
        f64::NEG_INFINITY,
        1.0,
        1.0,
        1e30,
        f64::INFINITY,
        5e-324,
    ];
    assert_eq!(floats[1..], expected);
    let big: (i128, u128) = python.value("(-10**30, 2**128 - 1)").await;
    assert_eq!(big, (-(10_i128.pow(30)), u128::MAX));
    let bigger: RawJson = python.value("10**60").await;
    assert_eq!(bigger.as_str(), format!("1{}", "0".repeat(60)));
    let integer: RawJson = python.value("1.0").await;
    assert_eq!(integer.as_str(), "1.0");

    let integers: HashMap<i64, bool> = python.value("{1: True, -2: False}").await;
    assert_eq!(integers, HashMap::from([(1, true), (-2, false)]));
    let booleans: HashMap<bool, u8> = python.value("{True: 1, False: 0}").await;
    assert_eq!(booleans, HashMap::from([(true, 1), (false, 0)]));
    let others: BTreeMap<String, f64> = python.value("{1.0: float('nan'), None: 2}").await;
    assert_eq!(others.keys().collect::<Vec<_>>(), ["1.0", "null"]);

    let lone: RawJson = python.value("'a\\ud800b'").await;
    assert_eq!(lone.as_str(), r#""a\ud800b""#);
    let args = json!({"expression": "'\\ud800'"});
    let refused: Result<String, CallError> = python
        .client
        .call(&Context::default(), "evaluate", &args)
        .await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("lone surrogate \\ud800"), "{refused}");

    let deep: Value = python.value("deep(200)").await;
    assert_eq!(depth(&deep), 200);
}

fn depth(value: &Value) -> usize {
    let inner = |value: &Value| value.as_array().and_then(|array| array.first()).cloned();
    std::iter::successors(inner(value), inner).count()
}

#[tokio::test]
async fn what_rust_sends_is_the_value_that_python_has() {
    let python = Python::start("json-sent").await;
    let time: DateTime = parsed("2024-02-03T04:05:06+02:00");
    let uuid = Uuid::from(0x1234);
    let shown = [
        (python.shown(time).await, "'2024-02-03T02:05:06.000000'"),
        (python.shown(Date::new(2024, 2, 3)).await, "'2024-02-03'"),
        (
            python.shown(uuid).await,
            "'00000000-0000-0000-0000-000000001234'",
        ),
        (python.shown(parsed::<Decimal>("1.50")).await, "'1.50'"),
        (python.shown(ByteText("é".into())).await, "'\\xe9'"),
        (
            python.shown(parsed::<Network>("10.0.0.0/8")).await,
            "'10.0.0.0/8'",
        ),
        (python.shown(parsed::<IpAddr>("::1")).await, "'::1'"),
        (python.shown(BTreeSet::from([2, 1])).await, "[1, 2]"),
        (python.shown((1, 1.0, -0.0)).await, "[1, 1.0, -0.0]"),
        (
            python.shown([1e16, 1e-5, f64::MAX, 5e-324]).await,
            "[1e+16, 1e-05, 1.7976931348623157e+308, 5e-324]",
        ),
        (
            python
                .shown([f64::NAN, f64::INFINITY, f64::NEG_INFINITY])
                .await,
            "[nan, inf, -inf]",
        ),
        (
            python.shown((i128::MIN, u128::MAX)).await,
            "[-170141183460469231731687303715884105728, 340282366920938463463374607431768211455]",
        ),
        (
            python.shown(BTreeMap::from([(-1, true)])).await,
            "{'-1': True}",
        ),
        (
            python.shown(BTreeMap::from([(true, None::<u8>)])).await,
            "{'true': None}",
        ),
        (
            python.shown("snow \u{2603} \u{1f984} \u{7f}\u{0}").await,
            "'snow \\u2603 \\U0001f984 \\x7f\\x00'",
        ),
        (
            python.shown(RawJson::parse(r#""\ud800""#).unwrap()).await,
            "'\\ud800'",
        ),
        (
            python
                .shown(RawJson::parse(r#"{"a": 1, "a": 2}"#).unwrap())
                .await,
            "{'a': 2}",
        ),
    ];
    for (is, expected) in shown {
        assert_eq!(is, expected);
    }
    let deep = RawJson::parse("[".repeat(300) + "1" + &"]".repeat(300)).unwrap();
    let args = BTreeMap::from([("value", deep)]);
    let levels: u32 = python
        .client
        .call(&Context::default(), "depth", &args)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(levels, 300);
}

/// Methods whose arguments are types; each returns what it got.
struct Typed;

#[endpoint]
impl Typed {
    #[rpc]
    async fn time(&self, value: DateTime) -> DateTime {
        value
    }

    #[rpc]
    async fn uuid(&self, value: Uuid) -> Uuid {
        value
    }

    #[rpc]
    async fn decimal(&self, value: Decimal) -> Decimal {
        value
    }

    #[rpc]
    async fn address(&self, value: IpAddr) -> IpAddr {
        value
    }

    #[rpc]
    async fn float(&self, value: f64) -> f64 {
        value
    }

    #[rpc]
    async fn big(&self, value: i128) -> i128 {
        value
    }

    #[rpc]
    async fn set(&self, value: BTreeSet<u8>) -> BTreeSet<u8> {
        value
    }

    #[rpc]
    async fn keys(&self, value: BTreeMap<i64, bool>) -> BTreeMap<i64, bool> {
        value
    }

    #[rpc]
    async fn text(&self, value: String) -> String {
        value
    }

    #[rpc]
    async fn bytes(&self, value: ByteText) -> ByteText {
        value
    }

    #[rpc]
    async fn raw(&self, value: RawJson) -> RawJson {
        value
    }
}

#[tokio::test]
async fn arguments_from_python_are_types_and_what_they_become_goes_back() {
    let python = Python::start("json-arguments").await;
    let transport = transport(&python.vhost.url()).unwrap();
    let server = RpcServer::builder(&transport, ServerTarget::new(OURS, "host-1"))
        .endpoint(Typed)
        .build();
    server.start().await.unwrap();
    for (method, expression, shown) in [
        (
            "time",
            "datetime.datetime(2024, 2, 3, 4, 5, 6)",
            "'2024-02-03T04:05:06.000000'",
        ),
        (
            "time",
            "'2024-02-03 04:05:06+02:00'",
            "'2024-02-03T02:05:06.000000'",
        ),
        (
            "uuid",
            "UUID(int=0x1234).hex",
            "'00000000-0000-0000-0000-000000001234'",
        ),
        ("decimal", "Decimal('0.10')", "'0.10'"),
        ("address", "ipaddress.ip_address('::1')", "'::1'"),
        ("float", "float('nan')", "nan"),
        ("float", "-float('inf')", "-inf"),
        ("float", "1", "1.0"),
        ("float", "1e16", "1e+16"),
        ("big", "10**30", "1000000000000000000000000000000"),
        ("set", "{2, 1}", "[1, 2]"),
        ("keys", "{2: True, 1: False}", "{'1': False, '2': True}"),
        ("text", "'\\xe9\\U0001f984'", "'\\xe9\\U0001f984'"),
        ("bytes", "b'\\xc3\\xa9'", "'\\xe9'"),
        ("raw", "'\\ud800'", "'\\ud800'"),
        ("raw", "[float('nan'), 10**60 % 7, 1.0]", "[nan, 1, 1.0]"),
    ] {
        let answer = python.call(method, expression).await;
        assert_eq!(
            answer["result"],
            json!(shown),
            "{method} {expression}: {answer}"
        );
    }
    let deep = python.call("raw", "deep(200)").await;
    assert_eq!(deep["depth"], json!(200), "{deep}");
    for (method, expression, problem) in [
        ("text", "'\\ud800'", "lone surrogate"),
        ("big", "10**60", "value"),
        ("time", "'yesterday'", "is not a time"),
        ("uuid", "'1234'", "is not a UUID"),
        ("float", "'1'", "value"),
    ] {
        let answer = python.call(method, expression).await;
        let error = answer["error"]["str"].as_str().unwrap_or_default();
        assert!(error.contains(problem), "{method} {expression}: {answer}");
    }

    // Python cannot send a key twice, so this is put into the queue by hand.
    let raw = PythonPeer::start("raw.py", &json!({"url": python.vhost.url()}))
        .await
        .unwrap();
    let answer = raw
        .request(json!({"op": "declare", "queue": "reply_by_hand"}))
        .await
        .unwrap();
    assert!(answer.get("error").is_none(), "{answer}");
    let body = r#"{"method": "none", "method": "float", "args": {"value": 1, "value": 2}, "_msg_id": "m1", "_reply_q": "reply_by_hand"}"#;
    let publish = json!({"op": "publish", "routing_key": OURS, "body": body});
    let answer = raw.request(publish).await.unwrap();
    assert!(answer.get("error").is_none(), "{answer}");
    let get = json!({"op": "get", "queue": "reply_by_hand", "seconds": 10});
    let answer = raw.request(get).await.unwrap();
    let body = answer["message"]["body"].as_str();
    let body = body.unwrap_or_else(|| panic!("{answer}"));
    assert!(body.contains(r#"\"result\": 2.0"#), "{body}");
    server.stop().await.unwrap();
    server.wait().await.unwrap();
}

#[tokio::test]
async fn what_python_cannot_send_is_not_answered() {
    let python = Python::start("json-unsendable").await;
    let client = python.client.prepare().timeout(Duration::from_secs(2));
    for expression in ["datetime.timedelta(1)", "1j", "{(1, 2): 3}"] {
        let args = json!({"expression": expression});
        let ended: Result<Value, CallError> =
            client.call(&Context::default(), "evaluate", &args).await;
        assert!(ended.is_err(), "{expression}: {ended:?}");
    }
    let answer = python.call("raw", "datetime.time(1, 2)").await;
    assert_eq!(answer["error"]["type"], json!("ValueError"), "{answer}");
}

/// Numbers, texts and values that are made at random, but the same in each run.
fn random_value(random: &mut u64, depth: u32) -> Value {
    let mut next = |limit: u64| {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        *random % limit
    };
    match next(if depth == 0 { 6 } else { 8 }) {
        0 => Value::Null,
        1 => Value::from(next(2) == 0),
        2 => Value::from(next(u64::MAX).cast_signed() >> next(64)),
        3 => Value::from(f64::from_bits(next(u64::MAX))),
        4 => {
            let digits = f64::from(u32::try_from(next(1 << 20)).unwrap());
            let places = i32::try_from(next(48)).unwrap();
            Value::from(digits * 10_f64.powi(places - 24))
        }
        5 => {
            let length = next(12);
            let character = |_| char::from_u32(u32::try_from(next(0x1_2000)).unwrap());
            Value::from((0..length).filter_map(character).collect::<String>())
        }
        6 => {
            let length = next(5);
            let elements = (0..length).map(|_| random_value(random, depth - 1));
            elements.collect::<Vec<_>>().into()
        }
        _ => {
            let length = next(5);
            let member = |index| (format!("\u{e9}\"{index}"), random_value(random, depth - 1));
            Value::Object((0..length).map(member).collect())
        }
    }
}

#[tokio::test]
async fn random_values_are_written_to_the_byte_like_json_dumps_and_read_back() {
    let python = Python::start("json-random").await;
    let mut random = 0x9e37_79b9_7f4a_7c15;
    for _ in 0..10 {
        let values: Vec<Value> = (0..400).map(|_| random_value(&mut random, 4)).collect();
        let encoded = |encode: fn(&Value) -> _| -> Vec<String> {
            let encode = |value| -> Result<RawJson, _> { encode(value) };
            let texts = values
                .iter()
                .map(|value| encode(value).unwrap().to_string());
            texts.collect()
        };
        let exact = encoded(RawJson::encode_like_python);
        let short = encoded(RawJson::encode);
        let from_exact = python.texts(json!({"op": "rewrite", "texts": exact})).await;
        let from_short = python.texts(json!({"op": "rewrite", "texts": short})).await;
        for (index, value) in values.iter().enumerate() {
            assert_eq!(exact[index], from_exact[index], "{value}");
            assert_eq!(exact[index], from_short[index], "{value}");
            let read: Value = RawJson::parse(from_exact[index].as_str())
                .unwrap()
                .decode()
                .unwrap();
            assert_eq!(read, *value);
        }
    }
}

#[tokio::test]
async fn what_json_cannot_hold_is_written_as_by_json_dumps() {
    let python = Python::start("json-dumps").await;
    let cases = [
        (
            "[float('nan'), float('inf'), -float('inf')]",
            dumps(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
        ),
        ("10**38", dumps(&10_i128.pow(38))),
        (
            "{True: 1, False: 0}",
            dumps(&Pairs([(true, 1), (false, 0)])),
        ),
        ("{None: 1, 5: 2}", dumps(&Pairs([(None, 1), (Some(5), 2)]))),
        ("{1.0: 1, 1e22: 2}", dumps(&Pairs([(1.0, 1), (1e22, 2)]))),
        (
            r#"'\x00\x08\x0c\x7f\x80/"\\ \u2028'"#,
            dumps("\u{0}\u{8}\u{c}\u{7f}\u{80}/\"\\ \u{2028}"),
        ),
    ];
    let expressions: Vec<_> = cases.iter().map(|(expression, _)| *expression).collect();
    let theirs = python
        .texts(json!({"op": "dumps", "expressions": expressions}))
        .await;
    for ((expression, ours), theirs) in cases.iter().zip(&theirs) {
        assert_eq!(ours, theirs, "{expression}");
    }
}

fn dumps<T: Serialize + ?Sized>(value: &T) -> String {
    RawJson::encode_like_python(value).unwrap().to_string()
}

/// A map with these keys in this order.
struct Pairs<K, const N: usize>([(K, u8); N]);

impl<K: Serialize, const N: usize> Serialize for Pairs<K, N> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}
