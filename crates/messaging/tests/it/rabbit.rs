//! The `rabbit` driver against a real RabbitMQ.

mod absence;
mod blocked;
mod calls;
mod harness;
mod hostile;
mod lanes;
mod login;
mod notifications;
mod recovery;
mod restart;
mod topology;
