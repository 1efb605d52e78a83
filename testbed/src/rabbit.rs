//! RabbitMQ: single nodes, a cluster, the management interface, and the node that all tests share.

pub(crate) mod builder;
pub(crate) mod cluster;
mod control;
mod epmd;
pub(crate) mod management;
pub(crate) mod node;
pub(crate) mod shared;
