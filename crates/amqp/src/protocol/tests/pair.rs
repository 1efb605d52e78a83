//! Two peers and the wire between them.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes, BytesMut};

use crate::{
    codec::{
        BasicProperties, Method,
        methods::{basic, confirm},
    },
    protocol::{ChannelId, ClientConfig, Connection, Event, Login, Reply, RequestId, ServerConfig},
};

/// A client and a server, connected by a wire with latency that cuts the stream anywhere.
pub(super) struct Pair {
    pub(super) client: Peer,
    pub(super) server: Peer,
    pub(super) now: Instant,
    /// Time from one end to the other; up to as much again is added at random.
    pub(super) latency: Duration,
    /// Whether the stream is cut into pieces of random size.
    pub(super) cut_frames: bool,
    /// Bytes vanish, and nobody is told.
    pub(super) silent: bool,
    /// The same for what one of them sends.
    pub(super) unheard: Option<End>,
    rng: fastrand::Rng,
}

/// Which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Client,
    Server,
}

/// One end.
pub(super) struct Peer {
    pub(super) connection: Connection,
    pub(super) events: VecDeque<Event>,
    input: BytesMut,
    /// What is under way to this end, and when it arrives.
    wire: VecDeque<(Instant, Bytes)>,
}

impl Pair {
    pub(super) fn new(client: ClientConfig, server: ServerConfig, seed: u64) -> Self {
        let now = Instant::now();
        Self {
            client: Peer::new(Connection::client(client, now)),
            server: Peer::new(Connection::server(server, now)),
            now,
            latency: Duration::from_millis(1),
            cut_frames: true,
            silent: false,
            unheard: None,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// A pair with default settings that has shaken hands.
    pub(super) fn connected() -> Self {
        Self::connected_with(client_config(), ServerConfig::default(), 1)
    }

    pub(super) fn connected_with(client: ClientConfig, server: ServerConfig, seed: u64) -> Self {
        let mut pair = Self::new(client, server, seed);
        pair.shake_hands();
        assert!(pair.client.connection.is_connected() && pair.server.connection.is_connected());
        assert!(matches!(pair.client.event(), Event::Connected { .. }));
        assert!(matches!(pair.server.event(), Event::Connected { .. }));
        pair
    }

    /// Lets the server accept whoever comes.
    pub(super) fn shake_hands(&mut self) {
        for _ in 0..2 {
            self.drive();
            if let Some(Event::LoginRequested { .. } | Event::OpenRequested { .. }) =
                self.server.events.front()
            {
                self.server.events.pop_front();
                self.server.connection.accept();
            }
        }
        self.drive();
    }

    /// Opens a channel and says how each end calls it.
    pub(super) fn open_channel(&mut self) -> (ChannelId, ChannelId) {
        let client = self.client.connection.open_channel().unwrap();
        self.drive();
        assert_eq!(
            self.client.event(),
            Event::ChannelOpened { channel: client }
        );
        let Event::ChannelOpened { channel: server } = self.server.event() else {
            panic!("the server saw no channel");
        };
        (client, server)
    }

    /// Opens a channel with confirms.
    pub(super) fn open_confirming(&mut self) -> (ChannelId, ChannelId) {
        let (client, server) = self.open_channel();
        self.exchange(
            client,
            server,
            &confirm::Select::default().into(),
            &[confirm::SelectOk {}.into()],
        );
        (client, server)
    }

    /// Opens a channel with a consumer named `c`.
    pub(super) fn open_consuming(&mut self) -> (ChannelId, ChannelId) {
        let (client, server) = self.open_channel();
        let consume = basic::Consume {
            queue: "q",
            consumer_tag: "c",
            ..Default::default()
        };
        self.exchange(
            client,
            server,
            &consume.into(),
            &[basic::ConsumeOk { consumer_tag: "c" }.into()],
        );
        (client, server)
    }

    /// Makes a request, lets the server say `answers`, and returns the reply.
    pub(super) fn exchange(
        &mut self,
        client: ChannelId,
        server: ChannelId,
        request: &Method<'_>,
        answers: &[Method<'_>],
    ) -> Reply {
        let id = self.client.connection.request(client, request).unwrap();
        self.drive();
        self.server.method();
        for answer in answers {
            self.server.connection.send(server, answer).unwrap();
        }
        self.drive();
        self.client.reply(id)
    }

    /// Lets the server deliver one message to consumer `c`.
    pub(super) fn deliver(&mut self, server: ChannelId, delivery_tag: u64, body: &'static [u8]) {
        let method = basic::Deliver {
            consumer_tag: "c",
            delivery_tag,
            ..Default::default()
        };
        self.server
            .connection
            .send_content(
                server,
                &method.into(),
                &BasicProperties::default(),
                Bytes::from_static(body),
            )
            .unwrap();
    }

    /// Carries bytes to and fro until nothing moves. Time passes as the latency demands; timers do
    /// not fire.
    pub(super) fn drive(&mut self) {
        loop {
            self.transmit();
            let arrivals = [&self.client, &self.server].map(Peer::arrival);
            let Some(next) = arrivals.into_iter().flatten().min() else {
                return;
            };
            self.now = self.now.max(next);
            self.client.receive(self.now);
            self.server.receive(self.now);
        }
    }

    /// Lets time pass; bytes arrive and timers fire when they are due.
    pub(super) fn advance(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            self.transmit();
            let peers = [&self.client, &self.server];
            let arrivals = peers.map(Peer::arrival);
            let timers = peers.map(|peer| peer.connection.poll_timeout());
            let next = arrivals.into_iter().chain(timers).flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            for peer in [&mut self.client, &mut self.server] {
                peer.receive(self.now);
                peer.connection.handle_timeout(self.now);
                peer.collect();
            }
        }
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        let peers = [&self.client, &self.server];
        peers
            .iter()
            .all(|peer| peer.wire.is_empty() && !peer.connection.has_output())
    }

    /// The connection breaks; what is under way is lost. Both ends notice.
    pub(super) fn cut(&mut self) {
        for peer in [&mut self.client, &mut self.server] {
            peer.wire.clear();
            peer.connection.handle_eof();
            peer.collect();
        }
    }

    /// Puts what both ends want to send on the wire.
    pub(super) fn transmit(&mut self) {
        let from_client = self.client.take_output(self.now);
        let from_server = self.server.take_output(self.now);
        if !self.silent && self.unheard != Some(End::Client) {
            let pieces = self.pieces(from_client, self.server.last_arrival());
            self.server.wire.extend(pieces);
        }
        if !self.silent && self.unheard != Some(End::Server) {
            let pieces = self.pieces(from_server, self.client.last_arrival());
            self.client.wire.extend(pieces);
        }
    }

    /// Cuts a stream, and says when each piece arrives: in order, and not before `last`.
    fn pieces(&mut self, mut bytes: BytesMut, last: Option<Instant>) -> Vec<(Instant, Bytes)> {
        let mut pieces = Vec::new();
        let mut arrival = (self.now + self.latency).max(last.unwrap_or(self.now));
        while bytes.has_remaining() {
            let mut length = bytes.len();
            if self.cut_frames {
                let most = [1, 20, 300, 100_000][self.rng.usize(..4)];
                length = self.rng.usize(1..=length.min(most));
                if self.rng.u8(..10) == 0 {
                    arrival += self.latency.mul_f64(self.rng.f64());
                }
            }
            pieces.push((arrival, bytes.split_to(length).freeze()));
        }
        pieces
    }
}

impl Peer {
    fn new(connection: Connection) -> Self {
        Self {
            connection,
            events: VecDeque::new(),
            input: BytesMut::new(),
            wire: VecDeque::new(),
        }
    }

    /// The next event, which must be there.
    pub(super) fn event(&mut self) -> Event {
        self.collect();
        self.events.pop_front().expect("an event")
    }

    /// All events so far.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        self.collect();
        self.events.drain(..).collect()
    }

    /// The next event, which must be the reply to `request`.
    pub(super) fn reply(&mut self, request: RequestId) -> Reply {
        match self.event() {
            Event::Reply {
                request: answered,
                reply,
                ..
            } if answered == request => reply,
            other => panic!("not the reply to {request:?}: {other:?}"),
        }
    }

    /// The next event, which must be a method; its name.
    pub(super) fn method(&mut self) -> &'static str {
        match self.event() {
            Event::Method { method, .. } => method.decode().unwrap().name(),
            other => panic!("not a method: {other:?}"),
        }
    }

