use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Vec<(String, String, String, usize)> {
    let file = ConfigFile::parse("f", text).unwrap();
    let entries = file.entries().iter();
    entries
        .map(|e| (e.group.clone(), e.name.clone(), e.value.clone(), e.line))
        .collect()
}

fn problem(text: &str) -> (usize, SyntaxProblem) {
    match ConfigFile::parse("f", text) {
        Err(FileError::Syntax { line, problem, .. }) => (line, problem),
        other => panic!("{other:?}"),
    }
}

#[test]
fn sections_keys_and_comments() {
    let text = "# comment\n; another\n[DEFAULT]\ntransport_url = rabbit://u:p@h:5672/v?a=b\n\
                debug: true\n\n[a b]\nx=\n";
    assert_eq!(
        parse(text),
        [
            (
                "DEFAULT".into(),
                "transport_url".into(),
                "rabbit://u:p@h:5672/v?a=b".into(),
                4
            ),
            ("DEFAULT".into(), "debug".into(), "true".into(), 5),
            ("a b".into(), "x".into(), String::new(), 8),
        ]
    );
}

#[test]
fn values_keep_what_looks_like_a_comment() {
    assert_eq!(
        parse("[a]\nx = 1 # not a comment\n")[0].2,
        "1 # not a comment"
    );
}

#[test]
fn quotes_around_a_value_are_dropped() {
    let values: Vec<_> = parse("[a]\na = \"x y\"\nb = ' z '\nc = \"x'\nd = \"\ne = it's\n")
        .into_iter()
        .map(|e| e.2)
        .collect();
    // A lone quote is taken for both, as in the peer.
    assert_eq!(values, ["x y", " z ", "\"x'", "", "it's"]);
}

#[test]
fn indented_lines_continue_a_value() {
    assert_eq!(
        parse("[a]\nx = one\n  two\n\tthree\ny = 1\n")[0].2,
        "one\ntwo\nthree"
    );
}

#[test]
fn repeated_keys_and_sections_are_kept_in_order() {
    let entries = parse("[a]\nx = 1\n[b]\nx = 2\n[a]\nx = 3\n");
    let seen: Vec<_> = entries
        .iter()
        .map(|e| (e.0.as_str(), e.2.as_str()))
        .collect();
    assert_eq!(seen, [("a", "1"), ("b", "2"), ("a", "3")]);
}

#[test]
fn errors_name_file_and_line() {
    assert_eq!(problem("\nx = 1\n"), (2, SyntaxProblem::NoSection));
    assert_eq!(problem("[a\n"), (1, SyntaxProblem::UnclosedSection));
    assert_eq!(problem("[]\n"), (1, SyntaxProblem::UnnamedSection));
    assert_eq!(problem("[a]\nnonsense\n"), (2, SyntaxProblem::NoAssignment));
    assert_eq!(problem("[a]\n= 1\n"), (2, SyntaxProblem::UnnamedOption));
    assert_eq!(
        problem("[a]\n  x = 1\n"),
        (2, SyntaxProblem::NothingToContinue)
    );
    assert_eq!(
        problem("[a]\nx = 1\n\n  2\n"),
        (4, SyntaxProblem::NothingToContinue)
    );
    let error = ConfigFile::parse("/etc/nova.conf", "x = s3cret")
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "/etc/nova.conf:1:1: an option needs a section: write [DEFAULT] above it"
    );
    let missing = ConfigFile::read("/nonexistent/x.conf")
        .unwrap_err()
        .to_string();
    assert!(
        missing.starts_with("cannot read /nonexistent/x.conf: "),
        "{missing}"
    );
}

#[test]
fn columns_are_counted_in_characters() {
    let file = ConfigFile::parse("f", "[a]\nä =  x\nb=\n").unwrap();
    let columns: Vec<_> = file.entries().iter().map(|entry| entry.column).collect();
    assert_eq!(columns, [6, 3]);
    for (text, at) in [
        ("[ä", 3),
        ("[]", 2),
        ("[a]\n  x", 3),
        ("[a]\nxä", 3),
        ("[a]\n= 1", 1),
    ] {
        let error = ConfigFile::parse("f", text).unwrap_err();
        assert!(
            matches!(error, FileError::Syntax { column, .. } if column == at),
            "{error}"
        );
    }
}

#[test]
fn lines_end_as_they_do_for_the_peer() {
    let entries = parse("[a]\r\nx = 1\ry = 2\n\r\nz = 3");
    let seen: Vec<_> = entries
        .iter()
        .map(|e| (e.1.as_str(), e.2.as_str(), e.3))
        .collect();
    assert_eq!(seen, [("x", "1", 2), ("y", "2", 3), ("z", "3", 5)]);
}

#[test]
fn debug_shows_no_values() {
    let file = ConfigFile::parse("f", "[a]\npassword = s3cret\n").unwrap();
    assert!(!format!("{file:?}").contains("s3cret"));
}

proptest! {
    #[test]
    fn any_text_gives_entries_or_an_error(text in "[\\[\\]a-c=: \t\n#;\"']{0,60}") {
        let _ = ConfigFile::parse("f", &text);
    }

    #[test]
    fn what_is_written_is_read(
        group in "[a-z_]{1,8}", name in "[a-z_]{1,8}", value in "[a-zA-Z0-9/@:%.]{0,20}"
    ) {
        let text = format!("[{group}]\n{name} = {value}\n");
        prop_assert_eq!(parse(&text), [(group, name, value, 2)]);
    }
}
