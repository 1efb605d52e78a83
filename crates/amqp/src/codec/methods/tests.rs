use super::*;
use crate::codec::table::FieldTable;

fn encode(method: &Method<'_>) -> BytesMut {
    let mut buffer = BytesMut::new();
    method.encode(&mut buffer).unwrap();
    buffer
}

#[test]
fn publish_has_the_expected_bytes() {
    let method = Method::from(basic::Publish {
        exchange: "nova",
        routing_key: "conductor",
        mandatory: true,
        immediate: false,
    });
    let bytes = encode(&method);
    assert_eq!(&bytes[..], b"\0\x3C\0\x28\0\0\x04nova\x09conductor\x01");
    assert_eq!(Method::decode(&bytes), Ok(method));
}

#[test]
fn five_bits_share_one_octet() {
    let method = Method::from(queue::Declare {
        queue: "q",
        durable: true,
        auto_delete: true,
        arguments: FieldTable::new().with("x-expires", 1_800_000),
        ..queue::Declare::default()
    });
    let bytes = encode(&method);
    let expected = b"\0\x32\0\x0A\0\0\x01q\x0A\0\0\0\x0F\x09x-expiresI\0\x1B\x77\x40";
    assert_eq!(&bytes[..], expected);
    assert_eq!(Method::decode(&bytes), Ok(method));
}

#[test]
fn reserved_places_are_written_empty_and_skipped_when_read() {
    let open = Method::from(connection::Open { virtual_host: "/" });
    assert_eq!(&encode(&open)[..], b"\0\x0A\0\x28\x01/\0\0");
    assert_eq!(Method::decode(b"\0\x0A\0\x28\x01/\x03abc\x01"), Ok(open));
    let opened = Method::from(channel::OpenOk {});
    assert_eq!(&encode(&opened)[..], b"\0\x14\0\x0B\0\0\0\0");
}

#[test]
fn fields_that_other_codecs_skip_are_there() {
    let qos = Method::from(basic::Qos {
        prefetch_size: 9,
        prefetch_count: 1,
        global: true,
    });
    assert_eq!(&encode(&qos)[..], b"\0\x3C\0\x0A\0\0\0\x09\0\x01\x01");
    assert_eq!(Method::decode(&encode(&qos)), Ok(qos));
    let ticket = Method::from(access::RequestOk { ticket: 3 });
    assert_eq!(Method::decode(&encode(&ticket)), Ok(ticket));
}

#[test]
fn the_table_is_consistent() {
    assert_eq!(METHODS.len(), 66);
    assert!(
        METHODS.is_sorted_by(|a, b| a.id < b.id),
        "sorted, no number twice"
    );
    for info in METHODS {
        for reply in info.replies {
            let answer =
                method_info(*reply).unwrap_or_else(|| panic!("{} of {}", reply.1, info.name));
            let stem = info.name.split('.').next().unwrap();
            assert!(
                answer.name.starts_with(stem) && answer.replies.is_empty(),
                "{}",
                answer.name
            );
            assert!(
                !info.sender.includes_client() || answer.sender.includes_server(),
                "{} can't be answered",
                info.name
            );
        }
        // Every `…-ok` answers something; the handshake's own are among them.
        if info.name.ends_with("-ok") {
            let asked = METHODS
                .iter()
                .any(|request| request.replies.contains(&info.id));
            assert!(asked, "nothing asks for {}", info.name);
        }
    }
}

#[test]
fn methods_know_what_they_are() {
    let get = Method::from(basic::Get {
        queue: "q",
        no_ack: false,
    });
    let empty = Method::from(basic::GetEmpty {});
    assert!(get.is_synchronous() && get.expects_reply() && !get.has_content());
    assert!(empty.answers(get.id()) && !empty.answers(basic::Ack::ID));
    assert_eq!((get.id(), get.name()), ((60, 70), "basic.get"));
    assert_eq!(get.info(), method_info(basic::Get::ID).unwrap());

    let silent = Method::from(queue::Purge {
        queue: "q",
        no_wait: true,
    });
    assert!(silent.is_synchronous() && silent.no_wait() && !silent.expects_reply());

    let deliver = Method::from(basic::Deliver::default());
    assert!(deliver.has_content() && !deliver.info().sender.includes_client());
    let unbound = Method::from(exchange::UnbindOk {});
    assert!(unbound.answers(exchange::Unbind::ID));
}

#[test]
fn unknown_methods_and_trailing_bytes_are_errors() {
    let unknown = DecodeError::UnknownMethod {
        class_id: 60,
        method_id: 41,
    };
    assert_eq!(Method::decode(&[0, 60, 0, 41]), Err(unknown));
    let trailing = DecodeError::TrailingBytes { count: 1 };
    assert_eq!(Method::decode(&[0, 60, 0, 11, 0]), Err(trailing));
}

#[test]
fn a_failed_encoding_leaves_the_buffer_alone() {
    let mut buffer = BytesMut::from(&b"before"[..]);
    let name = "x".repeat(300);
    let method = Method::from(basic::Publish {
        routing_key: &name,
        ..basic::Publish::default()
    });
    let error = EncodeError::ShortStringTooLong { length: 300 };
    assert_eq!(method.encode(&mut buffer), Err(error));
    assert_eq!(&buffer[..], b"before");
}

#[test]
fn credentials_are_not_shown() {
    let login = connection::StartOk {
        mechanism: "PLAIN",
        response: Secret(b"\0guest\0sesame"),
        ..connection::StartOk::default()
    };
    let shown = format!("{login:?}");
    assert!(shown.contains("PLAIN") && shown.contains("***"), "{shown}");
    assert!(
        !shown.contains("115, 101") && !shown.contains("sesame"),
        "{shown}"
    );
}
