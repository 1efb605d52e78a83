//! The client against a broker in memory that does what the test says.

mod bounds;
mod broker;
mod consuming;
mod floods;
mod handshake;
mod io_thread;
mod lifecycle;
mod pipelining;
mod publishing;
mod streams;
mod tls;
