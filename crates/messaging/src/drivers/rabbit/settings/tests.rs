use bergen_amqp::client::{Login, Verify};

use super::*;
use crate::options::defaults;

fn settings(url: &str) -> Result<Settings, DriverError> {
    let url: TransportUrl = url.parse().unwrap();
    let options = RabbitOptions::new(&defaults(), &url).unwrap();
    Settings::new(&url, "nova", &options)
}

#[test]
fn credentials_and_defaults_belong_to_one_host_each() {
    let settings = settings("rabbit://nova:s3cret@mq1:5673,mq2/prod").unwrap();
    let [first, second] = &settings.hosts[..] else {
        panic!("two hosts")
    };
    assert_eq!((first.host.as_str(), first.port), ("mq1", 5673));
    assert_eq!(first.login, Login::amqplain("nova", "s3cret"));
    assert_eq!((second.host.as_str(), second.port), ("mq2", 5672));
    assert_eq!(second.login, Login::amqplain("guest", "guest"));
    assert!(
        settings
            .hosts
            .iter()
            .all(|host| host.virtual_host == "prod")
    );
    assert_eq!(settings.host_names(), "mq1:5673,mq2:5672");
}

#[test]
fn passwords_do_not_reach_debug_output() {
    let settings = settings("rabbit://nova:s3cret@mq1/").unwrap();
    assert!(!format!("{settings:?}").contains("s3cret"));
}

#[test]
fn defaults_are_the_peers() {
    let settings = settings("rabbit://").unwrap();
    assert_eq!(settings.host_names(), "localhost:5672");
    assert_eq!(settings.topology, TopologyOptions::default());
    assert_eq!(settings.backoff, BackoffPolicy::default());
    assert_eq!(settings.prefetch, 0);
    assert!(settings.mandatory_replies);
    assert_eq!(settings.missing_queue_retry, Duration::from_mins(1));
    assert_eq!(settings.hosts[0].heartbeat, Duration::from_mins(1));
    assert_eq!(settings.hosts[0].tls, None);
}

#[test]
fn options_of_the_query_arrive() {
    let url = "rabbit://h/?amqp_durable_queues=true&rabbit_transient_queues_ttl=60&ssl=true&ssl_ca_file=/ca.pem\
               &kombu_failover_strategy=shuffle&heartbeat_timeout_threshold=0";
    let settings = settings(url).unwrap();
    assert!(settings.topology.durable_queues);
    assert_eq!(settings.topology.transient_queues_ttl, 60);
    assert_eq!(settings.failover, Failover::Shuffle);
    assert_eq!(settings.hosts[0].heartbeat, Duration::ZERO);
    let tls = settings.hosts[0].tls.as_ref().unwrap();
    assert_eq!(tls.ca_file.as_deref(), Some(Path::new("/ca.pem")));
}

#[test]
fn what_would_put_peers_at_odds_is_refused() {
    for query in [
        "rabbit_ha_queues=true&rabbit_quorum_queue=true",
        "rabbit_ha_queues=true&rabbit_transient_quorum_queue=true",
    ] {
        let error = settings(&format!("rabbit://h/?{query}")).unwrap_err();
        assert!(
            matches!(error, DriverError::InvalidOption { .. }),
            "{query}: {error:?}"
        );
    }
}

/// The text of the error that an option ends with.
fn refused(query: &str) -> String {
    match settings(&format!("rabbit://nova:s3cret@h/?{query}")) {
        Err(error @ DriverError::InvalidOption { .. }) => error.to_string(),
        other => panic!("{query}: {other:?}"),
    }
}

#[test]
fn the_login_is_the_one_that_was_asked_for() {
    let login = |query: &str| {
        let url = format!("rabbit://nova:s3cret@h/?{query}");
        settings(&url).unwrap().hosts[0].login.clone()
    };
    let amqplain = Login::amqplain("nova", "s3cret");
    assert_eq!(login(""), amqplain);
    assert_eq!(login("rabbit_login_method=AMQPLAIN"), amqplain);
    assert_eq!(
        login("rabbit_login_method=PLAIN"),
        Login::plain("nova", "s3cret")
    );
    let with_certificate = "rabbit_login_method=EXTERNAL&ssl=1&ssl_cert_file=/c&ssl_key_file=/k";
    assert_eq!(login(with_certificate), Login::External);
}

