use super::*;

fn allowed(pattern: &str, name: &str) -> bool {
    Permissions::new(pattern, "", "")
        .unwrap()
        .allows(Access::Configure, name)
}

#[test]
fn patterns_match_as_in_rabbitmq() {
    assert!(allowed(".*", "anything"));
    assert!(allowed("", "").eq(&false));
    assert!(!allowed("", "a"));
    assert!(allowed("b", "abc"), "found anywhere");
    assert!(!allowed("^b", "abc"));
    assert!(allowed(r"^amq\.gen", "amq.gen-1"));
    assert!(!allowed("^$", "a"));
}

#[test]
fn each_pattern_is_for_its_own_purpose() {
    let permissions = Permissions::new("^c", "^w", "^r").unwrap();
    for (access, name) in [
        (Access::Configure, "c"),
        (Access::Write, "w"),
        (Access::Read, "r"),
    ] {
        for other in ["c", "w", "r"] {
            assert_eq!(permissions.allows(access, other), name == other);
        }
    }
}

#[test]
fn a_bad_pattern_is_named() {
    let error = Permissions::new(".*", "(", ".*").unwrap_err();
    assert_eq!(error.pattern, "(");
    assert_eq!(error.reason, "unclosed group");
    let error = Permissions::new("(?!a)", "", "").unwrap_err();
    assert!(error.reason.contains("look-around"), "{error}");
    assert!(Permissions::new(r"\w{1000}{1000}", "", "").is_err());
}
