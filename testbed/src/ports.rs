use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use crate::TestbedError;

/// `N` different ports that were free on the loopback interface a moment ago.
///
/// All are held at once before they are let go, so that they differ; somebody else could take one
/// before its new owner binds it, which then says so.
pub fn free<const N: usize>() -> Result<[u16; N], TestbedError> {
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .map_err(TestbedError::io("looking for a free port"))?;
        *port = listener
            .local_addr()
            .map_err(TestbedError::io("looking for a free port"))?
            .port();
        held.push(listener);
    }
    Ok(ports)
}

/// The loopback address with a port.
pub(crate) fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
