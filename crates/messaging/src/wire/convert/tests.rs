use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;
use crate::wire::{Charset, Limits, MessageProperties, RawJson, WireError, envelope};

fn read<T: DeserializeOwned + Debug>(json: &str) -> T {
    let read = RawJson::parse(json).unwrap().decode();
    read.unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn refused<T: DeserializeOwned + Debug>(json: &str) -> String {
    let read = RawJson::parse(json).unwrap().decode::<T>();
    read.expect_err(json).to_string()
}

fn written<T: Serialize>(value: T) -> String {
    RawJson::encode(&value).unwrap().to_string()
}

#[test]
fn times_are_read_in_the_peers_forms_and_written_in_utc() {
    for (read_as, written_as) in [
        ("2024-02-03T04:05:06.000789", "2024-02-03T04:05:06.000789"),
        ("2024-02-03T04:05:06", "2024-02-03T04:05:06.000000"),
        ("2026-11-22 00:22:31.631207", "2026-11-22T00:22:31.631207"),
        ("2024-02-03T04:05:06.5", "2024-02-03T04:05:06.500000"),
        ("2024-02-03T04:05:06.1234567", "2024-02-03T04:05:06.123456"),
        ("2024-02-03T04:05:06Z", "2024-02-03T04:05:06.000000"),
        ("2024-02-03T04:05:06+02:00", "2024-02-03T02:05:06.000000"),
        ("2024-03-01T00:00:00+0530", "2024-02-29T18:30:00.000000"),
        (
            "2024-12-31T23:59:59.999999-01",
            "2025-01-01T00:59:59.999999",
        ),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00.000000"),
        ("9999-12-31T23:59:59.999999", "9999-12-31T23:59:59.999999"),
        ("1969-12-31T23:59:59.000001", "1969-12-31T23:59:59.000001"),
    ] {
        let time: DateTime = read(&format!("\"{read_as}\""));
        assert_eq!(written(time), format!("\"{written_as}\""));
    }
}

#[test]
fn what_is_no_time_is_named() {
    for text in [
        "",
        "2024-02-03",
        "2024-02-30T00:00:00",
        "2024-02-03T24:00:00",
        "2024-02-03T00:60:00",
        "2024-02-03T00:00:60",
        "2024-02-03T00:00",
        "2024-02-03T00:00:00.",
        "2024-02-03T00:00:00.x",
        "2024-02-03T00:00:00+",
        "2024-02-03T00:00:00+2",
        "2024-02-03T00:00:00+02:",
        "2024-02-03T00:00:00+02:00Z",
        "2024-02-03T00:00:00 ",
        "24-02-03T00:00:00",
        "0000-02-03T00:00:00",
        "0001-01-01T00:00:00+01:00",
        "2024-02-0éT00:00:00",
    ] {
        let error = refused::<DateTime>(&format!("\"{text}\""));
        assert!(
            error.contains("is not a time YYYY-MM-DDTHH:MM:SS"),
            "{error}"
        );
    }
    refused::<DateTime>("1700000000");
}

#[test]
fn times_are_system_times() {
    let time: DateTime = "2024-02-03T04:05:06.000789".parse().unwrap();
    let system = SystemTime::UNIX_EPOCH + Duration::from_micros(1_706_933_106_000_789);
    assert_eq!(SystemTime::from(time), system);
    assert_eq!(DateTime::try_from(system), Ok(time));
    let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    let time = DateTime::try_from(before).unwrap();
    assert_eq!(
        (time.unix_micros(), SystemTime::from(time)),
        (-1_000_000, before)
    );
    let far = SystemTime::UNIX_EPOCH + Duration::from_hours(100_000_000);
    assert!(DateTime::try_from(far).is_err());
    assert!(DateTime::now().unix_micros() > 1_700_000_000_000_000);
}

#[test]
fn dates() {
    let date: Date = read("\"2024-02-29\"");
    assert_eq!((date.year(), date.month(), date.day()), (2024, 2, 29));
    assert_eq!(written(date), "\"2024-02-29\"");
    for text in [
        "2023-02-29",
        "1900-02-29",
        "2024-13-01",
        "2024-00-01",
        "2024-1-1",
        "2024-02-03T00",
    ] {
        refused::<Date>(&format!("\"{text}\""));
    }
    assert!(Date::new(2000, 2, 29).is_some() && Date::new(10_000, 1, 1).is_none());
}

#[test]
fn uuids_decimals_networks_and_bytes() {
    let dashed = "\"12345678-1234-5678-1234-567812345678\"";
    for text in [
        dashed,
        "\"12345678123456781234567812345678\"",
        "\"12345678-1234-5678-1234-567812345678\"",
    ] {
        assert_eq!(written(read::<Uuid>(text)), dashed);
    }
    let upper = "\"ABCDEF00-1234-5678-1234-567812345678\"";
    assert_eq!(written(read::<Uuid>(upper)), upper.to_lowercase());
    for text in [
        "1234",
        "12345678-1234-5678-1234-56781234567g",
        "1234567-81234-5678-1234-567812345678",
    ] {
        refused::<Uuid>(&format!("\"{text}\""));
    }

    for text in [
        "1.50",
        "-0",
        "1E+5",
        ".5",
        "5.",
        "NaN",
        "-Infinity",
        "sNaN123",
        "1e-999999",
    ] {
        let json = format!("\"{text}\"");
        assert_eq!(written(read::<Decimal>(&json)), json);
    }
    for text in ["", "-", ".", "1e", "1,5", "0x1", "Infinit", "NaNx", "1.2.3"] {
        refused::<Decimal>(&format!("\"{text}\""));
    }

    for text in ["10.0.0.1/8", "::/0", "2001:db8::1/128"] {
        let json = format!("\"{text}\"");
        assert_eq!(written(read::<Network>(&json)), json);
    }
    assert_eq!(read::<Network>("\"10.0.0.1\"").prefix(), 32);
    for text in ["10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::/129"] {
        refused::<Network>(&format!("\"{text}\""));
    }
    assert_eq!(read::<IpAddr>("\"::1\"").to_string(), "::1");

    assert_eq!(read::<ByteText>("\"\\u00e9\"").0, "é".as_bytes());
    assert_eq!(read::<ByteText>("[0, 255]").0, [0, 255]);
    assert_eq!(written(ByteText("é".into())), "\"é\"");
    assert!(RawJson::encode(&ByteText(vec![0xff])).is_err());
    for json in ["\"\\ud800\"", "[256]", "1"] {
        refused::<ByteText>(json);
    }
}

#[test]
fn conversions_work_beside_what_only_python_writes() {
    // The token makes the whole text one for the tolerant reading.
    let (nan, time, id, bytes, ids): (f64, DateTime, Uuid, ByteText, BTreeSet<u8>) =
        read(r#"[NaN, "2024-02-03T04:05:06", "12345678123456781234567812345678", "b", [2, 1, 2]]"#);
    assert!(nan.is_nan());
    assert_eq!(time.to_string(), "2024-02-03T04:05:06.000000");
    assert_eq!(id.as_u128(), 0x1234_5678_1234_5678_1234_5678_1234_5678);
    assert_eq!((bytes.0, ids), (b"b".to_vec(), BTreeSet::from([1, 2])));
    let keys: HashMap<Uuid, f64> = read(r#"{"12345678-1234-5678-1234-567812345678": -Infinity}"#);
    assert!(keys[&id].is_infinite());
    assert_eq!(
        written(HashMap::from([(id, 1)])),
        r#"{"12345678-1234-5678-1234-567812345678":1}"#
    );
}

#[test]
fn pairs_of_kombu_are_undone_at_every_depth() {
    let untagged = |text: &str| RawJson::parse(text).unwrap().untagged().to_string();
    for (tagged, plain) in [
        (
            r#"{"__type__": "datetime", "__value__": "2024-02-03T04:05:06"}"#,
            r#""2024-02-03T04:05:06""#,
        ),
        (
            r#"{"a": [{"__value__": "1.50", "__type__": "decimal"}, 1.0]}"#,
            r#"{"a": ["1.50", 1.0]}"#,
        ),
        (
            r#"[{"__type__": "uuid", "__value__": {"hex": "12345678123456781234567812345678"}}]"#,
            r#"["12345678-1234-5678-1234-567812345678"]"#,
        ),
        (
            r#"{"\u0061": {"__type__": "bytes", "__value__": "\ud800"}}"#,
            r#"{"\u0061": "\ud800"}"#,
        ),
        (
            r#"[{"__type__": "base64", "__value__": "/w=="}, {}, []]"#,
            r#"["/w==", {}, []]"#,
        ),
    ] {
        assert_eq!(untagged(tagged), plain);
    }
    for other in [
        r#"{"__type__": "unknown", "__value__": 1}"#,
        r#"{"__type__": "bytes"}"#,
        r#"{"__type__": "bytes", "__value__": 1, "more": 2}"#,
        r#"{"__type__": "uuid", "__value__": {"hex": "no"}}"#,
        r#"{"__type__": "uuid", "__value__": 1}"#,
        r#"{"__type__": 1, "__value__": 1}"#,
    ] {
        assert_eq!(untagged(other), other);
    }
    let deep = "{\"__type__\": ".repeat(500) + "1" + &"}".repeat(500);
    assert_eq!(untagged(&deep), deep);
}

#[test]
fn pairs_are_undone_in_bodies_without_an_envelope_only() {
    let open = |body: &[u8]| envelope::open(body, &MessageProperties::json(), &Limits::default());
    let body = r#"{"payload": {"at": {"__type__": "date", "__value__": "2024-02-03"}}}"#;
    let bare = open(body.as_bytes()).unwrap();
    assert_eq!(bare.as_str(), r#"{"payload": {"at": "2024-02-03"}}"#);
    let sealed = envelope::seal(&RawJson::parse(body).unwrap(), Charset::Ascii);
    assert_eq!(open(&sealed).unwrap().as_str(), body);
    // It was taken for a payload, which then was a text.
    let whole = br#"{"__type__": "date", "__value__": "2024-02-03"}"#;
    assert_eq!(open(whole), Err(WireError::NotAnObject));
}

proptest! {
    #[test]
    fn every_microsecond_has_its_text(micros in -62_135_596_800_000_000_i64..253_402_300_800_000_000) {
        let time = DateTime::from_unix_micros(micros).unwrap();
        prop_assert_eq!(time.to_string().parse(), Ok(time));
        let date: Date = time.to_string()[..10].parse().unwrap();
        prop_assert_eq!(date.days(), micros.div_euclid(86_400_000_000));
    }

    #[test]
    fn no_text_disturbs(text in ".{0,40}", nearly in "[0-9TZ:.+\\- ]{0,32}") {
        for text in [text, nearly] {
            let _ = text.parse::<DateTime>();
            let _ = (text.parse::<Date>(), text.parse::<Uuid>(), text.parse::<Network>());
            if let Ok(decimal) = text.parse::<Decimal>() {
                prop_assert_eq!(decimal.as_str(), text.as_str());
            }
        }
    }
}