/// The peer takes all of them, and fails later: with a `ValueError` when it connects, or by asking for ever.
#[test]
fn logins_that_can_not_work_are_refused_at_the_start() {
    for (query, way_out) in [
        (
            "rabbit_login_method=RABBIT-CR-DEMO",
            "AMQPLAIN, PLAIN or EXTERNAL",
        ),
        ("rabbit_login_method=EXTERNAL", "ssl_cert_file"),
        ("rabbit_login_method=EXTERNAL&ssl=true", "ssl_cert_file"),
        (
            "rabbit_login_method=EXTERNAL&ssl_cert_file=/c",
            "ssl_cert_file",
        ),
    ] {
        let text = refused(query);
        assert!(text.contains(way_out) && !text.contains("s3cret"), "{text}");
    }
}

/// The rows of TLS: what each set of options means.
#[test]
fn tls_is_what_ssl_says_and_always_verified_unless_that_is_switched_off() {
    let tls = |query: &str| {
        let settings = settings(&format!("rabbit://h/?{query}")).unwrap();
        settings.hosts[0].tls.clone()
    };
    let path = |path: &str| Some(PathBuf::from(path));
    assert_eq!(tls("ssl_ca_file=/ca&ssl_cert_file=/c"), None);
    // The peer checks no name then.
    let alone = tls("ssl=true").unwrap();
    assert_eq!((alone.ca_file, alone.verify), (None, Verify::Full));
    // The peer verifies nothing then.
    let legacy = tls("ssl=true&ssl_version=TLSv1_2").unwrap();
    assert_eq!((legacy.ca_file, legacy.verify), (None, Verify::Full));
    let with = tls("ssl=true&ssl_ca_file=/ca&ssl_cert_file=/c&ssl_key_file=/k").unwrap();
    assert_eq!(
        (with.ca_file, with.cert_file, with.key_file),
        (path("/ca"), path("/c"), path("/k"))
    );
    // One file may hold both, as for the peer.
    assert_eq!(
        tls("ssl=1&ssl_cert_file=/both").unwrap().key_file,
        path("/both")
    );
    let ignored = "ssl=1&ssl_enforce_hostname_verification=false&ssl_enforce_fips_mode=true";
    assert_eq!(tls(ignored).unwrap().verify, Verify::Full);
    let switched_off = tls("ssl=1&bergen_ssl_verify=none").unwrap();
    assert_eq!(switched_off.verify, Verify::None);
}

#[test]
fn tls_options_that_mean_nothing_are_refused_at_the_start() {
    assert!(refused("ssl=true&ssl_key_file=/k").contains("ssl_cert_file"));
    assert!(refused("ssl_version=tlsv9").contains("TLS 1.2"));
    assert!(refused("ssl_version=sslv3").contains("TLS 1.2"));
}

#[test]
fn compressions_have_the_peers_names_in_the_peers_case() {
    let compression = |name: &str| {
        let url = format!("rabbit://h/?kombu_compression={name}");
        settings(&url).map(|settings| settings.compression)
    };
    assert_eq!(settings("rabbit://").unwrap().compression, None);
    assert_eq!(compression("gzip"), Ok(Some(Compression::Zlib)));
    assert_eq!(compression("xz"), Ok(Some(Compression::Lzma)));
    // The peer fails with a KeyError at the first publish; `bz2` is what its documentation names.
    for wrong in ["bz2", "GZIP", "snappy"] {
        let text = refused(&format!("kombu_compression={wrong}"));
        assert!(
            text.contains(wrong) && text.contains("bzip2, bzip, lzma"),
            "{text}"
        );
    }
}

#[test]
fn limits_of_what_comes_in_can_be_set() {
    assert_eq!(settings("rabbit://").unwrap().limits, Limits::default());
    let small = settings("rabbit://h/?bergen_max_decompressed_size=1000").unwrap();
    assert_eq!(small.limits.decompressed, 1000);
}

