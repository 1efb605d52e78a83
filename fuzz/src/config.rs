//! What operators write into configuration files.

use bergen_config::{Kind, OptionDef, Options, file::ConfigFile};

static OPTIONS: &[OptionDef] = &[
    OptionDef::new("a", "bool", Kind::Bool),
    OptionDef::new("a", "int", Kind::int(-5, 1000)),
    OptionDef::new("a", "float", Kind::Float { min: 0.0, max: 1e9 }),
    OptionDef::new("a", "text", Kind::Text).secret(),
    OptionDef::new("a", "choice", Kind::Choice(&["one", "two"])),
    OptionDef::new("a", "list", Kind::List),
    OptionDef::new("a", "multi", Kind::Multi),
    OptionDef::new("a", "dict", Kind::Dict),
    OptionDef::new("DEFAULT", "url", Kind::Text).default("http://$host/${a.text}"),
    OptionDef::new("DEFAULT", "host", Kind::Text).old_places(&[("a", "host")]),
];

/// A configuration file, and the options that it sets, with references to each other.
pub fn file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let file = match ConfigFile::parse("fuzz.conf", text) {
        Ok(file) => file,
        Err(error) => {
            assert!(error.to_string().starts_with("fuzz.conf:"), "{error}");
            return;
        }
    };
    let lines = text.split(['\r', '\n']).count();
    let mut line = 0;
    for entry in file.entries() {
        assert!(entry.line > line && entry.line <= lines, "{entry:?}");
        assert!(
            !entry.group.is_empty() && !entry.name.is_empty(),
            "{entry:?}"
        );
        line = entry.line;
    }
    let mut options = Options::new(&[OPTIONS]);
    let _ = options.load(&file);
    assert!(options.unknown().len() <= file.entries().len());
    for option in options.definitions() {
        // References are bounded however often they lead to each other.
        if let Ok(Some(value)) = options.value(option.group, option.name) {
            assert!(
                value.to_string().len() < (8 << 20) + 8 * data.len(),
                "{option:?}"
            );
        }
    }
    let _ = options.get::<Option<bool>>("a", "bool");
    let _ = options.get::<Option<u16>>("a", "int");
    let _ = options.get::<Option<std::time::Duration>>("a", "float");
    let _ = options.get::<Option<Vec<String>>>("a", "list");
}
