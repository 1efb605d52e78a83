//! The two brokers of the rounds.

use bergen_testbed::TestVhost;

/// Where a client finds its broker.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) vhost: String,
}

impl Address {
    /// For the clients that read one.
    pub(super) fn uri(&self, heartbeat: u16) -> String {
        let Self {
            port,
            user,
            password,
            vhost,
        } = self;
        let vhost = vhost.replace('/', "%2f");
        format!("amqp://{user}:{password}@127.0.0.1:{port}/{vhost}?heartbeat={heartbeat}")
    }
}

/// A broker with an empty virtual host.
pub(super) struct Broker {
    address: Address,
    life: Life,
}

enum Life {
    /// Deletes its virtual host when dropped.
    RabbitMq {
        _vhost: TestVhost,
    },
    Ours(bergen_broker::Broker),
}

impl Broker {
    pub(super) async fn rabbitmq() -> Self {
        // A short name: texts of refusals are cut off at 255 bytes.
        let vhost = TestVhost::new("foreign").await.unwrap();
        let rabbit = vhost.rabbit();
        let address = Address {
            port: rabbit.port(),
            user: rabbit.user().to_owned(),
            password: rabbit.password().to_owned(),
            vhost: vhost.name().to_owned(),
        };
        Self {
            address,
            life: Life::RabbitMq { _vhost: vhost },
        }
    }

    /// In this process, on a port that was free.
    pub(super) async fn ours() -> Self {
        let broker = bergen_broker::Broker::builder().start().await.unwrap();
        let bergen_broker::Address::Tcp(listening) = broker.addresses()[0] else {
            panic!("{:?}", broker.addresses());
        };
        let address = Address {
            port: listening.port(),
            user: "guest".to_owned(),
            password: "guest".to_owned(),
            vhost: "/".to_owned(),
        };
        Self {
            address,
            life: Life::Ours(broker),
        }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Stops ours in order, which must end.
    pub(super) async fn stop(self) {
        if let Life::Ours(broker) = self.life {
            broker.stop().await;
        }
    }
}
