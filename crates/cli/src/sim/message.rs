//! What the load simulator sends: `[seq, cargo, client_ts, server_ts, return_ts]`.

use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use serde::Deserialize;
use serde::Serialize;

/// One message of the simulator, a JSON array of five on the wire.
///
/// Timestamps are seconds since the epoch, 0 where not yet set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Message(
    /// Sequence number, from 0 for each client.
    pub(crate) u64,
    /// Lower-case text of a length drawn from [`CARGO_LENGTHS`].
    pub(crate) String,
    /// When the client sent it.
    pub(crate) f64,
    /// When the server received it.
    pub(crate) f64,
    /// When the answer came back.
    pub(crate) f64,
);

/// Lengths of cargo in bytes: (upper bound of a bucket of 500, weight).
///
/// The shape of a recorded `OpenStack`: 806 to 11 292 bytes, median about 2 450, mean about 3 200.
const CARGO_LENGTHS: [(usize, u32); 12] = [
    (1000, 4),
    (1500, 14),
    (2000, 18),
    (2500, 16),
    (3000, 12),
    (3500, 9),
    (4000, 7),
    (4500, 6),
    (5000, 5),
    (6000, 4),
    (8000, 3),
    (11_000, 2),
];

impl Message {
    /// A message as the client sends it.
    pub(crate) fn new(seq: u64, cargo: String) -> Self {
        Self(seq, cargo, now(), 0.0, 0.0)
    }

    /// The same message as a server answers it: with its time of receipt.
    pub(crate) fn received(self) -> Self {
        Self(self.0, self.1, self.2, now(), self.4)
    }
}

/// Makes cargo whose lengths follow [`CARGO_LENGTHS`]; the same seed gives the same run.
pub(crate) struct Cargo {
    state: u64,
}

impl Cargo {
    /// A source of cargo from a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            state: seed.wrapping_mul(2).wrapping_add(1),
        }
    }

    /// The next text.
    pub(crate) fn next(&mut self) -> String {
        let total: u32 = CARGO_LENGTHS.iter().map(|(_, weight)| weight).sum();
        let mut at = u32::try_from(self.random() % u64::from(total)).unwrap_or(0);
        let mut lower = 806;
        for (upper, weight) in CARGO_LENGTHS {
            if at < weight {
                let span = u64::try_from(upper - lower).unwrap_or(1).max(1);
                let length = lower + usize::try_from(self.random() % span).unwrap_or(0);
                return self.text(length);
            }
            at -= weight;
            lower = upper;
        }
        self.text(lower)
    }

    fn text(&mut self, length: usize) -> String {
        (0..length)
            .map(|_| char::from(b'a' + u8::try_from(self.random() % 26).unwrap_or(0)))
            .collect()
    }

    // xorshift64*: enough for lengths and letters.
    fn random(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }
}

/// Seconds since the epoch.
pub(crate) fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_an_array_of_five() {
        let message = Message(3, "abc".to_owned(), 1.5, 0.0, 0.0);
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(text, r#"[3,"abc",1.5,0.0,0.0]"#);
        assert_eq!(serde_json::from_str::<Message>(&text).unwrap(), message);
        let from_python: Message = serde_json::from_str(r#"[3, "abc", 1.5, 0, 0]"#).unwrap();
        assert_eq!(from_python, message);
    }

    #[test]
    fn cargo_has_the_recorded_shape() {
        let mut cargo = Cargo::new(7);
        let mut lengths: Vec<usize> = (0..4000).map(|_| cargo.next().len()).collect();
        lengths.sort_unstable();
        assert!(lengths[0] >= 806 && lengths[lengths.len() - 1] <= 11_292);
        let median = lengths[lengths.len() / 2];
        assert!((2_200..=2_900).contains(&median), "median {median}");
        let mean = lengths.iter().sum::<usize>() / lengths.len();
        assert!((2_700..=3_600).contains(&mean), "mean {mean}");
    }
}
