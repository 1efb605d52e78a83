//! The codec alone: values to the bytes of the socket and back, without socket or runtime.

use std::hint::black_box;
use std::time::Instant;

use bergen::wire::{
    self, CallIds, Charset, Id, Limits, MessageProperties, Outcome, RawJson, RequestIds,
};
use bergen_amqp::codec::methods::{basic, confirm};
use bergen_amqp::protocol::{
    ChannelId, ClientConfig, Connection, Delivery, Event, Login, Publish, ServerConfig,
};
use bergen_bench::BenchError;
use bergen_bench::rpc::{context, failed};
use bytes::{Buf, Bytes, BytesMut};

use crate::messages::{self, REPLY_QUEUE, TOPIC};
use crate::sections::measured_part;

/// How many messages leave or arrive in one turn, as under load.
const TURN: usize = 32;

pub(crate) fn encode_request(count: usize) -> Result<(), BenchError> {
    let value = messages::value();
    let context = context()?;
    let mut client = Pair::connected()?;
    client.send(count, || {
        let request = messages::request(messages::arguments(&value)?, context.clone());
        let call = CallIds {
            msg_id: Id::new(),
            reply_q: REPLY_QUEUE,
            cancel: true,
        };
        let ids = RequestIds {
            unique_id: Id::new(),
            call: Some(call),
        };
        Ok(wire::encode_request(&request, &ids, Charset::Utf8))
    })
}

pub(crate) fn encode_reply(count: usize) -> Result<(), BenchError> {
    let value = messages::value();
    let msg_id = Id::new().to_string();
    let mut server = Pair::connected()?;
    server.send(count, || {
        let outcome = Outcome::Result(RawJson::encode(&value).map_err(failed)?);
        let id = Id::new();
        Ok(wire::encode_reply(&msg_id, &outcome, id, Charset::Utf8))
    })
}

pub(crate) fn decode_request(count: usize) -> Result<(), BenchError> {
    let (_, body) = messages::Requests::new()?.next();
    Pair::connected()?.receive(count, &body, |delivery| {
        let (body, properties) = opened(delivery);
        black_box(wire::decode_request(&body, &properties, &Limits::default()).map_err(failed)?);
        Ok(())
    })
}

pub(crate) fn decode_reply(count: usize) -> Result<(), BenchError> {
    let result = RawJson::encode(&messages::value()).map_err(failed)?;
    let msg_id = Id::new().to_string();
    let outcome = Outcome::Result(result);
    let body = wire::encode_reply(&msg_id, &outcome, Id::new(), Charset::Utf8);
    Pair::connected()?.receive(count, &body, |delivery| {
        let (body, properties) = opened(delivery);
        let reply = wire::decode_reply(&body, &properties, &Limits::default()).map_err(failed)?;
        black_box(reply.result.decode::<String>().map_err(failed)?);
        Ok(())
    })
}

fn opened(delivery: Delivery) -> (Bytes, MessageProperties) {
    let properties = MessageProperties {
        content_type: delivery.properties.content_type,
        content_encoding: delivery.properties.content_encoding,
        compression: None,
        expiration: None,
    };
    (delivery.body, properties)
}

/// A client that has logged in to a broker in memory and has one channel, with confirms and a consumer.
struct Pair {
    client: Connection,
    server: Connection,
    channel: ChannelId,
    server_channel: ChannelId,
    now: Instant,
}

impl Pair {
    fn connected() -> Result<Self, BenchError> {
        let now = Instant::now();
        let login = Login::plain("guest", "guest");
        let mut client = Connection::client(ClientConfig::new(login), now);
        let mut server = Connection::server(ServerConfig::default(), now);
        while !client.is_connected() {
            carry(&mut client, &mut server, now);
            while server.poll_event().is_some() {
                server.accept();
            }
            carry(&mut server, &mut client, now);
        }
        while client.poll_event().is_some() {}
        let channel = client.open_channel().map_err(failed)?;
        let select = confirm::Select::default().into();
        client.request(channel, &select).map_err(failed)?;
        let consume = basic::Consume {
            queue: TOPIC,
            consumer_tag: "1",
            ..basic::Consume::default()
        };
        client.request(channel, &consume.into()).map_err(failed)?;
        carry(&mut client, &mut server, now);
        let mut opened = None;
        while let Some(event) = server.poll_event() {
            if let Event::ChannelOpened { channel } = event {
                opened = Some(channel);
            }
        }
        let server_channel = opened.ok_or_else(|| failed("no channel was opened"))?;
        for answer in [
            confirm::SelectOk {}.into(),
            basic::ConsumeOk { consumer_tag: "1" }.into(),
        ] {
            server.send(server_channel, &answer).map_err(failed)?;
        }
        carry(&mut server, &mut client, now);
        while client.poll_event().is_some() {}
        Ok(Self {
            client,
            server,
            channel,
            server_channel,
            now,
        })
    }

