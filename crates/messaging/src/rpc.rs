//! Remote procedure calls: clients, servers, endpoints.
//!
//! An [`RpcClient`] calls and casts; an [`RpcServer`] takes requests for a target and gives them to [`Endpoint`]s.
//! The same names as in oslo.messaging, typed where Rust can.

mod access;
mod arguments;
mod client;
mod connection;
mod current;
mod dispatcher;
mod endpoint;
mod error;
mod error_map;
mod exception;
mod method_error;
mod named_arguments;
mod serializer;
mod server;

pub use crate::driver::Cancellation;
pub use access::AccessPolicy;
pub use arguments::{Arguments, BoundArguments, Parameter};
pub use client::{PreparedClient, RpcClient, RpcClientBuilder};
pub use connection::Connection;
pub use current::CurrentRequest;
pub use dispatcher::{Dispatcher, PING_METHOD};
pub use endpoint::{
    Call, DynamicEndpoint, Endpoint, MethodInfo, MethodResult, method_result,
    method_result_expecting,
};
pub use error::{CallError, Expected, RemoteError, RpcError, RpcVersionCapError, TypedCallError};
pub use error_map::ErrorMap;
pub use exception::Exception;
pub use method_error::MethodError;
pub use named_arguments::{NamedArguments, NoArguments};
pub use serializer::{SerializeError, Serializer};
pub(crate) use server::{CatchPanic, Duplicates};
pub use server::{
    DuplicateWindow, EndpointOptions, Executor, ExecutorLoadFailure, Patience, RpcServer,
    RpcServerBuilder, RunningRequest, ServerError, ServerListenError, ServerStats, ServerWarning,
    StartOptions, Step, TaskTimeout,
};
