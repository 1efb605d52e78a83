use super::*;

fn at(seconds: u64, micros: u32) -> String {
    timestamp(UNIX_EPOCH + Duration::new(seconds, micros * 1000))
}

#[test]
fn timestamps_are_pythons() {
    assert_eq!(at(0, 0), "1970-01-01 00:00:00");
    assert_eq!(at(1_795_306_951, 609_619), "2026-11-22 00:22:31.609619");
    assert_eq!(at(951_782_399, 1), "2000-02-28 23:59:59.000001");
    assert_eq!(at(951_782_400, 0), "2000-02-29 00:00:00");
    assert_eq!(at(4_107_542_400, 0), "2100-03-01 00:00:00");
}

#[test]
fn ids_are_dashed() {
    assert_eq!(
        dashed(Id::from(0x6d9f_fe79_7b9b_4c2b_b4d2_cf53_09db_aa94)),
        "6d9ffe79-7b9b-4c2b-b4d2-cf5309dbaa94"
    );
}

#[test]
fn both_formats_come_back_as_they_went() {
    let mut sent = Notification::new(
        "compute.host-1",
        "it.is",
        Priority::Info,
        RawJson::parse("{\"a\": 1}").unwrap(),
    );
    sent.context.insert("user_id", "u1").unwrap();
    sent.unique_id = Some("0f".to_owned());
    for bare in [false, true] {
        let body = sent.encode(bare, Charset::Ascii).unwrap();
        let received =
            Notification::decode(&body, &MessageProperties::json(), &Limits::default()).unwrap();
        assert_eq!(received, sent, "bare: {bare}");
    }
}

#[test]
fn what_is_not_an_object_is_refused() {
    let decoded = Notification::decode(b"[1]", &MessageProperties::json(), &Limits::default());
    assert_eq!(decoded, Err(WireError::NotAnObject));
}
