use bergen_config::Configuration;

use super::{LaunchError, Launcher, ServiceSpec, default_worker_count};
use crate::{Service, ServiceError};

struct Nothing;

impl Service for Nothing {
    async fn start(&self) -> Result<(), ServiceError> {
        Ok(())
    }

    async fn stop(&self) {}

    async fn wait(&self) {}
}

fn launcher() -> Launcher {
    let configuration = Configuration::builder().declare(crate::OPTIONS).load();
    Launcher::new(configuration.unwrap())
}

fn spec(name: &str) -> ServiceSpec {
    ServiceSpec::new(name, |_| async { Ok(Nothing) })
}

#[test]
fn what_makes_no_sense_is_refused() {
    assert_eq!(launcher().launch(), Err(LaunchError::NoService));
    let two = launcher().service(spec("one")).service(spec("one"));
    let service = "one".to_owned();
    assert_eq!(two.launch(), Err(LaunchError::SameName { service }));
    let none = launcher().service(spec("none").workers(0));
    let service = "none".to_owned();
    assert_eq!(none.launch(), Err(LaunchError::NoWorkers { service }));
}

#[tokio::test]
async fn a_launch_inside_a_runtime_is_refused() {
    let inside = launcher().service(spec("one"));
    assert_eq!(inside.launch(), Err(LaunchError::InsideRuntime));
}

#[test]
fn one_worker_for_each_service_needs_no_supervisor() {
    assert!(
        !launcher()
            .service(spec("one"))
            .service(spec("two"))
            .is_supervisor()
    );
    assert!(
        launcher()
            .service(spec("one"))
            .service(spec("two").workers(2))
            .is_supervisor()
    );
    assert!(launcher().service(spec("one")).supervised().is_supervisor());
}

#[test]
fn the_default_number_of_workers_is_that_of_processors() {
    let processors = std::thread::available_parallelism().unwrap().get();
    assert_eq!(default_worker_count(), processors);
}
