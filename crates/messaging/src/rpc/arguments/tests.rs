use super::*;

const PARAMETERS: &[Parameter] = &[
    Parameter::required("a"),
    Parameter::required("b"),
    Parameter::required("c"),
    Parameter::optional("d"),
];

fn json(text: &str) -> RawJson {
    RawJson::parse(text).unwrap()
}

fn refusal(arguments: &str) -> String {
    let error = BoundArguments::bind("Echo.echo", PARAMETERS, &json(arguments)).unwrap_err();
    assert_eq!(
        (&*error.failure().module, &*error.failure().class),
        ("builtins", "TypeError")
    );
    error.failure().message.clone()
}

#[test]
fn missing_arguments_are_named_as_python_does() {
    assert_eq!(
        refusal(r#"{"a": 1, "b": 2}"#),
        "Echo.echo() missing 1 required positional argument: 'c'"
    );
    assert_eq!(
        refusal(r#"{"a": 1}"#),
        "Echo.echo() missing 2 required positional arguments: 'b' and 'c'"
    );
    assert_eq!(
        refusal("{}"),
        "Echo.echo() missing 3 required positional arguments: 'a', 'b', and 'c'"
    );
}

#[test]
fn an_unknown_argument_is_refused_first_as_python_does() {
    assert_eq!(
        refusal(r#"{"x": 1}"#),
        "Echo.echo() got an unexpected keyword argument 'x'"
    );
}

#[test]
fn arguments_that_are_no_object_are_refused() {
    assert_eq!(refusal("null"), "Echo.echo() arguments must be an object");
    assert_eq!(
        refusal("[1, 2, 3]"),
        "Echo.echo() arguments must be an object"
    );
}

#[test]
fn arguments_are_taken_by_name_and_type() {
    let arguments = json(r#"{"c": [1], "b": "two", "a": 1, "a": 7}"#);
    let mut bound = BoundArguments::bind("Echo.echo", PARAMETERS, &arguments).unwrap();
    assert_eq!(
        bound.take::<i64>("a"),
        Ok(7),
        "the last of the same name counts"
    );
    assert_eq!(bound.take_or("d", || 5), Ok(5));
    assert_eq!(bound.take_raw("c"), Some(json("[1]")));
    let error = bound.take::<i64>("b").unwrap_err();
    assert!(
        error
            .failure()
            .message
            .starts_with("Echo.echo() argument 'b': "),
        "{error:?}"
    );
    assert_eq!(error.failure().class, "TypeError");
}

#[test]
fn a_lone_surrogate_is_no_text() {
    let arguments = json(r#"{"a": "\ud800", "b": 0, "c": 0}"#);
    let mut bound = BoundArguments::bind("Echo.echo", PARAMETERS, &arguments).unwrap();
    assert!(bound.take::<String>("a").is_err());
}

#[test]
fn built_arguments_serialise_by_name_and_replace() {
    let mut built = Arguments::new()
        .with("a", &1)
        .unwrap()
        .with("b", "ü")
        .unwrap();
    built.insert("a", json("NaN"));
    assert_eq!(
        RawJson::encode(&built).unwrap().as_str(),
        r#"{"a":NaN,"b":"ü"}"#
    );
}
