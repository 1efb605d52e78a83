//! Remote failures to a program's own errors, by a table made at run time.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::{CallError, RemoteError, TypedCallError};

/// A table from module and class to a program's own error type `E`, for mappings that are not known when the program
/// is compiled; otherwise [`RpcError`](super::RpcError) does the same by a derive.
///
/// ```
/// use bergen_messaging::rpc::ErrorMap;
///
/// #[derive(Debug)]
/// enum MyError { NoInstance(Option<String>) }
///
/// let errors = ErrorMap::new()
///     .with("nova.exception", "InstanceNotFound", |remote| MyError::NoInstance(remote.kwarg("instance_id")));
/// ```
pub struct ErrorMap<E> {
    by_name: HashMap<(String, String), Constructor<E>>,
}

type Constructor<E> = Arc<dyn Fn(&RemoteError) -> E + Send + Sync>;

impl<E> ErrorMap<E> {
    /// A table without entries.
    pub fn new() -> Self {
        Self {
            by_name: HashMap::new(),
        }
    }

    /// Makes `constructor`'s error of the failures with this module and class; replaces an earlier entry.
    #[must_use]
    pub fn with(
        mut self,
        module: impl Into<String>,
        class: impl Into<String>,
        constructor: impl Fn(&RemoteError) -> E + Send + Sync + 'static,
    ) -> Self {
        self.by_name
            .insert((module.into(), class.into()), Arc::new(constructor));
        self
    }

    /// The program's own error if the table has it and the transport allows its module; else the call's error as it
    /// is.
    pub fn convert(&self, error: CallError) -> TypedCallError<E> {
        let own = error
            .remote()
            .filter(|remote| remote.is_mappable())
            .and_then(|remote| {
                let name = (remote.module.clone(), remote.class.clone());
                self.by_name
                    .get(&name)
                    .map(|constructor| constructor(remote))
            });
        match own {
            Some(own) => TypedCallError::Own(own),
            None => TypedCallError::Call(error),
        }
    }
}

impl<E> Default for ErrorMap<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> Clone for ErrorMap<E> {
    fn clone(&self) -> Self {
        Self {
            by_name: self.by_name.clone(),
        }
    }
}

impl<E> fmt::Debug for ErrorMap<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}
