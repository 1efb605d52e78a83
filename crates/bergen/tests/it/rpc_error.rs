//! What `#[derive(RpcError)]` makes, in both directions.

use bergen::rpc::{RemoteError, RpcError};
use bergen::wire::Failure;

#[derive(Debug, Clone, PartialEq, RpcError)]
#[rpc(module = "nova.exception")]
enum ComputeError {
    #[rpc(
        class = "InstanceNotFound",
        message = "Instance {instance_id} could not be found."
    )]
    NotFound {
        instance_id: String,
        #[rpc(name = "cell")]
        place: Option<u32>,
    },
    #[rpc(
        module = "builtins",
        class = "ValueError",
        message = "{{{0}}} is not {1}"
    )]
    Invalid(String, u32),
    // Names that the generated code uses itself.
    #[rpc(message = "{remote}{text}{f}", expected)]
    Shadows {
        remote: String,
        text: String,
        f: String,
    },
    #[rpc(message = "no host")]
    NoValidHost,
    #[rpc(transparent)]
    Network(NetworkError),
}

#[derive(Debug, Clone, PartialEq, RpcError)]
#[rpc(module = "neutron_lib.exceptions")]
enum NetworkError {
    #[rpc(message = "port {port_id} not found")]
    PortNotFound { port_id: String },
}

#[derive(Debug, PartialEq, RpcError)]
enum Anything {
    #[rpc(transparent)]
    Known(NetworkError),
    #[rpc(transparent)]
    Other(RemoteError),
}

fn round_trip(error: &ComputeError) -> Option<ComputeError> {
    ComputeError::from_remote(&RemoteError::from(error.to_failure()))
}

fn not_found() -> ComputeError {
    ComputeError::NotFound {
        instance_id: "7".into(),
        place: None,
    }
}

#[test]
fn every_variant_survives_the_way_there_and_back() {
    let shadows = ComputeError::Shadows {
        remote: "r".into(),
        text: "t".into(),
        f: "f".into(),
    };
    for error in [
        not_found(),
        ComputeError::NotFound {
            instance_id: "7".into(),
            place: Some(1),
        },
        ComputeError::Invalid("x".into(), 3),
        shadows.clone(),
        ComputeError::NoValidHost,
        ComputeError::Network(NetworkError::PortNotFound {
            port_id: "p".into(),
        }),
    ] {
        assert_eq!(round_trip(&error), Some(error));
    }
    assert_eq!(shadows.to_string(), "rtf");
}

#[test]
fn named_fields_are_keyword_arguments() {
    let failure = not_found().to_failure();
    assert_eq!(
        (&*failure.module, &*failure.class),
        ("nova.exception", "InstanceNotFound")
    );
    assert_eq!(failure.message, "Instance 7 could not be found.");
    assert_eq!(
        failure.args.as_str(),
        r#"["Instance 7 could not be found."]"#
    );
    assert_eq!(
        failure.kwargs.as_str(),
        r#"{"instance_id":"7","cell":null}"#
    );
}

#[test]
fn unnamed_fields_are_positional_arguments() {
    let failure = ComputeError::Invalid("x".into(), 3).to_failure();
    assert_eq!(
        (&*failure.module, &*failure.class),
        ("builtins", "ValueError")
    );
    assert_eq!(failure.message, "{x} is not 3");
    assert_eq!(failure.args.as_str(), r#"["x",3]"#);
    assert_eq!(failure.kwargs.as_str(), "{}");
}

#[test]
fn a_variant_without_fields_has_its_text_as_argument() {
    let failure = ComputeError::NoValidHost.to_failure();
    assert_eq!(failure.class, "NoValidHost");
    assert_eq!(failure.args.as_str(), r#"["no host"]"#);
}

#[test]
fn what_does_not_fit_is_nobodys() {
    let other_class = Failure::new("nova.exception", "FlavorNotFound", "no");
    let other_module = Failure::new("cinder.exception", "NoValidHost", "no");
    let lacks_its_field = Failure::new("nova.exception", "InstanceNotFound", "no");
    for failure in [other_class, other_module, lacks_its_field] {
        assert_eq!(ComputeError::from_remote(&RemoteError::from(failure)), None);
    }
}

#[test]
fn pythons_remote_suffix_does_not_hide_an_error() {
    let mut failure = not_found().to_failure();
    failure.class.push_str("_Remote");
    failure.module.push_str("_Remote");
    assert_eq!(
        ComputeError::from_remote(&RemoteError::from(failure)),
        Some(not_found())
    );
}

#[test]
fn a_remote_error_takes_what_no_other_variant_knows() {
    let known = NetworkError::PortNotFound {
        port_id: "p".into(),
    };
    let remote = RemoteError::from(known.to_failure());
    assert_eq!(Anything::from_remote(&remote), Some(Anything::Known(known)));
    let failure = Failure::new("x", "Y", "z");
    let remote = RemoteError::from(failure.clone());
    let anything = Anything::from_remote(&remote).unwrap();
    assert_eq!(anything, Anything::Other(remote));
    assert_eq!(anything.to_failure(), failure);
}

#[test]
fn an_error_may_be_part_of_the_contract() {
    let shadows = ComputeError::Shadows {
        remote: String::new(),
        text: String::new(),
        f: String::new(),
    };
    assert!(shadows.is_expected());
    assert!(!not_found().is_expected());
}
