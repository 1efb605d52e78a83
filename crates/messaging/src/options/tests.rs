use bergen_config::file::ConfigFile;

use super::*;

fn rabbit(url: &str) -> Result<RabbitOptions, OptionError> {
    RabbitOptions::new(&defaults(), &url.parse().unwrap())
}

#[test]
fn every_default_is_a_value_of_its_option() {
    for definition in MESSAGING_OPTIONS.iter().chain(RABBIT_OPTIONS) {
        if let Some(default) = definition.default {
            assert!(definition.parse(default).is_ok(), "{}", definition.name);
        }
        assert!(!definition.help.is_empty(), "{}", definition.name);
    }
}

#[test]
fn the_defaults_are_the_peers() {
    let options = rabbit("rabbit://").unwrap();
    assert_eq!(options.transient_queues_ttl, Duration::from_mins(30));
    assert_eq!(options.heartbeat_timeout_threshold, Duration::from_mins(1));
    assert_eq!((options.heartbeat_rate, options.prefetch_count), (3, 0));
    assert_eq!(options.reconnect_delay, Duration::from_secs(1));
    assert_eq!(
        options.missing_consumer_retry_timeout,
        Duration::from_mins(1)
    );
    assert_eq!(options.login_method, "AMQPLAIN");
    assert!(options.direct_mandatory && !options.durable_queues && !options.ssl);
    assert_eq!((options.ssl_ca_file, options.compression), (None, None));
    let of = defaults();
    assert_eq!(
        of.get(DEFAULT_GROUP, "rpc_response_timeout"),
        Ok(Duration::from_mins(1))
    );
    assert_eq!(of.get(DEFAULT_GROUP, "rpc_thread_pool_size"), Ok(64_usize));
}

#[test]
fn the_query_wins_over_the_file() {
    let text = "[oslo_messaging_rabbit]\nheartbeat_rate = 4\nkombu_reconnect_delay = 0.5\n";
    let mut options = defaults();
    options
        .load(&ConfigFile::parse("nova.conf", text).unwrap())
        .unwrap();
    let url = "rabbit://h/?heartbeat_rate=5&ssl=yes&ssl_ca_file=/ca.pem"
        .parse()
        .unwrap();
    let options = RabbitOptions::new(&options, &url).unwrap();
    assert_eq!((options.heartbeat_rate, options.ssl), (5, true));
    assert_eq!(options.reconnect_delay, Duration::from_millis(500));
    assert_eq!(options.ssl_ca_file.as_deref(), Some("/ca.pem"));
}

#[test]
fn a_bad_query_is_named() {
    assert_eq!(
        rabbit("rabbit://h/?nope=1").unwrap_err().to_string(),
        "unknown option [oslo_messaging_rabbit] nope, from the transport URL"
    );
    assert_eq!(
        rabbit("rabbit://h/?kombu_failover_strategy=x")
            .unwrap_err()
            .to_string(),
        "\"x\" is no value for option [oslo_messaging_rabbit] kombu_failover_strategy, from the \
         transport URL: write one of round-robin, shuffle"
    );
}

#[test]
fn what_only_this_library_can_be_told_comes_from_query_and_file_too() {
    assert_eq!(rabbit("rabbit://").unwrap().tuning, RabbitTuning::default());
    let text = "[oslo_messaging_rabbit]\nbergen_mandatory_calls = no\nbergen_no_server_grace = 0\n\
                bergen_max_waiting_calls = 10\nbergen_listen_timeout = 2.5\n";
    let mut options = defaults();
    options
        .load(&ConfigFile::parse("nova.conf", text).unwrap())
        .unwrap();
    let url = "rabbit://h/?bergen_max_waiting_calls=20&bergen_republish=never&bergen_probe_after=0\
               &bergen_cancel=false&bergen_stream_offset=last&bergen_durable_transient_queues=true";
    let tuning = RabbitOptions::new(&options, &url.parse().unwrap())
        .unwrap()
        .tuning;
    let expected = RabbitTuning {
        listen_timeout: Duration::from_millis(2500),
        max_waiting_calls: 20,
        republish: Republish::Never,
        durable_transient_queues: true,
        ..RabbitTuning::like_the_peer()
    };
    assert_eq!(tuning, expected);
    for query in [
        "bergen_max_waiting_calls=0",
        "bergen_republish=maybe",
        "bergen_stream_offset=first",
        "bergen_probe_after=1e30",
    ] {
        assert!(rabbit(&format!("rabbit://h/?{query}")).is_err(), "{query}");
    }
}

/// An option either does something, or says that it does not.
#[test]
fn what_has_no_effect_says_so() {
    for definition in RABBIT_OPTIONS {
        let silent = definition.help.to_lowercase().contains("without effect");
        assert!(
            !silent || definition.deprecated.is_some() || definition.name == "ssl_version",
            "{}",
            definition.name
        );
    }
    let mut options = defaults();
    let names = [
        "heartbeat_rate",
        "rpc_conn_pool_size",
        "conn_pool_min_size",
        "conn_pool_ttl",
    ];
    for name in names {
        options.set(RABBIT_GROUP, name, "5", Source::Code).unwrap();
    }
    let notices = options.notices();
    assert_eq!(notices.len(), names.len());
    assert!(
        notices
            .iter()
            .all(|notice| notice.to_string().contains("it has no effect"))
    );
}
