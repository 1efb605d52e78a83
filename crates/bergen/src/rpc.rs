//! Calls and casts: clients, servers, endpoints and errors.
//!
//! A server offers [endpoints](Endpoint): usually an impl block under [`endpoint`](macro@endpoint), or the server half
//! of a trait under [`rpc_api`](macro@rpc_api), which also gives the typed client. The pages of the
//! [guide](crate::guide) go through both, and through [errors](crate::guide::errors).
//!
//! What has no type is sent with [`RpcClient`] and answered with [`DynamicEndpoint`].

pub use bergen_macros::{RpcError, endpoint, rpc_api};
pub use bergen_messaging::rpc::*;
pub use bergen_messaging::wire::Context;
