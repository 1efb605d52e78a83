use bergen_messaging::rpc::RpcServer;
use bergen_messaging::target::ServerTarget;
use bergen_service::BackdoorPort;
use bergen_testing::TestBus;
use serde_json::json;

use super::*;

async fn serve(transport: &RpcTransport, host: &str, port: Option<BackdoorPort>) -> RpcServer {
    let server = RpcServer::builder(transport, ServerTarget::new("compute", host))
        .endpoint(BaseRpcApi::new("compute", port))
        .build();
    server.start().await.unwrap();
    server
}

#[tokio::test(start_paused = true)]
async fn a_ping_gives_back_whatever_was_sent() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let _server = serve(&transport, "h-1", None).await;
    let api = BaseApi::new(&transport, "compute");
    let arg = json!({"n": [1, null, "ü"]});
    let pong = api.ping(&Context::default(), &arg).await.unwrap();
    assert_eq!(pong.service, "compute");
    assert_eq!(pong.arg.decode::<serde_json::Value>().unwrap(), arg);
    let sent = bus.sent().calls().method("ping").assert_one();
    sent.assert_args(&json!({"arg": arg}));
    assert_eq!(sent.target.namespace.as_deref(), Some("baseapi"));
    assert_eq!(sent.target.version, Some((1, 0).into()));
}

#[tokio::test(start_paused = true)]
async fn each_server_tells_its_own_backdoor() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let socket = BackdoorPort::Socket("/run/nova/backdoor.sock".into());
    let _servers = [
        serve(&transport, "h-1", Some(4444.into())).await,
        serve(&transport, "h-2", Some(socket.clone())).await,
        serve(&transport, "h-3", None).await,
    ];
    let api = BaseApi::new(&transport, "compute");
    let ctxt = Context::default();
    let port = |host: &str| api.server(host);
    assert_eq!(
        port("h-1").backdoor_port(&ctxt).await,
        Ok(Some(4444.into()))
    );
    assert_eq!(port("h-2").backdoor_port(&ctxt).await, Ok(Some(socket)));
    assert_eq!(port("h-3").backdoor_port(&ctxt).await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn under_a_cap_the_newer_method_is_not_sent() {
    let bus = TestBus::new();
    let transport = bus.rpc_transport();
    let api = BaseApi::new(&transport, "compute").version_cap(Some((1, 0).into()));
    let refused = api.backdoor_port(&Context::default()).await;
    assert!(
        matches!(refused, Err(CallError::VersionCap(_))),
        "{refused:?}"
    );
    bus.sent().assert_none();
}
