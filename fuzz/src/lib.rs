//! Fuzz bodies: functions that take any bytes and must come back.
//!
//! A body panics when what it exercises breaks a promise. The tests replay every body over its
//! corpus, with some mutations, on stable Rust; the binaries under `fuzz_targets/` hand the same
//! bodies to libFuzzer.
#![forbid(unsafe_code)]

pub mod amqp;
pub mod broker;
pub mod config;
pub mod connection;
pub mod messaging;
pub mod openstack;

/// A fuzz body and its name, which is that of its corpus directory and of its binary.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Name.
    pub name: &'static str,
    /// The body.
    pub body: fn(&[u8]),
}

/// Every fuzz body.
pub const TARGETS: &[Target] = &[
    Target {
        name: "amqp_client",
        body: connection::client,
    },
    Target {
        name: "amqp_frame",
        body: amqp::frame,
    },
    Target {
        name: "amqp_method",
        body: amqp::method,
    },
    Target {
        name: "amqp_properties",
        body: amqp::properties,
    },
    Target {
        name: "amqp_server",
        body: connection::server,
    },
    Target {
        name: "amqp_table",
        body: amqp::table,
    },
    Target {
        name: "broker_store",
        body: broker::store,
    },
    Target {
        name: "config_file",
        body: config::file,
    },
    Target {
        name: "messaging_compression",
        body: messaging::compression,
    },
    Target {
        name: "messaging_envelope",
        body: messaging::envelope,
    },
    Target {
        name: "messaging_failure",
        body: messaging::failure,
    },
    Target {
        name: "messaging_json",
        body: messaging::json,
    },
    Target {
        name: "messaging_reply",
        body: messaging::reply,
    },
    Target {
        name: "messaging_request",
        body: messaging::request,
    },
    Target {
        name: "messaging_url",
        body: messaging::url,
    },
    Target {
        name: "openstack_object",
        body: openstack::object,
    },
];
