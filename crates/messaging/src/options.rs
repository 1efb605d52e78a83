//! The options of messaging, under the names that operators know from oslo.messaging.

use std::time::Duration;

use bergen_config::{Kind, OptionDef, OptionError, Options, Source};

use crate::url::TransportUrl;

mod tuning;

#[cfg(test)]
mod tests;

pub use tuning::{RabbitTuning, Republish, StreamOffset};

/// Section of the options that every driver shares.
pub const DEFAULT_GROUP: &str = "DEFAULT";

/// Section of the options of notifications.
pub const NOTIFICATIONS_GROUP: &str = "oslo_messaging_notifications";

/// Section of the options of the `rabbit` driver.
pub const RABBIT_GROUP: &str = "oslo_messaging_rabbit";

/// Section of the options of locks between processes, which `use_queue_manager` needs.
pub const CONCURRENCY_GROUP: &str = "oslo_concurrency";

/// Options of transports, RPC clients and RPC servers, in section `DEFAULT`.
pub const MESSAGING_OPTIONS: &[OptionDef] = &[
    OptionDef::new(DEFAULT_GROUP, "transport_url", Kind::Text)
        .default("rabbit://")
        .secret()
        .help("Where the message broker is, and who logs in there: driver://user:password@host:port/virtual_host."),
    OptionDef::new(DEFAULT_GROUP, "control_exchange", Kind::Text)
        .default("openstack")
        .help("Exchange of the topics that name none; nova uses nova, neutron uses neutron."),
    OptionDef::new(DEFAULT_GROUP, "host", Kind::Text)
        .help("Name of this machine's servers on their topics. Default: the machine's host name."),
    OptionDef::new(DEFAULT_GROUP, "rpc_response_timeout", Kind::int_from(0))
        .default("60")
        .help("Seconds that a call waits for its answer."),
    OptionDef::new(DEFAULT_GROUP, "executor_thread_pool_size", Kind::int_from(1))
        .default("64")
        .old_names(&["rpc_thread_pool_size"])
        .help("Requests that a server works on at the same time."),
    OptionDef::new(DEFAULT_GROUP, "rpc_ping_enabled", Kind::Bool)
        .default("false")
        .help("Whether every server also answers oslo_rpc_server_ping."),
    OptionDef::new(DEFAULT_GROUP, "bergen_cancel_after", Kind::float(0.0, 86_400.0))
        .default("0.25")
        .help("Seconds that a request runs before a caller that understands it is told how to cancel it."),
    OptionDef::new(DEFAULT_GROUP, "bergen_tracebacks", Kind::Bool)
        .default("true")
        .help("Whether failures carry tracebacks to callers."),
];

/// Options of notifications, in section `oslo_messaging_notifications`.
pub const NOTIFICATION_OPTIONS: &[OptionDef] = &[
    OptionDef::new(NOTIFICATIONS_GROUP, "driver", Kind::Multi)
        .help("Ways by which events leave: messagingv2, messaging, routing, log, test, noop; one a line. Without any, none is sent."),
    OptionDef::new(NOTIFICATIONS_GROUP, "transport_url", Kind::Text)
        .secret()
        .help("Where notifications go. Default: where RPC goes."),
    OptionDef::new(NOTIFICATIONS_GROUP, "topics", Kind::List)
        .default("notifications")
        .help("Topics that every event is published to."),
    OptionDef::new(NOTIFICATIONS_GROUP, "retry", Kind::int_from(-1))
        .default("-1")
        .help("How often an event is sent again that was not confirmed; -1 is for ever."),
    OptionDef::new(NOTIFICATIONS_GROUP, "routing_config", Kind::Text)
        .help("YAML file with the rules of the driver routing."),
];

