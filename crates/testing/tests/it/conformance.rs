//! One suite for all drivers: `memory`, and `rabbit` against the embedded broker and against RabbitMQ.

mod memory {
    use bergen_messaging::driver::DriverRegistry;
    use bergen_messaging::transport::{RpcTransport, TransportOptions};
    use bergen_messaging::wire::Id;
    use bergen_testing::conformance::Subject;

    fn subject() -> Subject {
        let url = format!("memory://{}", Id::new());
        let options = move || {
            let mut registry = DriverRegistry::empty();
            bergen_memory::register(&mut registry);
            TransportOptions::default()
                .registry(registry)
                .url(url.parse().unwrap())
        };
        // A bus is there as long as somebody uses it.
        let kept = RpcTransport::new(options()).unwrap();
        Subject::new(options).keeping(kept)
    }

    bergen_testing::driver_conformance!(async { subject() });
}

/// A test bus is a driver, too, while nothing goes wrong on it.
mod test_bus {
    use bergen_testing::TestBus;
    use bergen_testing::conformance::Subject;

    fn subject() -> Subject {
        let bus = TestBus::new();
        Subject::new(move || bus.options())
    }

    bergen_testing::driver_conformance!(async { subject() });
}

mod rabbitmq {
    use bergen_messaging::transport::TransportOptions;
    use bergen_testbed::TestVhost;
    use bergen_testing::conformance::Subject;

    async fn subject() -> Subject {
        let vhost = TestVhost::new("conformance").await.unwrap();
        let url = vhost.url();
        Subject::new(move || TransportOptions::default().url(url.parse().unwrap())).keeping(vhost)
    }

    bergen_testing::driver_conformance!(subject());
}

mod embedded_broker {
    use bergen_broker::Broker;
    use bergen_messaging::transport::TransportOptions;
    use bergen_testing::conformance::Subject;

    async fn subject() -> Subject {
        let broker = Broker::builder().start().await.unwrap();
        let url = broker.url().replacen("amqp://", "rabbit://", 1);
        Subject::new(move || TransportOptions::default().url(url.parse().unwrap())).keeping(broker)
    }

    bergen_testing::driver_conformance!(subject());
}
