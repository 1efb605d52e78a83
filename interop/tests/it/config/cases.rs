//! Random configurations.

use std::fmt::Write;
use std::path::PathBuf;

use bergen_config::{Configuration, ConfigurationBuilder, Kind, OptionDef};
use fastrand::Rng;
use serde_json::{Value, json};

/// Options of every kind; `name` is in two groups, and one default leads nowhere.
pub(super) static OPTIONS: &[OptionDef] = &[
    OptionDef::new("DEFAULT", "name", Kind::Text)
        .default("n-$count")
        .help("A name."),
    OptionDef::new("DEFAULT", "count", Kind::int(0, 100))
        .default("7")
        .old_names(&["old_count"])
        .old_places(&[("alpha", "count_was"), ("gone", "count")])
        .help("A number."),
    OptionDef::new("DEFAULT", "flag", Kind::Bool)
        .default("no")
        .mutable()
        .help("A flag."),
    OptionDef::new("DEFAULT", "delay", Kind::float_from(0.0))
        .default("1e16")
        .help("Seconds."),
    OptionDef::new("alpha", "name", Kind::Text).help("A name."),
    OptionDef::new("alpha", "parts", Kind::List)
        .default("a,b")
        .help("Parts."),
    OptionDef::new("alpha", "drivers", Kind::Multi)
        .old_names(&["driver"])
        .help("Drivers."),
    OptionDef::new("alpha", "pairs", Kind::Dict)
        .default("a:1,b:2")
        .help("Pairs."),
    OptionDef::new("alpha", "way", Kind::Choice(&["one", "two", ""]))
        .default("one")
        .help("A way."),
    OptionDef::new("alpha", "size", Kind::any_int()).help("A size."),
    OptionDef::new("beta", "url", Kind::Text)
        .default("http://${alpha.name}/$name")
        .help("A URL."),
    OptionDef::new("beta", "broken", Kind::Text)
        .default("$nowhere")
        .help("Broken."),
    OptionDef::new("beta", "ratio", Kind::float(-1.0, 1.0)).help("A ratio."),
    OptionDef::new("beta", "many", Kind::Multi)
        .default("x")
        .help("Many."),
    OptionDef::new("beta", "parts", Kind::List)
        .default("$delay,${alpha.parts}")
        .deprecated("it has no use")
        .help("More parts."),
];

const SECTIONS: &[&str] = &[
    "DEFAULT", "DEFAULT", "alpha", "alpha", "beta", "beta", "Alpha", "BETA", "default", " alpha ",
    "gone", "other",
];

const NAMES: &[&str] = &[
    "name",
    "name",
    "count",
    "count",
    "old_count",
    "count_was",
    "flag",
    "delay",
    "parts",
    "parts",
    "drivers",
    "drivers",
    "driver",
    "pairs",
    "way",
    "size",
    "url",
    "broken",
    "ratio",
    "many",
    "nobodys",
    "Name",
];

/// Without references by old names: by those the peer does not find the environment.
const VALUES: &[&str] = &[
    "5",
    " 5 ",
    "+5",
    "-1",
    "007",
    "1_0",
    "1__0",
    "_1",
    "101",
    "99999999999",
    "x",
    "",
    "5.5",
    "1e3",
    ".5",
    "5.",
    "1_0.5",
    "-0.5",
    "0.1",
    "1e-7",
    "true",
    "Yes",
    "oN",
    "0",
    "FALSE",
    "maybe",
    "\" true \"",
    "h\u{e9}llo",
    "a b",
    "it's",
    "\"quoted\"",
    "'q\"",
    "\"",
    "\"\"",
    "a,b",
    " a , b,,",
    ",",
    ",a",
    "a, ,b",
    "a:1,b:2",
    "a:1,b",
    "a:1,,b:2",
    "k : v w , x:",
    "a:1,a:2",
    ":1",
    "one",
    "two",
    "$name",
    "${alpha.name}",
    "$count",
    "${count}",
    "$$5",
    "\\$x",
    "$nope",
    "${nope.x}",
    "${alpha.nope}",
    "$",
    "${",
    "a$1",
    "$parts",
    "$delay",
    "$flag",
    "$pairs",
    "$drivers",
    "${beta.url}",
    "$size",
    "$url!",
    "$name.",
    "# no comment",
];

const CONTINUATIONS: &[&str] = &["more", ",c", "b:2,", "$count", "# not a comment", "5"];

const LETTERS: &[char] = &[
    'a', 'b', ',', ':', '$', ' ', '{', '}', '"', '\'', '\\', '=', '.', '[', ']', '#', ';',
    '\u{e9}', '_', '0', '1', '\t',
];

const BAD_LINES: &[&str] = &[
    "nonsense",
    "[unclosed",
    "[]",
    "= x",
    "\n  nothing to continue",
    "[alpha] # comment",
    "[\n",
];