/// Options of the `rabbit` driver, in section `oslo_messaging_rabbit` and in a URL's query; and the one that it reads of
/// section `oslo_concurrency`.
pub const RABBIT_OPTIONS: &[OptionDef] = &[
    // What is declared on the broker.
    OptionDef::new(RABBIT_GROUP, "amqp_durable_queues", Kind::Bool)
        .default("false")
        .help("Declare topic exchanges and queues durable. All peers of a topic must agree."),
    OptionDef::new(RABBIT_GROUP, "amqp_auto_delete", Kind::Bool)
        .default("false")
        .help("Let topic exchanges and queues vanish with their last user."),
    OptionDef::new(RABBIT_GROUP, "rabbit_ha_queues", Kind::Bool)
        .default("false")
        .help("Declare queues with x-ha-policy, which RabbitMQ 3 ignores. Excludes quorum queues."),
    OptionDef::new(RABBIT_GROUP, "rabbit_quorum_queue", Kind::Bool)
        .default("false")
        .help("Declare topic queues as quorum queues, which are replicated and durable."),
    OptionDef::new(RABBIT_GROUP, "rabbit_transient_quorum_queue", Kind::Bool)
        .default("false")
        .help("Declare reply and fanout queues as quorum queues, too."),
    OptionDef::new(RABBIT_GROUP, "rabbit_quorum_delivery_limit", COUNT)
        .default("0")
        .help("Deliveries after which a quorum queue drops a message; 0 sets no limit."),
    OptionDef::new(RABBIT_GROUP, "rabbit_quorum_max_memory_length", COUNT)
        .default("0")
        .help("Messages that a quorum queue keeps in memory; 0 sets no limit."),
    OptionDef::new(RABBIT_GROUP, "rabbit_quorum_max_memory_bytes", COUNT)
        .default("0")
        .help("Bytes that a quorum queue keeps in memory; 0 sets no limit."),
    OptionDef::new(RABBIT_GROUP, "rabbit_transient_queues_ttl", Kind::int(0, 2_147_483))
        .default("1800")
        .help("Seconds that reply and fanout queues survive without a consumer, and that a stream keeps casts; 0 is for ever."),
    OptionDef::new(RABBIT_GROUP, "rabbit_stream_fanout", Kind::Bool)
        .default("false")
        .help("Use one stream instead of the fanout queues. Needs rabbit_transient_quorum_queue and a prefetch."),
    OptionDef::new(RABBIT_GROUP, "enable_cancel_on_failover", Kind::Bool)
        .default("false")
        .help("Ask the broker to cancel consumers when their mirrored queue fails over."),
    OptionDef::new(RABBIT_GROUP, "use_queue_manager", Kind::Bool)
        .default("false")
        .help("Name reply and fanout queues after host and process instead of at random."),
    OptionDef::new(RABBIT_GROUP, "hostname", Kind::Text)
        .help("Host in the names of use_queue_manager. Default: this machine's name."),
    OptionDef::new(RABBIT_GROUP, "processname", Kind::Text)
        .help("Process in the names of use_queue_manager, unique on its host. Default: the program's name."),
    OptionDef::new(CONCURRENCY_GROUP, "lock_path", Kind::Text)
        .help("Folder of the locks of use_queue_manager, which needs it. Default: the environment's OSLO_LOCK_PATH."),
    // How messages move.
    OptionDef::new(RABBIT_GROUP, "rabbit_qos_prefetch_count", Kind::int(0, 65_535))
        .default("0")
        .help("Messages that the broker sends ahead to a consumer, never more than its server's own limit; 0 is that limit."),
    OptionDef::new(RABBIT_GROUP, "direct_mandatory_flag", Kind::Bool)
        .default("true")
        .deprecated("answers should always be mandatory")
        .help("Learn from the broker that an answer has nowhere to go."),
    OptionDef::new(RABBIT_GROUP, "kombu_missing_consumer_retry_timeout", Kind::int_from(0))
        .default("60")
        .old_names(&["kombu_reconnect_timeout"])
        .help("Seconds that an answer is tried again while its reply queue is missing."),
    OptionDef::new(RABBIT_GROUP, "kombu_compression", Kind::Text)
        .help("How bodies are compressed: gzip or zlib, bzip2 or bzip, lzma or xz, brotli, zstd or zstandard. Default: not at all."),
    // How connections are made and kept.
    OptionDef::new(RABBIT_GROUP, "heartbeat_timeout_threshold", Kind::int(0, 65_535))
        .default("60")
        .help("Seconds without a sign of the broker after which a connection is given up; 0 never."),
    OptionDef::new(RABBIT_GROUP, "heartbeat_rate", Kind::int_from(1))
        .default("3")
        .deprecated("it has no effect: heartbeats are timed and not polled for")
        .help("Checks in the time of heartbeat_timeout_threshold. Without effect here."),
    OptionDef::new(RABBIT_GROUP, "kombu_reconnect_delay", Kind::float(0.0, 4.5))
        .default("1.0")
        .help("Seconds before a lost connection is made again."),
    OptionDef::new(RABBIT_GROUP, "kombu_reconnect_splay", Kind::float_from(0.0))
        .default("0.0")
        .help("Up to so many random seconds more, so that not everybody reconnects at once."),
    OptionDef::new(RABBIT_GROUP, "kombu_failover_strategy", Kind::Choice(&["round-robin", "shuffle"]))
        .default("round-robin")
        .help("How the next of several hosts is chosen."),
    OptionDef::new(RABBIT_GROUP, "rabbit_login_method", Kind::Choice(&["PLAIN", "AMQPLAIN", "EXTERNAL", "RABBIT-CR-DEMO"]))
        .default("AMQPLAIN")
        .help("How the user name and password are presented."),
    OptionDef::new(RABBIT_GROUP, "rabbit_retry_interval", Kind::int_from(1))
        .default("1")
        .help("Seconds before the second attempt to connect."),
    OptionDef::new(RABBIT_GROUP, "rabbit_retry_backoff", Kind::int_from(0))
        .default("2")
        .help("Seconds by which the pause grows with each attempt."),
    OptionDef::new(RABBIT_GROUP, "rabbit_interval_max", Kind::int_from(1))
        .default("30")
        .help("Longest pause between attempts, in seconds."),
    OptionDef::new(RABBIT_GROUP, "rpc_conn_pool_size", Kind::int_from(1))
        .default("30")
        .deprecated("it has no effect: one connection is pipelined")
        .help("Connections for sending. Without effect here: one connection is pipelined."),
    OptionDef::new(RABBIT_GROUP, "conn_pool_min_size", Kind::any_int())
        .default("2")
        .deprecated("it has no effect: one connection is pipelined")
        .help("Idle connections that are kept. Without effect, as rpc_conn_pool_size."),
    OptionDef::new(RABBIT_GROUP, "conn_pool_ttl", Kind::any_int())
        .default("1200")
        .deprecated("it has no effect: one connection is pipelined")
        .help("Seconds that idle connections are kept. Without effect, as rpc_conn_pool_size."),
    // TLS.
    OptionDef::new(RABBIT_GROUP, "ssl", Kind::Bool).default("false").help("Connect over TLS."),
    OptionDef::new(RABBIT_GROUP, "ssl_ca_file", Kind::Text)
        .default("")
        .help("Certificates of the authorities to trust. Default: the system's."),
    OptionDef::new(RABBIT_GROUP, "ssl_cert_file", Kind::Text)
        .default("")
        .help("Certificate that this client presents."),
    OptionDef::new(RABBIT_GROUP, "ssl_key_file", Kind::Text)
        .default("")
        .help("Key of ssl_cert_file. Default: in the same file."),
    OptionDef::new(RABBIT_GROUP, "ssl_version", Kind::Text)
        .default("")
        .help("sslv23, tlsv1, tlsv1_1 or tlsv1_2. Without effect: TLS 1.2 and newer are offered."),
    OptionDef::new(RABBIT_GROUP, "ssl_enforce_hostname_verification", Kind::Bool)
        .default("true")
        .deprecated("the host's name is always verified")
        .help("Without effect."),
    OptionDef::new(RABBIT_GROUP, "ssl_enforce_fips_mode", Kind::Bool)
        .default("false")
        .deprecated("it has no effect")
        .help("Without effect."),
    // What only this library can be told.
    OptionDef::new(RABBIT_GROUP, "bergen_ssl_verify", Kind::Choice(&["full", "none"]))
        .default("full")
        .help("Whether the broker's certificate and name are checked; with none anybody on the way can read and change everything."),
    OptionDef::new(RABBIT_GROUP, "bergen_max_decompressed_size", Kind::int(1, 1 << 32))
        .default("134217728")
        .help("Bytes of a received body when it is decompressed; a longer one is rejected."),
    OptionDef::new(RABBIT_GROUP, "bergen_mandatory_calls", Kind::Bool)
        .default("true")
        .help("Learn from the broker that a call has no server to go to, instead of waiting for its timeout."),
    OptionDef::new(RABBIT_GROUP, "bergen_no_server_grace", Kind::float(0.0, 3600.0))
        .default("3.0")
        .help("Seconds that a call without a server is tried again, at most half of its timeout; 0 fails at once."),
    OptionDef::new(RABBIT_GROUP, "bergen_probe_after", Kind::float(0.0, 86_400.0))
        .default("1.0")
        .help("Seconds of silence after which the broker is asked about a call's queue; 0 never asks."),
    OptionDef::new(RABBIT_GROUP, "bergen_listen_timeout", Kind::float(0.1, 86_400.0))
        .default("30.0")
        .help("Seconds that the start of a server may take, connecting included."),
    OptionDef::new(RABBIT_GROUP, "bergen_max_waiting_calls", Kind::int(1, 1_000_000_000))
        .default("65536")
        .help("Calls that may wait for their answers at once; more fail at once."),
    OptionDef::new(RABBIT_GROUP, "bergen_max_waiting_bytes", Kind::int(1, 1 << 40))
        .default("268435456")
        .help("Bytes of messages that may wait for the broker at once, 4 KiB added for each; more fail at once."),
    OptionDef::new(RABBIT_GROUP, "bergen_cancel", Kind::Bool)
        .default("true")
        .help("Cancel calls that are given up at servers that can be told, which are those of this library."),
    OptionDef::new(RABBIT_GROUP, "bergen_stream_offset", Kind::Choice(&["next", "last"]))
        .default("next")
        .help("Where a new server begins in the stream of rabbit_stream_fanout; last runs old casts once more."),
    OptionDef::new(RABBIT_GROUP, "bergen_durable_transient_queues", Kind::Bool)
        .default("false")
        .help("Declare reply and fanout queues durable. With amqp_durable_queues or rabbit_quorum_queue all queues are, as RabbitMQ 4.3 wants it."),
    OptionDef::new(RABBIT_GROUP, "bergen_io_thread", Kind::Bool)
        .default("false")
        .help("Keep the connections on a thread of their own, where methods that block hold up no heartbeats."),
    OptionDef::new(RABBIT_GROUP, "bergen_republish", Kind::Choice(&["unconfirmed", "never"]))
        .default("unconfirmed")
        .help("Whether a request is sent again when it is unknown whether the broker got it."),
];

