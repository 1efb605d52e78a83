//! The services of one process, from their start to their end. Runs on the services' runtime.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::handle::Ending;
use super::spec::{AnyService, ServiceContext, ServiceSpec};
use super::status::{Phase, StatusBoard};
use crate::ServiceError;

/// What can be asked of services that run. Answered when it is done.
#[derive(Debug)]
pub(crate) enum Order {
    /// The configuration has changed.
    Reset(oneshot::Sender<()>),
    /// Stop, and start anew.
    Renew(oneshot::Sender<()>),
}

/// The services of one process.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) services: Vec<(ServiceSpec, ServiceContext)>,
    pub(crate) board: Arc<StatusBoard>,
    pub(crate) ending: Ending,
    pub(crate) orders: mpsc::Receiver<Order>,
    /// Told when all have started.
    pub(crate) started: oneshot::Sender<()>,
}

impl Life {
    /// Starts the services in order and, when the end begins, stops all and then waits for all, in the same order.
    pub(crate) async fn run(self) {
        let Self {
            services,
            board,
            ending,
            mut orders,
            started,
        } = self;
        let mut running = Running {
            services,
            board,
            ending: ending.clone(),
            made: Vec::new(),
        };
        if running.start().await {
            let _ = started.send(());
        }
        loop {
            let order = tokio::select! {
                biased;
                () = ending.begun() => break,
                Some(order) = orders.recv() => order,
            };
            let done = match order {
                Order::Reset(done) => {
                    for service in &running.made {
                        service.reset().await;
                    }
                    done
                }
                Order::Renew(done) => {
                    running.stop().await;
                    if !running.start().await {
                        // It is the end, and who waits learns it.
                        break;
                    }
                    done
                }
            };
            let _ = done.send(());
        }
        running.stop().await;
    }
}

struct Running {
    services: Vec<(ServiceSpec, ServiceContext)>,
    board: Arc<StatusBoard>,
    ending: Ending,
    /// Those that have started, in order.
    made: Vec<Arc<dyn AnyService>>,
}

impl Running {
    /// Makes and starts all. Whether that went well; a failure begins the end. When the end begins meanwhile, a start in
    /// progress is given up.
    async fn start(&mut self) -> bool {
        for (place, (spec, context)) in self.services.iter().enumerate() {
            self.board.started(place, std::process::id());
            let start = async {
                let service = spec.factory.make(context.clone()).await?;
                service.start().await?;
                Ok::<_, ServiceError>(service)
            };
            let started = tokio::select! {
                biased;
                () = self.ending.begun() => return false,
                started = start => started,
            };
            match started {
                Ok(service) => self.made.push(service),
                Err(error) => {
                    tracing::error!(service = spec.name, %error, "Error starting service");
                    self.ending.fail(error);
                    return false;
                }
            }
            self.board.set_service(place, Phase::Running);
        }
        true
    }

    async fn stop(&mut self) {
        for (place, service) in self.made.iter().enumerate() {
            self.board.set_service(place, Phase::Draining);
            service.stop().await;
        }
        for (place, service) in self.made.iter().enumerate() {
            service.wait().await;
            self.board.set_service(place, Phase::Ended);
        }
        self.made.clear();
    }
}
