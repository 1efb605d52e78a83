use super::*;
use crate::objects::{Header, NOVA, nova};

#[derive(Debug, Clone, PartialEq, Default, VersionedObject)]
#[object(name = "HVSpec", version = "2.1", namespace = NOVA, crate = crate)]
struct NewHVSpec {
    #[object(header)]
    header: Header,
}

#[test]
fn the_exact_class_is_found_else_the_newest_that_reads() {
    let registry = nova::registry().with::<NewHVSpec>();
    let found = |text: &str| {
        let found = registry.find("HVSpec", text.parse().unwrap());
        found.map(|class| class.version.to_string())
    };
    assert_eq!(found("1.2").unwrap(), "1.2");
    assert_eq!(found("1.0").unwrap(), "1.2");
    assert_eq!(found("1.2.9").unwrap(), "1.2");
    assert_eq!(found("2.0").unwrap(), "2.1");
    for version in ["1.3", "2.2", "3.0"] {
        assert_eq!(
            found(version).unwrap_err().to_string(),
            format!("Version {version} of HVSpec is not supported, supported version is 2.1")
        );
    }
    assert_eq!(
        registry.manifest("HVSpec").unwrap()["HVSpec"],
        (2, 1).into()
    );
}

#[test]
fn an_unknown_name_is_unsupported() {
    let error = nova::registry()
        .find("Instance", (2, 8).into())
        .unwrap_err();
    assert_eq!(
        error,
        ObjectError::UnsupportedObject {
            objtype: "Instance".to_owned()
        }
    );
}