    /// All that it wants to send now.
    pub(super) fn take_output(&mut self, now: Instant) -> BytesMut {
        let mut bytes = BytesMut::new();
        while self.connection.output(now).has_remaining() {
            // In slices, as a socket would take them.
            let output = self.connection.output(now);
            let mut slices = [std::io::IoSlice::new(&[]); 3];
            let count = output.chunks_vectored(&mut slices);
            let before = bytes.len();
            for slice in &slices[..count] {
                bytes.extend_from_slice(slice);
            }
            output.advance(bytes.len() - before);
        }
        assert!(!self.connection.has_output());
        bytes
    }

    /// Bytes out of nowhere.
    pub(super) fn inject(&mut self, bytes: &[u8], now: Instant) {
        self.input.extend_from_slice(bytes);
        self.connection.handle_input(&mut self.input, now);
        self.collect();
    }

    pub(super) fn collect(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            self.events.push_back(event);
        }
    }

    fn arrival(&self) -> Option<Instant> {
        self.wire.front().map(|(arrival, _)| *arrival)
    }

    fn last_arrival(&self) -> Option<Instant> {
        self.wire.back().map(|(arrival, _)| *arrival)
    }

    fn receive(&mut self, now: Instant) {
        while let Some((_, bytes)) = self.wire.pop_front_if(|(arrival, _)| *arrival <= now) {
            self.inject(&bytes, now);
        }
    }
}

pub(super) fn client_config() -> ClientConfig {
    ClientConfig::new(Login::plain("guest", "secret"))
}
