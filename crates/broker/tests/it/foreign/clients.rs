//! The clients, each in its own words.

pub(super) mod amqp_client;
pub(super) mod amqprs;
pub(super) mod bunny;
pub(super) mod lapin;
