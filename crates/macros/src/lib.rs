//! The macros of bergen, re-exported as `bergen::rpc::{endpoint, rpc_api, RpcError}` and `bergen::notifications`.
//!
//! Each macro works in three steps, one room each: `parse` reads Rust syntax and names every mistake at its place;
//! `api` and `failure` hold the one description that results; `render` writes code from it. The code is thin, a table
//! and calls into ordinary functions of `bergen::rpc`: what a function could do is not done here.

mod api;
mod endpoint;
mod errors;
mod failure;
mod notifications;
mod parse;
mod render;
mod rpc_api;
mod version;
mod versioned_object;

use proc_macro::TokenStream;

/// Serves the methods of an impl block that are marked with `#[rpc]`.
///
/// It implements `Endpoint` for the type; methods without the mark stay ordinary Rust.
///
/// ```
/// use bergen::rpc::{Context, MethodError, endpoint};
///
/// struct Compute;
///
/// #[endpoint(namespace = "compute", version = "1.3")]
/// impl Compute {
///     #[rpc]
///     async fn uptime(&self, ctxt: &Context, host: &str, #[rpc(default)] idle: bool) -> Result<f64, MethodError> {
///         if host.is_empty() { Err(MethodError::value_error("no host")) } else { Ok(1.5) }
///     }
/// }
/// ```
///
/// # Keys of the impl
/// All may be left out.
///
/// | key | meaning |
/// |---|---|
/// | `namespace = "…"` | the namespace of the methods; without it they are in the null namespace |
/// | `version = "1.3"` | the version served: requests for the same major and at most this minor are answered; without it 1.0 |
/// | `legacy_namespaces = ["…"]` | older names of the namespace, which are answered too |
/// | `crate = path` | where the generated code finds `rpc`, if not in `::bergen` |
///
/// # Keys of a method: `#[rpc(…)]`
///
/// | key | meaning |
/// |---|---|
/// | `name = "…"` | the name on the wire, if it is not the Rust name |
/// | `version = "1.1"` | the first version of the API that has the method |
/// | `expected`, `expected(NotFound, …)` | all errors, or these variants, belong to the method's ordinary life: answered as always, logged at debug (the peer's `expected_exceptions`) |
///
/// # Arguments
/// Arguments travel by name. `Option<T>` may be left out by callers; `#[rpc(default)]` and `#[rpc(default = expr)]` on
/// an argument let it be left out too, `#[rpc(name = "…")]` gives it another name on the wire. A missing or unknown
/// argument, or a value that does not fit, is answered with a Python `TypeError`. A reference such as `&str` is decoded
/// into its owned form and lent to the method. A first parameter `&Context` is the request's context; it may be left
/// out. The request's deadline, and whether its caller has given up meanwhile, are asked of `CurrentRequest`.
///
/// # Results
/// `Result<T, E>`, where `E` implements `RpcError`, or a plain `T` for methods that cannot fail. `T` is serialised.
#[proc_macro_attribute]
pub fn endpoint(settings: TokenStream, item: TokenStream) -> TokenStream {
    endpoint::expand(settings.into(), item.into()).into()
}

/// Declares an API as a trait, from which both the server side and a typed client come.
///
/// ```
/// use bergen::rpc::{Context, rpc_api};
///
/// #[rpc_api(namespace = "compute", version = "1.3")]
/// pub trait ComputeApi {
///     /// Reboots an instance and returns how often that was done.
///     #[rpc(version = "1.1")]
///     async fn reboot(&self, ctxt: &Context, instance: String, #[rpc(default)] hard: bool) -> u32;
///     #[rpc(cast)]
///     async fn refresh(&self, ctxt: &Context, host: String);
/// }
/// ```
///
/// For a trait `ComputeApi` it makes:
///
/// - the trait, for servers to implement with `async fn`; its implementations are `Send + Sync + 'static` and so are
///   the methods' futures `Send`;
/// - `ComputeApiEndpoint<T>`, the endpoint that serves an implementation: `ComputeApiEndpoint::new(handler)`;
/// - `ComputeApiClient`, with the same methods, over an `RpcClient`. Each request carries the version of its method:
///   the one of `#[rpc(version = "…")]`, else the API's major with minor 0, since a method without a version has been
///   there from the start. A call returns the method's own error or whatever else went wrong with the call; a cast
///   returns when the broker has taken it. `with_server` and `with_timeout` give a client so directed;
/// - `ComputeApiFanout`, if there are casts: what `ComputeApiClient::fanout` gives, with the casts only, to all servers;
/// - `ComputeApiClient::METHODS`, the table of all this.
///
/// The keys are those of [`macro@endpoint`], and on a method also `cast`: nobody waits for its answer. All methods
/// are exposed; `#[rpc]` is only needed for its keys.
#[proc_macro_attribute]
pub fn rpc_api(settings: TokenStream, item: TokenStream) -> TokenStream {
    rpc_api::expand(settings.into(), item.into()).into()
}

