//! A client that says whatever a test wants it to.

use std::net::SocketAddr;

use bergen_amqp::codec::frame::{self, FRAME_END, FrameStart, PROTOCOL_HEADER};
use bergen_amqp::codec::methods::{Secret, basic, channel, connection};
use bergen_amqp::codec::{BasicProperties, FieldTable, FieldValue, FrameKind, Method};
use bergen_broker::Broker;
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{address, within};

/// A socket, and what was read from it.
pub(super) struct Raw {
    pub(super) stream: TcpStream,
    input: BytesMut,
}

/// A frame with its payload as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) kind: FrameKind,
    pub(super) channel: u16,
    pub(super) payload: Vec<u8>,
}

impl Received {
    pub(super) fn method(&self) -> Method<'_> {
        assert_eq!(self.kind, FrameKind::Method, "{self:?}");
        Method::decode(&self.payload).unwrap()
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.kind == FrameKind::Method && self.method().name() == name
    }
}

impl Raw {
    /// A socket on which nothing was said.
    pub(super) async fn connect(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
            input: BytesMut::new(),
        }
    }

    /// Logged in as `guest`, without any capabilities.
    pub(super) async fn open(broker: &Broker) -> Self {
        Self::open_with(broker, &[], "/", 0).await
    }

    /// Logged in as `guest`.
    pub(super) async fn open_with(
        broker: &Broker,
        capabilities: &[&str],
        virtual_host: &str,
        heartbeat: u16,
    ) -> Self {
        let mut raw = Self::logged_in(broker, capabilities, heartbeat).await;
        raw.send(0, connection::Open { virtual_host }).await;
        assert!(raw.next().await.is("connection.open-ok"));
        raw
    }

    /// Up to `tune-ok`.
    pub(super) async fn logged_in(broker: &Broker, capabilities: &[&str], heartbeat: u16) -> Self {
        let mut raw = Self::connect(address(broker)).await;
        raw.write(&PROTOCOL_HEADER).await;
        assert!(raw.next().await.is("connection.start"));
        raw.log_in(capabilities, "PLAIN", b"\0guest\0guest").await;
        assert!(raw.next().await.is("connection.tune"));
        let tune_ok = connection::TuneOk {
            channel_max: 2047,
            frame_max: 131_072,
            heartbeat,
        };
        raw.send(0, tune_ok).await;
        raw
    }

    pub(super) async fn log_in(&mut self, capabilities: &[&str], mechanism: &str, response: &[u8]) {
        let capabilities: FieldTable<'_> = capabilities.iter().map(|name| (*name, true)).collect();
        let client_properties =
            FieldTable::new().with("capabilities", FieldValue::Table(capabilities));
        let start_ok = connection::StartOk {
            client_properties,
            mechanism,
            response: Secret(response),
            locale: "en_US",
        };
        self.send(0, start_ok).await;
    }

    pub(super) async fn open_channel(&mut self, number: u16) {
        self.send(number, channel::Open {}).await;
        assert!(self.next().await.is("channel.open-ok"));
    }

    pub(super) async fn send<'a>(&mut self, channel: u16, method: impl Into<Method<'a>>) {
        let bytes = encoded(channel, method);
        self.write(&bytes).await;
    }

    pub(super) async fn publish(&mut self, channel: u16, routing_key: &str, body: &[u8]) {
        let bytes = published(channel, "", routing_key, &BasicProperties::default(), body);
        self.write(&bytes).await;
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) {
        within(self.stream.write_all(bytes)).await.unwrap();
    }

    /// The next frame but heartbeats.
    pub(super) async fn next(&mut self) -> Received {
        self.try_next().await.expect("the stream has ended")
    }

    /// The next frame but heartbeats, or the end of the stream.
    pub(super) async fn try_next(&mut self) -> Option<Received> {
        loop {
            if let Some(frame) = self.take() {
                if frame.kind != FrameKind::Heartbeat {
                    return Some(frame);
                }
                continue;
            }
            match within(self.stream.read_buf(&mut self.input)).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// A message that follows: its properties and its body.
    pub(super) async fn content(&mut self) -> (Vec<u8>, Vec<u8>) {
        let header = self.next().await;
        assert_eq!(header.kind, FrameKind::Header);
        let size = u64::from_be_bytes(header.payload[4..12].try_into().unwrap());
        let mut body = Vec::new();
        while body.len() < usize::try_from(size).unwrap() {
            let piece = self.next().await;
            assert_eq!(piece.kind, FrameKind::Body);
            body.extend(piece.payload);
        }
        (header.payload[12..].to_vec(), body)
    }

    /// Expects the broker to close the connection with this code; answers, and sees the end of the stream.
    pub(super) async fn closed(&mut self, code: u16) -> String {
        loop {
            let frame = self.next().await;
            if !frame.is("connection.close") {
                continue;
            }
            let Method::ConnectionClose(close) = frame.method() else {
                unreachable!()
            };
            assert_eq!(close.reply_code, code, "{close:?}");
            let text = close.reply_text.to_owned();
            self.send(0, connection::CloseOk {}).await;
            while self.try_next().await.is_some() {}
            return text;
        }
    }

    /// Expects the broker to close this channel with this code, and answers.
    pub(super) async fn channel_closed(&mut self, channel: u16, code: u16) -> (String, (u16, u16)) {
        let frame = self.next().await;
        let Method::ChannelClose(close) = frame.method() else {
            panic!("{frame:?}")
        };
        assert_eq!(
            (frame.channel, close.reply_code),
            (channel, code),
            "{close:?}"
        );
        let told = (
            close.reply_text.to_owned(),
            (close.class_id, close.method_id),
        );
        self.send(channel, channel::CloseOk {}).await;
        told
    }

    fn take(&mut self) -> Option<Received> {
        let start = FrameStart::decode(&self.input, usize::MAX).unwrap()?;
        if self.input.len() < start.frame_len() {
            return None;
        }
        let frame = self.input.split_to(start.frame_len());
        assert_eq!(frame.last(), Some(&FRAME_END));
        Some(Received {
            kind: start.kind,
            channel: start.channel,
            payload: frame[FrameStart::SIZE..frame.len() - 1].to_vec(),
        })
    }
}

pub(super) fn encoded<'a>(channel: u16, method: impl Into<Method<'a>>) -> BytesMut {
    let mut bytes = BytesMut::new();
    frame::encode_method(channel, &method.into(), 131_072, &mut bytes).unwrap();
    bytes
}

/// All frames of a publish.
pub(super) fn published(
    channel: u16,
    exchange: &str,
    routing_key: &str,
    properties: &BasicProperties<'_>,
    body: &[u8],
) -> BytesMut {
    let publish = basic::Publish {
        exchange,
        routing_key,
        ..basic::Publish::default()
    };
    let mut bytes = encoded(channel, publish);
    let size = body.len().try_into().unwrap();
    frame::encode_header(channel, size, properties, 131_072, &mut bytes).unwrap();
    frame::encode_body(channel, body, 131_072, &mut bytes).unwrap();
    bytes
}

/// A frame of any kind and content.
pub(super) fn frame_of(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    [
        &[kind][..],
        &channel.to_be_bytes(),
        &length.to_be_bytes(),
        payload,
        &[FRAME_END],
    ]
    .concat()
}
