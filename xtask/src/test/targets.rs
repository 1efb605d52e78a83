use std::collections::BTreeSet;

use serde_json::Value;

use crate::Error;
use crate::command::{cargo, quiet};

/// The names of all integration test targets of the workspace, so that a new one is not forgotten.
pub(super) fn all() -> Result<BTreeSet<String>, Error> {
    let metadata = ["metadata", "--no-deps", "--locked", "--format-version", "1"];
    let text = quiet(cargo().args(metadata))?;
    let metadata = serde_json::from_str(&text).map_err(|error| Error::Wrong(error.to_string()))?;
    Ok(names(&metadata))
}

fn names(metadata: &Value) -> BTreeSet<String> {
    let packages = array(metadata, "packages");
    let targets = packages.flat_map(|package| array(package, "targets"));
    targets
        .filter(|target| array(target, "kind").any(|kind| kind == "test"))
        .filter_map(|target| target.get("name")?.as_str().map(str::to_owned))
        .collect()
}

fn array<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::names;

    #[test]
    fn targets_of_the_same_name_are_one_and_only_tests_count() {
        let metadata = json!({"packages": [
            {"targets": [{"name": "it", "kind": ["test"]}, {"name": "x", "kind": ["bin"]}]},
            {"targets": [{"name": "it", "kind": ["test"]}, {"name": "own", "kind": ["test"]}]},
        ]});
        assert_eq!(
            names(&metadata).into_iter().collect::<Vec<_>>(),
            ["it", "own"]
        );
    }
}
