use bergen_amqp::codec::FieldValue;

use super::*;

fn position(start: StreamOffset) -> StreamPosition {
    StreamPosition::new("compute_fanout".into(), start)
}

fn at(value: Argument) -> Arguments {
    vec![("x-stream-offset", value)]
}

#[test]
fn reading_goes_on_at_the_last_delivery_and_begins_again_in_a_new_stream() {
    for (start, word) in [(StreamOffset::Next, "next"), (StreamOffset::Last, "last")] {
        let position = position(start);
        let start = at(Argument::Text(word.into()));
        assert_eq!(position.consume_arguments(), start);
        assert!(!position.is_silent(), "nothing has to come");
        for offset in [0, 41] {
            assert!(position.passed(offset));
            let arguments = at(Argument::Long(offset.try_into().unwrap()));
            assert_eq!(position.consume_arguments(), arguments);
            assert!(position.is_silent());
            assert!(!position.passed(offset), "it comes again");
            assert!(!position.is_silent());
        }
        position.reset();
        assert_eq!(position.consume_arguments(), start);
    }
}

#[test]
fn positions_beyond_all_reason_are_numbers_of_the_wire_all_the_same() {
    let position = position(StreamOffset::Next);
    position.passed(u64::MAX);
    assert_eq!(position.consume_arguments(), at(Argument::Long(i64::MAX)));
}

#[test]
fn a_stream_in_which_the_last_delivery_is_missing_is_read_from_its_time_on() {
    let position = position(StreamOffset::Next);
    assert!(position.passed(7));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    position.lose();
    let [(_, Argument::Timestamp(from))] = position.consume_arguments()[..] else {
        panic!("no time");
    };
    let before = now.as_secs() - from;
    assert!((58..=62).contains(&before), "{before} s");
    assert!(!position.is_silent(), "there may be nothing since then");
    assert!(position.passed(0));
    assert_eq!(position.consume_arguments(), at(Argument::Long(0)));
}

/// A consumer whose replica is gone is not told.
#[test]
fn a_stream_is_quiet_when_nothing_came_for_a_while_and_nothing_is_in_work() {
    let position = position(StreamOffset::Next);
    assert!(!position.is_quiet(), "there is no place to read on at");
    position.passed(3);
    assert!(!position.is_quiet());
    assert!(position.is_quiet());
    let request = position.in_work().upgrade();
    assert!(!position.is_quiet());
    drop(request);
    position.passed(4);
    assert!(!position.is_quiet());
    assert!(position.is_quiet());
    position.reset();
    assert!(!position.is_quiet());
}

#[test]
fn an_offset_is_a_number_in_a_header() {
    let headers = |value| {
        let mut headers = FieldTable::new();
        headers.insert("x-stream-offset", value);
        headers
    };
    assert_eq!(offset(Some(&headers(FieldValue::I64(7)))), Some(7));
    assert_eq!(offset(Some(&headers(FieldValue::I32(0)))), Some(0));
    for odd in [FieldValue::I64(-1), FieldValue::Bool(true)] {
        assert_eq!(offset(Some(&headers(odd))), None);
    }
    assert_eq!(offset(Some(&FieldTable::new())), None);
    assert_eq!(offset(None), None);
}

#[test]
fn nothing_is_rejected_because_a_stream_takes_nothing_back() {
    let requeue = Disposition::Reject { requeue: true };
    let reject = Disposition::Reject { requeue: false };
    for rejected in [requeue, reject, Disposition::Ack] {
        assert_eq!(settled(rejected), Disposition::Ack);
    }
    assert_eq!(settled(Disposition::Hold), Disposition::Hold);
}
