use bergen_config::Source;

use super::*;
use crate::nova::OPTIONS;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn the_default_is_that_of_the_options() {
    let options = Options::new(&[OPTIONS]);
    assert_eq!(
        NovaSettings::from_options(&options),
        Ok(NovaSettings::default())
    );
}

#[test]
fn options_are_read() {
    let mut options = Options::new(&[OPTIONS]);
    let set = [
        ("DEFAULT", "report_interval", "1"),
        ("DEFAULT", "periodic_enable", "false"),
        ("upgrade_levels", "baseapi", "1.0"),
    ];
    for (group, name, value) in set {
        options.set(group, name, value, Source::Code).unwrap();
    }
    let settings = NovaSettings::from_options(&options).unwrap();
    assert_eq!(settings.report_interval, seconds(1));
    assert!(!settings.periodic.periodic_enable);
    assert_eq!(settings.baseapi_cap, Some((1, 0).into()));
}

#[test]
fn the_down_time_is_longer_than_an_interval() {
    let with = |report, down| {
        let settings = NovaSettings {
            report_interval: seconds(report),
            service_down_time: seconds(down),
            ..NovaSettings::default()
        };
        settings.effective_down_time()
    };
    assert_eq!(with(10, 60), seconds(60));
    assert_eq!(with(10, 11), seconds(11));
    assert_eq!(with(10, 10), seconds(25));
    assert_eq!(with(61, 60), seconds(152));
}

#[test]
fn the_manager_gets_less_than_the_process_has() {
    let with = |manager, process| {
        let settings = NovaSettings {
            manager_shutdown_timeout: seconds(manager),
            graceful_shutdown_timeout: seconds(process),
            ..NovaSettings::default()
        };
        settings.effective_manager_timeout()
    };
    assert_eq!(with(160, 180), seconds(160));
    assert_eq!(with(180, 180), seconds(180));
    assert_eq!(with(160, 60), seconds(50));
    assert_eq!(with(160, 5), seconds(0));
    // Without a limit for the process there is none to keep below.
    assert_eq!(with(160, 0), seconds(160));
}
