//! The broker's HTTP face: the part of RabbitMQ's management API that tools use, with its paths and its JSON keys.
//!
//! It is off unless asked for. It runs on a thread of its own: neither a hundred thousand queues as JSON nor slow clients hold
//! the broker up, which only copies what is asked for ([`Control::ask`]).

mod act;
mod api;
mod bindings;
mod connections;
mod definitions;
mod dispatch;
mod exchanges;
mod fields;
mod flood;
mod guard;
mod health;
mod import;
mod json;
mod list;
mod login;
mod messages;
mod overview;
mod query;
mod queues;
mod rates;
mod reply;
mod route;
mod sampler;
mod server;
mod settings;
mod time;
mod users;
mod virtual_hosts;

pub(crate) use self::server::Management;
pub use self::server::ManagementError;
pub use self::settings::HttpSettings;
#[cfg(doc)]
use crate::Control;
