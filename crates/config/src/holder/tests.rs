use std::time::Duration;

use super::*;
use crate::ReferenceProblem;

static OPTIONS: &[OptionDef] = &[
    OptionDef::new("g", "flag", Kind::Bool).default("false"),
    OptionDef::new("g", "count", Kind::int(0, 10))
        .default("3")
        .old_names(&["old_count"]),
    OptionDef::new("g", "delay", Kind::float_from(0.0)).default("1.5"),
    OptionDef::new("g", "way", Kind::Choice(&["shuffle", "round-robin"])).default("shuffle"),
    OptionDef::new("g", "names", Kind::List).default(""),
    OptionDef::new("g", "drivers", Kind::Multi),
    OptionDef::new("g", "gone", Kind::Bool)
        .default("true")
        .deprecated("it has no effect"),
    OptionDef::new("DEFAULT", "url", Kind::Text).secret(),
    OptionDef::new("DEFAULT", "pin", Kind::int(0, 9999)).secret(),
    OptionDef::new("g", "broken", Kind::Bool).default("perhaps"),
];

fn options() -> Options {
    Options::new(&[OPTIONS])
}

#[test]
fn defaults_are_typed() {
    let options = options();
    assert_eq!(options.get("g", "flag"), Ok(false));
    assert_eq!(options.get("g", "count"), Ok(3_u16));
    assert_eq!(options.get("g", "count"), Ok(Duration::from_secs(3)));
    assert_eq!(options.get("g", "delay"), Ok(Duration::from_millis(1500)));
    assert_eq!(options.get("g", "way"), Ok("shuffle".to_owned()));
    assert_eq!(options.get("g", "names"), Ok(Vec::<String>::new()));
    assert_eq!(options.get("DEFAULT", "url"), Ok(None::<String>));
    assert_eq!(options.source("g", "flag"), Source::Default);
}

#[test]
fn a_stronger_source_wins_in_any_order() {
    let file = || Source::File {
        path: "f".into(),
        line: 1,
        column: 1,
    };
    let mut options = options();
    options.set("g", "count", "5", Source::Url).unwrap();
    options.set("g", "count", "4", file()).unwrap();
    assert_eq!(options.get("g", "count"), Ok(5_i64));
    assert_eq!(options.source("g", "count"), Source::Url);
    options.set("g", "count", "6", Source::Code).unwrap();
    options.set("g", "count", "7", Source::Url).unwrap();
    assert_eq!(options.get("g", "count"), Ok(6_i64));
    options.set("g", "flag", "on", file()).unwrap();
    options.set("g", "flag", "off", file()).unwrap();
    assert_eq!(options.get("g", "flag"), Ok(false));
}

#[test]
fn words_and_numbers_as_oslo_config_reads_them() {
    let mut options = options();
    for (text, value) in [
        ("True", true),
        ("YES", true),
        ("on", true),
        ("1", true),
        ("No", false),
    ] {
        options.set("g", "flag", text, Source::Code).unwrap();
        assert_eq!(options.get("g", "flag"), Ok(value), "{text}");
    }
    options
        .set("g", "names", " a , b,c ", Source::Code)
        .unwrap();
    assert_eq!(
        options.get("g", "names"),
        Ok(vec!["a".to_owned(), "b".into(), "c".into()])
    );
    options.set("g", "delay", "2", Source::Code).unwrap();
    assert_eq!(options.get("g", "delay"), Ok(2.0));
}

#[test]
fn errors_name_option_source_and_allowed_values() {
    let mut options = options();
    let mut fail = |name: &str, text: &str| {
        let source = Source::File {
            path: "nova.conf".into(),
            line: 7,
            column: 9,
        };
        options
            .set("g", name, text, source)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        fail("count", "11"),
        "\"11\" is no value for option [g] count, from nova.conf:7:9: write a number from 0 to 10"
    );
    assert!(fail("delay", "-1").ends_with("write a number of at least 0"));
    assert!(fail("delay", "nan").ends_with("write a number"));
    assert!(fail("count", "1.5").ends_with("write a whole number"));
    assert!(fail("flag", "maybe").ends_with("write true or false"));
    assert!(fail("way", "Shuffle").ends_with("write one of shuffle, round-robin"));
    assert_eq!(
        fail("nope", "1"),
        "unknown option [g] nope, from nova.conf:7:9"
    );
    let broken = options.get::<bool>("g", "broken").unwrap_err().to_string();
    assert!(broken.contains("from its default"), "{broken}");
    assert!(matches!(
        options.get::<bool>("g", "count"),
        Err(OptionError::NotOfType { .. })
    ));
    assert!(matches!(
        options.get::<bool>("g", "nope"),
        Err(OptionError::Unknown { .. })
    ));
}

#[test]
fn secrets_are_not_shown() {
    let mut options = options();
    options
        .set("DEFAULT", "url", "rabbit://u:s3cret@h", Source::Code)
        .unwrap();
    options.set("g", "count", "5", Source::Code).unwrap();
    let shown = format!("{options:?}");
    assert!(
        !shown.contains("s3cret") && shown.contains("Int(5)"),
        "{shown}"
    );
    let error = options
        .set("DEFAULT", "pin", "12x4", Source::Url)
        .unwrap_err();
    assert!(!format!("{error} {error:?}").contains("12x4"), "{error:?}");
}