#[test]
fn each_connection_has_a_name_of_its_own() {
    let settings = settings("rabbit://h1,h2/").unwrap();
    let names = |role: &str| -> Vec<String> {
        let hosts = settings.hosts_for(role).into_iter();
        hosts.map(|host| host.connection_name.unwrap()).collect()
    };
    let (publish, consume) = (names("publish"), names("consume"));
    assert!(
        publish.iter().all(|name| name.ends_with(":publish")),
        "{publish:?}"
    );
    assert_eq!(publish[0], publish[1]);
    assert_eq!(
        publish[0].strip_suffix(":publish"),
        consume[0].strip_suffix(":consume")
    );
}

/// The random seconds are real, unlike the peer's, and come on top of the delay.
#[test]
fn the_splay_makes_the_first_pause_longer() {
    let pause = |query: &str| {
        let settings = settings(&format!("rabbit://h/?kombu_reconnect_delay=1{query}")).unwrap();
        let mut random = fastrand::Rng::with_seed(1);
        let pauses = (0..500).map(|_| settings.backoff.after_loss(&mut random));
        pauses.max().unwrap()
    };
    assert!(pause("") <= Duration::from_secs(1));
    let longest = pause("&kombu_reconnect_splay=9");
    assert!(longest > Duration::from_secs(9), "{longest:?}");
    assert!(longest <= Duration::from_secs(10), "{longest:?}");
}

#[test]
fn pauses_between_attempts_are_options() {
    let url = "rabbit://h/?rabbit_retry_interval=2&rabbit_retry_backoff=5&rabbit_interval_max=10";
    let backoff = settings(url).unwrap().backoff;
    assert_eq!(
        (backoff.start, backoff.step, backoff.max),
        (
            Duration::from_secs(2),
            Duration::from_secs(5),
            Duration::from_secs(10)
        )
    );
}

#[test]
fn streams_need_a_prefetch_and_transient_quorum_queues() {
    let needs_prefetch = refused("rabbit_stream_fanout=true&rabbit_transient_quorum_queue=true");
    assert!(
        needs_prefetch.contains("need rabbit_qos_prefetch_count to be set"),
        "{needs_prefetch}"
    );
    let needs_quorum = refused("rabbit_stream_fanout=true&rabbit_qos_prefetch_count=10");
    assert!(
        needs_quorum.contains("need rabbit_transient_quorum_queue to be set to true"),
        "{needs_quorum}"
    );
    let both =
        "rabbit_stream_fanout=true&rabbit_transient_quorum_queue=true&rabbit_qos_prefetch_count=10";
    assert!(settings(&format!("rabbit://h/?{both}")).is_ok());
}

#[test]
fn the_queue_manager_needs_a_folder_for_its_lock_and_names_that_are_names_of_files() {
    let with_locks = |query: &str, lock_path: Option<&str>| {
        let url: TransportUrl = format!("rabbit://h/?use_queue_manager=true{query}")
            .parse()
            .unwrap();
        let mut options = RabbitOptions::new(&defaults(), &url).unwrap();
        options.lock_path = lock_path.map(str::to_owned);
        Settings::new(&url, "nova", &options)
    };
    let error = with_locks("", None).unwrap_err().to_string();
    assert!(error.contains("[oslo_concurrency] lock_path"), "{error}");
    for name in ["&hostname=a/b", "&processname=../x"] {
        let error = with_locks(name, Some("/var/lock")).unwrap_err().to_string();
        assert!(error.contains("without /"), "{error}");
    }
    let settings = with_locks("&hostname=node1&processname=nova-api", Some("/var/lock")).unwrap();
    assert!(settings.queue_names.are_steady());
    assert!(
        with_locks("", Some("/var/lock")).is_ok(),
        "both names have defaults"
    );
}

#[test]
fn listeners_take_what_is_asked_for_and_no_more_than_they_have_room_for() {
    let prefetch = |count: u16| {
        let url = format!("rabbit://h/?rabbit_qos_prefetch_count={count}");
        settings(&url).unwrap().listener_prefetch(128)
    };
    assert_eq!((prefetch(0), prefetch(7), prefetch(1000)), (128, 7, 128));
}
