//! AMQP frames as they pass a proxy: seen, changed, kept back.

use std::sync::Mutex;

use bergen_testbed::{Direction, FaultProxy};

/// A method frame on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) channel: u16,
    /// Class, method and arguments, as they are on the wire.
    pub(super) payload: Vec<u8>,
}

/// What becomes of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It passes, changed or not.
    Passes,
    /// It never arrives.
    Lost,
}

impl Frame {
    /// Class and method.
    pub(super) fn method(&self) -> (u16, u16) {
        let number = |at: usize| u16::from_be_bytes([self.payload[at], self.payload[at + 1]]);
        (number(0), number(2))
    }

    /// Whether a short string stands anywhere in the arguments.
    pub(super) fn names(&self, text: &str) -> bool {
        let mut short = vec![u8::try_from(text.len()).unwrap()];
        short.extend(text.as_bytes());
        self.payload
            .windows(short.len())
            .any(|window| window == short)
    }
}

/// Shows each method frame of one direction to `look`, which may change it. For a proxy with one connection.
pub(super) fn each_method(
    proxy: &FaultProxy,
    direction: Direction,
    look: impl FnMut(&mut Frame) -> Fate + Send + 'static,
) {
    let state = Mutex::new((Vec::new(), look));
    proxy.mutate(direction, move |bytes| {
        let mut state = state.lock().unwrap();
        let (pending, look) = &mut *state;
        pending.append(bytes);
        loop {
            let length = if pending.starts_with(b"AMQP") {
                8
            } else if pending.len() >= 7 {
                8 + u32::from_be_bytes(pending[3..7].try_into().unwrap()) as usize
            } else {
                return;
            };
            if pending.len() < length {
                return;
            }
            let raw: Vec<u8> = pending.drain(..length).collect();
            if raw[0] != METHOD {
                bytes.extend(raw);
                continue;
            }
            let mut frame = Frame {
                channel: u16::from_be_bytes([raw[1], raw[2]]),
                payload: raw[7..length - 1].to_vec(),
            };
            if look(&mut frame) == Fate::Passes {
                bytes.push(METHOD);
                bytes.extend(frame.channel.to_be_bytes());
                bytes.extend(u32::try_from(frame.payload.len()).unwrap().to_be_bytes());
                bytes.extend(&frame.payload);
                bytes.push(END);
            }
        }
    });
}

const METHOD: u8 = 1;
const END: u8 = 0xCE;
