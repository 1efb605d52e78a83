//! Objects in the arguments that a server gets, and in the results that a client gets.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use bergen_macros::RpcError;
use bergen_messaging::driver::BoxFuture;
use bergen_messaging::rpc::{CallError, SerializeError, Serializer};
use bergen_messaging::wire::{Context, RawJson};

use super::walk::rewrite;
use super::{Envelope, Manifest, ObjectClient, ObjectError, Registry};

/// Checks the objects in what is received, and has newer ones backported. Mirrors nova's and oslo's serializers of
/// versioned objects.
///
/// Typed arguments and results need it for one thing only, the backporting: they read and write themselves.
/// As the [`Serializer`] of a client or server it checks only, since a serializer may not wait; what it refuses is
/// answered as a `ValueError`. A server that is to backport, and to answer with the exceptions that peers know, has its
/// endpoints in [`WithObjects`](super::WithObjects).
#[derive(Clone)]
pub struct ObjectSerializer {
    registry: Arc<Registry>,
    backporter: Option<Arc<dyn Backporter>>,
}

impl ObjectSerializer {
    /// One for the classes of a registry. Newer objects are refused.
    pub fn new(registry: Registry) -> Self {
        Self {
            registry: Arc::new(registry),
            backporter: None,
        }
    }

    /// Has newer objects of known classes backported.
    #[must_use]
    pub fn with_backporter(mut self, backporter: impl Backporter) -> Self {
        self.backporter = Some(Arc::new(backporter));
        self
    }

    /// Checks a value that was received; what it holds is readable afterwards. Each newer object is backported once:
    /// if it comes back newer still, it is refused.
    ///
    /// # Errors
    /// An object of an unknown class, of another project, malformed, or too new, or its backporting failed.
    pub async fn receive(&self, ctxt: &Context, json: RawJson) -> Result<RawJson, ReceiveError> {
        let mut newer = Vec::new();
        rewrite(
            &json,
            self.registry.namespace(),
            &mut |object| match self.registry.check(object) {
                Err(ObjectError::IncompatibleVersion { .. }) if self.backporter.is_some() => {
                    newer.push(object.clone());
                    Ok(None)
                }
                checked => checked.map(|()| None),
            },
        )?;
        let Some(backporter) = self.backporter.as_ref().filter(|_| !newer.is_empty()) else {
            return Ok(json);
        };
        let mut older = VecDeque::new();
        for object in &newer {
            let envelope = Envelope::read(object, self.registry.namespace())?;
            let manifest = self.registry.manifest(&envelope.name)?;
            let backported = backporter.backport(ctxt, &envelope, &manifest).await?;
            let backported = backported.to_json()?;
            self.registry.check(&backported)?;
            older.push_back(backported);
        }
        let replaced = rewrite(&json, self.registry.namespace(), &mut |object| {
            // They come in the same order as before.
            Ok(if self.registry.check(object).is_err() {
                older.pop_front()
            } else {
                None
            })
        })?;
        Ok(replaced.unwrap_or(json))
    }
}

impl Serializer for ObjectSerializer {
    fn deserialize_entity(&self, _: &Context, entity: RawJson) -> Result<RawJson, SerializeError> {
        match self.registry.check(&entity) {
            Ok(()) => Ok(entity),
            Err(error) => Err(SerializeError::new(error.to_string())),
        }
    }
}

impl fmt::Debug for ObjectSerializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectSerializer")
            .field("registry", &self.registry)
            .field("backports", &self.backporter.is_some())
            .finish()
    }
}

/// Who brings newer objects to versions that this program knows. In nova the conductor does: [`ObjectClient`].
pub trait Backporter: Send + Sync + 'static {
    /// Brings an object, as it was received, to the versions of a manifest.
    ///
    /// # Errors
    /// See [`CallError`].
    fn backport<'a>(
        &'a self,
        ctxt: &'a Context,
        object: &'a Envelope,
        manifest: &'a Manifest,
    ) -> BoxFuture<'a, Result<Envelope, CallError>>;
}

impl Backporter for ObjectClient {
    fn backport<'a>(
        &'a self,
        ctxt: &'a Context,
        object: &'a Envelope,
        manifest: &'a Manifest,
    ) -> BoxFuture<'a, Result<Envelope, CallError>> {
        Box::pin(Self::backport(self, ctxt, object, manifest))
    }
}

/// Why a value with objects was refused.
#[derive(Debug, Clone, PartialEq, RpcError)]
#[rpc(crate = bergen_messaging)]
#[non_exhaustive]
pub enum ReceiveError {
    /// An object in it is no good.
    #[rpc(transparent)]
    Object(ObjectError),
    /// The backporter failed.
    #[rpc(transparent)]
    Backport(CallError),
}

impl From<ObjectError> for ReceiveError {
    fn from(error: ObjectError) -> Self {
        Self::Object(error)
    }
}

impl From<CallError> for ReceiveError {
    fn from(error: CallError) -> Self {
        Self::Backport(error)
    }
}

#[cfg(test)]
mod tests;
