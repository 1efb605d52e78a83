//! The handles that go with a delivered message, and the listener behind it.

use std::sync::Arc;

use bergen_messaging::driver::{
    Acknowledger, BoxFuture, CallReply, Cancellation, IncomingNotification, ListenError, Listener,
    ReplyError, Responder,
};
use bergen_messaging::notify::Notification;
use bergen_messaging::wire::{Limits, MessageProperties};
use tokio::sync::{mpsc, watch};

use super::{Answer, Bus};

/// One delivered message.
pub(crate) struct Handle {
    bus: Arc<Bus>,
    consumer: u64,
    tag: u64,
    queue: String,
    answers: Option<mpsc::UnboundedSender<Answer>>,
}

impl Handle {
    pub(crate) fn new(
        bus: &Arc<Bus>,
        consumer: u64,
        tag: u64,
        queue: String,
        answers: Option<mpsc::UnboundedSender<Answer>>,
    ) -> Self {
        Self {
            bus: Arc::clone(bus),
            consumer,
            tag,
            queue,
            answers,
        }
    }

    pub(crate) fn notification(self, body: &[u8]) -> IncomingNotification {
        let decoded = Notification::decode(body, &MessageProperties::json(), &Limits::default());
        IncomingNotification::new(decoded.unwrap(), Box::new(self))
    }

    fn answer(&self, answer: Answer) -> Result<(), ReplyError> {
        let answers = self.answers.as_ref().ok_or(ReplyError::NotAsked)?;
        if self.bus.state.lock().unwrap().callers_are_away {
            return Err(ReplyError::NoRoute {
                queue: "reply_test".to_owned(),
            });
        }
        answers.send(answer).map_err(|_| ReplyError::NoRoute {
            queue: "reply_test".to_owned(),
        })
    }
}

impl Acknowledger for Handle {
    fn acknowledge(&self) -> Result<(), ReplyError> {
        let settled = self
            .bus
            .state
            .lock()
            .unwrap()
            .settle(self.consumer, self.tag);
        if !settled {
            return Err(ReplyError::ConnectionLost);
        }
        self.bus.pump();
        Ok(())
    }

    fn requeue(&self) -> Result<(), ReplyError> {
        let mut state = self.bus.state.lock().unwrap();
        let consumer = state
            .consumers
            .iter_mut()
            .find(|known| known.id == self.consumer);
        let message = consumer.and_then(|consumer| consumer.unacknowledged.remove(&self.tag));
        let (_, mut message) = message.ok_or(ReplyError::ConnectionLost)?;
        message.redelivered = true;
        state
            .queues
            .entry(self.queue.clone())
            .or_default()
            .push_front(message);
        drop(state);
        // Not at once: the sink that gives it back is still on the stack.
        let bus = Arc::clone(&self.bus);
        tokio::spawn(async move { bus.pump() });
        Ok(())
    }
}

impl Responder for Handle {
    fn reply(&self, reply: CallReply) -> BoxFuture<'_, Result<(), ReplyError>> {
        Box::pin(async move { self.answer(Answer::Reply(reply)) })
    }

    fn keep_alive(&self) -> BoxFuture<'_, Result<(), ReplyError>> {
        Box::pin(async move { self.answer(Answer::KeepAlive) })
    }

    fn offer_cancel<'a>(
        &'a self,
        cancellation: &'a Cancellation,
    ) -> BoxFuture<'a, Result<(), ReplyError>> {
        let stop = super::Stop(cancellation.clone());
        Box::pin(async move { self.answer(Answer::Cancellable(stop)) })
    }
}

/// One consumer, as its owner holds it.
pub(crate) struct BusListener {
    pub(crate) bus: Arc<Bus>,
    pub(crate) consumer: u64,
    pub(crate) broken: watch::Receiver<Option<ListenError>>,
}

impl Listener for BusListener {
    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let mut state = self.bus.state.lock().unwrap();
            let consumer = state
                .consumers
                .iter_mut()
                .find(|known| known.id == self.consumer);
            if let Some(consumer) = consumer {
                consumer.stopped = true;
            }
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { drop(self) })
    }

    fn failed(&self) -> BoxFuture<'_, ListenError> {
        let mut broken = self.broken.clone();
        Box::pin(async move {
            let error = broken
                .wait_for(Option::is_some)
                .await
                .map(|error| error.clone());
            match error {
                Ok(Some(error)) => error,
                _ => std::future::pending().await,
            }
        })
    }
}

impl Drop for BusListener {
    fn drop(&mut self) {
        let mut state = self.bus.state.lock().unwrap();
        let Some(index) = state
            .consumers
            .iter()
            .position(|known| known.id == self.consumer)
        else {
            return;
        };
        let consumer = state.consumers.remove(index);
        state.take_back(&consumer);
    }
}
