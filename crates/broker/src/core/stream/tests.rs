use bergen_amqp::codec::BasicProperties;
use bytes::Bytes;

use super::*;

fn message(body: &'static str) -> Arc<Message<Bytes>> {
    Arc::new(Message {
        exchange: "".into(),
        routing_key: "log".into(),
        properties: BasicProperties::default(),
        body: body.into(),
    })
}

/// Messages at 0, 10, 20 ….
fn stream(settings: &QueueSettings, messages: usize) -> Stream<Bytes> {
    let mut stream = Stream::new(settings);
    for number in 0..messages {
        let position = stream.append(message("12345"), number as u64 * 10);
        assert_eq!(position, Position(number as u64));
    }
    stream
}

#[test]
fn reading_takes_nothing() {
    let stream = stream(&QueueSettings::default(), 3);
    assert_eq!(
        (stream.first(), stream.next(), stream.len(), stream.bytes()),
        (0, 3, 3, 15)
    );
    assert!(stream.get(2).is_some());
    assert!(stream.get(2).is_some());
    assert!(stream.get(3).is_none());
}

#[test]
fn consumers_begin_where_they_ask() {
    let mut stream = stream(&QueueSettings::default(), 5);
    stream.truncate(Position(1));
    let from = |start| stream.start(start, 100);
    assert_eq!(from(StreamStart::First), 1);
    assert_eq!(from(StreamStart::Last), 4);
    assert_eq!(from(StreamStart::Next), 5);
    assert_eq!(from(StreamStart::Offset(0)), 1);
    assert_eq!(from(StreamStart::Offset(3)), 3);
    assert_eq!(from(StreamStart::Offset(9)), 9);
    assert_eq!(from(StreamStart::Since(0)), 1);
    assert_eq!(from(StreamStart::Since(20)), 2);
    assert_eq!(from(StreamStart::Since(21)), 3);
    assert_eq!(from(StreamStart::Since(1000)), 5);
    assert_eq!(from(StreamStart::Age(Duration::from_millis(70))), 3);
    assert_eq!(from(StreamStart::Age(Duration::from_secs(1))), 1);
    let empty = Stream::<Bytes>::new(&QueueSettings::default());
    assert_eq!(empty.start(StreamStart::Last, 0), 0);
}

#[test]
fn what_is_too_old_goes() {
    let settings = QueueSettings {
        max_age: Some(Duration::from_millis(25)),
        ..QueueSettings::default()
    };
    let mut stream = stream(&settings, 4);
    assert_eq!(stream.next_expiry(), Some(25));
    assert_eq!(stream.expire(24), None);
    assert_eq!(stream.expire(36), Some(Position(2)));
    assert_eq!(stream.next_expiry(), Some(45));
    assert_eq!(stream.expire(1000), Some(Position(4)));
    assert_eq!((stream.first(), stream.next(), stream.bytes()), (4, 4, 0));
    assert_eq!(stream.append(message("a"), 1000), Position(4));
}

#[test]
fn what_is_too_much_goes_but_never_the_last() {
    let settings = QueueSettings {
        max_length_bytes: Some(12),
        ..QueueSettings::default()
    };
    let mut stream = stream(&settings, 4);
    assert_eq!(stream.expire(0), Some(Position(2)));
    assert_eq!(stream.bytes(), 10);
    stream.append(message("much more than it holds"), 0);
    assert_eq!(stream.expire(0), Some(Position(4)));
    assert_eq!(stream.len(), 1);
}

#[test]
fn offsets_outlive_a_restart() {
    let mut stream = Stream::new(&QueueSettings::default());
    stream.truncate(Position(7));
    stream.restore(Position(7), message("a"), 1);
    stream.restore(Position(8), message("b"), 2);
    assert_eq!((stream.first(), stream.next()), (7, 9));
    assert_eq!(stream.get(8).unwrap().body, "b");
    let mut compacted = Stream::new(&QueueSettings::default());
    compacted.restore(Position(3), message("a"), 1);
    assert_eq!((compacted.first(), compacted.next()), (3, 4));
}

#[test]
fn offsets_are_named_as_rabbitmq_takes_them() {
    for (value, expected) in [
        (FieldValue::from("first"), StreamStart::First),
        ("last".into(), StreamStart::Last),
        ("next".into(), StreamStart::Next),
        ("5m".into(), StreamStart::Age(Duration::from_mins(5))),
        ("1Y".into(), StreamStart::Age(Duration::from_hours(8760))),
        (7.into(), StreamStart::Offset(7)),
        ((1_i64 << 40).into(), StreamStart::Offset(1 << 40)),
        ((-1).into(), StreamStart::Offset(0)),
        (FieldValue::Timestamp(5), StreamStart::Since(5000)),
    ] {
        assert_eq!(StreamStart::parse(&value), Ok(expected));
    }
    assert_eq!(
        StreamStart::parse(&"5".into()),
        Err("{invalid_stream_offset_arg,{longstr,<<\"5\">>}}".into())
    );
    assert_eq!(
        StreamStart::parse(&true.into()),
        Err("{invalid_stream_offset_arg,{bool,true}}".into())
    );
}
