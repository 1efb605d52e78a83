//! `bergen config`.

use std::path::PathBuf;

use bergen::config::Options;
use bergen::config::file::ConfigFile;
use bergen::{options, service};
use serde_json::{Value, json};

use crate::program::{Ended, bergen, finish, program};

/// A folder that goes when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("bergen-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn config(arguments: &[&str]) -> Ended {
    bergen("", &[&["config"], arguments].concat()).await
}

/// Without its comment signs the sample sets every option to its default.
#[tokio::test]
async fn the_sample_holds_every_option_and_can_be_read() {
    let sample = config(&["sample"]).await.expect(0).out;
    let set: String = sample
        .lines()
        .filter(|line| !line.ends_with("= <None>"))
        .map(|line| match line.strip_prefix('#') {
            Some(option) if option.contains(" =") && !option.starts_with(' ') => {
                format!("{option}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let file = ConfigFile::parse("sample", &set).unwrap();
    let rooms: Vec<_> = options::DECLARED
        .iter()
        .chain(service::DECLARED)
        .copied()
        .collect();
    let mut options = Options::new(&rooms);
    options.load(&file).unwrap();
    assert_eq!(options.unknown(), []);
    for option in options.definitions() {
        assert!(
            sample.contains(&format!("\n#{} =", option.name)),
            "{}",
            option.name
        );
    }
    let defaults = options::defaults();
    assert_eq!(
        options.value("oslo_messaging_rabbit", "heartbeat_rate"),
        defaults.value("oslo_messaging_rabbit", "heartbeat_rate")
    );
}

#[tokio::test]
async fn a_sample_of_one_group() {
    let group = "oslo_messaging_notifications";
    let sample = config(&["sample", "--group", group]).await.expect(0).out;
    let sections: Vec<_> = sample
        .lines()
        .filter(|line| line.starts_with('['))
        .collect();
    assert_eq!(sections, [format!("[{group}]")]);
    let page = config(&["sample", "--group", group, "--markdown"])
        .await
        .expect(0)
        .out;
    assert!(
        page.contains("| `topics` | list | `notifications` |"),
        "{page}"
    );
    config(&["sample", "--group", "nova"])
        .await
        .expect(2)
        .says(&["oslo_messaging_rabbit"]);
}

#[tokio::test]
async fn a_good_file_has_nothing_to_say() {
    let folder = Folder::new("config-good");
    let path = folder.write(
        "nova.conf",
        "[DEFAULT]\ncontrol_exchange = nova\nmy_ip = 10.0.0.1\n[libvirt]\nx = 1\n",
    );
    let checked = config(&["check", &path]).await.expect(0);
    assert_eq!(checked.out, "2 options of other programs are left alone\n");
}

#[tokio::test]
async fn findings_have_places_and_ways_out() {
    let folder = Folder::new("config-bad");
    let first = folder.write(
        "nova.conf",
        "[DEFAULT]\ntransport_url = rabbit://u:pa$word@h/\n[oslo_messaging_rabbit]\nheartbeat_rate = often\n\
         heartbeat_rat = 3\nkombu_reconnect_timeout = 9\nrabbit_retry_interval = 2\n",
    );
    std::fs::create_dir(folder.0.join("d")).unwrap();
    let second = folder.write(
        "d/10.conf",
        "[oslo_messaging_rabbit]\nrabbit_retry_interval = 3\nnope = 1\n",
    );
    let dir = folder.0.join("d");
    let arguments = ["check", &first, "--config-dir", dir.to_str().unwrap()];
    let checked = config(&arguments).await.expect(2).says(&["2 errors"]);
    for finding in [
        format!(
            "error: the value of option [DEFAULT] transport_url, from {first}:2:17, refers to ****: "
        ),
        format!(
            "error: \"often\" is no value for option [oslo_messaging_rabbit] heartbeat_rate, from {first}:4:18: "
        ),
        format!(
            "unknown: [oslo_messaging_rabbit] heartbeat_rat ({first}:5:17) is no option of this program; \
             did you mean [oslo_messaging_rabbit] heartbeat_rate?"
        ),
        format!(
            "unknown: [oslo_messaging_rabbit] nope ({second}:3:8) is no option of this program\n"
        ),
        format!(
            "deprecated: [oslo_messaging_rabbit] kombu_reconnect_timeout ({first}:6:27) is deprecated: its name"
        ),
        format!(
            "overridden: [oslo_messaging_rabbit] rabbit_retry_interval is set in {first}:7:25, overridden in {second}:2:25"
        ),
    ] {
        assert!(
            checked.out.contains(&finding),
            "no {finding:?} in {checked:#?}"
        );
    }
    assert!(!format!("{checked:?}").contains("word"), "{checked:#?}");

    let checked = config(&[&arguments[..], &["--json"]].concat())
        .await
        .expect(2);
    let lines: Vec<Value> = checked
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let often = lines.iter().find(|line| line["line"] == 4).unwrap();
    assert_eq!(
        (&often["kind"], &often["column"], &often["file"]),
        (&json!("error"), &json!(18), &json!(first))
    );
    assert_eq!(
        lines.last(),
        Some(&json!({"errors": 2, "findings": lines.len() - 1, "others": 0}))
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_wrong() {
    let folder = Folder::new("config-unreadable");
    let path = folder.write("a.conf", "[DEFAULT]\n  x\n");
    for (file, part) in [
        (path, ".conf:2:3: "),
        (
            folder.0.join("none.conf").display().to_string(),
            "cannot read",
        ),
    ] {
        let checked = config(&["check", &file]).await.expect(2);
        assert!(checked.out.contains(part), "{checked:#?}");
    }
    config(&["check"]).await.expect(2).says(&["FILE"]);
}

#[tokio::test]
async fn the_environment_is_checked_if_asked_for() {
    let folder = Folder::new("config-environment");
    let path = folder.write("a.conf", "");
    let checked = async |arguments: &[&str]| {
        let mut command = program("", &[&["config", "check", &path], arguments].concat());
        command.env("OS_OSLO_MESSAGING_RABBIT__SSL", "perhaps");
        finish(command).await
    };
    checked(&[]).await.expect(0);
    let wrong = checked(&["--environment"]).await.expect(2);
    assert!(
        wrong.out.contains("$OS_OSLO_MESSAGING_RABBIT__SSL"),
        "{wrong:#?}"
    );
}
