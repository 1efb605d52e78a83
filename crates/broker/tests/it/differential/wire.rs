//! One connection, and all that the broker says on it.

use std::{
    collections::VecDeque,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use bergen_amqp::codec::{
    BasicProperties, FieldTable, FieldValue, Frame, Method,
    frame::{self, PROTOCOL_HEADER},
    methods::{Secret, basic, channel, connection},
};
use bytes::{Buf, BytesMut};

const FRAME_MAX: usize = 131_072;

/// As long as an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A broker to connect to.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) address: SocketAddr,
    pub(super) virtual_host: String,
}

/// What a broker said on a channel.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    /// The answer to the flow that marks the end of a turn.
    FlowOk,
    Deliver {
        consumer: String,
        tag: u64,
        what: Content,
    },
    Got {
        tag: u64,
        left: u32,
        what: Content,
    },
    Confirmed {
        tag: u64,
        multiple: bool,
        ack: bool,
    },
    ChannelClosed(String),
    ConnectionClosed(String),
    /// Anything else, as it is shown.
    Other(String),
}

/// A message that came, without what differs from run to run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Content {
    pub(super) redelivered: bool,
    pub(super) exchange: String,
    pub(super) routing_key: String,
    pub(super) properties: BasicProperties<'static>,
    pub(super) body: String,
}

/// A connection. What is said on it waits in the order in which it came.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    input: BytesMut,
    output: BytesMut,
    said: VecDeque<(u16, Said)>,
    half: Option<(u16, Half)>,
}

/// A content that is not whole.
#[derive(Debug)]
struct Half {
    said: Said,
    left: u64,
    body: Vec<u8>,
}

impl Wire {
    /// A connection with channels 1 to `channels` open.
    pub(super) fn open(place: &Place, channels: u16) -> Self {
        let stream = TcpStream::connect(place.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut wire = Self {
            stream,
            input: BytesMut::new(),
            output: BytesMut::new(),
            said: VecDeque::new(),
            half: None,
        };
        wire.output.extend_from_slice(&PROTOCOL_HEADER);
        wire.flush();
        wire.other("Start");
        let capabilities = FieldTable::new()
            .with("consumer_cancel_notify", true)
            .with("basic.nack", true)
            .with("publisher_confirms", true)
            .with("authentication_failure_close", true);
        wire.send(
            0,
            connection::StartOk {
                client_properties: FieldTable::new().with("capabilities", capabilities),
                mechanism: "PLAIN",
                response: Secret(b"\0guest\0guest"),
                locale: "en_US",
            },
        );
        wire.flush();
        wire.other("Tune");
        wire.send(
            0,
            connection::TuneOk {
                channel_max: 100,
                frame_max: u32::try_from(FRAME_MAX).unwrap(),
                heartbeat: 0,
            },
        );
        let virtual_host = &place.virtual_host;
        wire.send(0, connection::Open { virtual_host });
        wire.flush();
        wire.other("OpenOk");
        for number in 1..=channels {
            wire.open_channel(number);
        }
        wire
    }

    pub(super) fn open_channel(&mut self, number: u16) {
        self.send(number, channel::Open {});
        self.flush();
        self.wait_for(
            number,
            |said| matches!(said, Said::Other(text) if text.contains("OpenOk")),
        );
    }

    /// Ends the connection in order; the broker has let go of it when this returns.
    pub(super) fn close(mut self) {
        self.send(
            0,
            connection::Close {
                reply_code: 200,
                reply_text: "",
                class_id: 0,
                method_id: 0,
            },
        );
        self.flush();
        self.wait_for(
            0,
            |said| matches!(said, Said::Other(text) if text.contains("CloseOk")),
        );
    }

    pub(super) fn send<'a>(&mut self, channel: u16, method: impl Into<Method<'a>>) {
        frame::encode_method(channel, &method.into(), FRAME_MAX, &mut self.output).unwrap();
    }

    pub(super) fn publish(
        &mut self,
        channel: u16,
        publish: basic::Publish<'_>,
        properties: &BasicProperties<'_>,
        body: &[u8],
    ) {
        self.send(channel, publish);
        frame::encode_header(
            channel,
            body.len() as u64,
            properties,
            FRAME_MAX,
            &mut self.output,
        )
        .unwrap();
        if !body.is_empty() {
            let frame = Frame::Body {
                channel,
                payload: body,
            };
            frame.encode(FRAME_MAX, &mut self.output).unwrap();
        }
    }

    pub(super) fn flush(&mut self) {
        // Who was closed hears of it when it reads.
        let _ = self.stream.write_all(&self.output);
        self.output.clear();
    }

    /// The next thing that is said. A broker that hangs up says so too.
    pub(super) fn next(&mut self) -> (u16, Said) {
        loop {
            if let Some(said) = self.said.pop_front() {
                return said;
            }
            let mut buffer = [0; 8_192];
            match self.stream.read(&mut buffer) {
                Ok(0) => return (0, Said::ConnectionClosed("hung up".into())),
                Ok(length) => self.input.extend_from_slice(&buffer[..length]),
                Err(error) => return (0, Said::ConnectionClosed(format!("{:?}", error.kind()))),
            }
            self.parse();
        }
    }