/// A configuration: files in a folder of its own, which goes with it, and variables.
pub(super) struct Case {
    folder: PathBuf,
    arguments: Vec<(&'static str, PathBuf)>,
    variables: Vec<(String, String)>,
}

impl Case {
    /// The configuration of a seed.
    pub(super) fn random(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let mut case = Self::empty();
        for index in 0..random.usize(1..4) {
            if random.u8(..) < 80 {
                let dir = case.folder.join(format!("{index}.d"));
                if random.u8(..) > 5 {
                    std::fs::create_dir(&dir).unwrap();
                    for _ in 0..random.usize(0..4) {
                        let name = ["a.conf", "b.conf", "10.conf", "C.conf", ".d.conf", "e.txt"];
                        let name = random.choice(name).unwrap();
                        std::fs::write(dir.join(name), file(&mut random)).unwrap();
                    }
                }
                case.arguments.push(("--config-dir", dir));
            } else {
                let path = case.folder.join(format!("{index}.conf"));
                if random.u8(..) > 3 {
                    std::fs::write(&path, file(&mut random)).unwrap();
                }
                case.arguments.push(("--config-file", path));
            }
        }
        for option in OPTIONS {
            if option.kind != Kind::Multi && random.u8(..) < 20 {
                let variable = format!("OS_{}__{}", option.group, option.name).to_uppercase();
                case.variables.push((variable, value(&mut random)));
            }
        }
        case
    }

    /// One file.
    pub(super) fn of(text: &str) -> Self {
        let mut case = Self::empty();
        let path = case.folder.join("one.conf");
        std::fs::write(&path, text).unwrap();
        case.arguments.push(("--config-file", path));
        case
    }

    pub(super) fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same for us.
    pub(super) fn builder(&self) -> ConfigurationBuilder {
        let builder = Configuration::builder()
            .declare(OPTIONS)
            .variables(self.variables.clone());
        self.arguments
            .iter()
            .fold(builder, |builder, (flag, path)| match *flag {
                "--config-file" => builder.file(path),
                _ => builder.dir(path),
            })
    }

    /// The same for the peer.
    pub(super) fn command(&self) -> Value {
        let arguments = self.arguments.iter();
        let arguments: Vec<_> = arguments
            .flat_map(|(flag, path)| [json!(flag), json!(path)])
            .collect();
        let environment: serde_json::Map<_, _> = self
            .variables
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        json!({"op": "read", "args": arguments, "environment": environment})
    }

    /// The same for humans.
    pub(super) fn shown(&self) -> String {
        let mut text = format!("{:?}\n", self.variables);
        for (flag, path) in &self.arguments {
            let mut files: Vec<_> = path
                .read_dir()
                .into_iter()
                .flatten()
                .map(|file| file.unwrap().path())
                .collect();
            files.sort();
            files.push(path.clone());
            for file in files.iter().filter(|file| file.is_file()) {
                let bytes = std::fs::read(file).unwrap();
                let content = String::from_utf8_lossy(&bytes);
                writeln!(text, "{flag} {}:\n{content}", file.display()).unwrap();
            }
        }
        text
    }

    fn empty() -> Self {
        let name = format!(
            "bergen-config-{}-{:x}",
            std::process::id(),
            fastrand::u64(..)
        );
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        Self {
            folder,
            arguments: Vec::new(),
            variables: Vec::new(),
        }
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn file(random: &mut Rng) -> Vec<u8> {
    let mut text = String::new();
    let ends = *random
        .choice(["\n", "\n", "\n", "\r\n", "\r"].iter())
        .unwrap();
    if random.u8(..) > 5 {
        write!(text, "[{}]{ends}", pick(random, SECTIONS)).unwrap();
    }
    for _ in 0..random.usize(0..14) {
        let line = match random.u8(0..100) {
            0..14 => format!("[{}]", pick(random, SECTIONS)),
            14..18 => format!("{}a comment", pick(random, &["#", ";", "# "])),
            18..22 => String::new(),
            22 => pick(random, BAD_LINES).to_owned(),
            _ => assignment(random, ends),
        };
        text += &line;
        text += ends;
    }
    let mut bytes = text.into_bytes();
    if random.u8(..) < 2 {
        bytes.push(0xff);
    }
    bytes
}

fn assignment(random: &mut Rng, ends: &str) -> String {
    let separator = pick(random, &[" = ", "=", ": ", ":", " =\t"]);
    let mut line = format!("{}{separator}{}", pick(random, NAMES), value(random));
    while random.u8(..) < 25 {
        let indent = pick(random, &["  ", "\t", " "]);
        let more = pick(random, CONTINUATIONS);
        write!(line, "{ends}{indent}{more}").unwrap();
    }
    line
}

fn value(random: &mut Rng) -> String {
    if random.u8(..) < 40 {
        return (0..random.usize(0..8))
            .map(|_| *random.choice(LETTERS).unwrap())
            .collect();
    }
    pick(random, VALUES).to_owned()
}

fn pick<'a>(random: &mut Rng, from: &[&'a str]) -> &'a str {
    random.choice(from).copied().unwrap_or_default()
}
