//! What a configuration comes to, here and in the real oslo.config: random files, directories and environments.
//!
//! ```console
//! BERGEN_CASES=20000 cargo test -p bergen-interop --test interop config:: -- --nocapture
//! BERGEN_SEED=4711 cargo test -p bergen-interop --test interop config::   # one again
//! ```

use std::collections::BTreeMap;

use bergen::options::{MESSAGING_OPTIONS, NOTIFICATION_OPTIONS, RABBIT_OPTIONS};
use bergen_config::{
    ConfigError, Kind, OptionDef, OptionError, Options, ReferenceProblem, Value as OptionValue,
    sample,
};
use bergen_testbed::PythonPeer;
use serde_json::{Value, json};

mod cases;

use cases::{Case, OPTIONS};

async fn peer(options: impl IntoIterator<Item = &OptionDef>) -> PythonPeer {
    let options: Vec<_> = options.into_iter().map(declaration).collect();
    let options = json!({"options": options});
    PythonPeer::start("config_values.py", &options)
        .await
        .unwrap()
}

#[tokio::test]
async fn random_configurations_mean_the_same_as_in_oslo_config() {
    let number = |name| {
        std::env::var(name)
            .ok()
            .and_then(|number| number.parse::<u64>().ok())
    };
    let seeds = match (number("BERGEN_SEED"), number("BERGEN_CASES")) {
        (Some(seed), _) => seed..seed + 1,
        (None, cases) => 0..cases.unwrap_or(200),
    };
    let peer = peer(OPTIONS).await;
    let mut seen = Account::default();
    for seed in seeds {
        let case = Case::random(seed);
        let theirs = peer.request(case.command()).await.unwrap();
        let (options, errors) = case.builder().check();
        if let Err(difference) = seen.compare(&options, &errors, &theirs) {
            panic!(
                "BERGEN_SEED={seed} plays this again: {difference}\n{}",
                case.shown()
            );
        }
    }
    println!("{seen:?}");
    let all = [seen.refused, seen.values, seen.errors, seen.unset];
    assert!(
        all.iter().all(|count| *count > 0) || number("BERGEN_SEED").is_some(),
        "{seen:?}"
    );
    peer.stop().await.unwrap();
}

/// A file as a careful operator writes it, so that a test of random ones cannot hide that nothing is read.
#[tokio::test]
async fn what_operators_write_means_the_same_as_in_oslo_config() {
    let text = "[DEFAULT]\nname = node-$count\nold_count = 12\ncount: 13\nflag = Yes\n\n\
                [Alpha]\nparts = a,\n  b,\n  c\ndrivers = one\ndriver = zero\ndrivers = two\n\
                pairs = k:v, l:http://${alpha.size}/\nsize = 1_000\nway = two\n\
                [beta]\nurl = '$name $$ \\$x ${alpha.parts}'\nratio =\n";
    let case = Case::of(text);
    let peer = peer(OPTIONS).await;
    let theirs = peer.request(case.command()).await.unwrap();
    let (options, errors) = case.builder().check();
    Account::default()
        .compare(&options, &errors, &theirs)
        .unwrap();
    assert_eq!(
        options.get("beta", "url"),
        Ok("node-13 $ $x ['a', 'b', 'c']".to_owned())
    );
    assert_eq!(
        options.get("alpha", "drivers"),
        Ok(["zero", "one", "two"].map(str::to_owned).to_vec())
    );
    assert_eq!(options.get("beta", "ratio"), Ok(None::<f64>));
    peer.stop().await.unwrap();
}

/// What is different on purpose, so that the page of differences stays true.
#[tokio::test]
async fn where_oslo_config_is_not_followed() {
    let peer = peer(OPTIONS).await;
    let read = async |case: &Case, option: &str| {
        let theirs = peer.request(case.command()).await.unwrap();
        theirs["values"][option].clone()
    };
    // A variable is one item of a list of lines, not as many as it has characters.
    let case = Case::of("").with_variable("OS_ALPHA__DRIVERS", "log");
    assert_eq!(
        read(&case, "alpha.drivers").await,
        json!({"value": ["l", "o", "g"]})
    );
    let ours = case.builder().check().0;
    assert_eq!(ours.get("alpha", "drivers"), Ok(vec!["log".to_owned()]));
    // DEFAULT is a group like others in references.
    let case = Case::of("[beta]\nurl = ${DEFAULT.count}\n");
    assert!(read(&case, "beta.url").await["error"].is_string());
    assert_eq!(
        case.builder().check().0.get("beta", "url"),
        Ok("7".to_owned())
    );
    // What refers to an option without a value has none; no option of another group stands in.
    let case = Case::of("[alpha]\nparts = $name\nname = $nope\n");
    let stands_in = read(&case, "alpha.parts").await;
    assert_eq!(stands_in, json!({"value": ["n-7"]}));
    let ours = case.builder().check().0;
    assert!(ours.value("alpha", "parts").is_err());
    // Numbers that are none are refused.
    let case = Case::of("[beta]\nratio = nan\n");
    assert_eq!(read(&case, "beta.ratio").await, json!({"value": "nan"}));
    assert!(case.builder().load().is_err());
    peer.stop().await.unwrap();
}