    /// Reads until this came, which must come; what else comes meanwhile is forgotten.
    fn wait_for(&mut self, channel: u16, what: impl Fn(&Said) -> bool) {
        loop {
            let (on, said) = self.next();
            if on == channel && what(&said) {
                return;
            }
            assert!(!matches!(said, Said::ConnectionClosed(_)), "{said:?}");
        }
    }

    fn other(&mut self, name: &str) {
        let (_, said) = self.next();
        assert!(
            matches!(&said, Said::Other(text) if text.contains(name)),
            "{name} was awaited, not {said:?}"
        );
    }

    fn parse(&mut self) {
        loop {
            let length = match Frame::decode(&self.input, FRAME_MAX).unwrap() {
                None => return,
                Some((frame, length)) => {
                    let channel = frame.channel();
                    let is_method = matches!(frame, Frame::Method { .. });
                    match frame {
                        Frame::Method { method, .. } => {
                            let said = said(&method);
                            if method.has_content() {
                                let half = Half {
                                    said,
                                    left: 0,
                                    body: Vec::new(),
                                };
                                self.half = Some((channel, half));
                            } else {
                                self.said.push_back((channel, said));
                            }
                        }
                        Frame::Header { header, .. } => {
                            let (_, half) = self.half.as_mut().unwrap();
                            half.left = header.body_size;
                            let properties = settled(header.properties.into_owned());
                            match &mut half.said {
                                Said::Deliver { what, .. } | Said::Got { what, .. } => {
                                    what.properties = properties;
                                }
                                Said::Other(text) => *text = format!("{text} {properties:?}"),
                                other => panic!("{other:?}"),
                            }
                        }
                        Frame::Body { payload, .. } => {
                            let (_, half) = self.half.as_mut().unwrap();
                            half.left -= payload.len() as u64;
                            half.body.extend_from_slice(payload);
                        }
                        Frame::Heartbeat => {}
                    }
                    if !is_method && self.half.as_ref().is_some_and(|(_, half)| half.left == 0) {
                        let (channel, half) = self.half.take().unwrap();
                        self.said.push_back((channel, whole(half)));
                    }
                    length
                }
            };
            self.input.advance(length);
        }
    }
}

fn whole(half: Half) -> Said {
    let text = String::from_utf8(half.body).unwrap();
    match half.said {
        Said::Deliver {
            consumer,
            tag,
            mut what,
        } => {
            what.body = text;
            Said::Deliver {
                consumer,
                tag,
                what,
            }
        }
        Said::Got {
            tag,
            left,
            mut what,
        } => {
            what.body = text;
            Said::Got { tag, left, what }
        }
        Said::Other(other) => Said::Other(format!("{other} {text:?}")),
        other => other,
    }
}

fn said(method: &Method<'_>) -> Said {
    let content = |redelivered, exchange: &str, routing_key: &str| Content {
        redelivered,
        exchange: exchange.to_owned(),
        routing_key: routing_key.to_owned(),
        properties: BasicProperties::default(),
        body: String::new(),
    };
    match method {
        Method::ChannelFlowOk(_) => Said::FlowOk,
        Method::BasicDeliver(deliver) => Said::Deliver {
            consumer: deliver.consumer_tag.to_owned(),
            tag: deliver.delivery_tag,
            what: content(deliver.redelivered, deliver.exchange, deliver.routing_key),
        },
        Method::BasicGetOk(got) => Said::Got {
            tag: got.delivery_tag,
            left: got.message_count,
            what: content(got.redelivered, got.exchange, got.routing_key),
        },
        Method::BasicAck(ack) => Said::Confirmed {
            tag: ack.delivery_tag,
            multiple: ack.multiple,
            ack: true,
        },
        Method::BasicNack(nack) => Said::Confirmed {
            tag: nack.delivery_tag,
            multiple: nack.multiple,
            ack: false,
        },
        Method::ChannelClose(close) => Said::ChannelClosed(format!("{close:?}")),
        Method::ConnectionClose(close) => Said::ConnectionClosed(format!("{close:?}")),
        other => Said::Other(format!("{other:?}")),
    }
}

/// Without times of day and the order of headers.
fn settled(mut properties: BasicProperties<'static>) -> BasicProperties<'static> {
    properties.headers = properties.headers.map(sorted);
    properties
}

fn sorted(table: FieldTable<'static>) -> FieldTable<'static> {
    let mut pairs: Vec<_> = table.into_iter().collect();
    pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    pairs
        .into_iter()
        .map(|(name, value)| (name, timeless(value)))
        .collect()
}

fn timeless(value: FieldValue<'static>) -> FieldValue<'static> {
    match value {
        FieldValue::Timestamp(_) => FieldValue::Timestamp(0),
        FieldValue::Table(table) => FieldValue::Table(sorted(table)),
        FieldValue::Array(values) => FieldValue::Array(values.into_iter().map(timeless).collect()),
        other => other,
    }
}
