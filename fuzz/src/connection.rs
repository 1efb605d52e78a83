//! AMQP's state machine, fed with any bytes in the middle of its life, in both roles.
//!
//! The first byte says how the rest is taken (`Script`): as the peer's bytes as they are, or as
//! parcels of frames and of commands of the owner, so that mutations need not find lengths and frame
//! ends by themselves.

use std::time::{Duration, Instant};

use bergen_amqp::{
    codec::{Frame, frame::PROTOCOL_HEADER},
    protocol::{ClientConfig, Connection, Event, Login, ServerConfig},
};
use bytes::{Buf, BufMut, BytesMut};

mod client;
mod server;

pub use client::client;
pub use server::server;

/// Longest body that is gathered, so that longer ones are within reach.
const MAX_BODY: u64 = 3000;

/// Size of whole frames that both ends agree on.
const FRAME_MAX: u32 = 8192;

/// How the data is taken.
struct Script<'a> {
    /// The peer's bytes come as they are, rather than in parcels.
    raw: bool,
    /// The handshake is done before.
    connected: bool,
    /// Into how long pieces the peer's bytes are cut.
    pieces: usize,
    data: &'a [u8],
}

impl<'a> Script<'a> {
    fn new(data: &'a [u8]) -> Option<Self> {
        let (&first, data) = data.split_first()?;
        Some(Self {
            raw: first & 1 != 0,
            connected: first & 2 == 0,
            pieces: match first >> 4 {
                0 => usize::MAX,
                length => length.into(),
            },
            data,
        })
    }

    /// The next parcel: what it is, its channel, and up to 255 bytes.
    fn parcel(&mut self) -> Option<(u8, u16, &'a [u8])> {
        let (&[kind, channel, length], rest) = self.data.split_first_chunk()?;
        let (payload, rest) = rest.split_at(rest.len().min(length.into()));
        self.data = rest;
        Some((kind, channel.into(), payload))
    }
}

/// One end and what it has read and written.
struct End {
    connection: Connection,
    input: BytesMut,
    written: BytesMut,
    greeted: bool,
    now: Instant,
    over: bool,
}

impl End {
    fn client() -> Self {
        let mut config = ClientConfig::new(Login::plain("guest", "guest"));
        config.max_body_size = MAX_BODY;
        config.frame_max = FRAME_MAX;
        let now = Instant::now();
        Self::new(Connection::client(config, now), now, false)
    }

    fn server() -> Self {
        let mut config = ServerConfig::default();
        config.max_body_size = MAX_BODY;
        config.frame_max = FRAME_MAX;
        let now = Instant::now();
        Self::new(Connection::server(config, now), now, true)
    }

    fn new(connection: Connection, now: Instant, greeted: bool) -> Self {
        Self {
            connection,
            input: BytesMut::new(),
            written: BytesMut::new(),
            greeted,
            now,
            over: false,
        }
    }

    /// Takes the peer's bytes, in pieces.
    fn feed(&mut self, bytes: &[u8], pieces: usize) {
        for piece in bytes.chunks(pieces) {
            self.input.extend_from_slice(piece);
            self.connection.handle_input(&mut self.input, self.now);
        }
    }

    /// Lets time pass.
    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.connection.handle_timeout(self.now);
    }

    /// The next event. Nothing comes behind the end.
    fn event(&mut self) -> Option<Event> {
        let event = self.connection.poll_event()?;
        assert!(!self.over, "{event:?} behind the end");
        self.over = matches!(event, Event::Closed { .. });
        Some(event)
    }

    /// Writes all there is. It must consist of frames.
    fn write(&mut self) -> BytesMut {
        let mut fresh = BytesMut::new();
        while self.connection.output(self.now).has_remaining() {
            let output = self.connection.output(self.now);
            fresh.put(output.copy_to_bytes(output.remaining()));
        }
        self.written.extend_from_slice(&fresh);
        if !self.greeted && self.written.len() >= PROTOCOL_HEADER.len() {
            assert!(self.written.starts_with(&PROTOCOL_HEADER));
            self.written.advance(PROTOCOL_HEADER.len());
            self.greeted = true;
        }
        let refused = self.written.starts_with(&PROTOCOL_HEADER);
        while self.greeted && !refused && !self.written.is_empty() {
            match Frame::decode(
                &self.written,
                usize::try_from(FRAME_MAX).unwrap_or(usize::MAX),
            ) {
                Ok(Some((_, length))) => self.written.advance(length),
                other => panic!("not a frame: {other:?} in {:02x?}", self.written),
            }
        }
        fresh
    }
}

/// Carries the handshake to its end.
fn shake_hands(client: &mut End, server: &mut End) {
    for _ in 0..6 {
        let bytes = client.write();
        server.feed(&bytes, usize::MAX);
        while server.event().is_some() {
            server.connection.accept();
        }
        let bytes = server.write();
        client.feed(&bytes, usize::MAX);
    }
    while client.event().is_some() {}
    assert!(client.connection.is_connected() && server.connection.is_connected());
}

/// A frame of a parcel; `None` if the parcel is a command of the owner.
fn frame(kind: u8, channel: u16, payload: &[u8]) -> Option<BytesMut> {
    let mut bytes = BytesMut::new();
    let (frame_type, payload) = match kind & 0x0F {
        0..=3 => (1, payload.to_vec()),
        4 | 5 => (2, payload.to_vec()),
        // Long enough to be shared with the input rather than copied.
        6 => (3, payload.repeat(1 + usize::from(kind >> 4))),
        7 => (3, payload.to_vec()),
        8 => (8, payload.to_vec()),
        9 => {
            bytes.extend_from_slice(payload);
            return Some(bytes);
        }
        _ => return None,
    };
    bytes.put_u8(frame_type);
    bytes.put_u16(channel);
    bytes.put_u32(u32::try_from(payload.len()).unwrap_or(u32::MAX));
    bytes.extend_from_slice(&payload);
    bytes.put_u8(0xCE);
    Some(bytes)
}