/// All options that this library declares.
pub const DECLARED: &[&[OptionDef]] = &[MESSAGING_OPTIONS, NOTIFICATION_OPTIONS, RABBIT_OPTIONS];

/// Options with the defaults of this library, without any file.
pub fn defaults() -> Options {
    Options::new(DECLARED)
}

/// The option `host`, by which nova and neutron name their servers: one name for all services of a machine. If it is
/// not set, the machine's own name; `localhost` where that can't be found out.
///
/// # Errors
/// The option is not declared in `options`.
pub fn host(options: &Options) -> Result<String, OptionError> {
    let configured: Option<String> = options.get(DEFAULT_GROUP, "host")?;
    Ok(configured
        .filter(|host| !host.is_empty())
        .or_else(machine_name)
        .unwrap_or_else(|| "localhost".to_owned()))
}

/// The name of this machine.
pub(crate) fn machine_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::env::var("HOSTNAME"))
        .ok()?;
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The options of the `rabbit` driver, typed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one field for each boolean option of the peer"
)]
pub struct RabbitOptions {
    /// `amqp_durable_queues`: topic exchanges and queues survive a broker restart.
    pub durable_queues: bool,
    /// `amqp_auto_delete`: topic exchanges and queues vanish with their last user.
    pub auto_delete: bool,
    /// `rabbit_ha_queues`: the mirroring argument of old brokers.
    pub ha_queues: bool,
    /// `rabbit_quorum_queue`: topic queues are quorum queues.
    pub quorum_queue: bool,
    /// `rabbit_transient_quorum_queue`: reply and fanout queues are quorum queues.
    pub transient_quorum_queue: bool,
    /// `rabbit_quorum_delivery_limit`: deliveries of one message; 0 is no limit.
    pub quorum_delivery_limit: i32,
    /// `rabbit_quorum_max_memory_length`: messages in memory; 0 is no limit.
    pub quorum_max_memory_length: i32,
    /// `rabbit_quorum_max_memory_bytes`: bytes in memory; 0 is no limit.
    pub quorum_max_memory_bytes: i32,
    /// `rabbit_transient_queues_ttl`: how long unused reply and fanout queues live; zero is for
    /// ever. At most 2 147 483 s, so that the milliseconds fit the broker's argument.
    pub transient_queues_ttl: Duration,
    /// `rabbit_stream_fanout`: one stream instead of fanout queues.
    pub stream_fanout: bool,
    /// `enable_cancel_on_failover`: consumers are cancelled when their queue fails over.
    pub cancel_on_failover: bool,
    /// `use_queue_manager`: steady names for reply and fanout queues.
    pub use_queue_manager: bool,
    /// `hostname` in those names.
    pub hostname: Option<String>,
    /// `processname` in those names.
    pub processname: Option<String>,
    /// `[oslo_concurrency] lock_path`, or else the environment's `OSLO_LOCK_PATH`: the folder of their lock.
    pub lock_path: Option<String>,
    /// `rabbit_qos_prefetch_count`: messages sent ahead to each consumer, where its server's own limit is not lower; 0 is
    /// that limit.
    pub prefetch_count: u16,
    /// `direct_mandatory_flag`: answers are published mandatory.
    pub direct_mandatory: bool,
    /// `kombu_missing_consumer_retry_timeout`: how long an answer without queue is tried again.
    pub missing_consumer_retry_timeout: Duration,
    /// `kombu_compression`: how bodies are compressed.
    pub compression: Option<String>,
    /// `heartbeat_timeout_threshold`: silence after which a connection is given up; zero never.
    pub heartbeat_timeout_threshold: Duration,
    /// `heartbeat_rate`: checks in that time.
    pub heartbeat_rate: u32,
    /// `kombu_reconnect_delay`: pause before a lost connection is made again.
    pub reconnect_delay: Duration,
    /// `kombu_reconnect_splay`: random addition to that pause, at most.
    pub reconnect_splay: Duration,
    /// `kombu_failover_strategy`: whether the next host is a random one instead of the next in
    /// the list.
    pub failover_shuffle: bool,
    /// `rabbit_login_method`: `PLAIN`, `AMQPLAIN`, `EXTERNAL` or `RABBIT-CR-DEMO`.
    pub login_method: String,
    /// `rabbit_retry_interval`: pause before the second attempt to connect.
    pub retry_interval: Duration,
    /// `rabbit_retry_backoff`: growth of the pause with each attempt.
    pub retry_backoff: Duration,
    /// `rabbit_interval_max`: longest pause.
    pub interval_max: Duration,
    /// `ssl`: connect over TLS.
    pub ssl: bool,
    /// `ssl_ca_file`: authorities to trust; `None` is the system's.
    pub ssl_ca_file: Option<String>,
    /// `ssl_cert_file`: the client's certificate.
    pub ssl_cert_file: Option<String>,
    /// `ssl_key_file`: the key of that certificate; `None` if the same file holds it.
    pub ssl_key_file: Option<String>,
    /// `ssl_version`: checked, and without effect.
    pub ssl_version: Option<String>,
    /// `bergen_ssl_verify`: whether the broker must prove who it is.
    pub ssl_verify: bool,
    /// The options whose names begin with `bergen_`.
    pub tuning: RabbitTuning,
}

