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
    assert_eq!(first.login, Login::plain("nova", "s3cret"));
    assert_eq!((second.host.as_str(), second.port), ("mq2", 5672));
    assert_eq!(second.login, Login::plain("guest", "guest"));
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
        "rabbit_stream_fanout=true",
        "rabbit_login_method=EXTERNAL",
    ] {
        let error = settings(&format!("rabbit://h/?{query}")).unwrap_err();
        assert!(
            matches!(error, DriverError::InvalidOption { .. }),
            "{query}: {error:?}"
        );
    }
}
