//! `tx.select`: publishes and acknowledgements that wait for `tx.commit`.

use bergen_amqp::protocol::Message;

/// What a channel has done since its last commit.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    steps: Vec<Step>,
    size: usize,
}

/// One of its acts.
#[derive(Debug)]
pub(super) enum Step {
    Publish {
        message: Box<Message>,
        mandatory: bool,
    },
    Ack {
        delivery_tag: u64,
        multiple: bool,
    },
    Nack {
        delivery_tag: u64,
        multiple: bool,
        requeue: bool,
    },
}

impl Transaction {
    /// Adds a step; the size in bytes of all.
    pub(super) fn add(&mut self, step: Step) -> usize {
        self.size += size_of::<Step>();
        if let Step::Publish { message, .. } = &step {
            self.size += size_of::<Message>() + message.body.len();
        }
        self.steps.push(step);
        self.size
    }

    /// What is to be done, publishes first, as RabbitMQ does them.
    pub(super) fn take(&mut self) -> Vec<Step> {
        self.size = 0;
        let (mut steps, settled): (Vec<_>, Vec<_>) = std::mem::take(&mut self.steps)
            .into_iter()
            .partition(|step| matches!(step, Step::Publish { .. }));
        steps.extend(settled);
        steps
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
