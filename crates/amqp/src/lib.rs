//! AMQP 0-9-1: codec, sans-IO protocol for both roles, and a tokio client