#[test]
fn a_file_sets_what_is_declared() {
    let text = "[G]\ncount = 4\nold_count = 5\nunknown = 1\ndrivers = a\ndrivers = b\ngone = yes\n\
                [other]\ncount = 9\n";
    let mut options = options();
    options
        .load(&ConfigFile::parse("f.conf", text).unwrap())
        .unwrap();
    // The current name wins over an old one in the same file, as in the peer.
    assert_eq!(options.get("g", "count"), Ok(4_i64));
    assert_eq!(
        options.get("g", "drivers"),
        Ok(vec!["a".to_owned(), "b".into()])
    );
    assert_eq!(
        options.source("g", "count"),
        Source::File {
            path: "f.conf".into(),
            line: 2,
            column: 9,
        }
    );
    let notices: Vec<_> = options.notices().iter().map(ToString::to_string).collect();
    assert_eq!(
        notices,
        [
            "[g] old_count (f.conf:3:13) is deprecated: its name is now count",
            "[g] gone (f.conf:7:8) is deprecated: it has no effect",
        ]
    );
    let bad = ConfigFile::parse("f.conf", "[g]\n\ncount = x\n").unwrap();
    assert!(
        options
            .load(&bad)
            .unwrap_err()
            .to_string()
            .contains("f.conf:3")
    );
}

#[test]
fn the_table_documents_every_option() {
    let table = crate::markdown_table(OPTIONS);
    assert_eq!(table.lines().count(), OPTIONS.len() + 2);
    assert!(
        table.contains("| `count` | integer 0–10 | `3` |"),
        "{table}"
    );
    assert!(
        table.contains("**Deprecated:** it has no effect"),
        "{table}"
    );
    assert!(table.contains("Formerly `old_count`."), "{table}");
    let page = crate::markdown(OPTIONS);
    let headings: Vec<_> = page.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(headings, ["## `[DEFAULT]`", "## `[g]`"]);
}

#[test]
fn references_take_what_the_options_have() {
    let mut options = options();
    let text = "[g]\nnames = $count,${DEFAULT.pin}x,$drivers\ndrivers = a$$b\nway = ${nope}\n";
    let error = options
        .load(&ConfigFile::parse("f.conf", text).unwrap())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the value of option [g] way, from f.conf:4:7, refers to nope: there is no such option; \
         for a dollar sign write $$"
    );
    let names: Vec<String> = options.get("g", "names").unwrap();
    assert_eq!(names, ["3", "x", "['a$b']"]);
}

#[test]
fn values_that_need_themselves_or_grow_without_end_are_errors() {
    static CHAIN: &[OptionDef] = &[
        OptionDef::new("DEFAULT", "a", Kind::Text).default("$b"),
        OptionDef::new("DEFAULT", "b", Kind::Text).default("$a"),
        OptionDef::new("DEFAULT", "c", Kind::Text),
        OptionDef::new("DEFAULT", "d", Kind::Text),
        OptionDef::new("DEFAULT", "e", Kind::Text),
        OptionDef::new("DEFAULT", "secret", Kind::Text).secret(),
        OptionDef::new("DEFAULT", "number", Kind::any_int()),
    ];
    let mut options = Options::new(&[CHAIN]);
    let problem = |error: OptionError| match error {
        OptionError::Reference { problem, .. } => problem,
        other => panic!("{other}"),
    };
    let looped = options.get::<String>("DEFAULT", "a").unwrap_err();
    assert_eq!(problem(looped), ReferenceProblem::Loop);
    let text = format!(
        "[DEFAULT]\nc = {}\nd = {}\ne = {}\n",
        "x".repeat(1000),
        "$c".repeat(500),
        "$d".repeat(500)
    );
    let mut load = |text: &str| options.load(&ConfigFile::parse("f", text).unwrap());
    assert_eq!(problem(load(&text).unwrap_err()), ReferenceProblem::TooLong);
    let secret = load("[DEFAULT]\nsecret = pa$sword\n").unwrap_err();
    assert!(
        !format!("{secret} {secret:?}").contains("sword"),
        "{secret:?}"
    );
}

#[test]
fn old_places_and_empty_numbers() {
    static MOVED: &[OptionDef] = &[
        OptionDef::new("new", "count", Kind::int(0, 10))
            .default("3")
            .old_names(&["number"])
            .old_places(&[("DEFAULT", "count"), ("Old", "count")]),
        OptionDef::new("new", "pairs", Kind::Dict),
    ];
    let mut options = Options::new(&[MOVED]);
    let mut load = |text: &str| options.load(&ConfigFile::parse("f", text).unwrap());
    load("[old]\ncount = 5\n[DEFAULT]\ncount = 4\n[new]\npairs = a:1, b : x:y\n").unwrap();
    assert_eq!(options.get("new", "count"), Ok(4));
    let notices: Vec<_> = options.notices().iter().map(ToString::to_string).collect();
    assert_eq!(
        notices,
        [
            "[old] count (f:2:9) is deprecated: it is now [new] count",
            "[DEFAULT] count (f:4:9) is deprecated: it is now [new] count",
        ]
    );
    let pairs: std::collections::BTreeMap<String, String> = options.get("new", "pairs").unwrap();
    assert_eq!(pairs["b"], "x:y");
    options.set("new", "count", " ", Source::Code).unwrap();
    assert_eq!(options.get("new", "count"), Ok(None::<i64>));
    for wrong in ["a", "a:1,", ":1", "a:1,a:2"] {
        let wrong = options.set("new", "pairs", wrong, Source::Code);
        assert!(matches!(wrong, Err(OptionError::Invalid { .. })));
    }
}
