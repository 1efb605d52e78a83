//! Machines that are broken on purpose: what they do wrong must be found.

use crate::protocol::Event;

/// What goes wrong now and then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sabotage {
    /// A confirm is not reported.
    ConfirmLost,
    /// A confirm is reported twice.
    ConfirmTwice,
    /// An answer is not reported.
    ReplyLost,
    /// A delivery is not reported.
    DeliveryLost,
    /// A delivery's body is another one.
    BodyChanged,
    /// An acknowledgement is taken and not sent.
    AckLost,
    /// The end of a channel is not reported.
    EndLost,
}

impl Sabotage {
    pub(super) const ALL: [Self; 7] = [
        Self::ConfirmLost,
        Self::ConfirmTwice,
        Self::ReplyLost,
        Self::DeliveryLost,
        Self::BodyChanged,
        Self::AckLost,
        Self::EndLost,
    ];

    pub(super) fn with(self, rng: fastrand::Rng) -> Saboteur {
        Saboteur { what: self, rng }
    }
}

/// Who does it.
#[derive(Debug)]
pub(super) struct Saboteur {
    what: Sabotage,
    rng: fastrand::Rng,
}

impl Saboteur {
    /// What is reported instead of this event.
    pub(super) fn report(&mut self, mut event: Event) -> Vec<Event> {
        let strikes = match (&mut event, self.what) {
            (Event::Confirmed { .. }, Sabotage::ConfirmLost | Sabotage::ConfirmTwice)
            | (Event::Reply { .. }, Sabotage::ReplyLost)
            | (Event::Delivery { .. }, Sabotage::DeliveryLost | Sabotage::BodyChanged)
            | (Event::ChannelClosed { .. }, Sabotage::EndLost) => self.rng.u8(..10) == 0,
            _ => false,
        };
        match (&mut event, self.what) {
            _ if !strikes => vec![event],
            (Event::Delivery { delivery, .. }, Sabotage::BodyChanged) => {
                let mut body = delivery.body.to_vec();
                body.push(0);
                delivery.body = body.into();
                vec![event]
            }
            (_, Sabotage::ConfirmTwice) => vec![event.clone(), event],
            _ => Vec::new(),
        }
    }

    /// Whether this acknowledgement is lost.
    pub(super) fn loses_ack(&mut self) -> bool {
        self.what == Sabotage::AckLost && self.rng.u8(..10) == 0
    }
}
