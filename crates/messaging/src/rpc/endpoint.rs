//! What a server offers: endpoints, each a set of methods under one namespace and version.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use serde::Serialize;
use tokio::time::Instant;

use super::{BoundArguments, MethodError, Parameter};
use crate::driver::{BoxFuture, Cancellation};
use crate::target::EndpointTarget;
use crate::wire::{Context, RawJson};

/// A set of methods under one namespace and version. Written by hand, by `#[endpoint]`, or at run time as a
/// [`DynamicEndpoint`].
pub trait Endpoint: Send + Sync + 'static {
    /// The namespaces and the version it answers to. Asked once, when the server is made.
    fn target(&self) -> EndpointTarget;

    /// The methods it has. The dispatcher calls no other.
    fn methods(&self) -> &[MethodInfo];

    /// Runs `method`, one of [`methods`](Self::methods).
    ///
    /// The arguments are checked by the method itself, with [`Call::bind`]. A method name that the endpoint does not
    /// have is to be answered with [`MethodError::no_such_method`].
    fn dispatch<'a>(&'a self, method: &'a str, call: Call) -> BoxFuture<'a, MethodResult>;
}

/// What a method comes to: its result as JSON, or its failure.
pub type MethodResult = Result<RawJson, MethodError>;

/// One method, as callers and access policies see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodInfo {
    /// The name that callers use.
    pub name: Cow<'static, str>,
    /// The interface version that brought the method, as text (`1.3`); `None` if it was always there. For documents
    /// and generated clients: as in the peer, a server compares versions of endpoints, not of methods.
    pub version: Option<Cow<'static, str>>,
    /// Whether it is marked for callers; what [`AccessPolicy::Explicit`](super::AccessPolicy::Explicit) asks for.
    pub exposed: bool,
}

impl MethodInfo {
    /// An exposed method.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name: Cow::Borrowed(name),
            version: None,
            exposed: true,
        }
    }

    /// The same method, brought by this interface version.
    #[must_use]
    pub fn since(self, version: &'static str) -> Self {
        Self {
            version: Some(Cow::Borrowed(version)),
            ..self
        }
    }

    /// The same method, not marked for callers.
    #[must_use]
    pub fn hidden(self) -> Self {
        Self {
            exposed: false,
            ..self
        }
    }
}

/// One request on its way to a method.
#[derive(Clone)]
#[non_exhaustive]
pub struct Call {
    /// The caller's context.
    pub context: Context,
    /// The arguments: a JSON object by name.
    pub arguments: RawJson,
    /// When nobody waits for the answer any more. Calls made while the method runs inherit it.
    pub deadline: Option<Instant>,
    /// The broker had delivered the request before, here or elsewhere.
    pub redelivered: bool,
    /// Whether the caller has given up, so that the method may stop: nobody gets its answer.
    pub cancellation: Cancellation,
}

impl Call {
    /// A call with these arguments, without a deadline, that nobody cancels.
    pub fn new(context: Context, arguments: RawJson) -> Self {
        Self {
            context,
            arguments,
            deadline: None,
            redelivered: false,
            cancellation: Cancellation::never(),
        }
    }

    /// Matches the arguments with `parameters`; see [`BoundArguments::bind`].
    ///
    /// # Errors
    /// A `TypeError` in Python's words.
    pub fn bind<'a>(
        &self,
        method: &'a str,
        parameters: &'a [Parameter],
    ) -> Result<BoundArguments<'a>, MethodError> {
        BoundArguments::bind(method, parameters, &self.arguments)
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Context and arguments may hold secrets.
        f.debug_struct("Call")
            .field("deadline", &self.deadline)
            .field("redelivered", &self.redelivered)
            .finish_non_exhaustive()
    }
}

