//! The `rabbit` driver against a real RabbitMQ.

mod absence;
mod blocked;
mod bounds;
mod calls;
mod cancel;
mod compression;
mod declares;
mod defects;
mod durable;
mod failover;
mod frames;
mod harness;
mod hostile;
mod io_thread;
mod lanes;
mod login;
mod mismatch;
mod notifications;
mod queue_names;
mod recovery;
mod restart;
mod setup;
mod sharing;
mod streams;
mod tls;
mod topology;
