use std::time::Duration;

use bergen_config::Source;

use super::*;

fn options() -> Options {
    Options::new(&[
        bergen_messaging::options::MESSAGING_OPTIONS,
        bergen_service::OPTIONS,
        OPTIONS,
    ])
}

#[test]
fn novas_defaults_count_when_its_options_are_declared_last() {
    let options = options();
    let text: String = options.get("DEFAULT", "control_exchange").unwrap();
    assert_eq!(text, "nova");
    let timeout: Duration = options.get("DEFAULT", "graceful_shutdown_timeout").unwrap();
    assert_eq!(timeout, Duration::from_mins(3));
    let workers: Option<u32> = options.get("conductor", "workers").unwrap();
    assert_eq!(workers, None);
}

#[test]
fn an_upgrade_level_is_a_version() {
    let mut options = options();
    assert_eq!(upgrade_level(&options, "conductor"), Ok(None));
    options
        .set("upgrade_levels", "conductor", "3.0", Source::Code)
        .unwrap();
    let cap = upgrade_level(&options, "conductor");
    assert_eq!(cap, Ok(Some((3, 0).into())));
}

#[test]
fn a_name_in_the_place_of_a_version_is_refused_with_the_way_out() {
    let mut options = options();
    options
        .set("upgrade_levels", "compute", "auto", Source::Code)
        .unwrap();
    let error = upgrade_level(&options, "compute").unwrap_err();
    assert_eq!(
        error.to_string(),
        "[upgrade_levels] compute = \"auto\" is not a version; write the version of the API, as 3.0, or leave it out"
    );
}

#[test]
fn a_servicegroup_that_is_not_there_is_refused() {
    let mut options = options();
    assert!(
        options
            .set("DEFAULT", "servicegroup_driver", "mc", Source::Code)
            .is_err()
    );
}