    /// Counts what it takes to make bodies and to frame them; confirms come between the turns.
    fn send(
        &mut self,
        count: usize,
        mut body: impl FnMut() -> Result<Bytes, BenchError>,
    ) -> Result<(), BenchError> {
        let mut sent = 0;
        let mut warm = false;
        while sent < count {
            let mut outcome = Ok(());
            let mut turn = || outcome = self.send_turn(&mut body);
            if std::mem::replace(&mut warm, true) {
                measured_part(&mut turn);
                sent += TURN;
            } else {
                turn();
            }
            outcome?;
            self.confirm()?;
        }
        Ok(())
    }

    fn send_turn(
        &mut self,
        body: &mut impl FnMut() -> Result<Bytes, BenchError>,
    ) -> Result<(), BenchError> {
        for _ in 0..TURN {
            let mut properties = messages::properties();
            properties.expiration = Some("60000".into());
            properties.message_id = Some(Id::new().to_string().into());
            let publish = Publish {
                exchange: "openstack",
                routing_key: TOPIC,
                mandatory: true,
                properties: &properties,
                body: body()?,
            };
            self.client
                .publish(self.channel, &publish)
                .map_err(failed)?;
        }
        let output = self.client.output(self.now);
        black_box(output.chunk());
        output.advance(output.remaining());
        Ok(())
    }

    fn confirm(&mut self) -> Result<(), BenchError> {
        let waiting = self.client.unconfirmed(self.channel);
        let ack = basic::Ack {
            delivery_tag: 0,
            multiple: true,
        };
        let sent = self.server.send(self.server_channel, &ack.into());
        sent.map_err(failed)?;
        carry(&mut self.server, &mut self.client, self.now);
        while self.client.poll_event().is_some() {}
        if waiting != TURN || self.client.unconfirmed(self.channel) != 0 {
            return Err(failed("the confirms do not fit the publishes"));
        }
        Ok(())
    }

    /// Counts what it takes to read deliveries of `body` out of frames, and what `take` does.
    fn receive(
        &mut self,
        count: usize,
        body: &Bytes,
        mut take: impl FnMut(Delivery) -> Result<(), BenchError>,
    ) -> Result<(), BenchError> {
        let mut received = 0;
        let mut warm = false;
        let mut tag = 0;
        while received < count {
            for _ in 0..TURN {
                tag += 1;
                self.deliver(tag, body.clone())?;
            }
            let mut input = BytesMut::new();
            drain(&mut self.server, &mut input, self.now);
            let mut outcome = Ok(0);
            let mut turn = || outcome = self.receive_turn(&mut input, &mut take);
            if std::mem::replace(&mut warm, true) {
                measured_part(&mut turn);
                received += TURN;
            } else {
                turn();
            }
            if outcome? != TURN {
                return Err(failed("deliveries are missing"));
            }
            self.client.ack(self.channel, tag, true).map_err(failed)?;
            carry(&mut self.client, &mut self.server, self.now);
            while self.server.poll_event().is_some() {}
        }
        Ok(())
    }

    fn deliver(&mut self, delivery_tag: u64, body: Bytes) -> Result<(), BenchError> {
        let deliver = basic::Deliver {
            consumer_tag: "1",
            delivery_tag,
            redelivered: false,
            exchange: "openstack",
            routing_key: TOPIC,
        };
        let sent = self.server.send_content(
            self.server_channel,
            &deliver.into(),
            &messages::properties(),
            body,
        );
        sent.map_err(failed)
    }

    fn receive_turn(
        &mut self,
        input: &mut BytesMut,
        take: &mut impl FnMut(Delivery) -> Result<(), BenchError>,
    ) -> Result<usize, BenchError> {
        self.client.handle_input(input, self.now);
        let mut taken = 0;
        while let Some(event) = self.client.poll_event() {
            if let Event::Delivery { delivery, .. } = event {
                take(*delivery)?;
                taken += 1;
            }
        }
        Ok(taken)
    }
}

/// Brings all bytes of one end to the other.
fn carry(from: &mut Connection, to: &mut Connection, now: Instant) {
    let mut bytes = BytesMut::new();
    drain(from, &mut bytes, now);
    to.handle_input(&mut bytes, now);
}

fn drain(from: &mut Connection, into: &mut BytesMut, now: Instant) {
    while from.has_output() {
        let output = from.output(now);
        into.extend_from_slice(output.chunk());
        output.advance(output.chunk().len());
    }
}
