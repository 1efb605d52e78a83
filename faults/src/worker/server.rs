use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bergen::prelude::*;
use bergen::rpc::{Call, DynamicEndpoint, MethodError, Parameter};
use bergen::target::EndpointTarget;
use serde_json::json;
use tokio::sync::watch;

use super::{
    CLOSING, Commands, ONE_IN, Sabotage, ServerRole, answer, answer_stopped, now, say, transport,
};
use crate::FaultsError;

/// Serves `work(id, pause)`, which is told of before it runs and answers its id after the pause.
pub(super) async fn serve(role: ServerRole) -> Result<(), FaultsError> {
    let mut commands = Commands::read();
    let transport = transport(&role.url)?;
    let ready = watch::Sender::new(false);
    let server = RpcServer::builder(&transport, ServerTarget::new(role.topic, role.server))
        .endpoint(endpoint(role.sabotage, ready.subscribe()))
        .build();
    server.start().await.map_err(FaultsError::worker)?;
    say(&json!({"ready": true}));
    ready.send_replace(true);
    let mut stop = None;
    while let Some((op, command)) = commands.next().await {
        if op == "stop" {
            stop = Some(command);
            break;
        }
        answer(&command, json!({"stats": format!("{:?}", server.stats())}));
    }
    server.stop().await.map_err(FaultsError::worker)?;
    server.wait().await.map_err(FaultsError::worker)?;
    transport.close(CLOSING).await;
    if let Some(command) = stop {
        answer_stopped(&command);
    }
    Ok(())
}

fn endpoint(sabotage: Option<Sabotage>, ready: watch::Receiver<bool>) -> DynamicEndpoint {
    let count = Arc::new(AtomicU64::new(0));
    DynamicEndpoint::new(EndpointTarget::new()).method("work", move |call: Call| {
        let chosen = count.fetch_add(1, Ordering::Relaxed) % ONE_IN == ONE_IN - 1;
        work(call, sabotage.filter(|_| chosen), ready.clone())
    })
}

async fn work(
    call: Call,
    sabotage: Option<Sabotage>,
    mut ready: watch::Receiver<bool>,
) -> Result<String, MethodError> {
    const PARAMETERS: &[Parameter] = &[Parameter::required("id"), Parameter::required("pause")];
    // The first line is to say that the server is ready; the sender outlives all requests.
    let _ = ready.wait_for(|ready| *ready).await;
    let mut arguments = call.bind("work", PARAMETERS)?;
    let (id, pause): (String, f64) = (arguments.take("id")?, arguments.take("pause")?);
    let runs = match sabotage {
        Some(Sabotage::RunsTwice) => 2,
        Some(Sabotage::RunsNothing) => 0,
        _ => 1,
    };
    for _ in 0..runs {
        say(&json!({"e": "ran", "id": id, "t": now(), "redelivered": call.redelivered}));
    }
    tokio::time::sleep(Duration::try_from_secs_f64(pause).unwrap_or_default()).await;
    Ok(id)
}
