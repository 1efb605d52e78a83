//! Repeated acts of development: `cargo xtask setup`, `test`, `demo`, `bench`, `faults`.

// What these programs print is what they are for.
#![allow(clippy::print_stdout)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod broker;
mod command;
mod demo;
mod error;
mod faults;
mod fuzz;
mod openstack;
mod setup;
mod test;
mod tidy;

use error::Error;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Repeated acts of development")]
struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Lays RabbitMQ and the Python peers down under target/; starts nothing, needs no root.
    Setup,
    /// Runs everything that must be true before a change lands.
    Test(test::Options),
    /// Shows Rust and Python calling each other over a private RabbitMQ; ends by itself.
    Demo,
    /// Measures, with the peers in the same run, and holds the figures against the budgets.
    Bench(bench::Options),
    /// Lets every fault happen under load, with the peers, and accounts for every message.
    Faults(faults::Options),
    /// Fuzzes the parsers with libFuzzer; needs a C++ compiler.
    Fuzz(fuzz::Options),
    /// Runs the real neutron and nova here, for our services to be tried with.
    Openstack(openstack::Options),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().act {
        Act::Setup => setup::run().map(|_| ()),
        Act::Test(options) => test::run(&options),
        Act::Demo => demo::run(),
        Act::Bench(options) => bench::run(&options),
        Act::Faults(options) => faults::run(&options),
        Act::Fuzz(options) => fuzz::run(&options),
        Act::Openstack(options) => openstack::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