/// Turns what a method returned into what is sent; what has no JSON form becomes a failure, so that the caller is
/// answered at all events.
///
/// # Errors
/// The method's own error, or a `ValueError` if the result can't be encoded.
pub fn method_result<T: Serialize, E: Into<MethodError>>(
    method: &str,
    result: Result<T, E>,
) -> MethodResult {
    RawJson::encode(&result.map_err(Into::into)?).map_err(|error| {
        MethodError::value_error(format!("the result of {method} can't be sent: {error}"))
    })
}

/// As [`method_result`], where the errors that `expected` says yes to are part of the method's contract: the server logs
/// them at debug.
///
/// # Errors
/// The method's own error, or a `ValueError` if the result can't be encoded.
pub fn method_result_expecting<T: Serialize, E: Into<MethodError>>(
    method: &str,
    result: Result<T, E>,
    expected: impl FnOnce(&E) -> bool,
) -> MethodResult {
    let result = result.map_err(|error| {
        let expected = expected(&error);
        let error: MethodError = error.into();
        if expected { error.expected() } else { error }
    });
    method_result(method, result)
}

/// An endpoint put together at run time from closures.
///
/// ```
/// use bergen_messaging::rpc::{Call, DynamicEndpoint, MethodError, Parameter};
/// use bergen_messaging::target::EndpointTarget;
///
/// let endpoint = DynamicEndpoint::new(EndpointTarget::new())
///     .method("add", |call: Call| async move {
///         const PARAMETERS: &[Parameter] = &[Parameter::required("a"), Parameter::optional("b")];
///         let mut arguments = call.bind("add", PARAMETERS)?;
///         let (a, b): (i64, i64) = (arguments.take("a")?, arguments.take_or("b", || 1)?);
///         Ok::<_, MethodError>(a + b)
///     });
/// ```
pub struct DynamicEndpoint {
    target: EndpointTarget,
    methods: Vec<MethodInfo>,
    handlers: HashMap<Cow<'static, str>, Handler>,
}

type Handler = Arc<dyn Fn(Call) -> BoxFuture<'static, MethodResult> + Send + Sync>;

impl DynamicEndpoint {
    /// An endpoint without methods.
    pub fn new(target: EndpointTarget) -> Self {
        Self {
            target,
            methods: Vec::new(),
            handlers: HashMap::new(),
        }
    }

    /// Adds an exposed method; one of the same name is replaced.
    #[must_use]
    pub fn method<F, R, T, E>(self, name: impl Into<Cow<'static, str>>, handler: F) -> Self
    where
        F: Fn(Call) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, E>> + Send + 'static,
        T: Serialize + 'static,
        E: Into<MethodError> + 'static,
    {
        self.method_with(
            MethodInfo {
                name: name.into(),
                version: None,
                exposed: true,
            },
            handler,
        )
    }

    /// Adds a method that `info` describes; one of the same name is replaced.
    #[must_use]
    pub fn method_with<F, R, T, E>(mut self, info: MethodInfo, handler: F) -> Self
    where
        F: Fn(Call) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, E>> + Send + 'static,
        T: Serialize + 'static,
        E: Into<MethodError> + 'static,
    {
        let name = info.name.clone();
        let handler: Handler = Arc::new({
            let name = name.clone();
            move |call| {
                let running = handler(call);
                let name = name.clone();
                Box::pin(async move { method_result(&name, running.await) })
            }
        });
        self.methods.retain(|known| known.name != name);
        self.methods.push(info);
        self.handlers.insert(name, handler);
        self
    }
}

impl Endpoint for DynamicEndpoint {
    fn target(&self) -> EndpointTarget {
        self.target.clone()
    }

    fn methods(&self) -> &[MethodInfo] {
        &self.methods
    }

    fn dispatch<'a>(&'a self, method: &'a str, call: Call) -> BoxFuture<'a, MethodResult> {
        match self.handlers.get(method) {
            Some(handler) => handler(call),
            None => Box::pin(async move { Err(MethodError::no_such_method(method)) }),
        }
    }
}

impl fmt::Debug for DynamicEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicEndpoint")
            .field("target", &self.target)
            .field("methods", &self.methods)
            .finish_non_exhaustive()
    }
}
