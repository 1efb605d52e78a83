#![doc = include_str!("../docs/front.md")]

pub mod guide;
pub mod prelude;
pub mod rpc;
pub mod transport;

pub use bergen_amqp as amqp;
pub use bergen_config as config;
pub use bergen_macros::notifications;
#[cfg(feature = "memory")]
pub use bergen_memory as memory;
pub use bergen_messaging::{driver, notify, options, runtime, target, url, wire};
#[cfg(feature = "openstack")]
pub use bergen_openstack as openstack;
#[cfg(feature = "service")]
pub use bergen_service as service;

pub use target::Target;

/// The README's example, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
