use std::path::Path;
use std::sync::mpsc;

use super::*;
use crate::{Kind, OptionDef, OptionError, Source, Value};

static OPTIONS: &[OptionDef] = &[
    OptionDef::new("DEFAULT", "host", Kind::Text).default("h0"),
    OptionDef::new("DEFAULT", "debug", Kind::Bool)
        .default("false")
        .mutable(),
    OptionDef::new("DEFAULT", "password", Kind::Text)
        .secret()
        .mutable(),
    OptionDef::new("g", "count", Kind::int(0, 10))
        .default("3")
        .mutable(),
    OptionDef::new("g", "size", Kind::int(0, 10)).default("1"),
    OptionDef::new("g", "drivers", Kind::Multi),
    OptionDef::new("g", "url", Kind::Text).default("http://$host/${g.count}"),
];

/// A folder with configuration files, which goes when it is dropped.
struct Files(std::path::PathBuf);

impl Files {
    fn new(test: &str) -> Self {
        let name = format!("bergen-config-{}-{test}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> std::path::PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn of(path: &Path) -> ConfigurationBuilder {
    Configuration::builder().declare(OPTIONS).file(path)
}

fn variable(name: &str, value: &str) -> [(String, String); 1] {
    [(name.to_owned(), value.to_owned())]
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

#[test]
fn later_files_then_the_environment_then_the_program_win() {
    let files = Files::new("order");
    let first = files.write("a.conf", "[g]\ncount = 1\nsize = 1\ndrivers = a\n");
    files.write("d/20.conf", "[g]\nsize = 3\n");
    files.write(
        "d/10.conf",
        "[G]\ncount = 2\nsize = 2\ndrivers = b\ndrivers = c\n",
    );
    files.write("d/.hidden.conf", "[g]\nsize = 9\n");
    files.write("d/30.txt", "[g]\nsize = 9\n");
    let builder = || of(&first).dir(files.0.join("d"));
    let options = builder().load().unwrap().options();
    assert_eq!(options.get("g", "count"), Ok(2));
    assert_eq!(options.get("g", "size"), Ok(3));
    let drivers: Vec<String> = options.get("g", "drivers").unwrap();
    assert_eq!(drivers, ["a", "b", "c"]);
    let lines: Vec<_> = options.overridden("g", "size").iter().collect();
    assert!(matches!(
        lines[..],
        [Source::File { line: 3, .. }, Source::File { line: 3, .. }]
    ));

    let builder = || builder().variables(variable("OS_G__COUNT", "4"));
    let options = builder().load().unwrap().options();
    assert_eq!(options.get("g", "count"), Ok(4));
    assert_eq!(
        options.source("g", "count").to_string(),
        "$OS_G__COUNT of the environment"
    );

    let options = builder().set("g", "count", "5").load().unwrap().options();
    assert_eq!(options.get("g", "count"), Ok(5));
}

#[test]
fn a_reload_takes_everything_over() {
    let files = Files::new("reload");
    let path = files.write("a.conf", "[DEFAULT]\nhost = h1\n[g]\ncount = 4\n");
    let configuration = of(&path).load().unwrap();
    let before = configuration.options();
    files.write("a.conf", "[DEFAULT]\nhost = h2\npassword = s3cret\n");
    let (told, heard) = mpsc::channel();
    let same = configuration.clone();
    configuration.on_change(move |changes| {
        let count: i64 = same.options().get("g", "count").unwrap();
        told.send((count, changes.clone())).unwrap();
    });
    let changes = configuration.reload().unwrap();
    assert_eq!(heard.try_recv().unwrap(), (3, changes.clone()));
    let names: Vec<_> = changes.iter().map(|(name, _)| name).collect();
    let expected = [
        ("DEFAULT", "host"),
        ("DEFAULT", "password"),
        ("g", "count"),
        ("g", "url"),
    ];
    assert_eq!(names, expected);
    let host = changes.get("DEFAULT", "host").unwrap();
    assert_eq!(
        (&host.old, &host.new),
        (&Some(text("h1")), &Some(text("h2")))
    );
    let url: String = configuration.options().get("g", "url").unwrap();
    assert_eq!(url, "http://h2/3");
    assert_eq!(before.get("DEFAULT", "host"), Ok("h1".to_owned()));
    let shown = format!("{changes:?}");
    assert!(
        shown.contains("from [None] to [****]") && !shown.contains("s3cret"),
        "{shown}"
    );
}

#[test]
fn a_mutate_takes_over_what_is_mutable() {
    let files = Files::new("mutate");
    let path = files.write("a.conf", "[g]\ncount = 4\n");
    let configuration = of(&path).load().unwrap();
    files.write("a.conf", "[DEFAULT]\nhost = h2\ndebug = on\n");
    let changes = configuration.mutate().unwrap();
    let names: Vec<_> = changes.iter().map(|(name, _)| name).collect();
    assert_eq!(names, [("DEFAULT", "debug"), ("g", "count")]);
    assert_eq!(changes.ignored(), [("DEFAULT", "host"), ("g", "url")]);
    let options = configuration.options();
    assert_eq!(options.get("DEFAULT", "host"), Ok("h0".to_owned()));
    assert_eq!(options.get("DEFAULT", "debug"), Ok(true));
    assert_eq!(options.source("g", "count"), Source::Default);
    assert_eq!(options.get("g", "url"), Ok("http://h0/4".to_owned()));
    // It is still written otherwise than it is in force.
    let again = configuration.mutate().unwrap();
    assert!(again.is_empty());
    assert_eq!(again.ignored(), changes.ignored());
}

#[test]
fn what_cannot_be_read_changes_nothing() {
    let files = Files::new("errors");
    let path = files.write("a.conf", "[g]\ncount = 4\n");
    let configuration = of(&path).load().unwrap();
    let (told, heard) = mpsc::channel();
    configuration.on_change(move |_| told.send(()).unwrap());
    files.write("a.conf", "[g]\ncount = 5\nsize = many\n");
    for error in [configuration.reload(), configuration.mutate()] {
        assert!(matches!(error, Err(ConfigError::Option(_))), "{error:?}");
    }
    files.write("a.conf", "count = 5\n");
    assert!(matches!(configuration.reload(), Err(ConfigError::File(_))));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(configuration.mutate(), Err(ConfigError::File(_))));
    assert!(heard.try_recv().is_err());
    assert_eq!(configuration.options().get("g", "count"), Ok(4));
}

#[test]
fn errors_name_the_place_and_what_it_overrides() {
    let files = Files::new("places");
    let first = files.write("a.conf", "[g]\ncount = 4\n");
    let second = files.write("b.conf", "[g]\n\ncount =  eleven\n");
    let error = of(&first).file(&second).load().unwrap_err().to_string();
    let expected = format!(
        "\"eleven\" is no value for option [g] count, from {}:3:10, which overrides {}:2:9: \
         write a whole number",
        second.display(),
        first.display()
    );
    assert_eq!(error, expected);
    // What is overridden need not be a value.
    assert!(of(&second).file(&first).load().is_ok());
    let missing = Configuration::builder().dir(files.0.join("none")).load();
    assert!(matches!(missing, Err(ConfigError::Directory { .. })));
    let nobodys = Configuration::builder().set("g", "x", "1").load();
    let nobodys = nobodys.unwrap_err();
    assert!(matches!(
        nobodys,
        ConfigError::Option(OptionError::Unknown { .. })
    ));
}

#[test]
fn a_check_finds_all_errors() {
    let files = Files::new("check");
    let path = files.write(
        "a.conf",
        "[g]\ncount = x\nsize = 11\n[DEFAULT]\nhost = h1\nx = 1\n",
    );
    let (options, errors) = of(&path).file(files.0.join("none.conf")).check();
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert_eq!(options.get("DEFAULT", "host"), Ok("h1".to_owned()));
    let size = options.get::<i64>("g", "size").unwrap_err();
    assert!(errors.contains(&size.into()), "{errors:?}");
    let unknown: Vec<_> = options
        .unknown()
        .iter()
        .map(|unknown| &unknown.name)
        .collect();
    assert_eq!(unknown, ["x"]);
}

#[test]
fn the_log_shows_every_option_between_lines_of_asterisks() {
    let files = Files::new("log");
    let path = files.write(
        "a.conf",
        "[DEFAULT]\npassword = s3cret\n[g]\ndrivers = it's\n",
    );
    let lines = of(&path).load().unwrap().option_lines();
    assert_eq!(lines.first(), lines.last());
    assert_eq!(lines[0], "*".repeat(80));
    let after = lines
        .iter()
        .position(|line| *line == "=".repeat(80))
        .unwrap();
    let expected = [
        "debug                          = False",
        "host                           = h0",
        "password                       = ****",
        "g.count                        = 3",
        "g.drivers                      = [\"it's\"]",
        "g.size                         = 1",
        "g.url                          = http://h0/3",
    ];
    assert_eq!(lines[after + 1..lines.len() - 1], expected);
    let shown = format!("{:?}", of(&path).load().unwrap());
    assert!(
        !shown.contains("s3cret") && shown.contains("a.conf"),
        "{shown}"
    );
}

#[test]
fn what_refers_to_a_secret_is_secret() {
    let files = Files::new("secret");
    let text = "[DEFAULT]\npassword = s3cret\n[g]\nurl = http://u:$password@h0\n";
    let path = files.write("a.conf", text);
    let configuration = of(&path).load().unwrap();
    let options = configuration.options();
    assert!(options.is_secret("g", "url") && !options.is_secret("DEFAULT", "host"));
    assert_eq!(options.get("g", "url"), Ok("http://u:s3cret@h0".to_owned()));
    let lines = configuration.option_lines().join("\n");
    files.write("a.conf", &text.replace("s3cret", "0ther"));
    let changes = configuration.reload().unwrap();
    let shown = format!("{lines}{configuration:?}{changes:?}");
    assert!(
        !shown.contains("s3cret") && !shown.contains("0ther"),
        "{shown}"
    );
}
