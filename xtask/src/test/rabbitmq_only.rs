//! What is not asked of our broker, and why: names of tests, or their beginnings.

/// Tests of `interop` that need RabbitMQ itself. There is none.
pub(super) const INTEROP: [(&str, &str); 0] = [];

/// Tests of the `rabbit` driver (`bergen-messaging`, `rabbit::…`) that are no question to our broker.
pub(super) const DRIVER: [(&str, &str); 5] = [
    (
        "rabbit::restart",
        "stops and starts RabbitMQ nodes of its own",
    ),
    (
        "rabbit::tls",
        "is about certificates of RabbitMQ nodes of its own",
    ),
    (
        "rabbit::setup::certificates_and_ports_that_do_not_fit",
        "starts a RabbitMQ node of its own with TLS",
    ),
    (
        "rabbit::defects::what_is_larger_than_the_broker_takes",
        "starts a RabbitMQ node of its own that takes small messages only",
    ),
    (
        "rabbit::bounds",
        "measures the memory of our driver, which another broker does not change, and restarts nodes",
    ),
];
