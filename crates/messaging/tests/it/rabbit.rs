//! The `rabbit` driver against a real RabbitMQ.

mod absence;
mod calls;
mod harness;
mod hostile;
mod lanes;
mod login;
mod notifications;
mod recovery;
mod restart;
mod topology;
