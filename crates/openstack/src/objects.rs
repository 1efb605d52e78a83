//! Versioned objects: what nova and neutron pass over the bus instead of plain maps.
//!
//! An object has a class with a version, and fields that may be unset. On the wire it is an [`Envelope`]; in a program
//! it is a struct that derives [`VersionedObject`]. The rules are those of oslo.versionedobjects.

mod backport;
mod client;
mod definition;
mod endpoint;
mod envelope;
mod error;
mod field;
mod namespace;
pub mod neutron;
pub mod nova;
mod object;
mod registry;
mod serializer;
pub mod value;
mod version;
mod walk;

pub use backport::backport;
pub use bergen_macros::VersionedObject;
pub use client::{MethodArguments, ObjectClient};
pub use definition::{FieldDefinition, Manifest, ObjectDefinition};
pub use endpoint::WithObjects;
pub use envelope::{Data, Envelope};
pub use error::ObjectError;
pub use field::{Field, Nesting, ObjectField, ReadOnly};
pub use namespace::{NEUTRON, NOVA, SerialNamespace};
pub use object::{Header, VersionedObject, deserialize, serialize};
pub use registry::Registry;
pub use serializer::{Backporter, ObjectSerializer, ReceiveError};
pub use value::{FieldValue, FlexibleBoolean, JsonText, MacAddress, Plain};
pub use version::Version;

// For what `#[derive(VersionedObject)]` writes.
#[doc(hidden)]
pub use serde;
