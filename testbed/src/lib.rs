//! The lives of foreign things in tests: RabbitMQ nodes, Python peers, a fault proxy
