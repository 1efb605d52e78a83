//! Testing services of bergen without a broker: a bus of a test's own, what was sent on it, and faults to inject.
//!
//! A [`TestBus`] carries calls, casts, fanouts and notifications inside the process, with the semantics of the broker;
//! a test starts the service on it, calls it, and looks at what the service sent. With the clock stopped, timeouts
//! take no time and [`wait_until_idle`](TestBus::wait_until_idle) is exact.
//!
//! ```
//! use std::time::Duration;
//!
//! use bergen_messaging::rpc::{Call, DynamicEndpoint, MethodError, RpcClient, RpcServer};
//! use bergen_messaging::target::{ClientTarget, EndpointTarget, ServerTarget};
//! use bergen_messaging::transport::RpcTransport;
//! use bergen_messaging::wire::Context;
//! use bergen_testing::{Fault, TestBus};
//! use serde_json::json;
//!
//! /// The service under test: reboots, and tells the scheduler.
//! fn service(transport: &RpcTransport) -> RpcServer {
//!     let scheduler = RpcClient::new(transport, ClientTarget::new("scheduler"));
//!     let endpoint = DynamicEndpoint::new(EndpointTarget::new()).method("reboot", move |call: Call| {
//!         let scheduler = scheduler.clone();
//!         async move {
//!             let told = scheduler.cast(&call.context, "host_busy", &json!({"host": "host-1"})).await;
//!             told.map_err(|error| MethodError::runtime_error(error.to_string()))?;
//!             Ok::<_, MethodError>("done")
//!         }
//!     });
//!     RpcServer::builder(transport, ServerTarget::new("compute", "host-1")).endpoint(endpoint).build()
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let bus = TestBus::with_virtual_time();
//! let transport = bus.rpc_transport();
//! let server = service(&transport);
//! server.start().await.unwrap();
//!
//! let client = RpcClient::new(&transport, ClientTarget::new("compute"));
//! let answer: String = client.call(&Context::default(), "reboot", &()).await.unwrap();
//! assert_eq!(answer, "done");
//! let told = bus.sent().casts().topic("scheduler").assert_one();
//! told.assert_args(&json!({"host": "host-1"}));
//!
//! // What if the answer is lost? The caller learns of it after a minute, and this test at once.
//! bus.inject(Fault::lose().topic("compute").replies());
//! let lost: Result<String, _> = client.call(&Context::default(), "reboot", &()).await;
//! assert!(lost.unwrap_err().is_timeout());
//! bus.wait_until_idle().await;
//! bus.sent().casts().method("host_busy").assert_count(2);
//! # });
//! ```
//!
//! [`conformance`] is for those who write a driver of their own: the promises of the driver trait, as tests.

#![expect(
    clippy::panic,
    reason = "what is here is for tests, which fail by panicking"
)]

mod activity;
mod bus;
pub mod conformance;
mod driver;
mod faults;
mod kit;
mod listeners;
mod messages;
mod sent;
mod sinks;

pub use bus::TestBus;
pub use faults::{Fault, Injected};
pub use messages::Messages;
pub use sent::{Kind, Sent};
