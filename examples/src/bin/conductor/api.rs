//! The conductor's API, for objects of class `Service`.

use bergen::openstack::nova::{RecordError, ServiceRecords};
use bergen::openstack::objects::nova::{Service, ServiceError};
use bergen::openstack::objects::{ObjectError, VersionedObject};
use bergen::rpc::{MethodError, TypedCallError, endpoint};
use bergen::wire::{Context, RawJson};

use super::database::Database;

pub(crate) struct ConductorApi {
    records: Database,
}

impl ConductorApi {
    pub(crate) fn new(records: Database) -> Self {
        Self { records }
    }
}

#[endpoint(version = "3.0")]
impl ConductorApi {
    /// Runs a method of a class.
    #[rpc]
    async fn object_class_action_versions(
        &self,
        ctxt: &Context,
        objname: String,
        objmethod: String,
        #[rpc(name = "object_versions")] _object_versions: RawJson,
        args: Vec<String>,
        #[rpc(name = "kwargs")] _kwargs: RawJson,
    ) -> Result<RawJson, MethodError> {
        if objname != Service::definition().name {
            return Err(ObjectError::UnsupportedObject { objtype: objname }.into());
        }
        match (objmethod.as_str(), args.as_slice()) {
            ("get_by_host_and_binary", [host, binary]) => encoded(
                &self
                    .records
                    .find(ctxt, host, binary)
                    .await
                    .map_err(failure)?,
            ),
            ("get_minimum_version", [binary]) => encoded(
                &self
                    .records
                    .minimum_version(ctxt, binary)
                    .await
                    .map_err(failure)?,
            ),
            _ => Err(no_such_method(objmethod).into()),
        }
    }

    /// Runs a method of an object: its fields as they are afterwards, and the method's result.
    #[rpc]
    async fn object_action(
        &self,
        ctxt: &Context,
        objinst: Service,
        objmethod: String,
        #[rpc(name = "args")] _args: RawJson,
        #[rpc(name = "kwargs")] _kwargs: RawJson,
    ) -> Result<RawJson, MethodError> {
        let mut service = objinst;
        match objmethod.as_str() {
            "create" => self
                .records
                .create(ctxt, &mut service)
                .await
                .map_err(failure)?,
            "save" => self
                .records
                .save(ctxt, &mut service)
                .await
                .map_err(failure)?,
            "destroy" => self
                .records
                .destroy(ctxt, &mut service)
                .await
                .map_err(failure)?,
            _ => return Err(no_such_method(objmethod).into()),
        }
        let mut updates = service.to_envelope()?.data;
        updates.insert("obj_what_changed".to_owned(), RawJson::empty_array());
        encoded(&(updates, ()))
    }

    /// Firewall rules of a provider: none, for callers that still ask.
    #[rpc]
    async fn provider_fw_rule_get_all(&self) -> Vec<RawJson> {
        Vec::new()
    }
}

fn encoded(value: &impl serde::Serialize) -> Result<RawJson, MethodError> {
    RawJson::encode(value).map_err(|error| MethodError::value_error(error.to_string()))
}

/// Errors go to the caller under the names that nova has for them.
fn failure(error: RecordError) -> MethodError {
    match error {
        TypedCallError::Own(error) => error.into(),
        TypedCallError::Call(error) => error.into(),
    }
}

fn no_such_method(action: String) -> ServiceError {
    ServiceError::Action {
        action,
        reason: "this conductor does not have it".to_owned(),
    }
}