/// Makes a type take notifications: each method called `audit`, `debug`, `info`, `warn`, `error`, `critical` or
/// `sample` takes those of this priority, and each under `#[event(TYPE)]` those of one type with their payload. The
/// listener subscribes to no other priorities.
///
/// It implements `NotificationEndpoint` for the type; other methods stay ordinary Rust, except one called `filter`,
/// which says what reaches the endpoint: `fn filter(&self) -> &Filter`.
///
/// ```
/// use bergen::notify::{EndpointError, ReceivedEvent};
/// use bergen::notifications;
///
/// struct Meter;
///
/// #[notifications]
/// impl Meter {
///     async fn sample(&self, event: &ReceivedEvent) -> Result<(), EndpointError> {
///         let reading: f64 = event.notification().payload.decode()?;
///         println!("{} {reading}", event.notification().event_type);
///         Ok(())
///     }
/// }
/// ```
///
/// A method returns a `Result` of `()`, which is `Handled::Done`, or of `Handled`; its error is anything that converts
/// to `EndpointError`, so any `std::error::Error`.
///
/// # Events of one type
/// `TYPE` is the constant that declares it, an `EventType<T>`; an event that has a method of its own does not go to the
/// one of its priority. A payload that is not as declared is a failure of the endpoint.
///
/// ```
/// use bergen::notify::{EndpointError, EventType, Priority, ReceivedEvent};
/// use bergen::notifications;
///
/// const TEMPERATURE: EventType<f64> = EventType::new("hardware.temperature", Priority::Sample);
///
/// struct Meter;
///
/// #[notifications]
/// impl Meter {
///     #[event(TEMPERATURE)]
///     async fn temperature(&self, event: &ReceivedEvent, celsius: f64) -> Result<(), EndpointError> {
///         println!("{celsius} °C");
///         Ok(())
///     }
/// }
/// ```
///
/// # Keys
/// The only key is `crate = path`: where the generated code finds `notify` and `driver`, if not in `::bergen`.
#[proc_macro_attribute]
pub fn notifications(settings: TokenStream, item: TokenStream) -> TokenStream {
    notifications::expand(settings.into(), item.into()).into()
}

/// Makes an enum of errors travel as the exceptions that Python services know, in both directions.
///
/// ```
/// use bergen::rpc::{RemoteError, RpcError};
///
/// #[derive(Debug, RpcError)]
/// #[rpc(module = "nova.exception")]
/// enum ComputeError {
///     #[rpc(class = "InstanceNotFound", message = "Instance {instance_id} could not be found.")]
///     NotFound { instance_id: String },
///     #[rpc(module = "builtins", class = "ValueError", message = "{0}")]
///     Invalid(String),
///     #[rpc(transparent)]
///     Remote(RemoteError),
/// }
/// ```
///
/// A peer rebuilds an exception from `module`, `class`, positional and keyword arguments, so these are the contract:
///
/// - `module` is required, on the enum or on the variant; `class` is the variant's name unless given;
/// - named fields are the keyword arguments (`#[rpc(name = "…")]` renames one), and the message is the only positional
///   argument; unnamed fields are the positional arguments;
/// - `message` is a format string over the fields (`{0}` for an unnamed one). Either every variant has one, and then
///   `Display` and `std::error::Error` are written too; or none has, and then both are the enum's own affair, by hand
///   or by `thiserror`, and its `Display` is the message;
/// - `expected` marks an error that belongs to the methods' ordinary life: answered as always, logged at debug;
/// - a `transparent` variant holds another error that speaks for itself.
///
/// Received failures become a variant when module and class match (also with Python's `_Remote` at their ends) and the
/// fields can be read from the arguments; a transparent variant is asked last.
#[proc_macro_derive(RpcError, attributes(rpc))]
pub fn rpc_error(item: TokenStream) -> TokenStream {
    failure::expand(item.into()).into()
}

/// Makes a struct a class of OpenStack's versioned objects; see `bergen_openstack::objects::VersionedObject`.
///
/// Each field is a `Field<T>` or a `ReadOnly<T>`, where `T` says the rest: `Option` for what may be `null`, another
/// object or a `Vec` of them for what is nested. One field, marked `#[object(header)]`, is the `Header`. The struct
/// derives `Default` itself: an object with all fields unset. It is written and read by serde as its envelope.
///
/// # Keys of the struct: `#[object(…)]`
///
/// | key | meaning |
/// |---|---|
/// | `name = "…"` | the class's name in Python |
/// | `version = "1.22"` | the version of the class |
/// | `namespace = NOVA` | whose objects they are: a constant `SerialNamespace` |
/// | `list` | a list class, which is about its field `objects` |
/// | `absent_defaults` | absent fields that have a default are read as the default, as neutron's classes do |
/// | `make_compatible = path` | a `fn(&mut Data, Version)` that brings fields to an older version, where removing those that are newer is not enough |
/// | `crate = path` | where the generated code finds `objects`, if not in `::bergen_openstack` |
///
/// # Keys of a field: `#[object(…)]`
///
/// | key | meaning |
/// |---|---|
/// | `name = "…"` | the name on the wire, if it is not the Rust name |
/// | `since = "1.21"` | the version of the class that brought the field; older ones are sent without it |
/// | `default = …` | what a `null` is read as, and what `with_defaults` sets |
/// | `relationships = [("1.1", "1.0"), …]` | which version of the class goes with which version of the objects in the field, oldest first |
#[proc_macro_derive(VersionedObject, attributes(object))]
pub fn versioned_object(item: TokenStream) -> TokenStream {
    versioned_object::expand(item.into()).into()
}
