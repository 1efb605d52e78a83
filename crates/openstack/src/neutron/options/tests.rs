use std::time::Duration;

use bergen_config::Configuration;
use bergen_messaging::options::MESSAGING_OPTIONS;

use super::*;

fn configuration(variables: &[(&str, &str)]) -> Configuration {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Configuration::builder()
        .declare(MESSAGING_OPTIONS)
        .declare(CONTROL_EXCHANGE_OPTIONS)
        .declare(AGENT_OPTIONS)
        .declare(SERVICE_OPTIONS)
        .declare(RPC_OPTIONS)
        .declare(SERVER_OPTIONS)
        .variables(variables)
        .load()
        .unwrap()
}

#[test]
fn defaults_are_neutrons() {
    let options = configuration(&[]).options();
    let seconds = |group, name| options.get::<Duration>(group, name).unwrap().as_secs();
    assert_eq!(seconds("AGENT", "report_interval"), 30);
    assert_eq!(seconds("DEFAULT", "periodic_interval"), 40);
    assert_eq!(seconds("DEFAULT", "periodic_fuzzy_delay"), 5);
    assert_eq!(seconds("DEFAULT", "rpc_response_max_timeout"), 600);
    assert_eq!(seconds("DEFAULT", "agent_down_time"), 75);
    let text = |group, name| options.get::<String>(group, name).unwrap();
    assert_eq!(text("AGENT", "availability_zone"), "nova");
    assert_eq!(text("DEFAULT", "control_exchange"), "neutron");
    let workers = |name| options.get::<Option<usize>>("DEFAULT", name).unwrap();
    assert_eq!(workers("rpc_workers"), None);
    assert_eq!(workers("rpc_state_report_workers"), Some(1));
    assert!(options.get::<bool>("DEFAULT", "enable_new_agents").unwrap());
    assert!(
        !options
            .get::<bool>("AGENT", "log_agent_heartbeats")
            .unwrap()
    );
    assert!(default_rpc_workers() >= 1);
}

#[test]
fn a_report_interval_may_be_a_fraction() {
    let configuration = configuration(&[("OS_AGENT__REPORT_INTERVAL", "0.5")]);
    let interval: Duration = configuration
        .options()
        .get("AGENT", "report_interval")
        .unwrap();
    assert_eq!(interval, Duration::from_millis(500));
}

#[test]
fn half_of_the_processors_answer_rpc_if_the_memory_is_enough_for_them() {
    const GIB: usize = 1024 * 1024;
    for (processors, memory, workers) in [
        (1, Some(64 * GIB), 1),
        (8, Some(64 * GIB), 4),
        (8, Some(16 * GIB), 4),
        (8, Some(16 * GIB - 1), 3),
        (8, Some(8 * GIB), 2),
        (8, Some(GIB), 1),
        (8, Some(0), 1),
        (9, None, 4),
        (0, None, 1),
    ] {
        assert_eq!(
            rpc_workers(processors, memory),
            workers,
            "{processors} {memory:?}"
        );
    }
}

#[test]
fn the_memory_is_read_from_the_kernels_text() {
    let text = "MemTotal:        8131944 kB\nMemFree:          206640 kB\n";
    assert_eq!(total_memory(text), Some(8_131_944));
    for text in [
        "",
        "MemFree: 1 kB\n",
        "MemTotal: 8 GB\n",
        "MemTotal: -1 kB\n",
    ] {
        assert_eq!(total_memory(text), None, "{text:?}");
    }
}