impl RabbitOptions {
    /// The values for a transport: the query of its URL wins over `options`.
    ///
    /// ```
    /// use bergen_messaging::options::{self, RabbitOptions};
    ///
    /// let url = "rabbit://mq/?amqp_durable_queues=true".parse()?;
    /// assert!(RabbitOptions::new(&options::defaults(), &url)?.durable_queues);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Errors name the option, where its value came from, and what would be a value. A name in
    /// the query that is no option of the driver is an error. One that has no effect is warned of; for those that
    /// `options` has from elsewhere, see [`Options::notices`].
    pub fn new(options: &Options, url: &TransportUrl) -> Result<Self, OptionError> {
        let mut options = options.clone();
        let known = options.notices().len();
        for (name, value) in url.query() {
            options.set(RABBIT_GROUP, name, value, Source::Url)?;
        }
        for notice in options.notices().iter().skip(known) {
            tracing::warn!("{notice}");
        }
        let of = Rabbit(&options);
        Ok(Self {
            durable_queues: of.get("amqp_durable_queues")?,
            auto_delete: of.get("amqp_auto_delete")?,
            ha_queues: of.get("rabbit_ha_queues")?,
            quorum_queue: of.get("rabbit_quorum_queue")?,
            transient_quorum_queue: of.get("rabbit_transient_quorum_queue")?,
            quorum_delivery_limit: of.get("rabbit_quorum_delivery_limit")?,
            quorum_max_memory_length: of.get("rabbit_quorum_max_memory_length")?,
            quorum_max_memory_bytes: of.get("rabbit_quorum_max_memory_bytes")?,
            transient_queues_ttl: of.get("rabbit_transient_queues_ttl")?,
            stream_fanout: of.get("rabbit_stream_fanout")?,
            cancel_on_failover: of.get("enable_cancel_on_failover")?,
            use_queue_manager: of.get("use_queue_manager")?,
            hostname: of.text("hostname")?,
            processname: of.text("processname")?,
            lock_path: options
                .get::<Option<String>>(CONCURRENCY_GROUP, "lock_path")?
                .or_else(|| std::env::var("OSLO_LOCK_PATH").ok())
                .filter(|path| !path.is_empty()),
            prefetch_count: of.get("rabbit_qos_prefetch_count")?,
            direct_mandatory: of.get("direct_mandatory_flag")?,
            missing_consumer_retry_timeout: of.get("kombu_missing_consumer_retry_timeout")?,
            compression: of.text("kombu_compression")?,
            heartbeat_timeout_threshold: of.get("heartbeat_timeout_threshold")?,
            heartbeat_rate: of.get("heartbeat_rate")?,
            reconnect_delay: of.get("kombu_reconnect_delay")?,
            reconnect_splay: of.get("kombu_reconnect_splay")?,
            failover_shuffle: of.get::<String>("kombu_failover_strategy")? == "shuffle",
            login_method: of.get("rabbit_login_method")?,
            retry_interval: of.get("rabbit_retry_interval")?,
            retry_backoff: of.get("rabbit_retry_backoff")?,
            interval_max: of.get("rabbit_interval_max")?,
            ssl: of.get("ssl")?,
            ssl_ca_file: of.text("ssl_ca_file")?,
            ssl_cert_file: of.text("ssl_cert_file")?,
            ssl_key_file: of.text("ssl_key_file")?,
            ssl_version: of.text("ssl_version")?,
            ssl_verify: of.get::<String>("bergen_ssl_verify")? == "full",
            tuning: RabbitTuning::of(&options)?,
        })
    }
}

/// What a 32-bit argument of a queue holds.
const COUNT: Kind = Kind::int(0, i32::MAX as i64);

struct Rabbit<'a>(&'a Options);

impl Rabbit<'_> {
    fn get<T: bergen_config::FromValue>(&self, name: &str) -> Result<T, OptionError> {
        self.0.get(RABBIT_GROUP, name)
    }

    /// A text; the empty one counts as none.
    fn text(&self, name: &str) -> Result<Option<String>, OptionError> {
        Ok(self
            .get::<Option<String>>(name)?
            .filter(|text| !text.is_empty()))
    }
}
