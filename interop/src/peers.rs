//! Peers made ready for a test.

use bergen::rpc::RpcClient;
use bergen::target::ClientTarget;
use bergen::transport::{RpcTransport, TransportError, TransportOptions};
use bergen::url::UrlError;
use bergen_testbed::{PythonPeer, TestbedError};
use serde_json::{Value, json};

/// A transport of ours to `url`.
///
/// # Errors
/// A URL that is none.
pub fn transport(url: &str) -> Result<RpcTransport, TransportError> {
    let url = url
        .parse()
        .map_err(|error: UrlError| TransportError::from(error))?;
    RpcTransport::new(TransportOptions::default().url(url))
}

/// A client of ours.
#[derive(Debug)]
pub struct Client;

impl Client {
    /// A client of `topic` on a transport of its own.
    ///
    /// # Errors
    /// A URL that is none.
    pub fn of(url: &str, topic: &str) -> Result<RpcClient, TransportError> {
        Ok(RpcClient::new(&transport(url)?, ClientTarget::new(topic)))
    }
}

/// `peers/rpc_client.py` with one topic.
#[derive(Debug)]
pub struct PythonClient {
    peer: PythonPeer,
    topic: String,
}

impl PythonClient {
    /// Starts it; `more` are further options of the peer.
    ///
    /// # Errors
    /// Python or the peer is missing, or did not become ready.
    pub async fn start(url: &str, topic: &str, more: Value) -> Result<Self, TestbedError> {
        let peer = PythonPeer::start("rpc_client.py", &merged(json!({"url": url}), more)).await?;
        Ok(Self {
            peer,
            topic: topic.to_owned(),
        })
    }

    /// Calls `method`; `more` overrides fields of the command, `target` those of the target.
    ///
    /// # Errors
    /// The peer died, or did not answer in time. What the call ended with is in the answer.
    pub async fn call(
        &self,
        method: &str,
        args: Value,
        target: Value,
        more: Value,
    ) -> Result<Value, TestbedError> {
        self.invoke("call", method, args, target, more).await
    }

    /// Casts `method`.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn cast(
        &self,
        method: &str,
        args: Value,
        target: Value,
        more: Value,
    ) -> Result<Value, TestbedError> {
        self.invoke("cast", method, args, target, more).await
    }

    /// The peer itself.
    pub fn peer(&self) -> &PythonPeer {
        &self.peer
    }

    async fn invoke(
        &self,
        op: &str,
        method: &str,
        args: Value,
        target: Value,
        more: Value,
    ) -> Result<Value, TestbedError> {
        let target = merged(json!({"topic": self.topic}), target);
        let command =
            json!({"op": op, "method": method, "args": args, "target": target, "timeout": 15});
        self.peer.request(merged(command, more)).await
    }
}

/// `peers/rpc_server.py` with one topic.
#[derive(Debug)]
pub struct PythonServer {
    peer: PythonPeer,
}

impl PythonServer {
    /// Starts it; `more` are further options of the peer.
    ///
    /// # Errors
    /// Python or the peer is missing, or did not become ready.
    pub async fn start(
        url: &str,
        topic: &str,
        server: &str,
        more: Value,
    ) -> Result<Self, TestbedError> {
        let options = json!({"url": url, "topic": topic, "server": server});
        let peer = PythonPeer::start("rpc_server.py", &merged(options, more)).await?;
        Ok(Self { peer })
    }

    /// How often `method` ran.
    ///
    /// # Errors
    /// The peer died.
    pub async fn executed(&self, method: &str) -> Result<u64, TestbedError> {
        let stats = self.peer.request(json!({"op": "stats"})).await?;
        let calls = stats.get("calls").and_then(|calls| calls.get(method));
        Ok(calls.and_then(Value::as_u64).unwrap_or(0))
    }

    /// The peer itself.
    pub fn peer(&self) -> &PythonPeer {
        &self.peer
    }

    /// Stops it in order.
    ///
    /// # Errors
    /// It did not stop.
    pub async fn stop(self) -> Result<(), TestbedError> {
        self.peer.stop().await.map(drop)
    }
}

/// `base` with the members of `more` over it.
fn merged(mut base: Value, more: Value) -> Value {
    if let (Some(base), Value::Object(more)) = (base.as_object_mut(), more) {
        base.extend(more);
    }
    base
}
