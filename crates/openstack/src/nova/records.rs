//! Where the records of services are kept.

use bergen_messaging::driver::BoxFuture;
use bergen_messaging::rpc::TypedCallError;
use bergen_messaging::wire::Context;

use crate::objects::ObjectError;
use crate::objects::nova::{Service, ServiceError};

/// Where the records of services are kept. For services without access to the database that is the conductor:
/// [`ConductorApi`](super::ConductorApi). A service that has access writes its own.
pub trait ServiceRecords: Send + Sync + 'static {
    /// The record of a host's binary, if there is one.
    ///
    /// # Errors
    /// See [`RecordError`].
    fn find<'a>(
        &'a self,
        ctxt: &'a Context,
        host: &'a str,
        binary: &'a str,
    ) -> BoxFuture<'a, Result<Option<Service>, RecordError>>;

    /// Writes a new record, and takes over what it has become: its `id` and `uuid`.
    ///
    /// # Errors
    /// See [`RecordError`].
    fn create<'a>(
        &'a self,
        ctxt: &'a Context,
        service: &'a mut Service,
    ) -> BoxFuture<'a, Result<(), RecordError>>;

    /// Writes what has changed, and takes over what others have changed.
    ///
    /// # Errors
    /// See [`RecordError`].
    fn save<'a>(
        &'a self,
        ctxt: &'a Context,
        service: &'a mut Service,
    ) -> BoxFuture<'a, Result<(), RecordError>>;

    /// Deletes a record.
    ///
    /// # Errors
    /// See [`RecordError`].
    fn destroy<'a>(
        &'a self,
        ctxt: &'a Context,
        service: &'a mut Service,
    ) -> BoxFuture<'a, Result<(), RecordError>>;

    /// The lowest version among the records of a binary; 0 if it has none.
    ///
    /// # Errors
    /// See [`RecordError`].
    fn minimum_version<'a>(
        &'a self,
        ctxt: &'a Context,
        binary: &'a str,
    ) -> BoxFuture<'a, Result<i64, RecordError>>;
}

/// Why something was not done with a record.
pub type RecordError = TypedCallError<ServiceError>;

/// Whether nova's conductor has done what was asked, and then failed to notify others of it. So `create` and `destroy`
/// end for binaries that are no sources of nova's notifications.
pub(super) fn is_done_but_refused(error: &RecordError) -> bool {
    match error {
        TypedCallError::Own(ServiceError::Object(ObjectError::Value(_))) => true,
        // Where the transport lets no failure of others become an error of this program.
        TypedCallError::Call(error) => {
            let remote = error.remote();
            remote.is_some_and(|remote| remote.is("builtins", "ValueError"))
        }
        TypedCallError::Own(_) => false,
    }
}