#[tokio::test]
async fn the_sample_file_is_that_of_oslo_config_generator() {
    let ours = || {
        MESSAGING_OPTIONS
            .iter()
            .chain(NOTIFICATION_OPTIONS)
            .chain(RABBIT_OPTIONS)
    };
    for options in [ours().collect::<Vec<_>>(), OPTIONS.iter().collect()] {
        let peer = peer(options.iter().copied()).await;
        let theirs = peer.request(json!({"op": "sample"})).await.unwrap();
        let theirs = theirs["text"].as_str().unwrap();
        // Words may go to other lines, since theirs are broken at hyphens, too.
        let lines = |text: &str| text.replace("\n# ", " ");
        assert_eq!(lines(&sample("bergen", options)), lines(theirs));
        peer.stop().await.unwrap();
    }
}

/// What was compared.
#[derive(Debug, Default)]
struct Account {
    refused: usize,
    values: usize,
    unset: usize,
    errors: usize,
    /// Where the peer looks for an option in `DEFAULT` after one of the same name in the group has failed.
    second_choices: usize,
}

impl Account {
    fn compare(
        &mut self,
        ours: &Options,
        errors: &[ConfigError],
        theirs: &Value,
    ) -> Result<(), String> {
        let refused = errors
            .iter()
            .find(|error| !matches!(error, ConfigError::Option(_)));
        match (refused, theirs.get("refused")) {
            (Some(_), Some(_)) => {
                self.refused += 1;
                return Ok(());
            }
            (None, None) => {}
            differ => return Err(format!("refused: {differ:?}")),
        }
        for option in OPTIONS {
            let name = format!("{}.{}", option.group, option.name);
            let theirs = &theirs["values"][&name];
            match (ours.value(option.group, option.name), theirs.get("value")) {
                (Ok(value), Some(theirs)) if plain(value.clone()) == *theirs => match value {
                    Some(_) => self.values += 1,
                    None => self.unset += 1,
                },
                (Err(_), None) if theirs.get("error").is_some() => self.errors += 1,
                (Err(error), Some(_)) if of_another(&error, option) => self.second_choices += 1,
                (ours, _) => return Err(format!("{name}: {ours:?} is {theirs}")),
            }
        }
        Ok(())
    }
}

/// Whether the option refers to one whose own reference leads nowhere.
fn of_another(error: &OptionError, refers: &OptionDef) -> bool {
    let OptionError::Reference {
        option,
        problem: ReferenceProblem::Unknown,
        ..
    } = error
    else {
        return false;
    };
    *option != format!("[{}] {}", refers.group, refers.name)
}

fn plain(value: Option<OptionValue>) -> Value {
    match value {
        Some(OptionValue::Bool(value)) => json!(value),
        Some(OptionValue::Int(value)) => json!(value),
        Some(OptionValue::Float(value)) => json!(value),
        Some(OptionValue::Text(value)) => json!(value),
        Some(OptionValue::List(value)) => json!(value),
        Some(OptionValue::Dict(value)) => json!(value.into_iter().collect::<BTreeMap<_, _>>()),
        None => Value::Null,
        Some(other) => panic!("{other:?}"),
    }
}

/// A declaration as the peer takes it.
fn declaration(option: &OptionDef) -> Value {
    let (kind, min, max, choices) = match option.kind {
        Kind::Bool => ("bool", None, None, None),
        Kind::Int { min, max } => {
            let (min, max) = (
                (min != i64::MIN).then_some(min),
                (max != i64::MAX).then_some(max),
            );
            ("int", min.map(Value::from), max.map(Value::from), None)
        }
        Kind::Float { min, max } => {
            let (min, max) = (
                (min > f64::MIN).then_some(min),
                (max < f64::MAX).then_some(max),
            );
            ("float", min.map(Value::from), max.map(Value::from), None)
        }
        Kind::Text => ("text", None, None, None),
        Kind::Choice(words) => ("choice", None, None, Some(words)),
        Kind::List => ("list", None, None, None),
        Kind::Dict => ("dict", None, None, None),
        Kind::Multi => ("multi", None, None, None),
        other => panic!("{other:?}"),
    };
    json!({
        "group": option.group, "name": option.name, "kind": kind, "min": min, "max": max, "choices": choices,
        "default": option.default, "help": option.help, "mutable": option.mutable,
        "old_names": option.old_names, "old_places": option.old_places, "deprecated": option.deprecated,
    })
}
