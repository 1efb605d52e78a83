use super::*;
use crate::objects::{NOVA, nova};

fn json(text: &str) -> RawJson {
    RawJson::parse(text.to_owned()).unwrap()
}

fn object(version: &str, data: &str) -> String {
    format!(
        r#"{{"nova_object.name":"Service","nova_object.namespace":"nova","nova_object.version":"{version}","nova_object.data":{data}}}"#
    )
}

#[test]
fn objects_are_found_at_any_depth_but_not_in_objects() {
    let inner = object("1.22", &format!(r#"{{"x":{}}}"#, object("1.0", "{}")));
    let value = json(&format!(r#"{{"a":[{{"b":{inner}}},1],"c":{inner}}}"#));
    let mut found = 0;
    let replaced = rewrite(&value, &NOVA, &mut |_| {
        found += 1;
        Ok((found == 1).then(RawJson::null))
    });
    assert_eq!(found, 2);
    let expected = json(&format!(r#"{{"a":[{{"b":null}},1],"c":{inner}}}"#));
    assert_eq!(replaced.unwrap().unwrap(), expected);
}

#[test]
fn a_value_without_objects_is_not_touched() {
    let value = json(r#"{"versioned_object.name": [1, {"nova_object": 2}]}"#);
    let replaced = rewrite(&value, &NOVA, &mut |_| panic!("nothing is there"));
    assert_eq!(replaced, Ok(None));
}

#[test]
fn what_is_inside_an_object_is_checked_too() {
    let registry = nova::registry();
    let nested = |version: &str| {
        let inner = object(version, "{}");
        json(&object("1.22", &format!(r#"{{"compute_node":{inner}}}"#)))
    };
    assert_eq!(registry.check(&nested("1.0")), Ok(()));
    assert!(matches!(
        registry.check(&nested("1.99")),
        Err(ObjectError::IncompatibleVersion { .. })
    ));
}

#[test]
fn deep_nesting_is_refused() {
    let deep = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        json(&format!("{open}{}{close}", object("1.22", "{}")))
    };
    let registry = nova::registry();
    assert_eq!(registry.check(&deep(90)), Ok(()));
    let error = registry.check(&deep(101)).unwrap_err();
    assert!(error.to_string().contains("100 levels"), "{error}");
    assert!(rewrite(&deep(101), &NOVA, &mut |_| Ok(None)).is_err());
}
