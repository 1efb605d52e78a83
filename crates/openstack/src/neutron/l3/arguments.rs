//! Arguments of the server's casts, read leniently.

use bergen_messaging::rpc::{Call, MethodError};
use bergen_messaging::wire::RawJson;
use serde::de::DeserializeOwned;

/// Takes one argument of a call. Others are logged and ignored: a later server may have something to add, and nobody
/// would see the `TypeError` that a cast fails with.
pub(super) fn only<T: DeserializeOwned>(
    call: &Call,
    method: &str,
    name: &str,
) -> Result<T, MethodError> {
    let mut wanted: Option<RawJson> = None;
    for (key, value) in call.arguments.members() {
        if key == *name {
            wanted = Some(value);
        } else {
            tracing::debug!("{method} has an unknown argument {key:?}, which is ignored");
        }
    }
    let wanted = wanted.ok_or_else(|| {
        MethodError::type_error(format!(
            "{method}() missing 1 required positional argument: '{name}'"
        ))
    })?;
    wanted
        .decode()
        .map_err(|error| MethodError::type_error(format!("{method}() argument '{name}': {error}")))
}
