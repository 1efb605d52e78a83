//! Mistakes that a broker could make, put between it and its clients.

use super::{
    program::{Settle, Step},
    wire::Content,
};

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    /// Nobody is told that a message was delivered before.
    RedeliveredIsForgotten,
    /// Each consumer gets one more than it asked for.
    PrefetchIsOneMore,
    /// What is given back is gone.
    RequeueLoses,
    /// `multiple` settles one delivery only.
    MultipleIsOne,
    /// Messages that no queue takes are not returned.
    MandatoryIsIgnored,
    /// Dead letters do not say where they died.
    DeathsAreUntold,
}

impl Bug {
    pub(super) const ALL: [Self; 6] = [
        Self::RedeliveredIsForgotten,
        Self::PrefetchIsOneMore,
        Self::RequeueLoses,
        Self::MultipleIsOne,
        Self::MandatoryIsIgnored,
        Self::DeathsAreUntold,
    ];

    /// What a broker with the mistake makes of a command.
    pub(super) fn twisted(self, step: &Step) -> Step {
        let mut step = step.clone();
        match (self, &mut step) {
            (Self::PrefetchIsOneMore, Step::Qos { count, .. }) if *count > 0 => *count += 1,
            (
                Self::RequeueLoses,
                Step::Settle {
                    how: Settle::Nack { requeue, .. } | Settle::Reject { requeue },
                    ..
                },
            ) => *requeue = false,
            (
                Self::MultipleIsOne,
                Step::Settle {
                    how: Settle::Ack { multiple } | Settle::Nack { multiple, .. },
                    ..
                },
            ) => *multiple = false,
            (Self::MandatoryIsIgnored, Step::Publish { mandatory, .. }) => *mandatory = false,
            _ => {}
        }
        step
    }

    /// What it makes of a delivery.
    pub(super) fn twist(self, content: &mut Content) {
        match self {
            Self::RedeliveredIsForgotten => content.redelivered = false,
            Self::DeathsAreUntold => {
                if let Some(headers) = content.properties.headers.take() {
                    content.properties.headers = Some(
                        headers
                            .into_iter()
                            .filter(|(name, _)| name != "x-death")
                            .collect(),
                    );
                }
            }
            _ => {}
        }
    }
}
