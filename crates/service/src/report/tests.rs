use std::sync::Arc;
use std::time::Duration;

use super::write::write;
use super::{text, watch_file};
use crate::introspect::tests::observer;

const TITLES: [&str; 8] = [
    "Guru Meditation",
    "Package",
    "Threads",
    "Tasks",
    "Processes",
    "Configuration",
    "Messaging",
    "Hypervisor",
];

#[test]
fn the_layout_is_the_peers() {
    let report = text(&observer(&[]));
    let lines: Vec<_> = report.lines().collect();
    let line = "=".repeat(72);
    let titles: Vec<_> = lines
        .windows(3)
        .filter(|three| three[0] == line && !three[1].is_empty() && three[2] == line)
        .map(|three| three[1])
        .collect();
    assert_eq!(titles.len(), TITLES.len(), "{report}");
    for (shown, title) in titles.iter().zip(TITLES) {
        assert_eq!(*shown, format!("===={title:^64}===="));
        assert_eq!(shown.len(), 72);
    }
    assert_eq!(
        titles[0],
        "====                        Guru Meditation                         ===="
    );
    assert_eq!(lines[3], "|".repeat(72));
    assert!(report.contains("product = OpenStack Nova\nvendor = Example\nversion = 29.0.0\n"));
    let thread = lines
        .iter()
        .find(|line| line.contains(" Thread #"))
        .unwrap();
    assert_eq!(thread.len(), 72);
    assert!(thread.starts_with("------ ") && thread.ends_with(" ------"));
    let process = format!("Process {} (under ", std::process::id());
    assert!(report.contains(&process) && report.contains("[ run by: "));
}

#[test]
fn options_stand_by_their_groups_and_secrets_are_masked() {
    let report = text(&observer(&[("oslo_reports.log_dir", "reports")]));
    assert!(
        report.contains("\ndatabase: \n  max_retries = 10\n"),
        "{report}"
    );
    assert!(
        report.contains("\ndefault: \n  backdoor_port = None\n"),
        "{report}"
    );
    assert!(report.contains("  transport_url = ***\n"));
    assert!(report.contains("  log_dir = reports\n"));
    assert!(!report.contains("geheim"));
}

#[test]
fn messaging_shows_calls_and_a_peer_can_not_steer_the_terminal() {
    let report = text(&observer(&[]));
    for expected in [
        "connection rabbit at 127.0.0.1:5672: connected\n  consumers = 3\n",
        "server nova compute host-1: 1 of 64 calls in flight\n  queue compute.host-1\n",
        "  call build\\u{1b}[2J (req-1\\n), for 1.5 s\n",
        "driver = libvirt\nhosts =\n  name = one\n",
    ] {
        assert!(report.contains(expected), "no {expected:?} in {report}");
    }
    assert!(!report.contains('\u{1b}'));
}

/// A new folder, which the test removes.
fn folder(name: &str) -> std::path::PathBuf {
    let name = format!("bergen-report-{name}-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir(&path).unwrap();
    path
}

#[test]
fn each_report_has_a_file_of_its_own() {
    let folder = folder("files");
    let mut written = Vec::new();
    // Two in one second; should the clock strike in between, then the third.
    for number in 0..3 {
        let Ok(path) = write(&number.to_string(), Some(&folder), "nova") else {
            continue;
        };
        let path = path.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), number.to_string());
        written.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    assert!(written.len() >= 2, "{written:?}");
    let stamp = written[0].strip_prefix("nova_gurumeditation_").unwrap();
    assert_eq!(stamp.len(), 14, "{stamp}");
    assert!(stamp.bytes().all(|byte| byte.is_ascii_digit()));
    std::fs::remove_dir_all(&folder).unwrap();
    write("", Some(&folder), "nova").unwrap_err();
}

#[tokio::test]
async fn touching_the_file_asks_for_a_report() {
    let folder = folder("touch");
    let touched = folder.join("touch-me");
    let reports = folder.join("reports");
    std::fs::create_dir(&reports).unwrap();
    let observer = Arc::new(observer(&[
        ("oslo_reports.file_event_handler", touched.to_str().unwrap()),
        ("oslo_reports.log_dir", reports.to_str().unwrap()),
    ]));
    let mut settings = observer.settings();
    settings.report_file_interval = Duration::from_millis(2);
    watch_file(observer, &settings);
    let count = || std::fs::read_dir(&reports).unwrap().count();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    // The first looks may not have happened yet, so it is touched until it is seen.
    for touch in 0_u64.. {
        assert!(std::time::Instant::now() < deadline);
        let file = std::fs::File::create(&touched).unwrap();
        let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(touch);
        file.set_modified(time).unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        if count() > 0 {
            break;
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
