//! Methods of objects that run in the conductor.

use std::fmt;

use bergen_messaging::rpc::{Arguments, CallError, NoArguments, RpcClient, SerializeError};
use bergen_messaging::target::ClientTarget;
use bergen_messaging::transport::RpcTransport;
use bergen_messaging::wire::{Context, RawJson};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Envelope, Manifest, ObjectDefinition, ObjectError, VersionedObject};

/// Calls the remote methods of objects: nova's `object_class_action_versions`, `object_action` and
/// `object_backport_versions`, as a service without access to the database does for all of them.
///
/// ```no_run
/// use bergen_messaging::rpc::{CallError, TypedCallError};
/// use bergen_messaging::wire::Context;
/// use bergen_openstack::objects::nova::{Service, ServiceError};
/// use bergen_openstack::objects::{MethodArguments, ObjectClient};
///
/// # async fn example(client: ObjectClient, ctxt: Context) -> Result<(), TypedCallError<ServiceError>> {
/// let arguments = MethodArguments::new().arg("host-1").arg("nova-compute");
/// let found: Option<Service> =
///     client.class_action::<Service, _>(&ctxt, "get_by_host_and_binary", arguments).await?;
/// if let Some(mut service) = found {
///     service.report_count.set(1);
///     let () = client.action(&ctxt, &mut service, "save", MethodArguments::new()).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ObjectClient {
    client: RpcClient,
    pins: Manifest,
}

impl ObjectClient {
    /// A client of the conductor: topic `conductor`, version 3.0.
    pub fn new(transport: &RpcTransport) -> Self {
        let target = ClientTarget::new("conductor").version((3, 0));
        Self::over(RpcClient::new(transport, target))
    }

    /// A client with another topic, version, timeout or retry. Its target needs the version of the conductor's API.
    pub const fn over(client: RpcClient) -> Self {
        Self {
            client,
            pins: Manifest::new(),
        }
    }

    /// Sends objects of these classes, and asks for them, in versions that the conductor knows, if it is older than
    /// this program. Without a pin, everything has the newest version here.
    #[must_use]
    pub fn pinned(mut self, pins: Manifest) -> Self {
        self.pins = pins;
        self
    }

    /// Runs a method of the class `O`, such as `get_by_host_and_binary`. Objects in the result have the versions that
    /// this program knows.
    ///
    /// # Errors
    /// See [`CallError`]; what the method failed with becomes the program's own error with
    /// [`TypedCallError`](bergen_messaging::rpc::TypedCallError).
    pub async fn class_action<O: VersionedObject, T: DeserializeOwned + 'static>(
        &self,
        ctxt: &Context,
        method: &str,
        arguments: MethodArguments,
    ) -> Result<T, CallError> {
        let class = O::definition();
        let (args, kwargs) = arguments.encoded(method)?;
        let manifest = self.manifest(class);
        let request = NoArguments
            .with("objname", class.name)
            .with("objmethod", method)
            .with("object_versions", &manifest)
            .with("args", &args)
            .with("kwargs", &kwargs);
        self.client
            .call(ctxt, "object_class_action_versions", &request)
            .await
    }

    /// Runs a method of an object, such as `save`, with its changes, and takes over what the method made of it.
    ///
    /// # Errors
    /// As [`class_action`](Self::class_action); also if the answer's fields do not fit the class.
    pub async fn action<O: VersionedObject, T: DeserializeOwned + 'static>(
        &self,
        ctxt: &Context,
        object: &mut O,
        method: &str,
        arguments: MethodArguments,
    ) -> Result<T, CallError> {
        let (args, kwargs) = arguments.encoded(method)?;
        let envelope = self.pin(object).map_err(refused)?;
        let request = NoArguments
            .with("objinst", &envelope)
            .with("objmethod", method)
            .with("args", &args)
            .with("kwargs", &kwargs);
        let answer = self.client.call(ctxt, "object_action", &request);
        let (updates, result): (RawJson, T) = answer.await?;
        object.merge(&updates).map_err(refused)?;
        Ok(result)
    }

    /// Has the conductor bring an object that is newer than this program to the versions of a manifest.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn backport(
        &self,
        ctxt: &Context,
        object: &Envelope,
        manifest: &Manifest,
    ) -> Result<Envelope, CallError> {
        let request = NoArguments
            .with("objinst", object)
            .with("object_versions", manifest);
        self.client
            .call(ctxt, "object_backport_versions", &request)
            .await
    }

    /// What we ask for.
    fn manifest(&self, class: &ObjectDefinition) -> Manifest {
        let mut manifest = class.manifest();
        for (name, version) in &mut manifest {
            // A newer one we could not read.
            let pin = self.pins.get(name).copied();
            *version = pin.map_or(*version, |pin| pin.min(*version));
        }
        manifest
    }

    fn pin<O: VersionedObject>(&self, object: &O) -> Result<Envelope, ObjectError> {
        if self.pins.is_empty() {
            return object.to_envelope();
        }
        let pin = self.pins.get(O::definition().name).copied();
        let version = pin.map_or(object.version(), |pin| pin.min(object.version()));
        object.backported(version, Some(&self.pins))
    }
}

impl fmt::Debug for ObjectClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectClient")
            .field("client", &self.client)
            .field("pins", &self.pins)
            .finish()
    }
}

/// The arguments of a remote method, as Python passes them: by place, and by name.
#[derive(Clone, Default)]
pub struct MethodArguments {
    args: Vec<RawJson>,
    kwargs: Arguments,
    error: Option<String>,
}

impl MethodArguments {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an argument by place. A value without a JSON form shows when the method is called.
    #[must_use]
    pub fn arg<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match RawJson::encode(value) {
            Ok(value) => self.args.push(value),
            Err(error) => self.error = Some(error.to_string()),
        }
        self
    }

    /// Adds an argument by name.
    #[must_use]
    pub fn kwarg<T: Serialize + ?Sized>(mut self, name: &'static str, value: &T) -> Self {
        match RawJson::encode(value) {
            Ok(value) => self.kwargs.insert(name, value),
            Err(error) => self.error = Some(error.to_string()),
        }
        self
    }

    fn encoded(self, method: &str) -> Result<(Vec<RawJson>, Arguments), CallError> {
        match self.error {
            Some(cause) => Err(CallError::Arguments {
                method: method.to_owned(),
                cause,
            }),
            None => Ok((self.args, self.kwargs)),
        }
    }
}

impl fmt::Debug for MethodArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // They may hold secrets.
        f.debug_struct("MethodArguments").finish_non_exhaustive()
    }
}

/// An object that can't be sent, or an answer that does not fit it.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: ObjectError) -> CallError {
    SerializeError::new(error.to_string()).into()
}

#[cfg(test)]
mod tests;
